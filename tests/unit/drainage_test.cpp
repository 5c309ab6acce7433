// Rivers for people: where water runs on grounds whose answer is plain, slopes, the slope-area law
// and the map's layers.
#include "lithify/engine/drainage.hpp"

#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "test_device.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace lithify::engine {
namespace {

constexpr std::int64_t outside = std::numeric_limits<std::int64_t>::min();
constexpr double cell_m = 20.0;

struct ground {
  relief surface;
  drainage_map water;
};

/// Elevations in whole metres over rock, and where a world of them drains.
ground drained(std::int32_t nx,
               std::int32_t ny,
               const region_sides& sides,
               const std::function<int(int x, int y)>& elevation_m) {
  io::elevation_grid dem;
  dem.nx = nx;
  dem.ny = ny;
  dem.cell_size_m = cell_m;
  for (int y = 0; y < ny; ++y) {
    for (int x = 0; x < nx; ++x) {
      dem.elevation_m.push_back(elevation_m(x, y));
      dem.valid.push_back(1);
    }
  }
  const material_table materials;
  const io::strata rock{{{materials.find("rock").value()}}};
  const world w = make_world(io::build_columns(dem, rock, materials, {0.5, 10, 10}), materials, {},
                             {stream_power_parameters{}}, test::test_device(), sides);
  return {{w.config().size, w.config().geometry, w.simulation().frame_offset, w.surface()},
          w.drainage()};
}

/// `f(x, y)` of every cell, in cell order.
template <class T, class F>
std::vector<T> each(const ground& g, F f) {
  std::vector<T> values;
  for (int y = 0; y < g.surface.size.y; ++y) {
    for (int x = 0; x < g.surface.size.x; ++x) {
      values.push_back(static_cast<T>(f(x, y)));
    }
  }
  return values;
}

void expect_drains(const ground& g,
                   const std::function<int(int, int)>& receiver,
                   const std::function<int(int, int)>& area,
                   const std::function<double(int, int)>& slope) {
  EXPECT_EQ(g.water.receiver, each<std::int64_t>(g, receiver));
  EXPECT_EQ(g.water.area, each<std::int64_t>(g, area));
  const std::vector<double> found = slopes(g.surface, g.water), wanted = each<double>(g, slope);
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t c = 0; c < found.size(); ++c) {
    EXPECT_DOUBLE_EQ(found[c], wanted[c]) << "cell " << c;
  }
}

using enum side_kind;

// Tilted to its one open side: rows of their own.
TEST(drainage, ramp_runs_down_its_rows) {
  constexpr int nx = 9;
  const ground g = drained(nx, 6, {open, closed, closed, closed}, [](int x, int) { return 3 * x; });
  expect_drains(
      g, [](int x, int y) { return nx * y + std::max(x - 1, 0); },
      [](int x, int) { return nx - x; }, [](int x, int) { return x > 0 ? 3.0 / cell_m : 0.0; });
}

// The same ramp, and a channel 4 m deep that runs down it aslant, twice around the looped sides:
// the channel's cells fall by 10 m over a diagonal, across the seam too; all others by a row's, the
// last of three cells into the channel.
TEST(drainage, channel_runs_on_across_a_looped_side) {
  constexpr int nx = 10, ny = 4;
  const auto beside = [](int x, int y) { return (y - x + 4 * nx) % ny; };  // 0: the channel
  const ground g = drained(nx, ny, {open, closed, looped, looped},
                           [&](int x, int y) { return 10 * x + (beside(x, y) == 0 ? 0 : 4); });
  const auto receiver = [&](int x, int y) {
    const int down = beside(x, y) == 0 ? (y + ny - 1) % ny : y;
    return x == 0 ? nx * y : nx * down + x - 1;
  };
  const auto area = [&](int x, int y) {
    const int above = nx - 1 - x;  // columns of cells above this one
    if (beside(x, y) != 0) {
      return std::min(beside(x, y), above + 1);
    }
    int sum = 1;
    for (int up = 0; up < above; ++up) {
      sum += 1 + std::min(3, up + 1);
    }
    return sum;
  };
  const auto slope = [&](int x, int y) {
    const double into_channel = beside(x, y) == 3 ? 4.0 : 0.0;
    return x == 0              ? 0.0
           : beside(x, y) == 0 ? 10.0 / (cell_m * std::sqrt(2.0))
                               : (10.0 + into_channel) / cell_m;
  };
  expect_drains(g, receiver, area, slope);
  std::int64_t leaves = 0;
  for (std::size_t y = 0; y < ny; ++y) {
    leaves += g.water.area[nx * y];
  }
  EXPECT_EQ(leaves, nx * ny);
}

// A valley that falls by 1 m a cell to the south between walls of 4 m a cell.
TEST(drainage, valley_gathers_its_walls) {
  constexpr int nx = 7, ny = 5, axis = 3;
  const ground g = drained(nx, ny, {closed, closed, open, closed},
                           [](int x, int y) { return 4 * std::abs(x - axis) + y; });
  expect_drains(
      g,
      [](int x, int y) {
        return y == 0 ? x : x == axis ? nx * (y - 1) + x : nx * y + (x < axis ? x + 1 : x - 1);
      },
      [](int x, int y) {
        const int along = y == 0 ? 1 + nx * (ny - 1) : nx * (ny - y);
        return x == axis ? along : y == 0 ? 1 : x < axis ? x + 1 : nx - x;
      },
      [](int x, int y) { return y == 0 ? 0.0 : (x == axis ? 1.0 : 4.0) / cell_m; });
}

/// A row of cells, each of which drains to the one before, with areas and slopes of their own.
struct cloud {
  relief surface;
  drainage_map water;

  cloud() {
    surface.geometry.cell_size_m = 100.0;
    add(1, 0.0);
    water.receiver[0] = 0;
  }
  void add(std::int64_t cells, double slope) {
    const std::int64_t drop = std::llround(std::ldexp(slope * 100.0, 20));
    surface.height.push_back((surface.height.empty() ? 0 : surface.height.back()) + drop);
    water.receiver.push_back(static_cast<std::int64_t>(water.area.size()) - 1);
    water.area.push_back(cells);
    surface.size = {static_cast<std::int32_t>(water.area.size()), 1, 8};
  }
};

constexpr double ks = 40.0, theta = 0.45;
double law(std::int64_t cells) { return ks * std::pow(static_cast<double>(cells) * 1e4, -theta); }
/// Three decades from 100 cells on, evenly in the logarithm: a bin's median is at its middle.
void add_law(cloud& c) {
  for (int i = 0; i < 3000; ++i) {
    const auto cells = static_cast<std::int64_t>(std::ceil(std::pow(10.0, 2.0 + i / 1000.0)));
    c.add(cells, law(cells));
  }
}

// Within 1e-3: areas are whole cells, of which a bin from 100 on holds 25.
TEST(slope_area, fit_gives_the_law_back) {
  cloud c;
  add_law(c);
  const slope_area_fit fit = fit_slope_area(c.surface, c.water);
  EXPECT_NEAR(fit.theta, theta, 1e-3 * theta);
  EXPECT_NEAR(fit.ks / ks, 1.0, 0.01) << "an error of theta, extended over 6 decades to 1 m2";
  ASSERT_EQ(fit.area_m2.size(), 30U);
  ASSERT_EQ(fit.slope.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_NEAR(std::log10(fit.area_m2[i]), 6.05 + 0.1 * static_cast<double>(i), 1e-9);
    EXPECT_NEAR(fit.slope[i] / (ks * std::pow(fit.area_m2[i], -theta)), 1.0, 0.01);
  }
}

// What drains less than asked, is level, rises to its receiver or lies outside: none of it counts.
TEST(slope_area, fit_leaves_out_what_obeys_no_law) {
  cloud plain, mixed;
  add_law(plain);
  for (int i = 0; i < 500; ++i) {
    mixed.add(99, 0.5);
    mixed.add(300 + i, 0.0);
    mixed.add(5000, -0.01);
  }
  add_law(mixed);
  mixed.add(700, 0.0);
  mixed.surface.height.back() = outside;
  mixed.water.receiver.back() = -1;
  const slope_area_fit fit = fit_slope_area(plain.surface, plain.water);
  const slope_area_fit found = fit_slope_area(mixed.surface, mixed.water);
  EXPECT_EQ(found.area_m2, fit.area_m2);
  for (std::size_t i = 0; i < fit.slope.size(); ++i) {
    EXPECT_NEAR(found.slope[i] / fit.slope[i], 1.0, 1e-4) << "heights are whole 2^-20 voxels";
  }
  EXPECT_NEAR(found.theta, fit.theta, 1e-5);
  const slope_area_fit more = fit_slope_area(mixed.surface, mixed.water, 99);
  EXPECT_EQ(more.area_m2.size(), 31U) << "what drains 99 cells has a bin of its own";
  EXPECT_NEAR(more.slope.front(), 0.5, 1e-6);
}

TEST(slope_area, one_bin_is_no_law_and_none_is_nothing) {
  cloud c;
  c.add(99, 0.2);
  EXPECT_TRUE(fit_slope_area(c.surface, c.water).area_m2.empty());
  c.add(200, 0.2);
  const slope_area_fit fit = fit_slope_area(c.surface, c.water);
  EXPECT_EQ(fit.area_m2.size(), 1U);
  EXPECT_EQ(fit.theta, 0.0);
  EXPECT_EQ(fit.ks, 0.0);
}

const io::map_layer* find_layer(const io::map_file& map, const std::string& name) {
  const auto at = std::find_if(map.layers.begin(), map.layers.end(),
                               [&](const io::map_layer& l) { return l.values.name == name; });
  return at == map.layers.end() ? nullptr : &*at;
}

/// 3 x 1 cells of 30 m and voxels of 2 m, the last outside; the frame has risen by 5 voxels.
ground three_cells() {
  ground g;
  g.surface.size = {3, 1, 100};
  g.surface.geometry.cell_size_m = 30.0;
  g.surface.geometry.voxel_height_m = 2.0;
  g.surface.geometry.datum_m = 100.0;
  g.surface.frame_offset = 5 * one_voxel;
  g.surface.height = {10 * one_voxel, 13 * one_voxel, outside};
  g.water = {{0, 0, -1}, {2, 1, 0}};
  return g;
}

void expect_layer(const io::map_file& map,
                  const std::string& name,
                  const std::string& unit,
                  double first,
                  double second) {
  const io::map_layer* const layer = find_layer(map, name);
  ASSERT_NE(layer, nullptr) << name;
  EXPECT_EQ(layer->values.unit, unit);
  EXPECT_EQ(layer->values.shape, (std::vector<std::int64_t>{1, 3}));
  const auto values = layer->values.as<double>();
  EXPECT_DOUBLE_EQ(values[0], first) << name;
  EXPECT_DOUBLE_EQ(values[1], second) << name;
  EXPECT_TRUE(std::isnan(values[2])) << name;
}

// The first cell lost 3 voxels in 1000 years, the second gained 1.
TEST(flow_map, layers_have_their_units_and_signs) {
  const ground g = three_cells();
  const std::vector<std::int64_t> before = {13 * one_voxel, 12 * one_voxel, outside};
  const io::map_file map = flow_map(g.surface, g.water, before, 1000.0);
  expect_layer(map, "elevation", "m", 130.0, 136.0);
  expect_layer(map, "drainage_area", "m2", 1800.0, 900.0);
  expect_layer(map, "slope", "1", 0.0, 6.0 / 30.0);
  expect_layer(map, "erosion_rate", "m yr-1", 6e-3, -2e-3);
  const io::map_layer* const receiver = find_layer(map, "receiver");
  ASSERT_NE(receiver, nullptr);
  const auto to = receiver->values.as<std::int64_t>();
  EXPECT_EQ(std::vector<std::int64_t>(to.begin(), to.end()), g.water.receiver);
  EXPECT_EQ(receiver->missing, -1);
}

TEST(flow_map, no_rate_without_a_surface_before) {
  const ground g = three_cells();
  EXPECT_EQ(find_layer(flow_map(g.surface, g.water, {}, 1000.0), "erosion_rate"), nullptr);
  const std::vector<std::int64_t> other(2, 0);
  EXPECT_THROW((void)flow_map(g.surface, g.water, other, 1000.0), error);
}

}  // namespace
}  // namespace lithify::engine
