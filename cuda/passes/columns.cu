/// Column state from voxels and its sums: derive, refresh, faces, boundary, measured solid.
#include "columns.cuh"
#include "span_reader.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

struct sum_of_solid {
  LITHIFY_HD int128 operator()(int128 a, int128 b) const { return a + b; }
};

/// What the ledger holds beside voxels, less what the voxel at rock_top lacks.
struct unvoxelled_solid {
  column_view columns;
  const std::int32_t* solid;
  LITHIFY_HD int128 operator()(std::int64_t c) const {
    return columns.outside(c) ? 0
                              : static_cast<int128>(columns.sediment[c]) + columns.residual[c] -
                                    solid[columns.rock_material[c]];
  }
};

}  // namespace

void derive_columns(device::exec ex,
                    const octree::merged_view& world,
                    const std::int32_t* solid,
                    const column_view& columns) {
  const span_reader reader(world, solid);
  const std::int64_t nx = world.index.size.x;
  device::for_each_n(ex, world.index.size.columns(), [=] LITHIFY_HD(std::int64_t c) {
    const top_span span =
        reader.read(static_cast<std::int32_t>(c % nx), static_cast<std::int32_t>(c / nx));
    columns.rock_top[c] = span.rock_top;
    columns.n_loose[c] = span.n_loose;
    columns.residual[c] = span.rock_top < 0 ? 0 : solid[span.rock];
    columns.rock_material[c] = span.rock;
    columns.sediment[c] = 0;
    columns.remainder_east[c] = 0;
    columns.remainder_north[c] = 0;
    columns.boundary_height[c] = not_held;
    if (columns.exported != nullptr) {
      columns.exported[c] = 0;
      columns.remainder_river[c] = 0;
    }
  });
}

void refresh_columns(device::exec ex,
                     const octree::merged_view& world,
                     const std::int32_t* solid,
                     const column_view& columns) {
  const span_reader reader(world, solid);
  const std::int64_t nx = world.index.size.x;
  device::for_each_n(ex, world.index.size.columns(), [=] LITHIFY_HD(std::int64_t c) {
    const top_span span =
        reader.read(static_cast<std::int32_t>(c % nx), static_cast<std::int32_t>(c / nx));
    if (span.rock_top != columns.rock_top[c] || span.rock != columns.rock_material[c]) {
      columns.residual[c] = span.rock_top < 0 ? 0 : solid[span.rock];
    }
    if (span.rock_top < 0) {
      columns.sediment[c] = 0;
      columns.remainder_east[c] = 0;
      columns.remainder_north[c] = 0;
      if (columns.exported != nullptr) {
        columns.remainder_river[c] = 0;
      }
    }
    columns.rock_top[c] = span.rock_top;
    columns.n_loose[c] = span.n_loose;
    columns.rock_material[c] = span.rock;
  });
}

column_arrays copy_columns(device::exec ex, const column_arrays& from) {
  column_arrays to(ex, from.rock_top.size(), from.exported.size() > 0);
  const auto copy = [ex](auto& target, const auto& source) {
    device::copy(ex, target.data(), source.data(), source.size());
  };
  copy(to.rock_top, from.rock_top);
  copy(to.n_loose, from.n_loose);
  copy(to.residual, from.residual);
  copy(to.rock_material, from.rock_material);
  copy(to.sediment, from.sediment);
  copy(to.remainder_east, from.remainder_east);
  copy(to.remainder_north, from.remainder_north);
  copy(to.boundary_height, from.boundary_height);
  copy(to.exported, from.exported);
  copy(to.remainder_river, from.remainder_river);
  return to;
}

column_layout make_layout(device::exec ex,
                          const column_view& columns,
                          region_size size,
                          const region_sides& sides) {
  const std::int64_t n = size.columns();
  const std::int64_t nx = size.x;
  const std::int64_t ny = size.y;
  column_layout layout{nx, ny, sides, device::buffer<std::uint8_t>(ex, n), {}};
  device::buffer<std::uint8_t> places(ex, n);
  std::uint8_t* const place = places.data();
  std::uint8_t* const faces = layout.faces.data();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t c) {
    const std::int64_t x = c % nx;
    const std::int64_t y = c / nx;
    faces[c] = x == 0 || x == nx - 1 || y == 0 || y == ny - 1 ? face::side : std::uint8_t{0};
  });
  const grid_view grid = layout.grid();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t c) {
    const std::int64_t x = c % nx;
    const std::int64_t y = c / nx;
    const bool open_side = (nx > 1 && ((x == 0 && sides.west == side_kind::open) ||
                                       (x == nx - 1 && sides.east == side_kind::open))) ||
                           (ny > 1 && ((y == 0 && sides.south == side_kind::open) ||
                                       (y == ny - 1 && sides.north == side_kind::open)));
    bool beside_outside = false;
    for (const int d : {1, 3, 4, 6}) {
      const std::int64_t beside = grid.to(c, d);
      beside_outside = beside_outside || (beside >= 0 && columns.outside(beside));
    }
    place[c] = static_cast<std::uint8_t>(faces[c] |
                                         (columns.outside(c)            ? 0
                                          : open_side || beside_outside ? face::inside | face::held
                                                                        : face::inside));
  });
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t c) {
    const std::uint8_t here = place[c];
    // Open where both have ground and at least one is free.
    const std::int64_t to_east = grid.to(c, 4);
    const std::int64_t to_north = grid.to(c, 6);
    const std::uint8_t east = to_east < 0 ? std::uint8_t{0} : place[to_east];
    const std::uint8_t north = to_north < 0 ? std::uint8_t{0} : place[to_north];
    const bool open_east = (here & east & face::inside) && !(here & east & face::held);
    const bool open_north = (here & north & face::inside) && !(here & north & face::held);
    faces[c] = static_cast<std::uint8_t>(here | (open_east ? face::east : 0) |
                                         (open_north ? face::north : 0));
  });

  device::buffer<std::int64_t> cells(ex, n);
  std::int64_t* const cell = cells.data();
  const std::int64_t held = device::select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t c) -> bool { return (faces[c] & face::held) != 0; },
      [=] LITHIFY_HD(std::int64_t c, std::int64_t i) { cell[i] = c; });
  layout.held = device::buffer<std::int64_t>(ex, held);
  device::copy(ex, layout.held.data(), cells.data(), held);
  return layout;
}

void set_boundary(device::exec ex,
                  const column_view& columns,
                  const column_layout& layout,
                  const std::int32_t* solid,
                  std::int64_t frame_offset) {
  const std::uint8_t* const faces = layout.faces.data();
  device::for_each_n(ex, layout.cells(), [=] LITHIFY_HD(std::int64_t c) {
    if (!(faces[c] & face::held)) {
      columns.boundary_height[c] = not_held;
    } else if (columns.boundary_height[c] == not_held) {
      columns.boundary_height[c] = columns.height(c, solid) + frame_offset;
    }
  });
}

int128 measure_solid(device::exec ex,
                     const octree::merged_view& world,
                     const std::int32_t* solid,
                     const column_view& columns) {
  const int128 voxels = octree::total_solid(ex, world, solid);
  return device::reduce<int128>(ex, world.index.size.columns(), voxels, sum_of_solid{},
                                unvoxelled_solid{columns, solid});
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
