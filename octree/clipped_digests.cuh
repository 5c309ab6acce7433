/// Digests of cubes that lie across the region's boundary and hold one material inside it.
///
/// On each axis the region ends inside at most one cube of a level, so such a cube is one of 7
/// classes: bit a of the class is set where the boundary of axis a cuts it. A table of
/// (material, level, class) therefore stands for all of them, however many the index has.
#pragma once

#include "content_hash.cuh"
#include "lithify/device/buffer.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

/// Levels 3..21 and classes 1..7 of one material.
inline constexpr int clipped_levels = coordinate_bits + 1;
inline constexpr int clipped_classes = 8;

/// Voxels of a cube at `level` inside the region along the axis that cuts it.
LITHIFY_HD constexpr std::int32_t cut_length(std::int32_t extent, int level) {
  return extent & ((std::int32_t{1} << level) - 1);
}

/// Class of the cube with low corner `low`; 0 = wholly inside. Requires: it meets the region.
LITHIFY_HD constexpr int clip_class(region_size size, voxel low, int level) {
  const std::int32_t edge = std::int32_t{1} << level;
  return (size.x - low.x < edge ? 1 : 0) | (size.y - low.y < edge ? 2 : 0) |
         (size.z - low.z < edge ? 4 : 0);
}

struct clipped_view {
  const std::int32_t* slot = nullptr;  ///< of a material, where it is in the table
  const digest128* table = nullptr;

  LITHIFY_HD static constexpr std::int64_t place(std::int64_t slot, int level, int clip) {
    return (slot * clipped_levels + level) * clipped_classes + clip;
  }
  LITHIFY_HD digest128 find(material_id m, int level, int clip) const {
    return table[place(slot[m], level, clip)];
  }
};

/// Digests for some materials.
struct clipped_digests {
  device::buffer<std::int32_t> slot;
  device::buffer<digest128> table;

  [[nodiscard]] clipped_view view() const { return {slot.data(), table.data()}; }
};

/// Material ids that there can be.
inline constexpr std::int64_t material_ids = std::int64_t{1} << 16;

/// The table of the materials that `used` marks (one word a material id). Sync (a count).
[[nodiscard]] clipped_digests hash_clipped(device::exec ex,
                                           region_size size,
                                           const std::uint32_t* used);

}  // namespace lithify::octree::inline LITHIFY_BACKEND
