/// Boxes of the merged view as dense arrays.
///
/// One work item is a block of 8^3 cells of the wanted LOD: one search of the deltas and one
/// descent of the index serve all of them.
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "lod_cells.cuh"

#include <algorithm>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

constexpr int block_bits = 3;

/// Cell number i of `part`, x fastest.
LITHIFY_HD constexpr voxel cell_of(const voxel_box& part, std::int64_t i) {
  const voxel n = extent(part);
  const std::int64_t row = i / n.x;
  return {part.min.x + static_cast<std::int32_t>(i % n.x),
          part.min.y + static_cast<std::int32_t>(row % n.y),
          part.min.z + static_cast<std::int32_t>(row / n.y)};
}

/// Where `out` keeps a cell.
LITHIFY_HD constexpr std::int64_t place_of(const voxel_box& cells, voxel c) {
  const voxel n = extent(cells);
  return (c.x - cells.min.x) +
         std::int64_t{n.x} * ((c.y - cells.min.y) + std::int64_t{n.y} * (c.z - cells.min.z));
}

}  // namespace

void read_box(
    device::exec ex, const merged_view& world, voxel_box box, int level, material_id* out) {
  if (box.empty()) {
    return;
  }
  const voxel_box cells = cells_of(box, level);
  const voxel_box blocks = cells_of(cells, block_bits);
  device::for_each_group<0>(
      ex, blocks.volume(),
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t b, std::byte*) {
        const morton_key block = morton_encode(cell_of(blocks, b));
        const voxel_box part = cube_box(block, block_bits).clipped(cells);
        const morton_key first_cell = block << (3 * block_bits);
        const located_node node =
            detail::descend_to(world.index, {world.index.root, world.index.top_level},
                               first_cell << (3 * level), level + block_bits);
        g.each(static_cast<int>(part.volume()), [&](int i) {
          const voxel c = cell_of(part, i);
          out[place_of(cells, c)] =
              detail::index_lod_from(world.index, node, morton_encode(c), level);
        });
        const delta_run_view& run = world.level[level];
        const std::int64_t begin = run.lower_bound(first_cell);
        const std::int64_t end = run.lower_bound(first_cell + (morton_key{1} << (3 * block_bits)));
        g.each(static_cast<int>(end - begin), [&](int i) {
          const voxel c = morton_decode(run.key[begin + i]);
          if (part.contains(c)) {
            out[place_of(cells, c)] = run.material[begin + i];
          }
        });
      });
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
