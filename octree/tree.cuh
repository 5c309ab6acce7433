/// The tree under construction: how an update takes slots, and how changed nodes reach the root.
///
/// An update starts with a list of nodes of one level and raises it, level by level, to the root:
/// a parent is its old children (of the base version) with the changed ones put in. Parents whose
/// children inside the region are one material collapse; the others take a fresh slot, in the order
/// of their keys, and what they replace is noted as retired.
#pragma once

#include "lithify/octree/detail/index.cuh"
#include "pool.cuh"

#include <array>
#include <cstdint>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// The four pools, as indices into the arrays below.
enum pool_number : int { page_pool, block_pool, dense_pool, sparse_pool, pool_count };

using slot_counts = std::array<std::int64_t, pool_count>;

struct tree {
  explicit tree(device::exec ex) : home(ex.stream), pages(ex), blocks(ex), dense(ex), sparse(ex) {}

  device::stream_ref home;  ///< what the pools own goes back in order with it
  pool<node_page> pages;
  pool<node_block> blocks;
  pool<dense_brick> dense;
  pool<sparse_brick> sparse;

  [[nodiscard]] index_view view(node root, region_size size) const {
    return {root,          directory_level(size), size,         pages.view(),
            blocks.view(), dense.view(),          sparse.view()};
  }
  [[nodiscard]] slot_counts free_slots() {
    return {pages.free_slots().count(), blocks.free_slots().count(), dense.free_slots().count(),
            sparse.free_slots().count()};
  }
  /// Slots that an update can take without `reserve`.
  [[nodiscard]] slot_counts room() const {
    return {pages.room(), blocks.room(), dense.room(), sparse.room()};
  }
  /// Slots taken and not free.
  [[nodiscard]] slot_counts in_use() const {
    return {pages.in_use(), blocks.in_use(), dense.in_use(), sparse.in_use()};
  }
  /// Takes for good what an update used, whose pools had `free` free slots.
  void take(const slot_counts& used, const slot_counts& free) {
    pages.take(used[page_pool], free[page_pool]);
    blocks.take(used[block_pool], free[block_pool]);
    dense.take(used[dense_pool], free[dense_pool]);
    sparse.take(used[sparse_pool], free[sparse_pool]);
  }
  /// Errors: out_of_memory.
  void reserve(device::exec ex, const slot_counts& slots) {
    pages.reserve(ex, slots[page_pool]);
    blocks.reserve(ex, slots[block_pool]);
    dense.reserve(ex, slots[dense_pool]);
    sparse.reserve(ex, slots[sparse_pool]);
  }
};

/// Slots that an update replaces, or that a version leaves behind.
using slot_lists = std::array<slot_list, pool_count>;
/// Where an update notes the slots that it replaces.
using slot_pointers = std::array<std::uint64_t*, pool_count>;

/// Most steps from a brick to the root: blocks 4..7, pages 10..22.
inline constexpr int max_steps = 9;

/// Level of the parents of nodes at `level`.
[[nodiscard]] constexpr int parent_level(int level) {
  return level < chunk_level ? level + 1 : level + page_levels;
}

/// Key at its voxels' level of the cube `cube` at `level`; the root's level may pass the key's
/// bits.
[[nodiscard]] constexpr morton_key low_key(morton_key cube, int level) {
  return level > coordinate_bits ? 0 : cube << (3 * level);
}

/// What an update counts on the device.
struct update_words {
  std::int64_t bricks = 0;  ///< with edits
  std::int64_t edits = 0;
  std::int64_t used[pool_count] = {};     ///< slots taken
  std::int64_t retired[pool_count] = {};  ///< slots of the base version replaced
  std::int64_t needed[pool_count] = {};   ///< bricks that will be dense, sparse
  std::int64_t changed_bricks = 0;
  std::int64_t written_bricks = 0;  ///< all that change, or none where the slots do not suffice
  std::int64_t changed_voxels = 0;
  std::int64_t parents[max_steps] = {};  ///< nodes on each level above that change
  node root;
};

/// What kernels of an update see; passed by value.
struct tree_writer {
  index_view base;            ///< the version that the update starts from
  std::uint64_t version = 0;  ///< number that the update's version will have
  update_words* words = nullptr;
  slot_source source[pool_count];
  slab_view<std::uint64_t> born[pool_count];
  std::uint64_t* retired[pool_count] = {};

  /// Slot number `i` that the running step takes from a pool.
  LITHIFY_HD std::uint64_t take(pool_number p, std::int64_t i) const {
    const std::uint64_t slot = source[p][words->used[p] + i];
    *born[p][slot] = version;
    return slot;
  }
  /// Notes replaced slot number `i` of the running step.
  LITHIFY_HD void retire(pool_number p, std::int64_t i, std::uint64_t slot) const {
    retired[p][words->retired[p] + i] = slot;
  }
};

/// A writer on the current state of the pools. Call again after `tree::reserve`.
[[nodiscard]] tree_writer make_writer(const tree& t,
                                      const index_view& base,
                                      std::uint64_t version,
                                      update_words* words,
                                      const slot_pointers& retired);

/// Nodes of one level by rising key. Their number is `count`, or lies in `total` on the device,
/// where that is there; then `count` is a bound.
struct node_list {
  node_list() = default;
  node_list(device::exec ex, std::int64_t n) : key(ex, n), value(ex, n), count(n) {}

  device::buffer<morton_key> key;
  device::buffer<node> value;
  std::int64_t count = 0;
  device::buffer<std::int64_t> total;

  [[nodiscard]] device::extent items() const {
    return total.size() == 0 ? device::extent(count) : device::extent(count, total.data());
  }
};

/// What an update consists of until it is published: nothing of it is visible, nothing taken.
struct update_parts {
  node root;
  std::int64_t bricks = 0;  ///< with edits
  std::int64_t edits = 0;
  std::int64_t changed_voxels = 0;
  slot_counts used = {};
  slot_lists retired;
};

/// Waits for a stream when a scope ends, also by an error: lists of an update that fails go back on
/// another stream than the work that wrote them.
class wait_at_end {
 public:
  explicit wait_at_end(device::stream_ref s) : stream_(s) {}
  ~wait_at_end() {
    try {
      stream_.synchronize();
    } catch (const error&) {
      // A device that failed says so again at the next call.
    }
  }
  wait_at_end(const wait_at_end&) = delete;
  wait_at_end& operator=(const wait_at_end&) = delete;

 private:
  device::stream_ref stream_;
};

/// Counts the distinct parents of `key[0 .. n)` at every level above `level` up to `top`, into
/// `words->parents`: entry k for the k-th step.
void count_parents(device::exec ex,
                   const morton_key* key,
                   device::extent n,
                   int level,
                   int top,
                   update_words* words);

/// Most parents that `nodes` nodes at `level` can have, level by level up to `top`: as
/// `update_words::parents`.
[[nodiscard]] std::array<std::int64_t, max_steps> most_parents(std::int64_t nodes,
                                                               region_size size,
                                                               int level,
                                                               int top);

/// Slots that raising nodes from `level` to `top` takes at most, from the parents on each level.
template <class Parents>
[[nodiscard]] LITHIFY_HD slot_counts parent_slots(const Parents& parents, int level, int top) {
  slot_counts slots = {};
  for (std::size_t step = 0; level < top; ++step) {
    level = parent_level(level);
    slots[level > chunk_level ? page_pool : block_pool] += parents[step];
  }
  return slots;
}

/// One step up: the parents of `children` at `level`, at most `most`.
/// Requires: slots for as many parents as there are, and room to retire as many.
[[nodiscard]] node_list raise(
    device::exec ex, const tree_writer& w, const node_list& children, int level, std::int64_t most);

/// Raises `nodes` at `level` to the root, which lands in `w.words->root` if there are any.
void raise_to_root(device::exec ex, const tree_writer& w, node_list nodes, int level);

/// Merges edits into `base`. Errors: out_of_memory; nothing is taken then. Sync: one read, and a
/// second one where the pools have to grow.
[[nodiscard]] update_parts merge_edits(device::exec ex,
                                       tree& t,
                                       const index_view& base,
                                       std::uint64_t version,
                                       const brick_edits& edits,
                                       step_hook hook,
                                       void* context);

}  // namespace lithify::octree::inline LITHIFY_BACKEND
