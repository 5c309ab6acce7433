// Columns from a DEM and strata, against the definitions evaluated voxel by voxel.
#include "io_test_support.hpp"
#include "lithify/base/column.hpp"
#include "lithify/io/column_model.hpp"

#include <cmath>
#include <random>

namespace lithify::io {
namespace {

const material_table materials;

elevation_grid grid_of(std::int64_t nx, std::int64_t ny, double cell, std::vector<double> z) {
  elevation_grid g;
  g.nx = nx;
  g.ny = ny;
  g.cell_size_m = cell;
  g.origin_x_m = 1000.0;
  g.origin_y_m = 2000.0;
  g.valid.assign(z.size(), 1);
  g.elevation_m = std::move(z);
  return g;
}

material_id material_at(const column_model& m, std::int64_t cell, std::int32_t z) {
  const auto c = static_cast<std::size_t>(cell);
  for (std::int64_t s = m.span_offset[c]; s < m.span_offset[c + 1]; ++s) {
    if (z < m.span_top[static_cast<std::size_t>(s)]) {
      return m.span_material[static_cast<std::size_t>(s)];
    }
  }
  return air;
}

std::int64_t height_of(const column_model& m, std::size_t c) {
  return surface_height(m.rock_top[c], 0, m.residual[c], 0,
                        materials[m.rock_material[c]].solid_quanta(),
                        materials[sediment].solid_quanta());
}

// What the header promises for every model.
void expect_invariants(const column_model& m) {
  ASSERT_EQ(m.span_offset.size(), m.rock_top.size() + 1);
  ASSERT_EQ(m.span_top.size(), m.span_material.size());
  ASSERT_EQ(m.span_offset.back(), static_cast<std::int64_t>(m.span_top.size()));
  for (std::size_t c = 0; c < m.rock_top.size(); ++c) {
    const auto first = static_cast<std::size_t>(m.span_offset[c]);
    const auto last = static_cast<std::size_t>(m.span_offset[c + 1]);
    if (m.rock_top[c] == outside_column) {
      ASSERT_EQ(first, last);
      ASSERT_EQ(m.residual[c], 0);
      continue;
    }
    ASSERT_LT(first, last);
    ASSERT_EQ(m.span_top[last - 1], m.rock_top[c] + 1);
    ASSERT_EQ(m.span_material[last - 1], m.rock_material[c]);
    ASSERT_LT(m.rock_top[c], m.size.z);
    ASSERT_GT(m.residual[c], 0);
    ASSERT_LE(m.residual[c], materials[m.rock_material[c]].solid_quanta());
    ASSERT_GT(m.span_top[first], 0);
    for (std::size_t s = first + 1; s < last; ++s) {
      ASSERT_GT(m.span_top[s], m.span_top[s - 1]);
      ASSERT_NE(m.span_material[s], m.span_material[s - 1]);
    }
  }
}

TEST(column_model, region_and_datum) {
  const column_model m = build_columns(grid_of(2, 1, 30, {315, 2295}), default_strata(materials),
                                       materials, {2.0, 500, 500});
  EXPECT_EQ(m.geometry.datum_m, -186.0);  // floor(-185 / 2) * 2
  EXPECT_EQ(m.size, (region_size{2, 1, 1491}));
  EXPECT_EQ(m.geometry.cell_size_m, 30.0);
  EXPECT_EQ(m.geometry.voxel_height_m, 2.0);
  EXPECT_EQ(m.geometry.origin_x_m, 1000.0);
  EXPECT_EQ(m.geometry.origin_y_m, 2000.0);
  expect_invariants(m);
}

TEST(column_model, surface_is_the_elevation_to_one_quantum) {
  std::mt19937_64 random(20240607);
  std::uniform_real_distribution<double> elevation(-40.0, 900.0);
  std::vector<double> z(4000);
  for (double& value : z) {
    value = elevation(random);
  }
  for (const double voxel : {0.25, 1.0, 3.7}) {
    const elevation_grid g = grid_of(80, 50, 10, z);
    const column_model m = build_columns(g, default_strata(materials), materials, {voxel, 20, 5});
    expect_invariants(m);
    for (std::size_t c = 0; c < z.size(); ++c) {
      const auto wanted = static_cast<std::int64_t>(
          std::floor((z[c] - m.geometry.datum_m) / voxel * static_cast<double>(one_voxel)));
      const std::int64_t quantum = one_voxel / materials[m.rock_material[c]].solid_quanta() + 1;
      EXPECT_GE(height_of(m, c), wanted);
      EXPECT_LT(height_of(m, c), wanted + quantum);
    }
  }
}

TEST(column_model, whole_metres_are_exact) {
  const column_model m = build_columns(grid_of(3, 1, 30, {100, 101, 100.5}),
                                       default_strata(materials), materials, {1.0, 10, 10});
  EXPECT_EQ(m.rock_top, (std::vector<std::int32_t>{9, 10, 10}));
  EXPECT_EQ(m.residual[0], materials[2].solid_quanta());
  EXPECT_EQ(m.residual[2], (materials[2].solid_quanta() + 1) / 2);
  EXPECT_EQ(height_of(m, 0), 10 * one_voxel);
}

TEST(column_model, thicknesses_sum_to_the_column) {
  const column_model m = build_columns(grid_of(1, 1, 30, {700}), default_strata(materials),
                                       materials, {1.0, 500, 500});
  // 500 m of basement: granite to 350, limestone to 460, sandstone to 498, soil to 500.
  EXPECT_EQ(m.span_top, (std::vector<std::int32_t>{350, 460, 498, 500}));
  EXPECT_EQ(m.span_material, (std::vector<material_id>{5, 7, 8, 2}));
}

// Every voxel of a dipping stack against the definition, evaluated for it alone.
TEST(column_model, dipping_planes_follow_their_equation) {
  const std::string toml = R"(
[[layer]]
material = "soil"
thickness_m = 1
[[layer]]
material = "clay"
base_elevation_m = 120
dip_deg = 30
dip_direction_deg = 60
[[layer]]
material = "limestone"
thickness_m = 8
[[layer]]
material = "basalt"
base_elevation_m = 95
dip_deg = 10
dip_direction_deg = 200
at_m = [1030, 2010]
[[layer]]
material = "granite"
)";
  const std::int64_t nx = 24;
  const std::int64_t ny = 17;
  const double cell = 5.0;
  const double voxel = 0.5;
  std::vector<double> z;
  for (std::int64_t i = 0; i < nx * ny; ++i) {
    z.push_back(118.0 + 9.0 * std::sin(0.37 * static_cast<double>(i % nx)) +
                5.0 * std::cos(0.23 * static_cast<double>(i / nx)));
  }
  const column_model m = build_columns(grid_of(nx, ny, cell, z), parse_strata(toml, "t", materials),
                                       materials, {voxel, 50, 5});
  expect_invariants(m);
  const double rad = std::acos(-1.0) / 180.0;
  int seen[17] = {};
  for (std::int64_t c = 0; c < nx * ny; ++c) {
    const double x = 1000.0 + (static_cast<double>(c % nx) + 0.5) * cell;
    const double y = 2000.0 + (static_cast<double>(c / nx) + 0.5) * cell;
    const auto plane = [&](double e, double dip, double azimuth, double x0, double y0) {
      return e - std::tan(dip * rad) *
                     ((x - x0) * std::sin(azimuth * rad) + (y - y0) * std::cos(azimuth * rad));
    };
    const double surface = z[static_cast<std::size_t>(c)];
    const double clay = plane(120, 30, 60, 1000 + nx * cell / 2, 2000 + ny * cell / 2);
    const double basalt = plane(95, 10, 200, 1030, 2010);
    const double bases[] = {surface - 1, clay, clay - 8, basalt};
    const material_id ids[] = {2, 9, 7, 6};
    for (std::int32_t v = 0; v < m.rock_top[static_cast<std::size_t>(c)]; ++v) {
      const double centre = m.geometry.datum_m + (v + 0.5) * voxel;
      material_id expected = 5;
      bool near = false;
      for (int k = 3; k >= 0; --k) {
        near = near || std::abs(centre - bases[k]) < 1e-9;
        expected = centre >= bases[k] ? ids[k] : expected;
      }
      if (!near) {
        ASSERT_EQ(material_at(m, c, v), expected) << "column " << c << " voxel " << v;
        ++seen[expected];
      }
    }
    EXPECT_EQ(m.rock_material[static_cast<std::size_t>(c)], 2);
  }
  for (const int id : {2, 9, 7, 6, 5}) {
    EXPECT_GT(seen[id], 50) << "material " << id << " is not tested";
  }
}

TEST(column_model, an_eroded_layer_leaves_the_surface_to_the_next) {
  const std::string toml =
      "[[layer]]\nmaterial = \"basalt\"\nbase_elevation_m = 50\n[[layer]]\nmaterial = "
      "\"granite\"\n";
  const column_model m = build_columns(grid_of(4, 1, 1, {40, 50, 50.25, 60}),
                                       parse_strata(toml, "t", materials), materials, {1, 10, 10});
  EXPECT_EQ(m.rock_material, (std::vector<material_id>{5, 5, 6, 6}));
  EXPECT_EQ(material_at(m, 2, m.rock_top[2]), 6) << "the topmost voxel is the surface's";
  expect_invariants(m);
}

TEST(column_model, nodata_columns_are_outside) {
  elevation_grid g = grid_of(3, 1, 1, {5, 1e300, 7});
  g.valid[1] = 0;
  const column_model m = build_columns(g, default_strata(materials), materials, {});
  EXPECT_EQ(m.rock_top[1], outside_column);
  EXPECT_EQ(m.rock_material[1], air);
  EXPECT_EQ(m.span_offset[1], m.span_offset[2]);
  expect_invariants(m);
}

TEST(column_model, no_basement_and_no_headroom_still_hold_the_ground) {
  const column_model m =
      build_columns(grid_of(2, 1, 1, {5, 8}), default_strata(materials), materials, {1, 0, 0});
  EXPECT_EQ(m.size.z, 3);
  EXPECT_EQ(m.rock_top, (std::vector<std::int32_t>{0, 2}));
  expect_invariants(m);
  expect_invariants(
      build_columns(grid_of(1, 1, 1, {5}), default_strata(materials), materials, {1, 0, 0}));
}

TEST(column_model, refuses_what_does_not_fit) {
  const auto code = [](const elevation_grid& g, const strata& s, const column_options& o) {
    const auto e = test::error_of([&] { (void)build_columns(g, s, materials, o); });
    return e ? e->code() : errc::internal;
  };
  const strata good = default_strata(materials);
  const elevation_grid g = grid_of(2, 1, 1, {5, 8});
  EXPECT_EQ(code(g, good, {1e-4, 500, 500}), errc::invalid_argument);
  EXPECT_EQ(code(g, good, {0, 500, 500}), errc::invalid_argument);
  EXPECT_EQ(code(g, good, {-1, 500, 500}), errc::invalid_argument);
  EXPECT_EQ(code(g, good, {1, -5, 500}), errc::invalid_argument);
  EXPECT_EQ(code(g, good, {1, 500, std::nan("")}), errc::invalid_argument);
  EXPECT_EQ(code(grid_of(3000000, 1, 1, std::vector<double>(3000000, 1)), good, {}),
            errc::invalid_argument);
  EXPECT_EQ(code(grid_of(2, 1, 1, {5, std::nan("")}), good, {}), errc::invalid_argument);
  EXPECT_EQ(code(grid_of(2, 2, 1, {5, 5}), good, {}), errc::invalid_argument);
  elevation_grid nothing = g;
  nothing.valid = {0, 0};
  EXPECT_EQ(code(nothing, good, {}), errc::invalid_argument);
  EXPECT_EQ(code(g, strata{}, {}), errc::invalid_argument);
  strata open = good;
  open.layers.pop_back();
  EXPECT_EQ(code(g, open, {}), errc::invalid_argument);
}

}  // namespace
}  // namespace lithify::io
