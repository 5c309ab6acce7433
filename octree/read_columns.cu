/// Columns of the merged view: spans and tops.
///
/// One work item is a tile of 8 x 8 columns, the foot of a pile of bricks: the tile walks its pile
/// once for all of its columns, a uniform cube or a brick at a step.
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "merged_cursor.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

constexpr int tile_columns = brick_edge * brick_edge;

/// The columns of a box, x fastest, and the tiles that hold them.
struct column_grid {
  voxel_box box;

  LITHIFY_HD constexpr std::int64_t columns() const {
    return box.empty() ? 0
                       : std::int64_t{box.max.x - box.min.x} * std::int64_t{box.max.y - box.min.y};
  }
  LITHIFY_HD constexpr std::int32_t tiles_x() const {
    return ((box.max.x - 1) >> brick_level) - (box.min.x >> brick_level) + 1;
  }
  LITHIFY_HD constexpr std::int64_t tiles() const {
    return box.empty() ? 0
                       : std::int64_t{tiles_x()} *
                             (((box.max.y - 1) >> brick_level) - (box.min.y >> brick_level) + 1);
  }
  /// The part of the box in tile t.
  LITHIFY_HD constexpr voxel_box tile(std::int64_t t) const {
    const std::int32_t x = (box.min.x >> brick_level) + static_cast<std::int32_t>(t % tiles_x());
    const std::int32_t y = (box.min.y >> brick_level) + static_cast<std::int32_t>(t / tiles_x());
    return voxel_box{{x * brick_edge, y * brick_edge, box.min.z},
                     {(x + 1) * brick_edge, (y + 1) * brick_edge, box.max.z}}
        .clipped(box);
  }
  LITHIFY_HD constexpr std::int64_t column(voxel v) const {
    return (v.x - box.min.x) + std::int64_t{box.max.x - box.min.x} * (v.y - box.min.y);
  }
};

/// The columns of one tile.
struct tile_view {
  voxel_box box;

  LITHIFY_HD constexpr int columns() const {
    return (box.max.x - box.min.x) * (box.max.y - box.min.y);
  }
  /// Voxel of column c at height z.
  LITHIFY_HD constexpr voxel at(int c, std::int32_t z) const {
    const int width = box.max.x - box.min.x;
    return {box.min.x + c % width, box.min.y + c / width, z};
  }
};

struct span_scratch {
  material_id voxel[brick_voxels];
  column_span span[tile_columns];    ///< of each column, still growing
  std::int32_t spans[tile_columns];  ///< of each column, complete
};

/// Calls emit(v, k, span) for span number k of each column of a tile; v is a voxel of the column.
template <class Emit>
LITHIFY_DEVICE void walk_up(const device::lane_group& g,
                            const merged_view& world,
                            tile_view tile,
                            span_scratch& s,
                            Emit emit) {
  const std::int32_t bottom = tile.box.min.z;
  const std::int32_t top = tile.box.max.z;
  const auto finish = [&](int c) {
    if (s.span[c].top > s.span[c].bottom) {
      emit(tile.at(c, bottom), s.spans[c]++, s.span[c]);
    }
  };
  const auto extend = [&](int c, material_id m, std::int32_t z) {
    if (m != s.span[c].material) {
      finish(c);
      s.span[c] = {s.span[c].top, z, m};
    }
    s.span[c].top = z;
  };
  g.each(tile.columns(), [&](int c) {
    s.span[c] = {bottom, bottom, air};
    s.spans[c] = 0;
  });
  merged_cursor cursor(world);
  for (std::int32_t z = bottom; z < top;) {
    const morton_key key = morton_encode(tile.at(0, z));
    const leaf_part part = cursor.at(key);
    const std::int32_t above = ((z >> part.level) + 1) << part.level;
    const std::int32_t next = above < top ? above : top;
    if (part.is_uniform()) {
      g.each(tile.columns(), [&](int c) { extend(c, part.value.lod(), next); });
    } else {
      load_brick(g, world, key >> (3 * brick_level), part.value, part.begin, part.end, s.voxel);
      g.each(tile.columns(), [&](int c) {
        for (std::int32_t i = z; i < next; ++i) {
          extend(c, s.voxel[brick_position(tile.at(c, i))], i + 1);
        }
      });
    }
    z = next;
  }
  g.each(tile.columns(), finish);
}

struct top_scratch {
  material_id voxel[brick_voxels];
  std::int32_t top[tile_columns];
};

/// Finds the top of each column of a tile, from the region's ceiling down.
LITHIFY_DEVICE inline void walk_down(const device::lane_group& g,
                                     const merged_view& world,
                                     tile_view tile,
                                     top_scratch& s) {
  g.each(tile.columns(), [&](int c) { s.top[c] = -1; });
  merged_cursor cursor(world);
  int open = tile.columns();
  for (std::int32_t z = tile.box.max.z - 1; z >= 0 && open > 0;) {
    const morton_key key = morton_encode(tile.at(0, z));
    const leaf_part part = cursor.at(key);
    const std::int32_t low = (z >> part.level) << part.level;
    if (!part.is_uniform()) {
      load_brick(g, world, key >> (3 * brick_level), part.value, part.begin, part.end, s.voxel);
      g.each(tile.columns(), [&](int c) {
        for (std::int32_t i = z; i >= low && s.top[c] < 0; --i) {
          s.top[c] = s.voxel[brick_position(tile.at(c, i))] != air ? i : -1;
        }
      });
    } else if (part.value.lod() != air) {
      g.each(tile.columns(), [&](int c) { s.top[c] = s.top[c] < 0 ? z : s.top[c]; });
    }
    open = g.count(tile.columns(), [&](int c) -> bool { return s.top[c] < 0; });
    z = low - 1;
  }
}

/// Number of spans of each column.
void count_spans(device::exec ex, const merged_view& world, column_grid grid, std::int64_t* count) {
  device::for_each_group<sizeof(span_scratch)>(
      ex, grid.tiles(),
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t t, std::byte* scratch) {
        auto& s = *reinterpret_cast<span_scratch*>(scratch);
        const tile_view tile{grid.tile(t)};
        walk_up(g, world, tile, s, [](voxel, std::int32_t, const column_span&) {});
        g.each(tile.columns(), [&](int c) { count[grid.column(tile.at(c, 0))] = s.spans[c]; });
      });
}

/// The spans themselves, from offset[column] on.
void fill_spans(device::exec ex,
                const merged_view& world,
                column_grid grid,
                const std::int64_t* offset,
                column_span* out) {
  device::for_each_group<sizeof(span_scratch)>(
      ex, grid.tiles(),
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t t, std::byte* scratch) {
        walk_up(g, world, {grid.tile(t)}, *reinterpret_cast<span_scratch*>(scratch),
                [&](voxel v, std::int32_t k, const column_span& span) {
                  out[offset[grid.column(v)] + k] = span;
                });
      });
}

}  // namespace

column_list read_columns(device::exec ex, const merged_view& world, voxel_box box) {
  const column_grid grid{box};
  const std::int64_t columns = grid.columns();
  device::buffer<std::int64_t> counts(ex, columns);
  const std::int64_t* const count = counts.data();
  count_spans(ex, world, grid, counts.data());
  device::buffer<std::int64_t> offsets(ex, columns + 1);
  device::exclusive_scan(
      ex, columns, [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return count[i]; },
      offsets.data());

  column_list list;
  list.offset.resize(static_cast<std::size_t>(columns + 1));
  device::copy_to_host(ex, list.offset.data(), offsets.data(), columns + 1);
  device::buffer<column_span> spans(ex, list.offset.back());
  fill_spans(ex, world, grid, offsets.data(), spans.data());
  list.span.resize(static_cast<std::size_t>(spans.size()));
  device::copy_to_host(ex, list.span.data(), spans.data(), spans.size());
  return list;
}

void column_tops(device::exec ex, const merged_view& world, voxel_box box, std::int32_t* top) {
  // Whole columns, so that the box's z range, even an empty one, does not matter.
  const column_grid grid{{{box.min.x, box.min.y, 0}, {box.max.x, box.max.y, world.index.size.z}}};
  device::for_each_group<sizeof(top_scratch)>(
      ex, grid.tiles(),
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t t, std::byte* scratch) {
        auto& s = *reinterpret_cast<top_scratch*>(scratch);
        const tile_view tile{grid.tile(t)};
        walk_down(g, world, tile, s);
        g.each(tile.columns(), [&](int c) { top[grid.column(tile.at(c, 0))] = s.top[c]; });
      });
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
