/// Plain types of the overlay's interface.
#pragma once

#include "lithify/base/types.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace lithify {

/// One voxel's new material.
struct voxel_edit {
  voxel at;
  material_id material = 0;
};

/// Which deltas a consolidation takes. The same words in code, TOML and on the command line.
enum class consolidation_strategy : std::uint8_t {
  all,             ///< every delta
  lazy_threshold,  ///< whole oldest tables until half of the live deltas are in
};

[[nodiscard]] std::string_view to_string(consolidation_strategy s) noexcept;
/// The strategy called `word`, if there is one.
[[nodiscard]] std::optional<consolidation_strategy> parse_strategy(std::string_view word) noexcept;

}  // namespace lithify
