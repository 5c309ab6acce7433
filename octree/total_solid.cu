/// The solid that a world holds, summed exactly over its voxels.
///
/// The index is summed node by node, one level at a time; then every delta adds the difference to
/// what the index holds at its voxel.
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "walk.cuh"

#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// Solid of the uniform children of some nodes, and how many of their children are not uniform.
struct level_sum {
  int128 solid;
  int128 mixed;  ///< as wide as the other, so that there is no padding
};

/// Voxels of a cube inside the region: up to 2^63, one more than 64 signed bits hold.
LITHIFY_HD int128 voxels_inside(region_size size, morton_key cube, int level) {
  const voxel_box box = cube_box(cube, level).clipped(size.box());
  return box.empty()
             ? 0
             : int128{box.max.x - box.min.x} * (box.max.y - box.min.y) * (box.max.z - box.min.z);
}

/// Sums the uniform children and lists the others.
int128 sum_children(device::exec ex,
                    const index_view& index,
                    const node_list& parents,
                    int level,
                    const std::int32_t* solid,
                    node_list& mixed) {
  const children_view children{index, parents.key.data(), parents.value.data(), level};
  const std::int64_t n = parents.count << fanout_bits(level);
  const int below = child_level(level);
  const level_sum sum = device::reduce<level_sum>(
      ex, n, level_sum{0, 0},
      [] LITHIFY_HD(const level_sum& a, const level_sum& b) -> level_sum {
        return {a.solid + b.solid, a.mixed + b.mixed};
      },
      [=] LITHIFY_HD(std::int64_t i) -> level_sum {
        const node child = children.child(i);
        return child.is_uniform()
                   ? level_sum{voxels_inside(children.index.size, children.child_key(i), below) *
                                   solid[child.lod()],
                               0}
                   : level_sum{0, 1};
      });
  mixed = walk_down(ex, index, parents, level, static_cast<std::int64_t>(sum.mixed));
  return sum.solid;
}

/// Solid of row `row` (y + 8 z) of a brick; a sparse brick counts whole at row 0.
LITHIFY_HD std::int64_t row_solid(
    const index_view& index, morton_key cube, node brick, int row, const std::int32_t* solid) {
  const voxel low = brick_voxel(cube, row * brick_edge);
  if (brick.kind() == node_kind::dense) {
    std::int64_t sum = 0;
    if (index.size.contains(low)) {
      const material_id* const line = index.dense[brick.slot()]->voxel + row * brick_edge;
      const std::int32_t inside =
          index.size.x - low.x < brick_edge ? index.size.x - low.x : brick_edge;
      for (std::int32_t x = 0; x < inside; ++x) {
        sum += solid[line[x]];
      }
    }
    return sum;
  }
  if (row != 0) {
    return 0;
  }
  const sparse_brick& b = *index.sparse[brick.slot()];
  std::int64_t sum =
      cube_box(cube, brick_level).clipped(index.size.box()).volume() * solid[b.majority];
  for (int i = 0; i < b.count; ++i) {
    if (index.size.contains(brick_voxel(cube, b.position[i]))) {
      sum += solid[b.other[i]] - solid[b.majority];
    }
  }
  return sum;
}

int128 index_solid(device::exec ex, const index_view& index, const std::int32_t* solid) {
  if (index.root.is_uniform()) {
    return voxels_inside(index.size, 0, index.top_level) *
           device::read(ex, solid + index.root.lod());
  }
  node_list nodes = walk_root(ex, index);
  int128 sum = 0;
  for (int level = index.top_level; level > brick_level; level = child_level(level)) {
    node_list mixed;
    sum += sum_children(ex, index, nodes, level, solid, mixed);
    nodes = std::move(mixed);
  }
  const morton_key* const cube = nodes.key.data();
  const node* const brick = nodes.value.data();
  return sum + device::reduce<int128>(
                   ex, nodes.count * 64, 0,
                   [] LITHIFY_HD(int128 a, int128 b) -> int128 { return a + b; },
                   [=] LITHIFY_HD(std::int64_t i) -> int128 {
                     return row_solid(index, cube[i / 64], brick[i / 64], static_cast<int>(i % 64),
                                      solid);
                   });
}

}  // namespace

int128 total_solid(device::exec ex, const merged_view& world, const std::int32_t* solid) {
  const index_view index = world.index;
  const delta_run_view run = world.level[0];
  const std::int64_t difference = device::reduce<std::int64_t>(
      ex, run.size, 0,
      [] LITHIFY_HD(std::int64_t a, std::int64_t b) -> std::int64_t { return a + b; },
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t {
        return std::int64_t{solid[run.material[i]]} - solid[index.material(run.key[i])];
      });
  return index_solid(ex, index, solid) + difference;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
