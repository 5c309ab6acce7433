/// What a step shows between its stages: digests that depend on nothing but the state, and values.
#include "lithify/device/threads.hpp"
#include "passes_rig.cuh"
#include "plain_murmur.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

using passes::stage_state;

/// Two chunks along x, two along y, the last ones narrow.
rough_ground wide_ground() {
  rough_ground ground;
  ground.size = {150, 131, 48};
  return ground;
}

const std::vector<pass_config> all_passes = {uplift_parameters{2e-3}, diffusion_parameters{0.5},
                                             stream_power_parameters{1e-5}, talus_parameters{}};

/// Everything that a watch sees of `steps` steps.
std::vector<pass_digests> digests_of(rough_run& run, int steps) {
  std::vector<pass_digests> seen;
  for (int i = 0; i < steps; ++i) {
    run.sim.step(run.world.ex(), 40.0, i, [&](const stage_state& state) {
      seen.push_back(passes::digest_stage(run.world.ex(), state));
    });
  }
  return seen;
}

bool equal(const pass_digests& a, const pass_digests& b) {
  return a.pass == b.pass && a.frame_offset == b.frame_offset &&
         a.frame_remainder == b.frame_remainder && a.parts == b.parts;
}

void expect_equal(const std::vector<pass_digests>& a, const std::vector<pass_digests>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(equal(a[i], b[i])) << "record " << i << ", pass " << a[i].pass;
  }
}

TEST(stage_trace, shows_every_stage_once_and_in_order) {
  for (const std::int64_t room : {1, 1 << 20}) {
    SCOPED_TRACE("a table for " + std::to_string(room) + " deltas");
    rough_run run({}, false, all_passes);
    run.step(0);
    run.sim.reserve_deltas(room);
    std::vector<std::string> seen;
    std::vector<std::int64_t> frames;
    const passes::frame_position before = run.sim.frame();
    run.sim.step(run.world.ex(), 40.0, 1, [&](const stage_state& state) {
      seen.emplace_back(state.pass);
      frames.push_back(state.frame_offset);
    });
    EXPECT_EQ(seen, (std::vector<std::string>{"start", "uplift", "diffusion", "stream_power",
                                              "talus", "boundary"}));
    const std::int64_t after = run.sim.frame().offset;
    EXPECT_GT(after, before.offset);
    EXPECT_EQ(frames,
              (std::vector<std::int64_t>{before.offset, after, after, after, after, after}));
  }
}

TEST(stage_trace, changes_nothing) {
  rough_run watched({}, false, all_passes);
  rough_run plain({}, false, all_passes);
  for (int i = 0; i < 4; ++i) {
    watched.sim.reserve_deltas(i % 2 == 0 ? 1 : 1000);
    (void)digests_of(watched, 1);
    plain.step(0);
    ASSERT_EQ(whole_state(watched.world, watched.sim), whole_state(plain.world, plain.sim));
  }
}

TEST(stage_trace, digests_are_the_same_in_every_order_and_on_a_late_stream) {
  std::vector<pass_digests> expected;
  for (std::uint64_t order = 0; order <= (LITHIFY_ON_CUDA ? 0 : 3); ++order) {
    for (const bool late : {false, true}) {
      SCOPED_TRACE("work order " + std::to_string(order) + (late ? ", late" : ""));
      device::work_order::set_seed(order);
      rough_run run({}, late, all_passes);
      run.sim.reserve_deltas(1 + static_cast<std::int64_t>(order) * 100);  // tables of any size
      const std::vector<pass_digests> seen = digests_of(run, 3);
      device::work_order::set_seed(0);
      if (expected.empty()) {
        expected = seen;
      }
      expect_equal(seen, expected);
    }
  }
}

TEST(stage_trace, digests_are_the_same_on_any_number_of_threads) {
  std::vector<pass_digests> expected;
  for (const int threads : {1, 2, 16}) {
    SCOPED_TRACE(std::to_string(threads) + " threads");
    device::with_threads(threads, [&] {
      rough_run run(wide_ground());
      const std::vector<pass_digests> seen = digests_of(run, 2);
      if (expected.empty()) {
        expected = seen;
      }
      expect_equal(seen, expected);
    });
  }
}

/// One more of what a field holds at a cell.
void add_one(device::exec ex, const passes::stage_field& f, std::int64_t cell, int by) {
  const auto add = [&]<class T>(T* values) {
    const T value = static_cast<T>(device::read(ex, values + cell) + by);
    device::copy_to_device(ex, values + cell, &value, 1);
  };
  switch (f.type) {
    case field_type::uint16:
      return add(static_cast<std::uint16_t*>(f.values));
    case field_type::int32:
      return add(static_cast<std::int32_t*>(f.values));
    default:
      return add(static_cast<std::int64_t*>(f.values));
  }
}

TEST(stage_trace, one_quantum_changes_its_field_in_its_chunk_alone) {
  rough_run run(wide_ground(), false, all_passes);
  const device::exec ex = run.world.ex();
  const std::int64_t nx = 150;
  std::int64_t checked = 0;
  std::int64_t fields = 0;
  run.sim.step(ex, 40.0, 0, [&](const stage_state& state) {
    if (std::string(state.pass) != "diffusion") {
      return;
    }
    const pass_digests before = passes::digest_stage(ex, state);
    ASSERT_EQ(before.parts.size(), state.fields.size() + 1) << "the deltas";
    fields = static_cast<std::int64_t>(state.fields.size());
    for (std::size_t f = 0; f < state.fields.size(); ++f) {
      // The corners of the four chunks, first and last columns and rows.
      for (const std::int64_t cell :
           {std::int64_t{0}, std::int64_t{127}, std::int64_t{128}, std::int64_t{149}, 127 * nx,
            128 * nx, 130 * nx + 127, 130 * nx + 149}) {
        add_one(ex, state.fields[f], cell, 1);
        const pass_digests planted = passes::digest_stage(ex, state);
        add_one(ex, state.fields[f], cell, -1);
        const std::size_t chunk = static_cast<std::size_t>(cell / nx / 128 * 2 + cell % nx / 128);
        for (std::size_t p = 0; p < before.parts.size(); ++p) {
          for (std::size_t c = 0; c < 4; ++c) {
            EXPECT_EQ(planted.parts[p].chunk[c] == before.parts[p].chunk[c], p != f || c != chunk)
                << state.fields[f].name << " at cell " << cell << ": " << before.parts[p].name
                << ", chunk " << c;
          }
        }
        ++checked;
      }
    }
    EXPECT_TRUE(equal(passes::digest_stage(ex, state), before));
  });
  EXPECT_GE(fields, 9);
  EXPECT_EQ(checked, fields * 8);
}

TEST(stage_trace, two_values_that_change_places_do_show) {
  rough_run run;
  const device::exec ex = run.world.ex();
  const auto swap = [&](const stage_state& state) {
    auto* const rock_top = static_cast<std::int32_t*>(state.fields[0].values);
    for (const std::int64_t other : {std::int64_t{1}, std::int64_t{21}}) {  // in a row, in a column
      std::int32_t two[2] = {device::read(ex, rock_top), device::read(ex, rock_top + other)};
      two[1] += two[0] == two[1] ? 1 : 0;
      device::copy_to_device(ex, rock_top, &two[0], 1);
      device::copy_to_device(ex, rock_top + other, &two[1], 1);
      const pass_digests one_way = passes::digest_stage(ex, state);
      device::copy_to_device(ex, rock_top, &two[1], 1);
      device::copy_to_device(ex, rock_top + other, &two[0], 1);
      EXPECT_FALSE(equal(passes::digest_stage(ex, state), one_way));
    }
    throw std::runtime_error("enough");
  };
  EXPECT_THROW(run.sim.step(ex, 40.0, 0, swap), std::runtime_error);
}

// What follows is another implementation, of README.md alone.

std::uint64_t word_at(const field& f, std::int64_t i) {
  const auto at = static_cast<std::size_t>(i);
  switch (f.type) {
    case field_type::uint16:
      return f.as<std::uint16_t>()[at];
    case field_type::int32:
      return static_cast<std::uint64_t>(std::int64_t{f.as<std::int32_t>()[at]});
    default:
      return static_cast<std::uint64_t>(f.as<std::int64_t>()[at]);
  }
}

TEST(stage_trace, equals_a_second_implementation_and_the_simulation_itself) {
  rough_run run(wide_ground(), false, all_passes);
  const device::exec ex = run.world.ex();
  run.step(0);
  pass_digests last;
  std::vector<chunk_values> chunks;
  run.sim.step(ex, 40.0, 1, [&](const stage_state& state) {
    last = passes::digest_stage(ex, state);
    chunks.clear();
    for (const chunk_place chunk :
         {chunk_place{0, 0}, chunk_place{1, 0}, chunk_place{0, 1}, chunk_place{1, 1}}) {
      chunks.push_back(passes::read_chunk(ex, state, chunk));
    }
  });
  EXPECT_EQ(last.pass, "boundary");
  const std::vector<field> fields = run.sim.fields(ex);
  ASSERT_EQ(fields.size() + 1, last.parts.size());
  const region_size size = run.world.size();
  for (std::size_t c = 0; c < 4; ++c) {
    const voxel_box box = box_of(chunks[c].chunk, size);
    ASSERT_EQ(chunks[c].fields.size(), fields.size());
    for (std::size_t f = 0; f < fields.size(); ++f) {
      EXPECT_EQ(chunks[c].fields[f].name, fields[f].name);
      EXPECT_EQ(last.parts[f].name, fields[f].name);
      digest128 sum;
      std::int64_t i = 0;
      for (std::int32_t y = box.min.y; y < box.max.y; ++y) {
        std::vector<std::uint64_t> row;
        for (std::int32_t x = box.min.x; x < box.max.x; ++x) {
          row.push_back(word_at(fields[f], std::int64_t{y} * size.x + x));
          ASSERT_EQ(word_at(chunks[c].fields[f], i++), row.back());
        }
        row.resize((row.size() + 1) / 2 * 2);
        block_list blocks;
        for (std::size_t k = 0; k < row.size(); k += 2) {
          blocks.add(row[k], row[k + 1]);
        }
        blocks.add_to(sum, static_cast<std::uint64_t>(y));
      }
      EXPECT_EQ(last.parts[f].chunk[c], sum) << fields[f].name << ", chunk " << c;
    }
    digest128 sum;
    for (const traced_delta& d : chunks[c].deltas) {
      EXPECT_TRUE(box.contains(d.at));
      block_list blocks;
      blocks.add(morton_encode(d.at), d.order << 16 | d.material);
      blocks.add_to(sum, 0);
    }
    EXPECT_EQ(last.parts.back().name, "deltas");
    EXPECT_EQ(last.parts.back().chunk[c], sum) << "chunk " << c;
    EXPECT_TRUE(std::is_sorted(chunks[c].deltas.begin(), chunks[c].deltas.end(),
                               [](const traced_delta& a, const traced_delta& b) {
                                 return a.at.y != b.at.y   ? a.at.y < b.at.y
                                        : a.at.x != b.at.x ? a.at.x < b.at.x
                                                           : a.at.z < b.at.z;
                               }));
  }
  EXPECT_GT(chunks[0].deltas.size(), 100U);
  // What the batch wrote is what the world holds now.
  const std::vector<material_id> voxels = run.world.voxels();
  for (const traced_delta& d : chunks[3].deltas) {
    ASSERT_EQ(voxels[static_cast<std::size_t>((std::int64_t{d.at.z} * size.y + d.at.y) * size.x +
                                              d.at.x)],
              d.material);
  }
}

TEST(stage_trace, one_delta_shows_in_its_chunk_alone) {
  device::memory_pool pool;
  const device::stream stream;
  const device::exec ex{stream.ref(), &pool};
  const region_size size{150, 131, 48};
  const auto digests = [&](const std::vector<std::pair<voxel, std::uint64_t>>& writes) {
    device::buffer<deltas::bucket> buckets(ex, 4);
    std::vector<deltas::bucket> host(4);
    const deltas::table_view table{host.data(), 4};
    for (deltas::bucket& b : host) {
      std::fill(std::begin(b.key), std::end(b.key), no_key);
      std::fill(std::begin(b.value), std::end(b.value), 0);
    }
    for (const auto& [at, value] : writes) {
      EXPECT_TRUE(table.insert(morton_encode(at), value));
    }
    device::copy_to_device(ex, buckets.data(), host.data(), 4);
    const stage_state state{"diffusion", 0, 0, size, {}, {buckets.data(), 4}};
    return passes::digest_stage(ex, state).parts.at(0).chunk;
  };
  const voxel a{3, 4, 5}, b{140, 130, 47};
  const auto none = digests({});
  EXPECT_EQ(none, std::vector<digest128>(4));
  const auto both = digests({{a, deltas::pack_value(1, 7)}, {b, deltas::pack_value(2, 0)}});
  EXPECT_EQ(both, digests({{b, deltas::pack_value(2, 0)}, {a, deltas::pack_value(1, 7)}}));
  EXPECT_EQ(both[1], digest128{});
  EXPECT_EQ(both[2], digest128{});
  for (const auto& other :
       {digests({{a, deltas::pack_value(1, 7)}}),
        digests({{a, deltas::pack_value(1, 7)}, {b, deltas::pack_value(2, 1)}}),
        digests({{a, deltas::pack_value(1, 7)}, {b, deltas::pack_value(3, 0)}}),
        digests({{a, deltas::pack_value(1, 7)}, {{140, 130, 46}, deltas::pack_value(2, 0)}})}) {
    EXPECT_EQ(other[0], both[0]);
    EXPECT_NE(other[3], both[3]);
  }
}

TEST(stage_trace, a_watch_that_throws_stops_the_step_whole) {
  rough_run run;
  run.step(0);
  const std::string before = whole_state(run.world, run.sim);
  for (const char* pass : {"start", "uplift", "diffusion", "boundary"}) {
    EXPECT_THROW(run.sim.step(run.world.ex(), 40.0, 1,
                              [&](const stage_state& state) {
                                if (std::string(state.pass) == pass) {
                                  throw std::runtime_error(pass);
                                }
                              }),
                 std::runtime_error);
    EXPECT_EQ(whole_state(run.world, run.sim), before) << pass;
  }
}

TEST(stage_trace, a_refused_allocation_of_a_watch_changes_nothing) {
  rough_run run;
  run.step(0);
  const std::string before = whole_state(run.world, run.sim);
  int failures = 0;
  for (std::int64_t n = 0;; ++n) {
    ASSERT_LT(n, 100);
    rough_run copy;
    copy.step(0);
    try {
      copy.sim.step(copy.world.ex(), 40.0, 1, [&](const stage_state& state) {
        copy.world.pool().fail_allocation(n);
        (void)passes::digest_stage(copy.world.ex(), state);
        (void)passes::read_chunk(copy.world.ex(), state, {0, 0});
        copy.world.pool().fail_allocation(-1);
      });
      break;
    } catch (const error& e) {
      copy.world.pool().fail_allocation(-1);
      ASSERT_EQ(e.code(), errc::out_of_memory);
      ASSERT_EQ(whole_state(copy.world, copy.sim), before) << "allocation " << n;
      ++failures;
    }
  }
  EXPECT_GT(failures, 5);
}

TEST(stage_trace, a_world_of_one_column_has_one_chunk) {
  material_table table;
  pass_world world({1, 1, 16}, [](voxel v) { return v.z < 8 ? material_id{4} : air; });
  passes::simulation sim(world.ex(), world.overlay(), geometry(5.0, 1.0), table, both);
  sim.derive(world.ex());
  int seen = 0;
  sim.step(world.ex(), 10.0, 0, [&](const stage_state& state) {
    const pass_digests d = passes::digest_stage(world.ex(), state);
    EXPECT_EQ(d.parts.front().chunk.size(), 1U);
    const chunk_values values = passes::read_chunk(world.ex(), state, {0, 0});
    EXPECT_EQ(values.fields.front().as<std::int32_t>()[0], 7);
    EXPECT_TRUE(values.deltas.empty());
    ++seen;
  });
  EXPECT_EQ(seen, 4);
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
