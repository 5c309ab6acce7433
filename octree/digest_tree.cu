#include "clipped_digests.cuh"
#include "digest_tree.cuh"
#include "lithify/device/atomic.cuh"
#include "lithify/device/verbs.cuh"

#include <algorithm>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// Whether a cube is listed. Marks the material of a cut cube that is not.
LITHIFY_HD bool list_or_mark(region_size size,
                             const tree_cube& cube,
                             int level,
                             list_extent extent,
                             std::uint32_t* clipped) {
  const voxel low = cube_box(cube.key, level).min;
  if (!size.contains(low)) {
    return false;
  }
  const material_id m = cube.value.lod();
  if (!cube.shown_uniform()) {
    return true;
  }
  if (m == air) {
    return false;
  }
  if (extent == list_extent::chunks && level >= chunk_level) {
    return true;
  }
  if (clip_class(size, low, level) != 0) {
    device::atomic_store(&clipped[m], 1U);
  }
  return false;
}

/// Decides which sub-cubes of each cube are listed and makes the list of the level below.
void list_below(
    device::exec ex, const merged_view& world, list_extent extent, int level, digest_tree& tree) {
  digest_tree::level_list& above = tree.level[static_cast<std::size_t>(level)];
  digest_tree::level_list& below = tree.level[static_cast<std::size_t>(level) - 1];
  above.listed = device::buffer<std::uint8_t>(ex, above.count);
  above.first = device::buffer<std::int64_t>(ex, above.count + 1);
  const tree_cube* const cube = above.cube.data();
  std::uint8_t* const listed = above.listed.data();
  std::int64_t* const first = above.first.data();
  std::uint32_t* const clipped = tree.clipped.data();
  device::for_each_n(ex, above.count, [=] LITHIFY_HD(std::int64_t n) {
    std::uint32_t mask = 0;
    for (int i = 0; i < 8; ++i) {
      const tree_cube sub = sub_cube(world, cube[n], level, i);
      mask |= (list_or_mark(world.index.size, sub, level - 1, extent, clipped) ? 1U : 0U) << i;
    }
    listed[n] = static_cast<std::uint8_t>(mask);
  });
  device::exclusive_scan(
      ex, above.count,
      [=] LITHIFY_HD(std::int64_t n) -> std::int64_t {
        std::int64_t bits = 0;
        for (std::uint32_t mask = listed[n]; mask != 0; mask &= mask - 1) {
          ++bits;
        }
        return bits;
      },
      first);
  below.count = device::read(ex, first + above.count);
  below.cube = device::buffer<tree_cube>(ex, below.count);
  tree_cube* const out = below.cube.data();
  device::for_each_n(ex, above.count, [=] LITHIFY_HD(std::int64_t n) {
    std::int64_t place = first[n];
    for (int i = 0; i < 8; ++i) {
      if (((listed[n] >> i) & 1) != 0) {
        out[place++] = sub_cube(world, cube[n], level, i);
      }
    }
  });
}

/// The root's cube may be smaller than that of the index's root.
void list_root(device::exec ex, const merged_view& world, int top, tree_cube* out) {
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) {
    const located_node at =
        detail::descend_to(world.index, {world.index.root, world.index.top_level}, 0, top);
    *out = {0, at.value, 0, world.level[0].size};
  });
}

}  // namespace

digest_tree list_cubes(device::exec ex, const merged_view& world, list_extent extent) {
  const int least = extent == list_extent::chunks ? chunk_level : brick_level;
  digest_tree tree;
  tree.top = std::max(least, root_level(world.index.size));
  tree.level.resize(static_cast<std::size_t>(tree.top) + 1);
  tree.clipped = device::buffer<std::uint32_t>(ex, material_ids);
  device::fill(ex, tree.clipped.data(), material_ids, 0U);
  digest_tree::level_list& highest = tree.level.back();
  highest.count = 1;
  highest.cube = device::buffer<tree_cube>(ex, 1);
  list_root(ex, world, tree.top, highest.cube.data());
  for (int level = tree.top; level > brick_level; --level) {
    list_below(ex, world, extent, level, tree);
  }
  return tree;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
