/// Walking a version from its root, one level of nodes at a time. Memory follows the tree's size.
#pragma once

#include "lithify/device/verbs.cuh"
#include "tree.cuh"

#include <cstdint>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// log2 of the children of a node at `level`.
[[nodiscard]] constexpr int fanout_bits(int level) { return level > chunk_level ? page_bits : 3; }

/// Child `i` of `parents[...]` in one count over all of them: parent i >> bits, child i mod 2^bits.
struct children_view {
  index_view index;
  const morton_key* key;
  const node* value;
  int level;  ///< of the parents

  LITHIFY_HD node child(std::int64_t i) const {
    const int bits = fanout_bits(level);
    const std::int64_t c = i & ((std::int64_t{1} << bits) - 1);
    const std::uint64_t slot = value[i >> bits].slot();
    return level > chunk_level ? index.pages[slot]->child[c] : index.blocks[slot]->child[c];
  }
  LITHIFY_HD morton_key child_key(std::int64_t i) const {
    const int bits = fanout_bits(level);
    return (key[i >> bits] << bits) | static_cast<morton_key>(i & ((std::int64_t{1} << bits) - 1));
  }
};

/// The root, where it is not uniform.
[[nodiscard]] node_list walk_root(device::exec ex, const index_view& index);

/// Children of `parents` at `level` that are not uniform, by rising key. Sync.
[[nodiscard]] node_list walk_down(device::exec ex,
                                  const index_view& index,
                                  const node_list& parents,
                                  int level);

/// The same where their number is known.
[[nodiscard]] node_list walk_down(device::exec ex,
                                  const index_view& index,
                                  const node_list& parents,
                                  int level,
                                  std::int64_t count);

/// Lists every slot of a version in `retired`. Errors: out_of_memory. Sync.
void retire_world(device::exec ex, tree& t, const index_view& index, slot_lists& retired);

/// Canonical leaves of a version, for `index::image`. Sync.
[[nodiscard]] voxel_image make_image(device::exec ex, const index_view& index);

/// How many i of [0, n) satisfy `pred`. Sync.
template <class Pred>
[[nodiscard]] std::int64_t count_if(device::exec ex, std::int64_t n, Pred pred) {
  return device::reduce(
      ex, n, std::int64_t{0},
      [] LITHIFY_HD(std::int64_t a, std::int64_t b) -> std::int64_t { return a + b; },
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return pred(i) ? 1 : 0; });
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
