/// Bodies of the LOD look-ups of merged.cuh.
///
/// Nodes of the index carry the LOD material of their cube. Levels without nodes (two inside every
/// page, two inside a brick) are voted on the spot, from page entries or voxels.
#pragma once

#include "lithify/octree/detail/merged.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace detail {

/// LOD vote over the sub-cubes of `cube` at `level` that meet the region; `lod_of(sub)` gives
/// theirs.
template <class LodOf>
LITHIFY_HD material_id vote(region_size size, morton_key cube, int level, LodOf lod_of) {
  const std::uint32_t inside = inside_mask(cube_box(cube, level).min, level, size);
  material_id sub[8] = {};
  for (int i = 0; i < 8; ++i) {
    if (((inside >> i) & 1U) != 0) {
      sub[i] = lod_of((cube << 3) | static_cast<morton_key>(i));
    }
  }
  return lod_vote(sub, inside);
}

/// Goes down from `at` towards voxel `key` as long as the nodes' level stays at least `level`.
LITHIFY_HD inline located_node descend_to(const index_view& index,
                                          located_node at,
                                          morton_key key,
                                          int level) {
  while (at.value.kind() == node_kind::children && child_level(at.level) >= level) {
    at.value = index.child(at.value, at.level, key);
    at.level = child_level(at.level);
  }
  return at;
}

/// LOD material of `cube` at `level`. Requires: `from` is a node whose cube holds it.
LITHIFY_HD inline material_id index_lod_from(const index_view& index,
                                             located_node from,
                                             morton_key cube,
                                             int level) {
  const located_node at = descend_to(index, from, cube << (3 * level), level);
  if (at.value.is_uniform() || at.level <= level) {
    return at.value.lod();  // above the root's level only sub-cube 0 votes
  }
  const bool page = at.value.kind() == node_kind::children;
  const int finest = page ? child_level(at.level) : 0;
  const auto leaf = [&](morton_key sub) -> material_id {
    return page ? index.child(at.value, at.level, sub << (3 * finest)).lod()
                : index.brick_material(at.value, brick_position(sub));
  };
  if (level == finest) {
    return leaf(cube);
  }
  const auto pair = [&](morton_key sub) -> material_id {
    return vote(index.size, sub, finest + 1, leaf);
  };
  return level == finest + 1 ? pair(cube) : vote(index.size, cube, finest + 2, pair);
}

}  // namespace detail

LITHIFY_HD inline material_id index_lod(const index_view& index, morton_key cube, int level) {
  return detail::index_lod_from(index, {index.root, index.top_level}, cube, level);
}

LITHIFY_HD inline material_id merged_lod(const merged_view& world, morton_key cube, int level) {
  const delta_run_view& run = world.level[level];
  const std::int64_t i = run.lower_bound(cube);
  return i < run.size && run.key[i] == cube ? run.material[i] : index_lod(world.index, cube, level);
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
