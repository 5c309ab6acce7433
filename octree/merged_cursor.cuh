/// Reads the merged view brick by brick, in steps as large as the index and the deltas allow.
#pragma once

#include "lithify/device/group.cuh"
#include "lithify/octree/detail/merged.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

/// Number of keys below `k` among keys [begin, end) of a run, plus `begin`.
LITHIFY_HD inline std::int64_t lower_bound_in(const delta_run_view& run,
                                              std::int64_t begin,
                                              std::int64_t end,
                                              morton_key k) {
  const delta_run_view part{run.key + begin, nullptr, end - begin};
  return begin + part.lower_bound(k);
}

/// Level of the largest aligned cube around cell `a` that does not hold cell `b`. Requires: a != b.
LITHIFY_HD constexpr int level_apart(morton_key a, morton_key b) {
  int level = 0;
  for (morton_key differ = (a ^ b) >> 3; differ != 0; differ >>= 3) {
    ++level;
  }
  return level;
}

/// A cube of at least a brick: all of it is in one leaf of the index.
struct leaf_part {
  int level;
  node value;          ///< the leaf
  std::int64_t begin;  ///< its deltas in the run; a cube larger than a brick has none
  std::int64_t end;

  [[nodiscard]] LITHIFY_HD bool is_uniform() const { return value.is_uniform() && begin == end; }
};

/// Remembers the leaf of the index that it stands in and the deltas in that leaf: neighbouring
/// bricks of a large leaf cost no second descent. `world` must outlive it.
class merged_cursor {
 public:
  LITHIFY_HD explicit merged_cursor(const merged_view& world) : world_(&world) {}

  /// The largest cube around the brick of voxel `key` in one leaf without a delta, or the brick
  /// itself. Requires: the voxel is inside the region.
  LITHIFY_HD leaf_part at(morton_key key) {
    if (level_ < 0 || key >> (3 * level_) != cube_) {
      enter(key);
    }
    if (begin_ == end_) {
      return {level_, leaf_, 0, 0};
    }
    const delta_run_view& run = world_->level[0];
    const morton_key brick = key >> (3 * brick_level);
    const std::int64_t i = lower_bound_in(run, begin_, end_, brick << (3 * brick_level));
    const std::int64_t last = least(end_, i + brick_voxels);
    const std::int64_t j = lower_bound_in(run, i, last, (brick + 1) << (3 * brick_level));
    if (i < j) {
      return {brick_level, leaf_, i, j};
    }
    int level = level_;
    if (i < end_) {
      level = least(level, brick_level + level_apart(brick, run.key[i] >> (3 * brick_level)));
    }
    if (i > begin_) {
      level = least(level, brick_level + level_apart(brick, run.key[i - 1] >> (3 * brick_level)));
    }
    return {level, leaf_, 0, 0};
  }

 private:
  template <class T>
  LITHIFY_HD static constexpr T least(T a, T b) {
    return a < b ? a : b;
  }

  LITHIFY_HD void enter(morton_key key) {
    const located_node found = world_->index.descend(key, brick_level);
    leaf_ = found.value;
    // The root of the largest regions stands above the coordinates' 21 bits.
    level_ = least(found.level, coordinate_bits);
    cube_ = key >> (3 * level_);
    const delta_run_view& run = world_->level[0];
    begin_ = run.lower_bound(cube_ << (3 * level_));
    const std::int64_t last =
        level_ == brick_level ? least(run.size, begin_ + brick_voxels) : run.size;
    end_ = lower_bound_in(run, begin_, last, (cube_ + 1) << (3 * level_));
  }

  const merged_view* world_;
  node leaf_;
  int level_ = -1;
  morton_key cube_ = 0;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
};

/// Writes the 512 materials of a brick to `voxel`, air outside the region. A lane group's phase.
/// Requires: the brick meets the region; `value` is its leaf, [begin, end) are its deltas.
LITHIFY_DEVICE inline void load_brick(const device::lane_group& g,
                                      const merged_view& world,
                                      morton_key brick,
                                      node value,
                                      std::int64_t begin,
                                      std::int64_t end,
                                      material_id* voxel) {
  const region_size size = world.index.size;
  const material_id* const dense =
      value.kind() == node_kind::dense ? world.index.dense[value.slot()]->voxel : nullptr;
  const sparse_brick* const sparse =
      value.kind() == node_kind::sparse ? world.index.sparse[value.slot()] : nullptr;
  const material_id rest = sparse != nullptr ? sparse->majority : value.lod();
  const bool whole = size.box().contains(cube_box(brick, brick_level));
  g.each(brick_voxels, [&](int p) {
    const bool inside = whole || size.contains(brick_voxel(brick, p));
    voxel[p] = !inside ? air : dense != nullptr ? dense[p] : rest;
  });
  if (sparse != nullptr) {
    g.each(sparse->count, [&](int i) {
      if (whole || size.contains(brick_voxel(brick, sparse->position[i]))) {
        voxel[sparse->position[i]] = sparse->other[i];
      }
    });
  }
  const delta_run_view& run = world.level[0];
  g.each(static_cast<int>(end - begin),
         [&](int i) { voxel[brick_position(run.key[begin + i])] = run.material[begin + i]; });
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
