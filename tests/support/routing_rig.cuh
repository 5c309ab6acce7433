/// Routing on the device over a terrain of the oracle's, and terrains to route over.
#pragma once

#include "lithify/base/hash128.hpp"
#include "routing.cuh"
#include "routing_oracle.hpp"

#include <cstdint>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

template <class T>
device::buffer<T> uploaded(device::exec ex, const std::vector<T>& values) {
  device::buffer<T> made(ex, static_cast<std::int64_t>(values.size()));
  device::copy_to_device(ex, made.data(), values.data(), made.size());
  return made;
}

template <class T>
std::vector<T> downloaded(device::exec ex, const device::buffer<T>& from) {
  std::vector<T> values(static_cast<std::size_t>(from.size()));
  device::copy_to_host(ex, values.data(), from.data(), from.size());
  return values;
}

/// What columns of this terrain may do, as a layout says it.
inline std::vector<std::uint8_t> faces_of(const terrain& t) {
  std::vector<std::uint8_t> faces(t.height.size(), 0);
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    const std::int64_t x = c % t.nx;
    const std::int64_t y = c / t.nx;
    std::uint8_t f = x == 0 || x == t.nx - 1 || y == 0 || y == t.ny - 1 ? passes::face::side : 0;
    if (!t.is_outside(c)) {
      f |= passes::face::inside;
      f |= t.is_open(c) ? passes::face::held : 0;
    }
    faces[static_cast<std::size_t>(c)] = f;
  }
  return faces;
}

inline std::vector<std::int64_t> heights_of(const terrain& t) {
  std::vector<std::int64_t> heights = t.height;
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    if (t.is_outside(c)) {
      heights[static_cast<std::size_t>(c)] = passes::no_ground;
    }
  }
  return heights;
}

/// A terrain on the device.
struct device_terrain {
  device::buffer<std::uint8_t> faces;
  device::buffer<std::int64_t> height;
  passes::grid_view grid;

  device_terrain(device::exec ex, const terrain& t)
      : faces(uploaded(ex, faces_of(t))),
        height(uploaded(ex, heights_of(t))),
        grid{t.nx, t.ny, t.loop_x, t.loop_y, faces.data()} {}
};

struct routed {
  std::vector<std::int64_t> receiver;
  std::vector<std::int64_t> area;
};

inline routed route_on_device(device::exec ex, const terrain& t) {
  const device_terrain on(ex, t);
  const passes::flow_routes routes = passes::route(ex, on.grid, on.height.data());
  const device::buffer<std::int64_t> receiver(ex, t.cells());
  passes::read_receivers(ex, on.grid, routes, receiver.data());
  return {downloaded(ex, receiver), downloaded(ex, routes.area)};
}

inline routed route_on_device(const terrain& t) {
  device::memory_pool pool;
  const device::stream stream;
  return route_on_device({stream.ref(), &pool}, t);
}

/// Heights drawn from `levels` values, a voxel apart at most.
inline terrain noise(std::int64_t nx, std::int64_t ny, std::uint64_t levels, std::uint64_t seed) {
  terrain t{nx, ny, {}};
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    const std::uint64_t draw = mix64(seed * 1000003 + static_cast<std::uint64_t>(c));
    t.height.push_back(static_cast<std::int64_t>((draw >> 11) % levels));
  }
  return t;
}

/// Drills holes of nodata: one cell in `one_in`, in clumps.
inline void punch(terrain& t, std::uint64_t one_in, std::uint64_t seed) {
  t.outside.assign(t.height.size(), false);
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    const auto clump = static_cast<std::uint64_t>(c % t.nx / 3 + c / t.nx / 2 * 7919);
    t.outside[static_cast<std::size_t>(c)] = mix64(seed + clump) % one_in == 0;
  }
}

}  // namespace lithify::test::inline LITHIFY_BACKEND
