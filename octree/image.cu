// A version as its canonical leaves.
#include "walk.cuh"

#include <algorithm>
#include <utility>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// Leaves of one level on the device, on their way to the host.
struct leaf {
  morton_key key;
  std::uint64_t material;  ///< a word, so that there is no padding
};

/// Whether the children [first, first + n) of a page that lie inside are one material.
LITHIFY_HD bool same_children(const children_view& c, std::int64_t first, std::int64_t n) {
  const node one = c.child(first);
  const int below = child_level(c.level);
  for (std::int64_t i = first; i < first + n; ++i) {
    if (c.index.size.contains(cube_box(c.child_key(i), below).min) &&
        (!c.child(i).is_uniform() || c.child(i) != one)) {
      return false;
    }
  }
  return true;
}

/// Level of the canonical leaf that child `i` stands for: one or two above the child's own where
/// its siblings inside a page join it; -1 where it is no leaf, or not the first of those that join.
LITHIFY_HD int leaf_level(const children_view& c, std::int64_t i) {
  const int below = child_level(c.level);
  if (!c.child(i).is_uniform() || c.child(i).lod() == air) {
    return -1;
  }
  if (c.level <= chunk_level) {
    return below;
  }
  for (int up = page_levels - 1; up > 0; --up) {
    const std::int64_t n = std::int64_t{1} << (3 * up);
    const std::int64_t first = i & -n;
    if (same_children(c, first, n)) {
      return i == first ? below + up : -1;
    }
  }
  return below;
}

/// Appends the leaves of `level` among the children. Sync.
void append_leaves(
    device::exec ex, const children_view& c, std::int64_t children, int level, voxel_image& image) {
  const int shift = 3 * (level - child_level(c.level));
  const auto wanted = [=] LITHIFY_HD(std::int64_t i) -> bool { return leaf_level(c, i) == level; };
  const std::int64_t n = count_if(ex, children, wanted);
  if (n == 0) {
    return;
  }
  device::buffer<leaf> leaves(ex, n);
  device::buffer<std::int64_t> total(ex, 1);
  leaf* const out = leaves.data();
  device::select_if(
      ex, children, wanted,
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) {
        out[at] = {c.child_key(i) >> shift, c.child(i).lod()};
      },
      total.data());
  std::vector<leaf> host(static_cast<std::size_t>(n));
  device::copy_to_host(ex, host.data(), leaves.data(), n);
  for (const leaf& l : host) {
    image.uniform_level.push_back(static_cast<std::uint8_t>(level));
    image.uniform_key.push_back(l.key);
    image.uniform_material.push_back(static_cast<material_id>(l.material));
  }
}

/// Where the packed values of bricks begin.
material_id* values(dense_brick* b) { return b->voxel; }
sparse_brick* values(sparse_brick* b) { return b; }

/// Copies bricks of one kind, in batches: the device holds a copy of few of them.
template <class T, class Value>
void copy_bricks(device::exec ex,
                 const node_list& nodes,
                 node_kind kind,
                 slab_view<T> slots,
                 std::vector<morton_key>& keys,
                 std::vector<Value>& bricks) {
  const node* const value = nodes.value.data();
  const auto wanted = [=] LITHIFY_HD(std::int64_t i) -> bool { return value[i].kind() == kind; };
  const std::int64_t n = count_if(ex, nodes.count, wanted);
  device::buffer<morton_key> chosen(ex, n);
  device::buffer<std::uint64_t> from(ex, n);
  device::buffer<std::int64_t> total(ex, 1);
  const morton_key* const key = nodes.key.data();
  morton_key* const chosen_key = chosen.data();
  std::uint64_t* const slot = from.data();
  device::select_if(
      ex, nodes.count, wanted,
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) {
        chosen_key[at] = key[i];
        slot[at] = value[i].slot();
      },
      total.data());
  keys.resize(static_cast<std::size_t>(n));
  constexpr std::int64_t each = sizeof(T) / sizeof(Value);
  bricks.resize(static_cast<std::size_t>(n * each));
  device::copy_to_host(ex, keys.data(), chosen.data(), n);
  constexpr std::int64_t batch = 1 << 14;  // 16 MiB of dense bricks
  device::buffer<T> packed(ex, std::min(n, batch));
  T* const to = packed.data();
  for (std::int64_t at = 0; at < n; at += batch) {
    const std::int64_t some = std::min(batch, n - at);
    device::for_each_n(ex, some, [=] LITHIFY_HD(std::int64_t i) { to[i] = *slots[slot[at + i]]; });
    device::copy_to_host(ex, bricks.data() + at * each, values(to), some * each);
  }
}

}  // namespace

voxel_image make_image(device::exec ex, const index_view& index) {
  voxel_image image;
  image.size = index.size;
  if (index.root.is_uniform()) {
    if (index.root.lod() != air) {
      const int level = std::max(root_level(index.size), brick_level);
      image.uniform_level.push_back(static_cast<std::uint8_t>(level));
      image.uniform_key.push_back(0);
      image.uniform_material.push_back(index.root.lod());
    }
    return image;
  }
  node_list nodes = walk_root(ex, index);
  for (int level = index.top_level; level > brick_level && nodes.count > 0;
       level = child_level(level)) {
    const children_view c{index, nodes.key.data(), nodes.value.data(), level};
    for (int leaves = level - 1; leaves >= child_level(level); --leaves) {
      append_leaves(ex, c, nodes.count << fanout_bits(level), leaves, image);
    }
    nodes = walk_down(ex, index, nodes, level);
  }
  copy_bricks(ex, nodes, node_kind::dense, index.dense, image.dense_key, image.dense_voxels);
  copy_bricks(ex, nodes, node_kind::sparse, index.sparse, image.sparse_key, image.sparse_record);
  return image;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
