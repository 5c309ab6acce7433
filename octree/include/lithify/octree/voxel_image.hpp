/// Host copy of a world's voxels in canonical form: what checkpoints store.
///
/// The leaves of the fully collapsed octree, unique for a given content: no cube of one material is
/// split, and a brick with at most 15 voxels that differ from its most frequent material (the
/// lowest id wins a tie) is sparse. Voxels outside the region neither prevent a collapse nor count.
/// The root is the least cube of level >= 3 that holds the region.
#pragma once

#include "lithify/base/types.hpp"
#include "lithify/octree/morton.hpp"

#include <cstdint>
#include <vector>

namespace lithify {

/// A sparse brick: its most frequent material and up to 15 voxels that differ, by rising position.
struct sparse_brick {
  static constexpr int capacity = 15;
  material_id majority = 0;
  std::uint16_t count = 0;
  std::uint16_t position[capacity] = {};  ///< x + 8 (y + 8 z) inside the brick; unused entries 0
  material_id other[capacity] = {};       ///< material at that position; unused entries 0
};
static_assert(sizeof(sparse_brick) == 64);

/// Voxels of a region; every array is sorted as its comment says.
struct voxel_image {
  region_size size;

  // Uniform leaves by (level falling, key rising); uniform air is left out.
  std::vector<std::uint8_t> uniform_level;
  std::vector<morton_key> uniform_key;  ///< Morton key of the cube at its level
  std::vector<material_id> uniform_material;

  std::vector<morton_key> dense_key;      ///< brick keys, rising
  std::vector<material_id> dense_voxels;  ///< 512 a brick, x fastest, then y, then z

  std::vector<morton_key> sparse_key;  ///< brick keys, rising
  std::vector<sparse_brick> sparse_record;

  // Deltas committed but not consolidated, newest version a voxel, by rising key.
  std::vector<morton_key> overlay_key;
  std::vector<material_id> overlay_material;
};

}  // namespace lithify
