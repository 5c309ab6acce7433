/// Scree: what must hold on any ground.
#include "lithify/device/threads.hpp"
#include "passes_rig.cuh"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

constexpr std::int64_t many_sweeps = 1'000'000;

// What slides off a cliff lies below it as sediment, and rock never rises anywhere.
TEST(talus, rock_that_slides_becomes_sediment) {
  const material_table table;
  const material_id granite = table.find("granite").value();
  const material_id clay = table.find("clay").value();
  const region_size size{24, 12, 64};
  pass_world world(size, [&](voxel v) {
    return v.z < 10 || (v.x < 10 && v.z < 50) ? (v.z / 7 % 2 == 0 ? granite : clay) : air;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table,
                         {talus_parameters{many_sweeps}});
  sim.derive(world.ex());
  const std::vector<material_id> before = world.voxels();
  int128 stored = sim.stored(world.ex());
  for (int i = 0; i < 20; ++i) {
    const step_report report = sim.step(world.ex(), 1.0, i);
    ASSERT_EQ(sim.stored(world.ex()) - stored, net_of(report));
    ASSERT_EQ(sim.stored(world.ex()), counted_solid(world, sim, table));
    stored = sim.stored(world.ex());
  }
  std::int64_t rock_lost = 0, scree = 0;
  const std::vector<material_id> after = world.voxels();
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool was_rock = before[i] != air;
    ASSERT_TRUE(after[i] == before[i] || after[i] == air || after[i] == sediment);
    rock_lost += was_rock && after[i] != before[i] ? 1 : 0;
    scree += after[i] == sediment ? 1 : 0;
  }
  EXPECT_GT(rock_lost, 500);
  EXPECT_GT(scree, 50) << "most of it leaves over the sides, a few cells away";
}

// A column that gives rock and gets sediment in one step keeps both apart.
TEST(talus, sediment_that_passes_over_rock_does_not_become_rock) {
  const material_table table;
  const material_id granite = table.find("granite").value();
  const material_id limestone = table.find("limestone").value();
  // A stair of granite too steep to stand under a summit of limestone.
  pass_world world({9, 1, 200}, [&](voxel v) {
    const int top = 20 + 20 * std::max(0, 8 - v.x);
    return v.z >= top ? air : v.x == 1 ? limestone : granite;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table,
                         {talus_parameters{many_sweeps}});
  sim.derive(world.ex());
  const auto rock_solid = [&] {
    int128 sum = 0;
    const std::vector<field> fields = sim.fields(world.ex());
    for (const material_id m : world.voxels()) {
      sum += m == sediment ? 0 : table[m].solid_quanta();
    }
    for (std::int64_t c = 0; c < 9; ++c) {
      sum += value_at<std::int32_t>(fields, "residual", c) -
             table[value_at<std::uint16_t>(fields, "rock_material", c)].solid_quanta();
    }
    return sum;
  };
  int128 rock = rock_solid();
  const int128 stored = sim.stored(world.ex());
  const step_report report = sim.step(world.ex(), 1.0, 1);
  EXPECT_EQ(sim.stored(world.ex()) - stored, net_of(report));
  EXPECT_LT(rock_solid(), rock);
  rock = rock_solid();
  // Now no rock is bare and too steep: further steps move sediment alone.
  for (int i = 2; i < 6; ++i) {
    sim.step(world.ex(), 1.0, i);
    EXPECT_LE(rock_solid(), rock);
    rock = rock_solid();
  }
}

TEST(talus, held_columns_take_and_do_not_give) {
  const material_table table;
  const material_id rock = table.find("rock").value();
  for (const bool high_sides : {false, true}) {
    SCOPED_TRACE(high_sides ? "high sides" : "low sides");
    pass_world world({12, 12, 64}, [&](voxel v) {
      const bool side = v.x == 0 || v.y == 0 || v.x == 11 || v.y == 11;
      return v.z < (side == high_sides ? 50 : 10) ? rock : air;
    });
    passes::simulation sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table,
                           {talus_parameters{many_sweeps}});
    sim.derive(world.ex());
    const step_report report = sim.step(world.ex(), 1.0, 1);
    const pass_budget& boundary = report.passes.back();
    EXPECT_EQ(boundary.in, 0);
    EXPECT_EQ(boundary.exported > 0, !high_sides);
    EXPECT_EQ(report.passes[0].substeps > 0, !high_sides);
  }
}

const std::vector<pass_config> all = {uplift_parameters{2e-3}, diffusion_parameters{0.2},
                                      talus_parameters{25}};

/// Steep rough ground: cells of 1 m, voxels of 1 m.
struct steep_run {
  material_table table;
  pass_world world;
  passes::simulation sim;

  explicit steep_run(region_size size = {23, 19, 64}, bool late = false)
      : world(size, rough_ground{size, 7, true}, late),
        sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table, all) {
    sim.derive(world.ex());
  }
  step_report step(int i) { return sim.step(world.ex(), 2.0, i); }
};

TEST(talus, budget_closes_at_every_step) {
  steep_run run;
  int128 stored = run.sim.stored(run.world.ex());
  std::int64_t sweeps = 0;
  for (int i = 0; i < 30; ++i) {
    const step_report report = run.step(i);
    const int128 now = run.sim.stored(run.world.ex());
    ASSERT_EQ(now - stored, net_of(report)) << "step " << i;
    ASSERT_EQ(now, counted_solid(run.world, run.sim, run.table)) << "step " << i;
    EXPECT_EQ(report.passes[2].in, 0);
    EXPECT_EQ(report.passes[2].exported, 0);
    stored = now;
    sweeps += report.passes[2].substeps;
    if (i % 7 == 0) {
      run.world.consolidate();
    }
  }
  EXPECT_GT(sweeps, 200);
}

TEST(talus, the_same_bits_in_every_order_and_on_a_late_stream) {
  std::string expected;
  for (std::uint64_t order = 0; order <= (LITHIFY_ON_CUDA ? 0 : 5); ++order) {
    for (const bool late : {false, true}) {
      SCOPED_TRACE("work order " + std::to_string(order) + (late ? ", late" : ""));
      device::work_order::set_seed(order);
      steep_run run({23, 19, 64}, late);
      for (int i = 0; i < 6; ++i) {
        run.sim.reserve_deltas(1 + 40 * (i % 3));  // overflows now and then
        run.step(i);
      }
      const std::string state = whole_state(run.world, run.sim);
      device::work_order::set_seed(0);
      if (expected.empty()) {
        expected = state;
      }
      ASSERT_EQ(state, expected);
    }
  }
}

TEST(talus, the_same_bits_on_any_number_of_threads) {
  std::string expected;
  for (const int threads : {1, 2, 16}) {
    SCOPED_TRACE(std::to_string(threads) + " threads");
    std::string state;
    device::with_threads(threads, [&] {
      steep_run run({70, 50, 64});
      for (int i = 0; i < 4; ++i) {
        run.step(i);
      }
      state = whole_state(run.world, run.sim);
    });
    if (expected.empty()) {
      expected = state;
    }
    ASSERT_EQ(state, expected);
  }
}

TEST(talus, resumes_from_its_fields_with_the_same_bits) {
  steep_run straight, other;
  for (int i = 0; i < 5; ++i) {
    straight.step(i);
    other.step(i);
    passes::simulation resumed(other.world.ex(), other.world.overlay(), geometry(1.0, 1.0),
                               other.table, all);
    resumed.load(other.world.ex(), other.sim.fields(other.world.ex()), other.sim.frame());
    resumed.step(other.world.ex(), 2.0, i);
    straight.step(i);
    ASSERT_EQ(whole_state(straight.world, straight.sim), whole_state(other.world, resumed));
    other.sim.load(other.world.ex(), resumed.fields(other.world.ex()), resumed.frame());
  }
}

/// In [low, high], every order of magnitude as likely as every other.
double log_uniform(std::uint64_t bits, double low, double high) {
  const double share = std::ldexp(static_cast<double>(bits >> 11), -53);
  return low * std::pow(high / low, share);
}

TEST(talus, random_parameters_lose_nothing) {
  for (const std::uint64_t seed : seeds(1, 24)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    material_table table;
    for (std::uint64_t id = 2; id < table.size(); ++id) {
      material m = table[static_cast<material_id>(id)];
      if (m.kind != material_kind::empty) {
        m.repose_deg = log_uniform(mix64(seed * 100 + id), 1.0, 89.0);
        m.porosity = log_uniform(mix64(seed * 200 + id), 0.01, 0.99);
        table.set(m);
      }
    }
    rough_ground ground;
    ground.seed = seed;
    pass_world world(ground.size, ground);
    const region_geometry g =
        geometry(log_uniform(mix64(seed), 1e-3, 1e5), log_uniform(mix64(seed + 1000), 1e-3, 1e5));
    passes::simulation sim(world.ex(), world.overlay(), g, table,
                           {talus_parameters{static_cast<std::int64_t>(mix64(seed) % 60)}});
    sim.derive(world.ex());
    int128 stored = sim.stored(world.ex());
    for (int i = 0; i < 5; ++i) {
      try {
        const step_report report = sim.step(world.ex(), 1.0, i);
        ASSERT_EQ(sim.stored(world.ex()) - stored, net_of(report));
        ASSERT_TRUE(std::isfinite(report.passes[0].largest_excess_m));
        ASSERT_GE(report.passes[0].largest_excess_m, 0.0);
      } catch (const error& e) {
        ASSERT_EQ(e.code(), errc::out_of_range) << e.what();
      }
      ASSERT_EQ(sim.stored(world.ex()), counted_solid(world, sim, table));
      stored = sim.stored(world.ex());
    }
  }
}

TEST(talus, refuses_parameters_outside_their_range) {
  const material_table table;
  pass_world world({3, 3, 8}, [](voxel v) { return v.z < 4 ? material_id{4} : air; });
  for (const std::int64_t sweeps : {std::int64_t{-1}, std::int64_t{1'000'001}}) {
    try {
      passes::simulation sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table,
                             {talus_parameters{sweeps}});
      ADD_FAILURE() << sweeps;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
    }
  }
}

TEST(talus, flat_profiles_single_columns_and_empty_ground) {
  const material_table table;
  for (const region_size size : {region_size{1, 1, 32}, region_size{1, 9, 32},
                                 region_size{9, 1, 32}, region_size{2, 2, 32}}) {
    for (const bool empty : {false, true}) {
      pass_world world(size, [&](voxel v) {
        return !empty && v.z < 4 + 3 * ((v.x + v.y) % 5) ? material_id{4} : air;
      });
      passes::simulation sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table,
                             {talus_parameters{many_sweeps}});
      sim.derive(world.ex());
      const int128 stored = sim.stored(world.ex());
      const step_report report = sim.step(world.ex(), 1.0, 1);
      EXPECT_EQ(sim.stored(world.ex()) - stored, net_of(report));
      EXPECT_EQ(report.passes[0].substeps > 0, !empty && size.columns() == 9);
    }
  }
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND