// The façade on a device: writes, snapshots, refusals, the overlay's policy, simulating.
#include "lithify/world.hpp"

#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/scenario.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace {

using lithify::air;
using lithify::consolidation_strategy;
using lithify::errc;
using lithify::material_id;
using lithify::snapshot;
using lithify::voxel;
using lithify::voxel_edit;
using lithify::world;
using lithify::world_config;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string device() {
  const char* const name = std::getenv("LITHIFY_TEST_DEVICE");
  return name == nullptr ? "cpu" : name;
}

world_config config(lithify::region_size size = {20, 12, 40}) {
  world_config c;
  c.size = size;
  c.overlay.threshold = 1 << 20;
  return c;
}

template <class F>
std::string refusal(errc code, F&& call) {
  try {
    call();
  } catch (const lithify::error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

TEST(world, shows_a_batch_at_once_and_keeps_old_snapshots) {
  world w = world::create(config(), device());
  const snapshot empty = w.current();
  EXPECT_EQ(w.commit(std::vector<voxel_edit>{{{1, 2, 3}, 4}, {{1, 2, 3}, 5}, {{0, 0, 0}, 6}}), 1U);
  const snapshot one = w.current();
  EXPECT_EQ(w.commit(std::vector<voxel_edit>{{{1, 2, 3}, 7}}), 2U);
  EXPECT_EQ(empty.material({1, 2, 3}), air);
  EXPECT_EQ(one.material({1, 2, 3}), 5) << "the last write of a batch wins";
  EXPECT_EQ(w.current().material({1, 2, 3}), 7);
  EXPECT_EQ(one.delta_count(), 2);
  EXPECT_EQ(one.patch_version({1, 2, 3}), 1U);
  EXPECT_EQ(w.current().patch_version({1, 2, 3}), 2U);
  EXPECT_EQ(w.current().patch_version({5, 5, 5}), std::nullopt);
  EXPECT_TRUE(one.has_delta({0, 0, 0}));
  EXPECT_FALSE(one.has_delta({0, 0, 1}));
}

// 2^63 voxels pass 64 signed bits, and their bytes all but 64 unsigned ones.
TEST(world, reads_the_largest_boxes_or_says_that_they_do_not_fit) {
  constexpr std::int32_t edge = lithify::max_extent;
  lithify::world_config huge = config({edge, edge, edge});
  huge.memory_limit_bytes = std::size_t{1} << 30;  // sanitizers end a program that asks for more
  world w = world::create(huge, device());
  w.commit(std::vector<voxel_edit>{{{7, 8, 9}, 4}});
  const snapshot s = w.current();
  const lithify::voxel_box all = w.config().size.box();
  for (const std::int32_t top : {edge, edge - 1, edge / 2 + 1, edge / 2}) {
    lithify::voxel_box part = all;
    part.max.z = top;
    for (const int lod : {0, 1}) {
      SCOPED_TRACE("top " + std::to_string(top) + ", lod " + std::to_string(lod));
      EXPECT_THAT(refusal(errc::out_of_memory, [&] { (void)s.box(part, lod); }), Not(IsEmpty()));
      EXPECT_THAT(refusal(errc::out_of_memory, [&] { (void)s.columns(part, lod); }),
                  Not(IsEmpty()));
    }
  }
  EXPECT_THAT(refusal(errc::out_of_memory, [&] { (void)s.tops(); }), Not(IsEmpty()));
  EXPECT_EQ(s.box(all, 21), std::vector<material_id>{air});
  EXPECT_EQ(s.columns(all, 21).span.size(), 1U);
  // What is of one material takes no room, however large it is.
  lithify::int128 volume = 0;
  int found = 0;
  for (const lithify::cube_run& run : s.runs(all, 0)) {
    const voxel low = run.box.min;
    const voxel high = run.box.max;
    volume += lithify::int128{high.x - low.x} * (high.y - low.y) * (high.z - low.z);
    found += run.material == 4 ? 1 : 0;
  }
  EXPECT_EQ(volume, lithify::int128{1} << 63);
  EXPECT_EQ(found, 1);
  EXPECT_EQ(world::create(huge, device()).current().runs(all, 0).size(), 1U);
}

TEST(world, reverts_by_writing) {
  world w = world::create(config(), device());
  const snapshot before = w.current();
  const auto digest = w.state_digest();
  w.commit(std::vector<voxel_edit>{{{1, 2, 3}, 4}, {{4, 5, 6}, 5}});
  EXPECT_NE(w.state_digest(), digest);
  w.revert(std::vector<voxel>{{1, 2, 3}, {4, 5, 6}}, before);
  EXPECT_EQ(w.current().delta_count(), 0);
  EXPECT_EQ(w.current().batch_number(), 2U);
  EXPECT_EQ(w.state_digest(), digest);
}

TEST(world, refuses_to_revert_to_a_snapshot_of_another_world) {
  world w = world::create(config(), device());
  world other = world::create(config(), device());
  w.commit(std::vector<voxel_edit>{{{1, 2, 3}, 4}});
  const auto digest = w.state_digest();
  const std::vector<voxel> at = {{1, 2, 3}};
  const snapshot then = other.current();
  EXPECT_THAT(refusal(errc::invalid_argument, [&] { w.revert(at, then); }),
              HasSubstr("of another world: revert to one that this world's current() gave"));
  EXPECT_EQ(w.current().batch_number(), 1U);
  EXPECT_EQ(w.state_digest(), digest);
  // A world that was moved, or has loaded other voxels, is the same world.
  const snapshot own = w.current();
  world moved = std::move(w);
  moved.load(own.image(), 5);
  EXPECT_EQ(moved.revert(at, own), 6U);
}

TEST(world, consolidates_without_changing_what_is_seen) {
  world w = world::create(config(), device());
  std::vector<voxel_edit> edits;
  for (int i = 0; i < 500; ++i) {
    edits.push_back({{i % 20, i / 20 % 12, i * 7 % 40}, static_cast<material_id>(i % 9)});
  }
  w.commit(edits);
  const auto digest = w.state_digest();
  const std::vector<material_id> seen = w.current().box(w.config().size.box());
  std::vector<std::string> steps;
  const auto report = w.consolidate(consolidation_strategy::all,
                                    [&](const char* step) { steps.emplace_back(step); });
  EXPECT_GT(report.deltas, 0);
  EXPECT_FALSE(steps.empty());
  EXPECT_EQ(w.current().delta_count(), 0);
  EXPECT_EQ(w.state_digest(), digest);
  EXPECT_EQ(w.current().box(w.config().size.box()), seen);
  EXPECT_EQ(w.statistics().consolidations, 1);
  EXPECT_EQ(w.statistics().overlay_slots, 0);
}

TEST(world, survives_a_hook_that_throws_and_one_that_commits) {
  world w = world::create(config(), device());
  w.commit(std::vector<voxel_edit>{{{1, 2, 3}, 4}});
  const auto digest = w.state_digest();
  EXPECT_THROW(w.consolidate(consolidation_strategy::all,
                             [](const char*) { throw std::runtime_error("x"); }),
               std::runtime_error);
  EXPECT_EQ(w.state_digest(), digest);
  EXPECT_EQ(w.current().delta_count(), 1);
  bool committed = false;
  w.consolidate(consolidation_strategy::all, [&](const char*) {
    if (!committed) {
      w.commit(std::vector<voxel_edit>{{{7, 7, 7}, 9}});
      committed = true;
    }
  });
  EXPECT_EQ(w.current().material({1, 2, 3}), 4);
  EXPECT_EQ(w.current().material({7, 7, 7}), 9);
  EXPECT_EQ(w.current().delta_count(), 1) << "what came meanwhile waits for the next one";
}

TEST(world, is_not_replaced_inside_a_consolidation) {
  world w = world::create(config(), device());
  std::vector<voxel_edit> edits;
  for (std::int32_t i = 0; i < 16; ++i) {
    edits.push_back({{i, 3, i}, 4});
  }
  w.commit(edits);
  const std::int64_t columns = w.config().size.columns();
  std::vector<std::int64_t> offset;
  for (std::int64_t c = 0; c <= columns; ++c) {
    offset.push_back(c);
  }
  const std::vector<std::int32_t> top(static_cast<std::size_t>(columns), 9);
  const std::vector<material_id> material(static_cast<std::size_t>(columns), 5);
  const lithify::voxel_image image = w.current().image();
  const auto digest = w.state_digest();
  int refused = 0, steps = 0;
  w.consolidate(consolidation_strategy::all, [&](const char* step) {
    SCOPED_TRACE(step);
    ++steps;
    const auto expect_refused = [&](const auto& call) {
      try {
        call();
      } catch (const lithify::error& e) {
        EXPECT_EQ(e.code(), lithify::errc::invalid_argument) << e.what();
        ++refused;
      }
    };
    expect_refused([&] { w.build(offset, top, material); });
    expect_refused([&] { w.load(image, 7); });
  });
  EXPECT_GT(steps, 4);
  EXPECT_EQ(refused, 2 * steps);
  EXPECT_EQ(w.state_digest(), digest);
  EXPECT_EQ(w.current().delta_count(), 0);
  EXPECT_EQ(w.current().material({5, 3, 5}), 4);
}

TEST(world, drains_the_overlay_to_half_its_threshold) {
  for (const auto strategy :
       {consolidation_strategy::all, consolidation_strategy::lazy_threshold}) {
    world_config c = config({64, 64, 64});
    c.overlay = {100, strategy};
    world w = world::create(c, device());
    for (int batch = 0; batch < 30; ++batch) {
      std::vector<voxel_edit> edits;
      for (int i = 0; i < 30; ++i) {
        edits.push_back({{i, batch, 5}, 4});
      }
      w.commit(edits);
      EXPECT_LE(w.statistics().overlay_slots, 100);
    }
    EXPECT_GT(w.statistics().consolidations, 3);
    EXPECT_LT(w.statistics().consolidations, 30);
  }
}

TEST(world, refuses_and_names_what_is_outside) {
  world w = world::create(config(), device());
  const std::vector<voxel_edit> bad = {{{0, 0, 0}, 4}, {{20, 0, 0}, 4}};
  EXPECT_THAT(refusal(errc::outside_region, [&] { w.commit(bad); }), HasSubstr("(20, 0, 0)"));
  EXPECT_EQ(w.current().material({0, 0, 0}), air) << "nothing of a refused batch is written";
  EXPECT_EQ(w.current().batch_number(), 0U);
  const snapshot s = w.current();
  EXPECT_THAT(refusal(errc::outside_region,
                      [&] {
                        (void)s.material({0, -1, 0});
                      }),
              HasSubstr("(0, -1, 0)"));
  refusal(errc::outside_region, [&] { (void)s.box({{0, 0, 0}, {21, 1, 1}}); });
  refusal(errc::invalid_argument, [&] { (void)s.box({{3, 0, 0}, {3, 1, 1}}); });
  refusal(errc::invalid_argument, [&] { (void)s.material({0, 0, 0}, 22); });
  refusal(errc::invalid_argument, [&] { (void)s.material({0, 0, 0}, -1); });
  refusal(errc::invalid_argument, [&] { w.commit(std::vector<voxel_edit>{{{0, 0, 0}, 999}}); });
  refusal(errc::invalid_argument, [&] { w.step(1.0); });
}

TEST(world, refuses_configurations_out_of_range) {
  for (const lithify::region_size size :
       {lithify::region_size{0, 1, 1}, {1, -1, 1}, {1, 1, (1 << 21) + 1}}) {
    refusal(errc::invalid_argument, [&] { (void)world::create(config(size), device()); });
  }
  world_config c = config();
  c.geometry.cell_size_m = std::nan("");
  refusal(errc::invalid_argument, [&] { (void)world::create(c, device()); });
  c = config();
  c.overlay.threshold = 0;
  refusal(errc::invalid_argument, [&] { (void)world::create(c, device()); });
  refusal(errc::invalid_argument, [&] { (void)world::create(config(), "gpu"); });
  refusal(errc::not_found, [&] { (void)world::create(config(), "cuda:77"); });
  c = config();
  c.memory_limit_bytes = 1;
  refusal(errc::out_of_memory, [&] { (void)world::create(c, device()); });
}

TEST(world, builds_columns_and_comes_back_from_its_image) {
  world w = world::create(config({3, 2, 40}), device());
  const std::vector<std::int64_t> offset = {0, 2, 2, 3, 4, 5, 6};
  const std::vector<std::int32_t> top = {3, 9, 40, 1, 2, 3};
  const std::vector<material_id> material = {5, 2, 4, 4, 4, 4};
  w.build(offset, top, material);
  EXPECT_THAT(w.current().tops(), ElementsAre(8, -1, 39, 0, 1, 2));
  EXPECT_EQ(w.current().material({0, 0, 2}), 5);
  EXPECT_EQ(w.current().material({0, 0, 3}), 2);
  w.commit(std::vector<voxel_edit>{{{1, 0, 0}, 6}}, 41);
  world copy = world::create(w.config(), device());
  copy.load(w.current().image(), w.current().batch_number(), w.current().newest_tick());
  EXPECT_EQ(copy.current().content_digest(), w.current().content_digest());
  EXPECT_EQ(copy.current().batch_number(), w.current().batch_number());
  EXPECT_EQ(copy.current().newest_tick(), 41);
  EXPECT_EQ(copy.current().delta_count(), 1);
  copy.build(offset, top, material);
  EXPECT_EQ(copy.current().newest_tick(), 41);

  std::vector<std::int32_t> falling = top;
  falling[1] = 3;
  EXPECT_THAT(refusal(errc::invalid_argument, [&] { w.build(offset, falling, material); }),
              HasSubstr("column (0, 0)"));
  refusal(errc::invalid_argument, [&] { w.build({}, {}, {}); });
  refusal(errc::invalid_argument,
          [&] { world::create(config(), device()).load(w.current().image(), 1); });
}

TEST(world, lets_a_snapshot_outlive_it) {
  std::optional<snapshot> kept;
  {
    world w = world::create(config(), device());
    w.commit(std::vector<voxel_edit>{{{1, 2, 3}, 4}});
    kept = w.current();
  }
  EXPECT_EQ(kept->material({1, 2, 3}), 4);
  EXPECT_EQ(kept->delta_count(), 1);
}

TEST(world, is_read_by_many_threads_while_one_writes) {
  world_config c = config({32, 32, 32});
  c.overlay.threshold = 200;
  world w = world::create(c, device());
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      while (!done) {
        // A batch writes one material everywhere in a plane: a snapshot sees all of it or none.
        const snapshot s = w.current();
        const std::vector<material_id> plane = s.box({{0, 0, 7}, {32, 1, 8}});
        wrong += std::count(plane.begin(), plane.end(), plane[0]) != 32;
        wrong += s.material({5, 0, 7}) != plane[0];
      }
    });
  }
  for (int batch = 0; batch < 60; ++batch) {
    std::vector<voxel_edit> edits;
    for (int x = 0; x < 32; ++x) {
      edits.push_back({{x, 0, 7}, static_cast<material_id>(batch % 16)});
      edits.push_back({{x, 1 + batch % 31, batch % 32}, 4});
    }
    w.commit(edits);
  }
  done = true;
  readers.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(w.statistics().consolidations, 0);
}

TEST(simulated_world, closes_its_books_and_counts_edits_of_others) {
  const lithify::test::temporary_folder folder;
  const auto s = lithify::engine::read_scenario(lithify::test::write_small_world(folder));
  world w = lithify::engine::make_world(lithify::engine::read_columns(s.world, s.materials),
                                        s.materials, s.overlay, s.passes, device());
  lithify::int128 expected = w.stored();
  const auto tops = w.current().tops();
  w.commit(std::vector<voxel_edit>{{{4, 4, tops[4 * 16 + 4] + 1}, 5}});
  for (int i = 0; i < 3; ++i) {
    const lithify::step_report report = w.step(100.0);
    for (const auto& pass : report.passes) {
      expected += pass.in - pass.out - pass.exported;
    }
    expected += report.edited;
    EXPECT_EQ(report.edited != 0, i == 0);
    EXPECT_TRUE(w.stored() == expected) << "step " << i;
  }
  EXPECT_EQ(w.simulation().step, 3);
  EXPECT_EQ(w.simulation().time_yr, 300.0);
}

}  // namespace
