/// Boxes of voxels as boxes of cells: the aligned cubes of one LOD.
#pragma once

#include "lithify/base/geometry.hpp"
#include "lithify/device/backend.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

/// The cells that `box` meets at `level`, as a half-open box of cells.
LITHIFY_HD constexpr voxel_box cells_of(voxel_box box, int level) {
  const std::int32_t last = (std::int32_t{1} << level) - 1;
  return {{box.min.x >> level, box.min.y >> level, box.min.z >> level},
          {(box.max.x + last) >> level, (box.max.y + last) >> level, (box.max.z + last) >> level}};
}

LITHIFY_HD constexpr voxel extent(const voxel_box& b) {
  return {b.max.x - b.min.x, b.max.y - b.min.y, b.max.z - b.min.z};
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
