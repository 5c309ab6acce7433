/// The cubes that a content digest has to look into, level by level.
///
/// Starting from the root, a cube is listed unless the forms show at once what it holds: it lies
/// outside the region, or it is uniform in the index and no delta lies in it. What is listed may
/// still turn out to be of one material; that is found on the way up.
#pragma once

#include "lithify/device/buffer.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "merged_cursor.cuh"

#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// A cube of the merged view with all that is needed to look into it.
struct tree_cube {
  morton_key key;      ///< at its level
  node value;          ///< its node, or the node above it that stands for it
  std::int64_t begin;  ///< its deltas in the run
  std::int64_t end;

  /// Whether the forms show it to be of one material, that of the node.
  [[nodiscard]] LITHIFY_HD bool shown_uniform() const { return value.is_uniform() && begin == end; }
};

/// Level of the node with children that stands for a cube at `level`: its own, or the page around.
LITHIFY_HD constexpr int node_level(int level) {
  return level <= chunk_level
             ? level
             : chunk_level + (level - chunk_level + page_levels - 1) / page_levels * page_levels;
}

/// Sub-cube i of a cube at `level`.
LITHIFY_HD inline tree_cube sub_cube(const merged_view& world,
                                     const tree_cube& cube,
                                     int level,
                                     int i) {
  const morton_key key = (cube.key << 3) | static_cast<morton_key>(i);
  const int below = level - 1;
  tree_cube sub{key, cube.value, cube.begin, cube.end};
  const int at = node_level(level);
  if (cube.value.kind() == node_kind::children && child_level(at) == below) {
    sub.value = world.index.child(cube.value, at, key << (3 * below));
  }
  if (cube.begin < cube.end) {
    sub.begin = lower_bound_in(world.level[0], cube.begin, cube.end, key << (3 * below));
    sub.end = lower_bound_in(world.level[0], sub.begin, cube.end, (key + 1) << (3 * below));
  }
  return sub;
}

/// The cubes that a content digest has to look into.
struct digest_tree {
  int top = brick_level;  ///< level of the root
  /// [level], 3..top: the listed cubes by rising key.
  struct level_list {
    std::int64_t count = 0;
    device::buffer<tree_cube> cube;
    // Above the bricks: which sub-cubes are listed, and where the first of them stands below.
    device::buffer<std::uint8_t> listed;
    device::buffer<std::int64_t> first;
  };
  std::vector<level_list> level;
  /// Word m is set where a cube of material m alone lies across the region's boundary, not listed.
  device::buffer<std::uint32_t> clipped;
};

/// What is to be listed beyond what the digest needs.
enum class list_extent {
  root,    ///< nothing
  chunks,  ///< every chunk that is not air at once, so that it has a digest of its own
};

/// Sync (a count a level). Errors: out_of_memory.
[[nodiscard]] digest_tree list_cubes(device::exec ex, const merged_view& world, list_extent extent);

}  // namespace lithify::octree::inline LITHIFY_BACKEND
