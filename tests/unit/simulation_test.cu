/// A step of passes: exact budgets, errors that change nothing, the same bits in every mode.
#include "lithify/device/threads.hpp"
#include "passes_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

TEST(simulation, budget_closes_to_the_quantum_at_every_step) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rough_ground ground;
    ground.seed = seed;
    rough_run run(ground);
    int128 stored = run.sim.stored(run.world.ex());
    ASSERT_EQ(stored, counted_solid(run.world, run.sim, run.table));
    std::int64_t deltas = 0;
    int128 exported = 0;
    for (int i = 0; i < 40; ++i) {
      const step_report report = run.step(i);
      const int128 now = run.sim.stored(run.world.ex());
      ASSERT_EQ(now - stored, net_of(report)) << "step " << i;
      ASSERT_EQ(now, counted_solid(run.world, run.sim, run.table)) << "step " << i;
      ASSERT_EQ(report.edited, 0);
      stored = now;
      deltas += report.deltas;
      exported += report.passes.back().exported;
      if (i % 7 == 0) {
        run.world.consolidate();
      }
    }
    EXPECT_GT(deltas, 1000);
    EXPECT_GT(exported, 0);
  }
}

TEST(simulation, one_quantum_too_many_shows_as_one) {
  rough_run run;
  for (const std::int64_t wrong : {1, -1}) {
    run.step(0);
    const int128 before = run.sim.stored(run.world.ex());
    std::vector<field> fields = run.sim.fields(run.world.ex());
    for (std::int64_t c = 0;; ++c) {
      std::int64_t& ledger =
          named(fields, "sediment").as<std::int64_t>()[static_cast<std::size_t>(c)];
      if (value_at<std::int32_t>(fields, "rock_top", c) >= 0 && ledger > 0) {
        ledger += wrong;
        break;
      }
    }
    run.sim.load(run.world.ex(), fields, run.sim.frame());
    const step_report report = run.step(1);
    EXPECT_EQ(run.sim.stored(run.world.ex()) - before - net_of(report), wrong);
  }
}

TEST(simulation, reports_a_line_a_pass_and_the_boundary) {
  rough_run run;
  const step_report report = run.step(0);
  ASSERT_EQ(report.passes.size(), 3U);
  EXPECT_EQ(report.passes[0].pass, "uplift");
  EXPECT_EQ(report.passes[0].deltas, 0);
  EXPECT_EQ(report.passes[1].pass, "diffusion");
  EXPECT_EQ(report.passes[1].substeps, 4) << "0.5 m2/yr x 40 yr / 25 m2 = 0.8, 0.2 a substep";
  EXPECT_DOUBLE_EQ(report.passes[1].stable_dt_yr, 12.5);
  EXPECT_EQ(report.passes[1].in, 0);
  EXPECT_EQ(report.passes[1].exported, 0);
  EXPECT_EQ(report.passes[2].pass, "boundary");
  EXPECT_EQ(report.deltas, report.passes[1].deltas + report.passes[2].deltas);
  EXPECT_GT(report.passes[2].deltas, 0);
}

TEST(simulation, the_same_bits_in_every_order_and_on_a_late_stream) {
  std::string expected;
  for (std::uint64_t order = 0; order <= (LITHIFY_ON_CUDA ? 0 : 5); ++order) {
    for (const bool late : {false, true}) {
      SCOPED_TRACE("work order " + std::to_string(order) + (late ? ", late" : ""));
      device::work_order::set_seed(order);
      rough_run run({}, late);
      for (int i = 0; i < 12; ++i) {
        run.step(i);
        if (i % 5 == 4) {
          run.world.consolidate();
        }
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

TEST(simulation, the_same_bits_on_any_number_of_threads) {
  rough_ground ground;
  ground.size = {70, 50, 64};
  std::string expected;
  for (const int threads : {1, 2, 16}) {
    SCOPED_TRACE(std::to_string(threads) + " threads");
    std::string state;
    device::with_threads(threads, [&] {
      rough_run run(ground);
      for (int i = 0; i < 6; ++i) {
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

TEST(simulation, a_table_that_overflows_gives_the_same_as_a_large_one) {
  rough_run large;
  rough_run small;
  large.sim.reserve_deltas(1 << 20);
  for (int i = 0; i < 10; ++i) {
    small.sim.reserve_deltas(1 + i % 3);
    const step_report a = large.step(i);
    const step_report b = small.step(i);
    ASSERT_EQ(a.deltas, b.deltas);
    ASSERT_GT(a.deltas, 10);
    for (std::size_t p = 0; p < a.passes.size(); ++p) {
      EXPECT_EQ(a.passes[p].deltas, b.passes[p].deltas);
      EXPECT_EQ(a.passes[p].in, b.passes[p].in);
      EXPECT_EQ(a.passes[p].exported, b.passes[p].exported);
    }
    ASSERT_EQ(whole_state(large.world, large.sim), whole_state(small.world, small.sim));
  }
}

TEST(simulation, resumes_from_its_fields_with_the_same_bits) {
  rough_run straight;
  rough_run other;
  for (int i = 0; i < 10; ++i) {
    straight.step(i);
    other.step(i);
    passes::simulation resumed(other.world.ex(), other.world.overlay(), geometry(5.0, 0.5),
                               other.table, both);
    resumed.load(other.world.ex(), other.sim.fields(other.world.ex()), other.sim.frame());
    resumed.step(other.world.ex(), 40.0, i);
    straight.step(i);
    ASSERT_EQ(whole_state(straight.world, straight.sim), whole_state(other.world, resumed));
    other.sim.load(other.world.ex(), resumed.fields(other.world.ex()), resumed.frame());
  }
}

TEST(simulation, what_others_write_enters_as_edited) {
  rough_run run;
  run.step(0);
  const int128 before = run.sim.stored(run.world.ex());
  std::vector<field> fields = run.sim.fields(run.world.ex());
  const std::int64_t cell = 8 * 21 + 10;
  const std::int32_t x = 10, y = 8;
  ASSERT_GE(value_at<std::int32_t>(fields, "rock_top", cell), 0);
  // A tower beside a pit: granite on top here, the ground taken away there.
  std::vector<voxel_edit> edits;
  for (std::int32_t z = 48; z < 52; ++z) {
    edits.push_back({{x, y, z}, 5});
  }
  for (std::int32_t z = 20; z < 60; ++z) {
    edits.push_back({{x + 2, y, z}, air});
  }
  int128 solid_before = counted_solid(run.world, run.sim, run.table);
  ASSERT_EQ(solid_before, before);
  run.world.overlay().write(run.world.ex(), edits, 1);
  EXPECT_EQ(run.sim.stored(run.world.ex()), before) << "not seen before the next step";
  const int128 edited = counted_solid(run.world, run.sim, run.table) - before;
  fields = run.sim.fields(run.world.ex());
  EXPECT_EQ(value_at<std::int32_t>(fields, "rock_top", cell), 51);
  EXPECT_EQ(value_at<std::int32_t>(fields, "residual", cell), run.table[5].solid_quanta());
  EXPECT_LT(value_at<std::int32_t>(fields, "rock_top", cell + 2), 20);

  const step_report report = run.step(1);
  EXPECT_EQ(report.edited, edited);
  EXPECT_EQ(run.sim.stored(run.world.ex()) - before, net_of(report));
  EXPECT_EQ(run.step(2).edited, 0);
}

TEST(simulation, an_edit_can_make_and_fill_holes) {
  rough_ground ground;
  ground.holes = false;
  rough_run run(ground);
  run.step(0);
  int128 stored = run.sim.stored(run.world.ex());
  const std::int64_t cell = 8 * 21 + 10;
  std::vector<voxel_edit> dig, fill;
  for (std::int32_t z = 0; z < 64; ++z) {
    dig.push_back({{10, 8, z}, air});
    fill.push_back({{10, 8, z}, z < 30 ? material_id{5} : air});
  }
  int i = 1;
  for (const auto& edits : {dig, fill}) {
    run.world.overlay().write(run.world.ex(), edits, i);
    for (int k = 0; k < 3; ++k, ++i) {
      const step_report report = run.step(i);
      EXPECT_EQ(report.edited != 0, k == 0);
      const int128 now = run.sim.stored(run.world.ex());
      ASSERT_EQ(now - stored, net_of(report)) << "step " << i;
      ASSERT_EQ(now, counted_solid(run.world, run.sim, run.table));
      stored = now;
    }
    const std::vector<field> fields = run.sim.fields(run.world.ex());
    const bool hole = value_at<std::int32_t>(fields, "rock_top", cell) < 0;
    EXPECT_EQ(hole, edits.back().material == air && edits.front().material == air);
    const bool held = value_at<std::int64_t>(fields, "boundary_height", cell + 1) !=
                      std::numeric_limits<std::int64_t>::min();
    EXPECT_EQ(held, hole) << "a column beside a hole is held";
  }
}

/// Ground that a step drives out of the region: (pass, column) of the error.
void expect_refused(
    pass_world& world, passes::simulation& sim, double dt, const char* pass, const char* column) {
  const std::string before = whole_state(world, sim);
  const std::uint64_t batch = world.overlay().current().batch_number();
  try {
    sim.step(world.ex(), dt, 5);
    FAIL() << "the step was done";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::out_of_range);
    EXPECT_NE(std::string(e.what()).find(pass), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find(column), std::string::npos) << e.what();
  }
  EXPECT_EQ(whole_state(world, sim), before);
  EXPECT_EQ(world.overlay().current().batch_number(), batch);
}

TEST(simulation, leaving_the_range_below_changes_nothing) {
  material_table table;
  pass_world world({5, 4, 16}, [](voxel v) { return v.z < 8 ? material_id{4} : air; });
  passes::simulation sim(world.ex(), world.overlay(), geometry(10.0, 1.0), table,
                         {uplift_parameters{1e-2}, diffusion_parameters{0.1}});
  sim.derive(world.ex());
  sim.step(world.ex(), 100.0, 0);
  expect_refused(world, sim, 900.0, "boundary", "(0, 0)");
  sim.step(world.ex(), 100.0, 1);
}

TEST(simulation, leaving_the_range_above_changes_nothing) {
  material_table table;
  // The frame sinks below full columns: what creeps in from the sides has no room.
  pass_world world({5, 3, 16},
                   [](voxel v) { return v.z < (v.x == 2 ? 15 : 16) ? material_id{4} : air; });
  passes::simulation sim(world.ex(), world.overlay(), geometry(10.0, 1.0), table,
                         {uplift_parameters{-1e-2}, diffusion_parameters{0.1}});
  sim.derive(world.ex());
  expect_refused(world, sim, 300.0, "diffusion", "(1, 1)");
}

TEST(simulation, a_refused_allocation_changes_nothing) {
  rough_run run;
  run.step(0);
  run.world.overlay().write(run.world.ex(), std::vector<voxel_edit>{{{10, 8, 50}, 5}}, 1);
  int failures = 0;
  for (std::int64_t n = 0;; ++n) {
    ASSERT_LT(n, 400);
    const std::string before = whole_state(run.world, run.sim);
    run.sim.reserve_deltas(3);
    run.world.pool().fail_allocation(n);
    try {
      run.step(1);
      run.world.pool().fail_allocation(-1);
      break;
    } catch (const error& e) {
      run.world.pool().fail_allocation(-1);
      ASSERT_EQ(e.code(), errc::out_of_memory);
      ASSERT_EQ(whole_state(run.world, run.sim), before) << "allocation " << n;
      ++failures;
    }
  }
  EXPECT_GT(failures, 10);
  rough_run reference;
  reference.step(0);
  reference.world.overlay().write(reference.world.ex(), std::vector<voxel_edit>{{{10, 8, 50}, 5}},
                                  1);
  reference.step(1);
  EXPECT_EQ(whole_state(run.world, run.sim), whole_state(reference.world, reference.sim));
}

TEST(simulation, a_column_and_a_profile_are_worlds_too) {
  material_table table;
  for (const region_size size : {region_size{1, 1, 32}, region_size{1, 9, 32},
                                 region_size{9, 1, 32}, region_size{2, 2, 32}}) {
    SCOPED_TRACE(std::to_string(size.x) + " x " + std::to_string(size.y));
    pass_world world(size,
                     [](voxel v) { return v.z < 12 + (v.x + v.y) % 5 ? material_id{4} : air; });
    passes::simulation sim(world.ex(), world.overlay(), geometry(5.0, 1.0), table, both);
    sim.derive(world.ex());
    int128 stored = sim.stored(world.ex());
    for (int i = 0; i < 8; ++i) {
      const step_report report = sim.step(world.ex(), 100.0, i);
      ASSERT_EQ(sim.stored(world.ex()) - stored, net_of(report));
      stored = sim.stored(world.ex());
    }
    if (size.columns() == 1) {
      EXPECT_EQ(sim.surface(world.ex())[0], std::int64_t{12} << 20) << "no side, nothing to do";
    } else {
      // 8 x 100 years x 2 mm: the sides sink by 1.6 voxels in the frame.
      const std::int64_t sunk = std::llround(1.6 * (1 << 20));
      EXPECT_NEAR(static_cast<double>(sim.surface(world.ex())[0]),
                  static_cast<double>((std::int64_t{12} << 20) - sunk), 4.0);
    }
  }
}

TEST(simulation, empty_ground_is_outside_and_stays_empty) {
  material_table table;
  pass_world world({4, 4, 16}, [](voxel) { return air; });
  passes::simulation sim(world.ex(), world.overlay(), geometry(5.0, 1.0), table, both);
  sim.derive(world.ex());
  const step_report report = sim.step(world.ex(), 100.0, 0);
  EXPECT_EQ(report.deltas, 0);
  EXPECT_EQ(sim.stored(world.ex()), 0);
  EXPECT_EQ(sim.surface(world.ex())[5], std::numeric_limits<std::int64_t>::min());
}

TEST(simulation, a_step_brings_no_delta_to_the_host) {
  material_table table;
  const material_table usual;
  for (const material& m : usual.all()) {
    material gentle = m;
    gentle.repose_deg = 1.0;  // so that scree has to move
    table.set(gentle);
  }
  rough_ground ground;
  ground.size = {96, 96, 64};
  const std::vector<std::vector<pass_config>> lists = {
      both,
      {talus_parameters{8}},
      {uplift_parameters{2e-3}, stream_power_parameters{1e-4}, diffusion_parameters{0.5},
       talus_parameters{8}}};
  for (const std::vector<pass_config>& chosen : lists) {
    SCOPED_TRACE(std::to_string(chosen.size()) + " passes, the last is " +
                 pass_name(chosen.back()));
    pass_world world(ground.size, ground);
    passes::simulation sim(world.ex(), world.overlay(), geometry(5.0, 0.5), table, chosen);
    sim.derive(world.ex());
    for (int i = 0; i < 5; ++i) {
      const std::uint64_t before = world.pool().host_bytes_read();
      const step_report report = sim.step(world.ex(), 40.0, i);
      EXPECT_GT(report.deltas, 500);
      EXPECT_LE(world.pool().host_bytes_read() - before, 4096U);
    }
  }
}

TEST(simulation, load_names_what_is_wrong) {
  rough_run run;
  run.step(0);
  const std::vector<field> good = run.sim.fields(run.world.ex());
  const auto refused = [&](const std::vector<field>& fields, const std::string& what) {
    const std::string before = whole_state(run.world, run.sim);
    try {
      run.sim.load(run.world.ex(), fields, run.sim.frame());
      ADD_FAILURE() << "accepted: " << what;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
      EXPECT_NE(std::string(e.what()).find(what), std::string::npos) << e.what();
    }
    EXPECT_EQ(whole_state(run.world, run.sim), before);
  };
  std::vector<field> bad = good;
  bad.pop_back();
  refused(bad, "boundary_height");
  bad = good;
  bad.push_back(good[0]);
  refused(bad, "twice");
  bad.back().name = "moss";
  refused(bad, "moss");
  bad = good;
  bad[0].shape = {21, 17};
  refused(bad, "shape");
  bad = good;
  named(bad, "sediment").type = field_type::float64;
  refused(bad, "sediment");

  const std::int64_t cell = 8 * 21 + 10;
  ASSERT_GE(value_at<std::int32_t>(good, "rock_top", cell), 0);
  const auto with = [&]<class T>(const char* name, T value) {
    std::vector<field> changed = good;
    named(changed, name).as<T>()[static_cast<std::size_t>(cell)] = value;
    return changed;
  };
  refused(with("rock_top", std::int32_t{3}), "(10, 8)");
  refused(with("n_loose", std::int32_t{9}), "(10, 8)");
  refused(with("rock_material", std::uint16_t{14}), "(10, 8)");
  refused(with("residual", std::int32_t{0}), "(10, 8)");
  refused(with("sediment", std::int64_t{-1}), "(10, 8)");
  refused(with("sediment", std::int64_t{1} << 21), "(10, 8)");
  refused(with("remainder_east", std::int64_t{1} << 52), "(10, 8)");
  refused(with("boundary_height", std::int64_t{17}), "(10, 8)");
  run.sim.load(run.world.ex(), good, run.sim.frame());
}

// A height far outside would overflow the fluxes of diffusion, and so would a frame: a file may say
// anything.
TEST(simulation, load_refuses_boundary_heights_outside_the_region) {
  rough_run run;
  run.step(0);
  const passes::frame_position frame = run.sim.frame();
  const std::vector<field> good = run.sim.fields(run.world.ex());
  const std::string before = whole_state(run.world, run.sim);
  const auto held = find_field(good, "boundary_height").as<std::int64_t>();
  const auto none = std::numeric_limits<std::int64_t>::min();
  const std::size_t cell = static_cast<std::size_t>(
      std::find_if(held.begin(), held.end(), [&](std::int64_t h) { return h != none; }) -
      held.begin());
  ASSERT_LT(cell, held.size());
  const auto load = [&](std::int64_t height, passes::frame_position at) {
    std::vector<field> fields = good;
    named(fields, "boundary_height").as<std::int64_t>()[cell] = height;
    run.sim.load(run.world.ex(), fields, at);
  };
  const auto refused = [&](std::int64_t height, passes::frame_position at, const char* what) {
    try {
      load(height, at);
      ADD_FAILURE() << "accepted: " << height;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
      EXPECT_NE(std::string(e.what()).find(what), std::string::npos) << e.what();
    }
    EXPECT_EQ(whole_state(run.world, run.sim), before);
  };
  const std::int64_t most = (std::int64_t{run.world.size().z} + 2) * one_voxel;
  constexpr std::int64_t far = std::int64_t{1} << 42;
  for (const std::int64_t kept :
       {frame.offset + most + 1, frame.offset + far, frame.offset - far, frame.offset - 1, none + 1,
        std::numeric_limits<std::int64_t>::max()}) {
    refused(kept, frame, "boundary_height");
  }
  for (const std::int64_t offset : {(std::int64_t{1} << 62) + 1, none}) {
    refused(0, {offset, 0}, "the frame's offset");
  }
  // What is accepted and still cannot be kept is the step's to refuse.
  load(frame.offset + most, frame);
  EXPECT_THROW(run.step(1), error);
}

TEST(simulation, refuses_parameters_that_mean_nothing) {
  material_table table;
  pass_world world({4, 4, 16}, [](voxel v) { return v.z < 4 ? material_id{4} : air; });
  const auto refused = [&](const std::vector<pass_config>& passes, region_geometry g) {
    try {
      passes::simulation sim(world.ex(), world.overlay(), g, table, passes);
      sim.derive(world.ex());
      sim.step(world.ex(), 10.0, 0);
      ADD_FAILURE() << "accepted";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument) << e.what();
    }
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  refused({uplift_parameters{nan}}, geometry(1.0, 1.0));
  refused({diffusion_parameters{-1.0}}, geometry(1.0, 1.0));
  refused({diffusion_parameters{1e12}}, geometry(1.0, 1.0));
  refused({uplift_parameters{1e9}}, geometry(1.0, 1.0));
  refused({uplift_parameters{}, uplift_parameters{}}, geometry(1.0, 1.0));
  refused({uplift_parameters{}}, geometry(0.0, 1.0));
  refused({uplift_parameters{}}, geometry(1.0, nan));
  passes::simulation sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table, both);
  EXPECT_THROW(sim.step(world.ex(), 1.0, 0), error) << "no columns yet";
  sim.derive(world.ex());
  EXPECT_THROW(sim.step(world.ex(), 0.0, 0), error);
  EXPECT_THROW(sim.step(world.ex(), nan, 0), error);
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
