#include "routing.cuh"
#include "routing_steps.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// Neighbours that drain to a cell; the cell counts itself on the way.
struct donors_of {
  grid_view grid;
  const std::uint8_t* direction;
  std::int64_t* area;
  LITHIFY_HD int operator()(std::int64_t c) const {
    const std::int64_t nx = grid.nx;
    const std::uint8_t* const at = direction + c;
    area[c] = *at == flow::outside ? 0 : 1;
    if (!(grid.faces[c] & face::side)) {
      return (at[-nx - 1] == 7) + (at[-nx] == 6) + (at[-nx + 1] == 5) + (at[-1] == 4) +
             (at[1] == 3) + (at[nx - 1] == 2) + (at[nx] == 1) + (at[nx + 1] == 0);
    }
    int count = 0;
    for (int d = 0; d < directions; ++d) {
      const std::int64_t n = grid.to(c, d);
      count += n >= 0 && direction[n] == directions - 1 - d ? 1 : 0;
    }
    return count;
  }
};

void accumulate(device::exec ex, const grid_view& grid, const flow_routes& routes) {
  std::int64_t* const area = routes.area.data();
  const std::uint8_t* const direction = routes.direction.data();
  device::tree_sweep_up(ex, routes.order, receiver_of{grid, direction},
                        donors_of{grid, direction, area},
                        [=] LITHIFY_HD(std::int64_t i, std::int64_t p, bool shared) -> void {
                          if (p >= 0 && shared) {
                            device::atomic_add(&area[p], area[i]);
                          } else if (p >= 0) {
                            area[p] += area[i];
                          }
                        });
}

}  // namespace

flow_routes route(device::exec ex, const grid_view& grid, const std::int64_t* height) {
  const std::int64_t n = grid.cells();
  flow_routes routes{device::buffer<std::uint8_t>(ex, n), device::buffer<std::int64_t>(ex, n),
                     device::tree_order(ex, n)};
  std::uint8_t* const direction = routes.direction.data();
  find_directions(ex, grid, height, direction);
  const device::buffer<std::int64_t> pits = drain_flats(ex, grid, height, direction);
  if (pits.size() > 0) {
    const device::buffer<std::int32_t> basin(ex, n);
    label_basins(ex, {grid, direction}, pits, basin.data());
    carve(ex, grid, basin.data(), spanning_passes(ex, grid, height, pits, basin.data()), direction);
  }
  accumulate(ex, grid, routes);
  return routes;
}

void read_receivers(device::exec ex,
                    const grid_view& grid,
                    const flow_routes& routes,
                    std::int64_t* receiver) {
  const std::uint8_t* const direction = routes.direction.data();
  device::for_each_n(ex, grid.cells(), [=] LITHIFY_HD(std::int64_t c) {
    const std::uint8_t d = direction[c];
    receiver[c] = d == flow::outside ? -1 : d < directions ? grid.to(c, d) : c;
  });
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
