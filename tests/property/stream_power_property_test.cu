/// Stream power in whole simulations against a sequential sweep over plain columns, bit for bit.
///
/// No tolerance anywhere. goSPL asserts fluxes of two partitions to 1e-5; fastscapelib compares
/// steady slopes to rtol = atol = 1e-5, Landlab to 1.5e-8, with the law, as tests/physics does.
#include "lithify/base/error.hpp"
#include "lithify/device/threads.hpp"
#include "passes_rig.cuh"
#include "river_oracle.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

constexpr double cell_size_m = 5.0;  // of a rough_run

/// The terrain that routing sees. Columns beside an outside one and on sides are held.
terrain terrain_of(const plain_columns_world& world) {
  terrain t{world.size.x, world.size.y, {}};
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    t.outside.push_back(world.rock_top(c) < 0);
    t.height.push_back(world.height(c));
  }
  return t;
}

/// Materials of very different erodibility, so that contacts count.
void set_erodibility(material_table& table) {
  const double factors[] = {0.02, 1.0, 0.3, 5.0, 0.0, 1.0, 20.0};
  for (material_id id = 4; id < 10; ++id) {
    material m = table[id];
    m.erodibility = factors[id - 4];
    table.set(m);
  }
  material grains = table[sediment];
  grains.erodibility = 40.0;
  table.set(grains);
}

material_table rough_table() {
  material_table table;
  set_erodibility(table);
  return table;
}

/// A rough_run with another table: the simulation takes its copy when it is made.
struct layered_run {
  material_table table = rough_table();
  pass_world world;
  passes::simulation sim;
  layered_run(const rough_ground& ground, const stream_power_parameters& p, bool delaying = false)
      : world(ground.size, ground, delaying),
        sim(world.ex(),
            world.overlay(),
            geometry(cell_size_m, 0.5),
            table,
            {p, uplift_parameters{1e-3}}) {
    sim.derive(world.ex());
  }
  [[nodiscard]] plain_columns_world plain() {
    return {world.size(), world.voxels(), sim.fields(world.ex()), &table, sim.frame().offset};
  }
};

rough_ground drawn_ground(std::uint64_t seed) {
  rough_ground ground;
  ground.seed = seed;
  ground.holes = seed % 3 != 0;
  ground.size = {static_cast<std::int32_t>(3 + mix64(seed) % 20),
                 static_cast<std::int32_t>(3 + mix64(seed + 7) % 20), 64};
  return ground;
}

/// Adds the contacts that were cut through to `contacts`.
void expect_step_as_oracle(
    layered_run& run, const stream_power_parameters& p, double dt, int i, std::int64_t& contacts) {
  const plain_columns_world before = run.plain();
  const terrain t = terrain_of(before);
  const river_step expected = cut_sequentially(before, t, p.k, p.m, cell_size_m, dt);
  const int128 stored = run.sim.stored(run.world.ex());
  const step_report report = run.sim.step(run.world.ex(), dt, i);
  const plain_columns_world after = run.plain();
  int128 total = 0;
  int128 booked = 0;
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    const auto at = static_cast<std::size_t>(c);
    booked += after.value<std::int64_t>("exported", c) - before.value<std::int64_t>("exported", c);
    total += expected.cut[at];
    if (!before.held(c)) {
      ASSERT_EQ(before.counted(c) - after.counted(c), expected.cut[at]) << "cell " << c;
      // 2^-31 quanta are finer than a bit of a height: the FP64 heights are equal too.
      ASSERT_EQ(after.waiting(c), expected.waits[at]) << "cell " << c;
      ASSERT_EQ(
          after.value<std::int64_t>("exported", c) - before.value<std::int64_t>("exported", c),
          expected.left[at])
          << "cell " << c;
    } else {
      // The boundary adds what it took from this column itself.
      ASSERT_GE(
          after.value<std::int64_t>("exported", c) - before.value<std::int64_t>("exported", c),
          expected.left[at]);
    }
  }
  const pass_budget& line = report.passes[0];
  EXPECT_EQ(line.pass, "stream_power");
  EXPECT_TRUE(line.exported + line.out == total);
  EXPECT_TRUE(booked == total + report.passes.back().exported) << "columns book what sides export";
  EXPECT_TRUE(line.in == 0);
  EXPECT_EQ(line.uphill, expected.uphill);
  EXPECT_EQ(line.contacts, expected.contacts);
  contacts += line.contacts;
  EXPECT_TRUE(net_of(report) == run.sim.stored(run.world.ex()) - stored);
  EXPECT_TRUE(run.sim.stored(run.world.ex()) == counted_solid(run.world, run.sim, run.table));
}

TEST(stream_power_property, every_cell_is_cut_as_the_oracle_says) {
  std::int64_t contacts = 0;
  for (const std::uint64_t seed : seeds(1, 60)) {
    SCOPED_TRACE(seed);
    const stream_power_parameters p{std::pow(10.0, -7.0 + static_cast<double>(seed % 8)),
                                    seed % 4 == 0 ? 0.5 : 0.45};
    layered_run run(drawn_ground(seed), p);
    try {
      for (int i = 0; i < 3; ++i) {
        expect_step_as_oracle(run, p, 40.0 + i, i, contacts);
        if (HasFatalFailure()) {
          return;
        }
      }
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::out_of_range) << e.what();  // the frame's fall took the base away
    }
  }
  EXPECT_GT(contacts, 1000);
}

std::string state_after(const stream_power_parameters& p, bool delaying) {
  layered_run run(rough_ground{}, p, delaying);
  run.sim.reserve_deltas(3);  // many emissions that do not fit
  for (int i = 0; i < 4; ++i) {
    run.sim.step(run.world.ex(), 50.0, i);
  }
  return whole_state(run.world, run.sim);
}

TEST(stream_power_property, order_threads_streams_change_nothing) {
  const stream_power_parameters p{1e-3, 0.45};
  const std::string expected = state_after(p, false);
  for (const int threads : {1, 2, 16}) {
    device::with_threads(threads, [&] { EXPECT_EQ(state_after(p, false), expected) << threads; });
  }
  EXPECT_EQ(state_after(p, true), expected) << "delaying";
  for (const std::uint64_t seed : lithify::test::seeds(1, 6)) {
    device::work_order::set_seed(seed);
    const std::string found = state_after(p, seed % 3 == 0);
    device::work_order::set_seed(0);
    EXPECT_EQ(found, expected) << "work order " << seed;
  }
}

// Parameters inside and outside their ranges: refused with a typed error, or exact.
TEST(stream_power_property, any_parameters_lose_nothing) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double odd[] = {0.0, -0.0, -1e-9, 1e-300, 1e300, inf, -inf, std::nan(""), 5e-324};
  int done = 0;
  for (const std::uint64_t seed : seeds(1, 150)) {
    SCOPED_TRACE(seed);
    const auto draw = [&](std::uint64_t what, double low, double high) {
      const std::uint64_t bits = mix64(seed * 16 + what);
      if (bits % 7 == 0) {
        return odd[(bits >> 8) % 9];
      }
      return std::pow(10.0, low + (high - low) * static_cast<double>(bits >> 11) * 0x1p-53);
    };
    const stream_power_parameters p{draw(1, -12.0, 6.0), draw(2, -2.0, 0.7)};
    const double dt = draw(3, -3.0, 7.0);
    try {
      layered_run run(drawn_ground(seed), p);
      const int128 before = run.sim.stored(run.world.ex());
      const std::string state = whole_state(run.world, run.sim);
      try {
        const step_report report = run.sim.step(run.world.ex(), dt, 1);
        EXPECT_TRUE(net_of(report) == run.sim.stored(run.world.ex()) - before);
        EXPECT_TRUE(run.sim.stored(run.world.ex()) == counted_solid(run.world, run.sim, run.table));
        ++done;
      } catch (const error& e) {
        EXPECT_TRUE(e.code() == errc::out_of_range || e.code() == errc::invalid_argument)
            << e.what();
        EXPECT_EQ(whole_state(run.world, run.sim), state);
      }
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument) << e.what();
    }
  }
  EXPECT_GT(done, 20);
}

// Neither does a factor beyond all numbers cut what cannot be cut.
TEST(stream_power_property, no_factor_cuts_what_has_no_erodibility) {
  material_table table;
  const material_id rock = table.find("rock").value();
  material hard = table[rock];
  hard.erodibility = 0.0;
  table.set(hard);
  for (const double k : {1.0, 1e150, 1e308}) {
    SCOPED_TRACE(k);
    pass_world world({9, 7, 40},
                     [&](voxel v) { return v.z < 5 + 2 * (v.x % 5) + v.y ? rock : air; });
    passes::simulation sim(world.ex(), world.overlay(), geometry(cell_size_m, 0.5), table,
                           {stream_power_parameters{k, 4.0}});
    sim.derive(world.ex());
    const std::vector<std::int64_t> before = sim.surface(world.ex());
    const step_report report = sim.step(world.ex(), 1e7, 1);
    EXPECT_TRUE(report.passes[0].exported + report.passes[0].out == 0);
    EXPECT_EQ(sim.surface(world.ex()), before);
  }
}

TEST(stream_power_property, failed_allocations_leave_the_state) {
  layered_run run(rough_ground{}, {1e-3, 0.45});
  const std::string before = whole_state(run.world, run.sim);
  std::int64_t n = 0;
  for (;; ++n) {
    run.world.pool().fail_allocation(n);
    try {
      run.sim.step(run.world.ex(), 50.0, 1);
      break;
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::out_of_memory);
      ASSERT_EQ(whole_state(run.world, run.sim), before) << n;
    }
  }
  EXPECT_GT(n, 40);
  run.world.pool().fail_allocation(-1);
  layered_run fresh(rough_ground{}, {1e-3, 0.45});
  fresh.sim.step(fresh.world.ex(), 50.0, 1);
  EXPECT_EQ(whole_state(run.world, run.sim), whole_state(fresh.world, fresh.sim));
}

// The fields come with rivers, start at 0 where a state has none, and stay once they are there.
TEST(stream_power_property, exports_are_a_field_of_states_with_rivers) {
  rough_run dry;
  dry.step(0);
  const std::vector<field> old = dry.sim.fields(dry.world.ex());
  EXPECT_EQ(old.size(), 8U);
  passes::simulation rivers(dry.world.ex(), dry.world.overlay(), geometry(cell_size_m, 0.5),
                            dry.table, {stream_power_parameters{1e-3, 0.45}});
  rivers.load(dry.world.ex(), old, dry.sim.frame());
  const step_report report = rivers.step(dry.world.ex(), 50.0, 1);
  std::vector<field> fields = rivers.fields(dry.world.ex());
  int128 booked = 0;
  for (const std::int64_t quanta : find_field(fields, "exported").as<std::int64_t>()) {
    booked += quanta;
  }
  EXPECT_TRUE(booked == report.passes[0].exported + report.passes[1].exported);
  EXPECT_TRUE(booked > 0);
  passes::simulation again(dry.world.ex(), dry.world.overlay(), geometry(cell_size_m, 0.5),
                           dry.table, both);
  again.load(dry.world.ex(), fields, rivers.frame());
  EXPECT_EQ(whole_state(dry.world, again), whole_state(dry.world, rivers));
  // States of before there were remainders have `exported` alone: nothing waits in them.
  std::vector<field> older = fields;
  std::erase_if(older, [](const field& f) { return f.name == "remainder_river"; });
  again.load(dry.world.ex(), older, rivers.frame());
  const std::vector<field> loaded = again.fields(dry.world.ex());
  for (const std::int32_t waiting : find_field(loaded, "remainder_river").as<std::int32_t>()) {
    EXPECT_EQ(waiting, 0);
  }
  std::vector<field> bad = fields;
  named(bad, "exported").as<std::int64_t>()[3] = -1;
  EXPECT_THROW(again.load(dry.world.ex(), bad, rivers.frame()), error);
  named(fields, "remainder_river").as<std::int32_t>()[3] = -1;
  EXPECT_THROW(again.load(dry.world.ex(), fields, rivers.frame()), error);
}

TEST(stream_power_property, little_reaches_the_host) {
  layered_run run(rough_ground{}, {1e-3, 0.45});
  run.sim.step(run.world.ex(), 50.0, 1);
  const std::uint64_t before = run.world.pool().host_bytes_read();
  run.sim.step(run.world.ex(), 50.0, 2);
  EXPECT_LE(run.world.pool().host_bytes_read() - before, 4096U);
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
