// The parts of building a world that do not depend on where its bricks come from.
#include "build.cuh"
#include "walk.cuh"

#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

world_builder::world_builder(device::exec ex, tree& t, region_size size, std::uint64_t version)
    : tree_(t), base_(t.view(node::uniform(air), size)), version_(version), words_(ex, 1) {
  device::fill(ex, words_.data(), 1, update_words{});
}

tree_writer world_builder::writer(device::exec ex, const slot_counts& more) {
  slot_counts slots = more;
  const update_words now = device::read(ex, words_.data());
  for (std::size_t p = 0; p < pool_count; ++p) {
    slots[p] += now.used[p];
  }
  tree_.reserve(ex, slots);
  return make_writer(tree_, base_, version_, words_.data(), {});
}

node_list world_builder::raise_to(device::exec ex, node_list nodes, int level, int top) {
  if (nodes.count == 0 || level == top) {
    return nodes;
  }
  device::buffer<update_words> counted(ex, 1);
  device::fill(ex, counted.data(), 1, update_words{});
  count_parents(ex, nodes.key.data(), nodes.count, level, top, counted.data());
  const update_words found = device::read(ex, counted.data());
  const tree_writer w = writer(ex, parent_slots(found.parents, level, top));
  for (int step = 0; level < top; ++step) {
    nodes = raise(ex, w, nodes, level, found.parents[step]);  // a bound that is met
    level = parent_level(level);
  }
  return nodes;
}

update_parts world_builder::finish(device::exec ex, node root, const index_view& old) {
  update_parts parts;
  parts.root = root;
  const wait_at_end done_when_dropped(ex.stream);
  retire_world(ex, tree_, old, parts.retired);
  const update_words done = device::read(ex, words_.data());
  for (std::size_t p = 0; p < pool_count; ++p) {
    parts.used[p] = done.used[p];
  }
  return parts;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
