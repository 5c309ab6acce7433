/// LOD materials inside a brick, from its voxels.
#pragma once

#include "lithify/base/types.hpp"

#include <array>
#include <span>

namespace lithify::io {

/// LOD materials of the cubes of a brick, x fastest; air where a cube lies outside the region.
struct brick_lods {
  std::array<material_id, 64> one;
  std::array<material_id, 8> two;
  material_id three;
};

/// By the rule of lithify/octree/lod.hpp. `low`: the brick's lowest voxel.
[[nodiscard]] brick_lods lods_of(std::span<const material_id, brick_voxels> voxels,
                                 voxel low,
                                 region_size size);

}  // namespace lithify::io
