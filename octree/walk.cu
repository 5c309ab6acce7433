// Level-by-level walks over a version.
#include "walk.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

node_list walk_root(device::exec ex, const index_view& index) {
  node_list list(ex, index.root.is_uniform() ? 0 : 1);
  device::fill(ex, list.key.data(), list.count, morton_key{0});
  device::fill(ex, list.value.data(), list.count, index.root);
  return list;
}

namespace {

/// Whether a child is not uniform.
struct is_mixed {
  children_view children;
  LITHIFY_HD bool operator()(std::int64_t i) const { return !children.child(i).is_uniform(); }
};

}  // namespace

node_list walk_down(device::exec ex, const index_view& index, const node_list& parents, int level) {
  const children_view children{index, parents.key.data(), parents.value.data(), level};
  return walk_down(ex, index, parents, level,
                   count_if(ex, parents.count << fanout_bits(level), is_mixed{children}));
}

node_list walk_down(device::exec ex,
                    const index_view& index,
                    const node_list& parents,
                    int level,
                    std::int64_t count) {
  const children_view c{index, parents.key.data(), parents.value.data(), level};
  node_list list(ex, count);
  device::buffer<std::int64_t> total(ex, 1);
  morton_key* const key = list.key.data();
  node* const value = list.value.data();
  device::select_if(
      ex, parents.count << fanout_bits(level), is_mixed{c},
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) {
        key[at] = c.child_key(i);
        value[at] = c.child(i);
      },
      total.data());
  return list;
}

namespace {

/// Adds the slots of the nodes of one kind to a list.
void retire_kind(device::exec ex,
                 device::stream_ref home,
                 const node_list& nodes,
                 node_kind kind,
                 slot_list& retired) {
  retired.reserve(ex, home, nodes.count);
  const node* const value = nodes.value.data();
  std::uint64_t* const out = retired.end();
  retired.add(device::select_if(
      ex, nodes.count, [=] LITHIFY_HD(std::int64_t i) -> bool { return value[i].kind() == kind; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) { out[at] = value[i].slot(); }));
}

}  // namespace

void retire_world(device::exec ex, tree& t, const index_view& index, slot_lists& retired) {
  node_list nodes = walk_root(ex, index);
  int level = index.top_level;
  for (; level > brick_level && nodes.count > 0; level = child_level(level)) {
    const pool_number p = level > chunk_level ? page_pool : block_pool;
    retire_kind(ex, t.home, nodes, node_kind::children, retired[p]);
    nodes = walk_down(ex, index, nodes, level);
  }
  if (nodes.count > 0) {
    retire_kind(ex, t.home, nodes, node_kind::dense, retired[dense_pool]);
    retire_kind(ex, t.home, nodes, node_kind::sparse, retired[sparse_pool]);
  }
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
