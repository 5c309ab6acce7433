/// Reads the merged view voxel by voxel, in steps as large as the index and the deltas allow.
#pragma once

#include "lithify/octree/detail/merged.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

/// An aligned cube of one material.
struct uniform_cube {
  int level;
  material_id material;
};

/// Number of keys below `k` among keys [begin, end) of a run, plus `begin`.
LITHIFY_HD inline std::int64_t lower_bound_in(const delta_run_view& run,
                                              std::int64_t begin,
                                              std::int64_t end,
                                              morton_key k) {
  const delta_run_view part{run.key + begin, nullptr, end - begin};
  return begin + part.lower_bound(k);
}

/// Level of the largest aligned cube around voxel `a` that does not hold voxel `b`. Requires: a !=
/// b.
LITHIFY_HD constexpr int level_apart(morton_key a, morton_key b) {
  int level = 0;
  for (morton_key differ = (a ^ b) >> 3; differ != 0; differ >>= 3) {
    ++level;
  }
  return level;
}

/// Remembers the leaf of the index that it stands in and the deltas in that leaf: neighbouring
/// voxels cost no second descent. `world` must outlive it.
class merged_cursor {
 public:
  LITHIFY_HD explicit merged_cursor(const merged_view& world) : world_(&world) {}

  /// A cube of one material that holds voxel `key`: part of the leaf around it, free of deltas; in
  /// a brick and at a delta the voxel alone. Requires: the voxel is inside the region.
  LITHIFY_HD uniform_cube at(morton_key key) {
    if (level_ < 0 || key >> (3 * level_) != cube_) {
      enter(key);
    }
    int level = leaf_.is_uniform() ? level_ : 0;
    if (begin_ < end_) {
      const delta_run_view& run = world_->level[0];
      const std::int64_t i = lower_bound_in(run, begin_, end_, key);
      if (i < end_ && run.key[i] == key) {
        return {0, run.material[i]};
      }
      level = i < end_ ? least(level, level_apart(key, run.key[i])) : level;
      level = i > begin_ ? least(level, level_apart(key, run.key[i - 1])) : level;
    }
    return {level, world_->index.brick_material(leaf_, brick_position(key))};
  }

 private:
  LITHIFY_HD static constexpr int least(int a, int b) { return a < b ? a : b; }

  LITHIFY_HD void enter(morton_key key) {
    const located_node found = world_->index.descend(key, brick_level);
    leaf_ = found.value;
    // The root of the largest regions stands above the coordinates' 21 bits.
    level_ = least(found.level, coordinate_bits);
    cube_ = key >> (3 * level_);
    const delta_run_view& run = world_->level[0];
    begin_ = run.lower_bound(cube_ << (3 * level_));
    end_ = lower_bound_in(run, begin_, run.size, (cube_ + 1) << (3 * level_));
  }

  const merged_view* world_;
  node leaf_;
  int level_ = -1;
  morton_key cube_ = 0;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace lithify::octree::inline LITHIFY_BACKEND
