/// The state digest: one hash over everything that is state, equal on every device.
///
/// The definition, word by word, stands in README.md of this folder; a test recomputes it from
/// there.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/world.hpp"

#include <span>

namespace lithify::engine {

/// Version of the digest's definition; the first word that it hashes.
inline constexpr std::uint64_t digest_version = 2;

struct digest_parts {
  const world_config& config;
  const simulation_state& simulation;
  std::span<const field> columns;
  digest128 content;                       ///< of the voxels
  std::uint64_t version = digest_version;  ///< 1: as files before format 1.2 say it
};

[[nodiscard]] digest128 digest_of(const digest_parts& state);

/// Digest of one field: name, type and values. Cost: one pass, on all cores.
[[nodiscard]] digest128 digest_of(const field& f);

/// Digest of a text: its length, then its bytes padded with zeros to whole blocks.
[[nodiscard]] digest128 digest_of(std::string_view text);

}  // namespace lithify::engine
