/// Open, closed and looped sides: what crosses them, and what must not.
///
/// No tolerance anywhere. goSPL asserts that a box of walls keeps its volume to 1e-4 of what moves
/// in it, Landlab that its ConcentrationTrackerForDiffusion keeps mass in one to 1e-7, fastscapelib
/// receivers across looped sides of 4 x 4 cells, exactly.
#include "lithify/base/error.hpp"
#include "passes_rig.cuh"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

constexpr region_sides closed = {side_kind::closed, side_kind::closed, side_kind::closed,
                                 side_kind::closed};
constexpr region_sides looped = {side_kind::looped, side_kind::looped, side_kind::looped,
                                 side_kind::looped};

struct sided_run {
  material_table table;
  pass_world world;
  passes::simulation sim;
  sided_run(region_size size,
            const pass_world::content& ground,
            const std::vector<pass_config>& passes,
            const region_sides& sides)
      : world(size, ground),
        sim(world.ex(), world.overlay(), geometry(5.0, 0.5), table, passes, sides) {
    sim.derive(world.ex());
  }
};

TEST(sides_property, nothing_crosses_closed_sides) {
  for (const std::uint64_t seed : seeds(1, 20)) {
    SCOPED_TRACE(seed);
    rough_ground ground;
    ground.seed = seed;
    ground.holes = false;
    sided_run run(ground.size, ground, {diffusion_parameters{0.5}}, closed);
    const int128 stored = run.sim.stored(run.world.ex());
    for (int i = 0; i < 5; ++i) {
      const step_report report = run.sim.step(run.world.ex(), 40.0, i);
      EXPECT_TRUE(net_of(report) == 0);
      EXPECT_TRUE(report.passes.back().in == 0 && report.passes.back().exported == 0);
    }
    EXPECT_TRUE(run.sim.stored(run.world.ex()) == stored);
    EXPECT_TRUE(counted_solid(run.world, run.sim, run.table) == stored);
  }
}

// Closed in, grains end level.
TEST(sides_property, grains_in_a_box_come_to_rest_level) {
  for (const region_sides& sides : {closed, looped}) {
    sided_run run(
        {12, 9, 40},
        [](voxel v) {
          return v.z < 4                                   ? material_id{4}
                 : v.z < 6 + (v.x < 4 && v.y < 4 ? 20 : 0) ? sediment
                                                           : air;
        },
        {diffusion_parameters{0.5}}, sides);
    for (int i = 0; i < 40; ++i) {
      run.sim.step(run.world.ex(), 1000.0, i);
    }
    const std::vector<std::int64_t> surface = run.sim.surface(run.world.ex());
    const auto [low, high] = std::minmax_element(surface.begin(), surface.end());
    EXPECT_LT(*high - *low, 64);
  }
}

// What goes out on one side of a loop comes in on the other, rivers or creep: the budget closes
// with nothing in, out or exported but what the pits of a world without an outlet take.
TEST(sides_property, loops_lose_nothing) {
  for (const std::uint64_t seed : seeds(1, 20)) {
    SCOPED_TRACE(seed);
    rough_ground ground;
    ground.seed = seed;
    ground.holes = seed % 2 == 0;
    const std::vector<pass_config> passes = {
        uplift_parameters{2e-3}, stream_power_parameters{1e-4, 0.45}, diffusion_parameters{0.5}};
    region_sides sides = looped;
    if (seed % 3 == 0) {
      sides.west = sides.east = side_kind::open;
    } else if (seed % 3 == 1) {
      sides.south = side_kind::closed;
      sides.north = side_kind::open;
    }
    sided_run run(ground.size, ground, passes, sides);
    for (int i = 0; i < 4; ++i) {
      const int128 before = run.sim.stored(run.world.ex());
      const step_report report = run.sim.step(run.world.ex(), 40.0, i);
      EXPECT_TRUE(net_of(report) == run.sim.stored(run.world.ex()) - before);
      EXPECT_TRUE(counted_solid(run.world, run.sim, run.table) == run.sim.stored(run.world.ex()));
      if (seed % 3 == 2 && !ground.holes) {
        EXPECT_TRUE(report.passes[1].exported == 0);
        EXPECT_TRUE(report.passes[1].out > 0);
      }
    }
  }
}

/// Voxels and fields of a looped run, rolled by (dx, dy).
std::string rolled_state(int dx, int dy) {
  rough_ground ground;
  ground.holes = false;
  const region_size size = ground.size;
  sided_run run(
      size,
      [=](voxel v) {
        return ground({(v.x + dx) % size.x, (v.y + dy) % size.y, v.z});
      },
      {diffusion_parameters{0.5}}, looped);
  for (int i = 0; i < 4; ++i) {
    run.sim.step(run.world.ex(), 60.0, i);
  }
  std::string state;
  const std::vector<material_id> voxels = run.world.voxels();
  const std::vector<field> fields = run.sim.fields(run.world.ex());
  for (int y = 0; y < size.y; ++y) {
    for (int x = 0; x < size.x; ++x) {
      const std::int64_t c = (x - dx % size.x + size.x) % size.x +
                             std::int64_t{size.x} * ((y - dy % size.y + size.y) % size.y);
      for (int z = 0; z < size.z; ++z) {
        state += std::to_string(voxels[static_cast<std::size_t>(c + size.columns() * z)]) + ' ';
      }
      state += std::to_string(value_at<std::int64_t>(fields, "sediment", c)) + ' ' +
               std::to_string(value_at<std::int32_t>(fields, "residual", c)) + ' ' +
               std::to_string(value_at<std::int64_t>(fields, "remainder_east", c)) + ' ' +
               std::to_string(value_at<std::int64_t>(fields, "remainder_north", c)) + '\n';
    }
  }
  return state;
}

TEST(sides_property, a_looped_world_has_no_edge) {
  const std::string expected = rolled_state(0, 0);
  for (const auto& [dx, dy] : {std::pair{1, 0}, {0, 1}, {20, 16}, {7, 9}}) {
    EXPECT_EQ(rolled_state(dx, dy), expected) << dx << ", " << dy;
  }
}

TEST(sides_property, refuses_half_a_loop) {
  const auto refused = [](region_size size, const region_sides& sides) {
    try {
      const sided_run run(
          size, [](voxel v) { return v.z < 4 ? material_id{4} : air; }, {}, sides);
      ADD_FAILURE() << "accepted";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
    }
  };
  region_sides sides;
  sides.west = side_kind::looped;
  refused({8, 8, 8}, sides);
  sides.east = side_kind::looped;
  refused({2, 8, 8}, sides);
  sides.north = side_kind::looped;
  refused({8, 8, 8}, sides);
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
