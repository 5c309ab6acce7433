#include "routing.cuh"
#include "routing_steps.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// How many neighbours drain to each of a few cells in a row.
struct donors_of {
  grid_view grid;
  const std::uint8_t* direction;

  LITHIFY_HD void operator()(std::int64_t first, std::int64_t last, std::uint8_t* to) const {
    const bool surrounded = first > grid.nx && last + grid.nx < grid.cells();
    if (surrounded) {
      count_in_row(first, last, to);
    }
    for (std::int64_t c = first; c < last; ++c) {
      if (!surrounded || (grid.faces[c] & face::side) != 0) {
        to[c - first] = count(c);
      }
    }
  }

 private:
  /// Where all cells have eight neighbours in the arrays.
  LITHIFY_HD void count_in_row(std::int64_t first, std::int64_t last, std::uint8_t* to) const {
    const std::int64_t nx = grid.nx;
    for (std::int64_t c = first; c < last; ++c) {
      const std::uint8_t* const at = direction + c;
      to[c - first] = static_cast<std::uint8_t>(
          (at[-nx - 1] == 7) + (at[-nx] == 6) + (at[-nx + 1] == 5) + (at[-1] == 4) + (at[1] == 3) +
          (at[nx - 1] == 2) + (at[nx] == 1) + (at[nx + 1] == 0));
    }
  }
  LITHIFY_HD std::uint8_t count(std::int64_t c) const {
    int found = 0;
    for (int d = 0; d < directions; ++d) {
      const std::int64_t n = grid.to(c, d);
      found += n >= 0 && direction[n] == directions - 1 - d ? 1 : 0;
    }
    return static_cast<std::uint8_t>(found);
  }
};

void accumulate(device::exec ex, const grid_view& grid, const flow_routes& routes) {
  const std::uint8_t* const direction = routes.direction.data();
  device::tree_sum_up(
      ex, routes.order, receiver_of{grid, direction}, donors_of{grid, direction},
      [=] LITHIFY_HD(std::int64_t c) -> std::int64_t {
        return direction[c] == flow::outside ? 0 : 1;
      },
      routes.area.data());
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
