// Consolidation: steps, strategies, failures, batches that arrive meanwhile.
#include "lithify/base/error.hpp"
#include "overlay_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::every_voxel;
using test::has_delta;
using test::in_every_order;
using test::material;
using test::materials;
using test::random_edits;

constexpr region_size small = {64, 48, 32};
constexpr auto all = consolidation_strategy::all;
constexpr auto lazy = consolidation_strategy::lazy_threshold;

std::uint64_t index_number(device::exec ex, const snapshot& s) {
  const reading voxels(ex, s);
  return voxels.index().number();
}

TEST(Consolidation, MovesEveryDeltaIntoTheIndex) {
  std::mt19937_64 random(1);
  const std::vector<voxel> at = every_voxel(small);
  in_every_order([&](device::exec ex) {
    octree::index index(ex, small);
    overlay world(ex, index);
    for (int round = 0; round < 4; ++round) {
      for (int b = 0; b < 3; ++b) {
        world.write(ex, random_edits(random, 700, small), b);
      }
      const snapshot before = world.current();
      const std::vector<material_id> stood = materials(ex, before, at);
      const reading voxels(ex, before);
      const std::int64_t deltas = voxels.merged().level[0].size;
      const std::int64_t differ = before.delta_count(ex);
      const consolidation_counts counts = world.consolidate(ex, all);
      EXPECT_EQ(counts.tables, 3);
      EXPECT_EQ(counts.deltas, deltas);
      EXPECT_EQ(counts.changed, differ);
      EXPECT_GT(counts.bricks, 0);
      const snapshot now = world.current();
      EXPECT_TRUE(now.tables().empty());
      EXPECT_EQ(world.claimed(), 0);
      EXPECT_EQ(now.delta_count(ex), 0);
      EXPECT_EQ(now.batch_number(), before.batch_number());
      EXPECT_EQ(materials(ex, now, at), stood);
      EXPECT_EQ(materials(ex, before, at), stood);
    }
    EXPECT_EQ(world.consolidate(ex, all).tables, 0) << "nothing is left";
  });
}

// Keys of the whole 63 bits do not fit a word beside their materials.
TEST(Consolidation, WorksWhereKeysAndMaterialsDoNotFitOneWord) {
  const region_size size = {max_extent, max_extent, max_extent};
  std::mt19937_64 random(2);
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, size);
  overlay world(ex, index);
  std::map<morton_key, material_id> model;
  for (int b = 0; b < 3; ++b) {
    std::vector<voxel_edit> edits = random_edits(random, 300, size);
    for (std::size_t i = 0; i + 1 < edits.size(); i += 2) {  // two in a brick
      edits[i + 1].at = edits[i].at;
      edits[i + 1].at.x ^= 5;
    }
    world.write(ex, edits, b);
    for (const voxel_edit& e : edits) {
      model[morton_encode(e.at)] = e.material;
    }
  }
  EXPECT_EQ(world.consolidate(ex, all).deltas, static_cast<std::int64_t>(model.size()));
  for (const auto& [key, m] : model) {
    EXPECT_EQ(material(ex, world.current(), morton_decode(key)), m);
  }
}

TEST(Consolidation, LazyTakesWholeOldestTablesUntilHalfIsIn) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::int32_t row = 0;
  const auto commit = [&](std::int32_t n) {
    std::vector<voxel_edit> edits;
    for (std::int32_t x = 0; x < n; ++x) {
      edits.push_back({{x, row, 0}, 3});
    }
    ++row;
    world.write(ex, edits, row);
  };
  commit(10);
  commit(30);
  commit(20);
  const consolidation_counts counts = world.consolidate(ex, lazy);
  EXPECT_EQ(counts.tables, 2);  // 10 are less than 30, 40 are not
  EXPECT_EQ(counts.deltas, 40);
  EXPECT_EQ(world.claimed(), 20);
  EXPECT_FALSE(has_delta(ex, world.current(), {9, 0, 0}));
  EXPECT_FALSE(has_delta(ex, world.current(), {9, 1, 0}));
  EXPECT_TRUE(has_delta(ex, world.current(), {9, 2, 0}));
  EXPECT_EQ(materials(ex, world.current(), {{9, 0, 0}, {9, 1, 0}, {9, 2, 0}, {10, 0, 0}}),
            (std::vector<material_id>{3, 3, 3, 0}));
  EXPECT_EQ(world.consolidate(ex, lazy).tables, 1);
  EXPECT_EQ(world.claimed(), 0);
  commit(10);
  commit(10);
  EXPECT_EQ(world.consolidate(ex, lazy).tables, 1) << "half is enough";
  EXPECT_EQ(world.claimed(), 10);
}

/// Names of the steps that a consolidation reports.
std::vector<std::string> steps_of(device::exec ex, overlay& world) {
  std::vector<std::string> steps;
  world.consolidate(ex, all, [&](const char* step) { steps.emplace_back(step); });
  return steps;
}

TEST(Consolidation, ReportsItsSteps) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  world.write(ex, std::vector<voxel_edit>{{{1, 1, 1}, 2}}, 0);
  const std::vector<std::string> steps = steps_of(ex, world);
  std::vector<std::string> own;
  for (const std::string& step : steps) {
    for (const char* name : {"select", "sort", "bricks", "merge", "publish"}) {
      if (step == name) {
        own.push_back(step);
      }
    }
  }
  EXPECT_EQ(own, (std::vector<std::string>{"select", "sort", "bricks", "merge", "publish"}));
  EXPECT_EQ(steps.back(), "publish");
  EXPECT_TRUE(steps_of(ex, world).empty()) << "there is nothing to do";
}

struct stop {};

TEST(Consolidation, AHookThatThrowsLeavesEverythingAsItWas) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::mt19937_64 random(3);
  const std::vector<voxel> at = every_voxel(small);
  world.write(ex, random_edits(random, 500, small), 0);
  world.consolidate(ex, all);
  world.write(ex, random_edits(random, 500, small), 1);
  world.write(ex, random_edits(random, 500, small), 2);
  const snapshot before = world.current();
  const std::vector<material_id> stood = materials(ex, before, at);
  std::size_t bytes = 0;
  int threw = 0;
  for (int step = 0;; ++step) {
    int reported = 0;
    try {
      world.consolidate(ex, all, [&](const char*) {
        if (reported++ == step) {
          throw stop{};
        }
      });
      break;
    } catch (const stop&) {
      ++threw;
      EXPECT_EQ(world.current().tables(), before.tables());
      EXPECT_EQ(index_number(ex, world.current()), index_number(ex, before));
      EXPECT_EQ(materials(ex, world.current(), at), stood);
      EXPECT_TRUE(bytes == 0 || pool.bytes_in_use() <= bytes) << "failures must not pile up";
      bytes = std::max(bytes, pool.bytes_in_use());
    }
    ASSERT_LT(step, 100);
  }
  EXPECT_GE(threw, 5);
  EXPECT_TRUE(world.current().tables().empty());
  EXPECT_EQ(materials(ex, world.current(), at), stood);
}

TEST(Consolidation, RunningOutOfMemoryAnywhereLeavesEverythingAsItWas) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::mt19937_64 random(4);
  const std::vector<voxel> at = every_voxel(small);
  world.write(ex, random_edits(random, 300, small), 0);
  world.consolidate(ex, all);
  world.write(ex, random_edits(random, 300, small), 1);
  world.write(ex, random_edits(random, 300, small), 2);
  const snapshot before = world.current();
  const std::vector<material_id> stood = materials(ex, before, at);
  std::int64_t failures = 0;
  for (;; ++failures) {
    pool.fail_allocation(failures);
    try {
      world.consolidate(ex, all);
      pool.fail_allocation(-1);
      break;
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::out_of_memory);
      pool.fail_allocation(-1);
      ASSERT_EQ(world.current().tables(), before.tables());
      ASSERT_EQ(materials(ex, world.current(), at), stood);
    }
    ASSERT_LT(failures, 1000);
  }
  EXPECT_GT(failures, 8);
  EXPECT_TRUE(world.current().tables().empty());
  EXPECT_EQ(materials(ex, world.current(), at), stood);
}

TEST(Consolidation, BatchesCommittedInsideAHookStayOnTop) {
  std::mt19937_64 random(5);
  const std::vector<voxel> at = every_voxel(small);
  in_every_order([&](device::exec ex) {
    octree::index index(ex, small);
    overlay world(ex, index);
    std::map<morton_key, material_id> model;
    const auto commit = [&](int n) {
      const std::vector<voxel_edit> edits = random_edits(random, n, small);
      world.write(ex, edits, n);
      for (const voxel_edit& e : edits) {
        model[morton_encode(e.at)] = e.material;
      }
    };
    const auto check = [&] {
      const std::vector<material_id> found = materials(ex, world.current(), at);
      for (std::size_t i = 0; i < at.size(); ++i) {
        const auto expected = model.find(morton_encode(at[i]));
        ASSERT_EQ(found[i], expected == model.end() ? air : expected->second) << to_string(at[i]);
      }
    };
    for (int b = 0; b < 6; ++b) {
      commit(400);
    }
    const std::uint64_t before = world.current().batch_number();
    std::uint64_t during = 0;
    world.consolidate(ex, all, [&](const char*) {
      commit(200);
      commit(50);
      during += 2;
      EXPECT_LE(world.current().tables().size(), static_cast<std::size_t>(max_tables));
      if (during <= 4) {
        check();
      }
    });
    EXPECT_EQ(world.current().batch_number(), before + during);
    EXPECT_LE(world.current().tables().size(), 4U);
    EXPECT_GE(world.current().tables().size(), 1U);
    check();
    world.consolidate(ex, all);
    EXPECT_TRUE(world.current().tables().empty());
    check();
  });
}

// What a failed consolidation held stands again beside the tables that came meanwhile.
TEST(Consolidation, AfterAFailureTheTablesAreMergedAgain) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::map<morton_key, material_id> model;
  std::mt19937_64 random(6);
  const auto commit = [&](int n) {
    const std::vector<voxel_edit> edits = random_edits(random, n, small);
    world.write(ex, edits, n);
    for (const voxel_edit& e : edits) {
      model[morton_encode(e.at)] = e.material;
    }
  };
  for (const int next : {0, 1}) {  // a commit, or a consolidation, finds 8 tables
    for (const int n : {400, 300, 200, 100}) {
      commit(n);
    }
    EXPECT_THROW(world.consolidate(ex, all,
                                   [&](const char*) {
                                     for (const int n : {40, 30, 20, 10}) {
                                       commit(n);
                                     }
                                     throw stop{};
                                   }),
                 stop);
    EXPECT_EQ(world.current().tables().size(), 8U);
    if (next == 0) {
      commit(5);
      EXPECT_LE(world.current().tables().size(), 4U);
    }
    world.consolidate(ex, all, [&](const char*) {
      commit(3);
      ASSERT_LE(world.current().tables().size(), static_cast<std::size_t>(max_tables));
    });
    EXPECT_LE(world.current().tables().size(), 4U);
    for (const auto& [key, m] : model) {
      ASSERT_EQ(material(ex, world.current(), morton_decode(key)), m);
    }
    world.consolidate(ex, all);
  }
}

TEST(Consolidation, OnlyOneRunsAtATime) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  world.write(ex, std::vector<voxel_edit>{{{1, 1, 1}, 2}}, 0);
  int refused = 0;
  world.consolidate(ex, all, [&](const char*) {
    try {
      world.consolidate(ex, all);
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
      ++refused;
    }
  });
  EXPECT_GE(refused, 5);
  EXPECT_TRUE(world.current().tables().empty());
}

}  // namespace
