/// Rivers in beds of unlike rock: how fast a front climbs in them, beside the law alone.
#include "passes_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

/// A front in a row of flat beds whose outlet has fallen to their foot, and a row 100 m wide.
struct bedded_row {
  static constexpr double k = 2e-5, m = 0.45, length = 12'000.0, width = 100.0;
  static constexpr double hard = 1.0, soft = 10.0;               // erodibility
  static constexpr int hard_m = 40, soft_m = 60, base = 20;      // the hard bed lies on top
  static constexpr double level = base + soft_m + 0.5 * hard_m;  // half way through the hard bed
};

/// The law alone, in metres and FP64: dz/dt = -K(z) A^m dz/dx, upwind, in explicit steps far
/// below what is stable. Gives the year in which the level arrives at each cell, 0 for none.
std::vector<double> arrivals_of_the_law(double dx, double years) {
  using row = bedded_row;
  const auto cells = static_cast<std::size_t>(row::length / dx) + 1;
  const double dt = dx / 20.0;
  std::vector<double> z(cells, row::base + row::soft_m + row::hard_m), rate(cells, 0.0);
  z[0] = row::base;
  for (std::size_t x = 1; x + 1 < cells; ++x) {
    rate[x] = row::k * std::pow(static_cast<double>(cells - 1 - x) * dx * row::width, row::m) / dx;
  }
  std::vector<double> arrival(cells, 0.0);
  std::size_t front = 0;
  for (int i = 1; i * dt <= years; ++i) {
    for (std::size_t x = cells - 2; x > 0; --x) {  // from above: its receiver is still as it was
      const double erodibility = z[x] > row::base + row::soft_m ? row::hard : row::soft;
      z[x] -= dt * erodibility * rate[x] * std::max(z[x] - z[x - 1], 0.0);
    }
    for (; front + 2 < cells && z[front + 1] <= row::level; ++front) {
      arrival[front + 1] = i * dt;
    }
  }
  return arrival;
}

/// Years in which the hard bed's own celerity K A^m brings a front to `at` metres.
double hard_bed_alone(double at, double dx) {
  using row = bedded_row;
  double years = 0.0;
  for (int i = 1; i * dx <= at; ++i) {
    years += dx / (row::hard * row::k * std::pow((row::length - i * dx) * row::width, row::m));
  }
  return years;
}

// A limit of the law itself (stream_power.cu): a hard bed over a soft one falls back faster than
// its own K A^m, for the lip's slope counts the whole drop. The law without voxels, layers' shares
// and long steps does the same: every position within 1 % of it, a step in 80,000 years. It is no
// matter of the cells either: half of what is left of them goes with every halving. (Landlab,
// fastscapelib and goSPL have no test of a front in beds. Landlab's FastscapeEroder over
// LithoLayers solves the same implicit upwind equation, with the K that lies at the surface when a
// step begins.)
TEST(river_beds, a_hard_bed_over_a_soft_one_falls_back_faster_than_its_celerity) {
  using row = bedded_row;
  constexpr double dx = 100.0, dt = 500.0;
  constexpr int cells = 121, top = row::base + row::soft_m + row::hard_m, steps = 640;
  material_table table;
  const auto with = [&](const char* name, double erodibility) {
    material rock = table[table.find(name).value()];
    rock.porosity = 0.0;  // a quantum of it is a unit of height
    rock.erodibility = erodibility;
    return table.set(rock);
  };
  const material_id soft = with("clay", row::soft), hard = with("rock", row::hard);
  pass_world world({cells, 1, top + 20}, [&](voxel v) {
    return v.z < row::base + row::soft_m ? soft : v.z < top ? hard : air;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(dx, 1.0), table,
                         {stream_power_parameters{row::k, row::m}});
  sim.derive(world.ex());
  std::vector<field> fields = sim.fields(world.ex());
  for (int x = 0; x < cells; ++x) {  // a slope that only routing sees
    named(fields, "residual").as<std::int32_t>()[static_cast<std::size_t>(x)] =
        (1 << 20) - 10 * (cells - x);
  }
  named(fields, "boundary_height").as<std::int64_t>()[0] = std::int64_t{row::base} << 20;
  sim.load(world.ex(), fields, {});
  const std::vector<double> law = arrivals_of_the_law(dx, steps * dt);
  std::size_t front = 0;
  int checked = 0;
  for (int i = 1; i <= steps; ++i) {
    sim.step(world.ex(), dt, i);
    if (i % 50 == 0) {
      world.consolidate();
    }
    const std::vector<std::int64_t> surface = sim.surface(world.ex());
    for (; front + 2 < cells &&
           std::ldexp(static_cast<double>(surface[front + 1]), -20) <= row::level;
         ++front) {
      const std::size_t x = front + 1;
      if (x >= 20 && law[x] > 0.0) {
        EXPECT_NEAR(i * dt / law[x], 1.0, 0.01) << "at cell " << x;
        EXPECT_NEAR(hard_bed_alone(static_cast<double>(x) * dx, dx) / (i * dt), 2.2, 0.04);
        ++checked;
      }
    }
  }
  EXPECT_GE(checked, 40);

  // 2 km from the outlet: 2.282, 2.226, 2.199, 2.186 times.
  double before = 0.0, change = 0.0;
  for (const double finer : {200.0, 100.0, 50.0, 25.0}) {
    const auto at = static_cast<std::size_t>(2000.0 / finer);
    const double ratio = hard_bed_alone(2000.0, finer) / arrivals_of_the_law(finer, 1e5)[at];
    if (change != 0.0) {
      EXPECT_NEAR((before - ratio) / change, 0.5, 0.05) << "cells of " << finer << " m";
    }
    change = before == 0.0 ? 0.0 : before - ratio;
    before = ratio;
  }
  EXPECT_NEAR(before - change, 2.174, 0.01) << "of cells without width";
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
