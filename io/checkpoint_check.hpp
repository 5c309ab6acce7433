/// What must hold for the content of a checkpoint, checked before it is written and after it is
/// read.
#pragma once

#include "lithify/io/checkpoint.hpp"
#include "vtk_view.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace lithify::io {

/// Called with the place and the reason of the first rule that is broken; must throw.
using complaint = std::function<void(const std::string& place, const std::string& why)>;

/// Size and geometry are usable: extents 1..2^21, finite metres, positive widths.
void check_geometry(region_size size, const region_geometry& geometry, const complaint& broken);

/// Array lengths agree, keys rise and lie inside the region, materials exist, sparse positions rise
/// below 512, and no two leaves overlap.
/// Cost: O(n log n) in the number of leaves, one pass over the voxels.
void check_voxels(const voxel_image& voxels, std::size_t materials, const complaint& broken);

/// Names are distinct words of [a-z0-9_], shapes have 1 to 8 axes and match their bytes; both
/// fields of rivers are there or, in a file of before 1.3, not the younger one.
void check_columns(const std::vector<field>& columns, std::uint16_t minor, const complaint& broken);

/// Counters are not negative, the time is finite.
void check_state(const run_state& state, const complaint& broken);

/// `write_checkpoint` after its checks; without a view where there is none.
/// Requires: array lengths and shapes that match, all else may be nonsense (tests of the reader).
std::string write_unchecked(const std::filesystem::path& file,
                            const checkpoint& data,
                            const std::optional<world_view>& view = std::nullopt);

}  // namespace lithify::io
