// Consolidation: steps, failures, batches that arrive meanwhile, strategies, threads.
#include "lithify/base/error.hpp"
#include "overlay_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::has_delta;
using test::in_every_order;
using test::material;
using test::materials;
using test::to_host;

constexpr region_size small = {64, 48, 32};
constexpr auto all = consolidation_strategy::all;
constexpr auto lazy = consolidation_strategy::lazy_threshold;

/// `n` edits at random places.
std::vector<voxel_edit> random_edits(std::mt19937_64& random, int n, region_size size = small) {
  std::vector<voxel_edit> edits;
  for (int i = 0; i < n; ++i) {
    edits.push_back({{static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.x)),
                      static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.y)),
                      static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.z))},
                     static_cast<material_id>(random() % 5)});
  }
  return edits;
}

std::uint64_t index_number(device::exec ex, const snapshot& s) {
  const reading voxels(ex, s);
  return voxels.index().number();
}

std::vector<voxel> every_voxel(region_size size) {
  std::vector<voxel> at;
  for (std::int32_t z = 0; z < size.z; ++z) {
    for (std::int32_t y = 0; y < size.y; ++y) {
      for (std::int32_t x = 0; x < size.x; ++x) {
        at.push_back({x, y, z});
      }
    }
  }
  return at;
}

TEST(Consolidation, MovesEveryDeltaIntoTheIndex) {
  std::mt19937_64 random(1);
  const std::vector<voxel> at = every_voxel(small);
  in_every_order([&](device::exec ex) {
    octree::index index(ex, small);
    overlay world(ex, index);
    for (int round = 0; round < 4; ++round) {
      for (int b = 0; b < 3; ++b) {
        world.write(ex, random_edits(random, 700), b);
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
  world.write(ex, random_edits(random, 500), 0);
  world.consolidate(ex, all);
  world.write(ex, random_edits(random, 500), 1);
  world.write(ex, random_edits(random, 500), 2);
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
  world.write(ex, random_edits(random, 300), 0);
  world.consolidate(ex, all);
  world.write(ex, random_edits(random, 300), 1);
  world.write(ex, random_edits(random, 300), 2);
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
      const std::vector<voxel_edit> edits = random_edits(random, n);
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
    const std::vector<voxel_edit> edits = random_edits(random, n);
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

/// A digest of all that a snapshot leads to: its tables' slots as they lie, every leaf and brick of
/// its index, every LOD.
digest128 digest_of_blocks(device::exec ex, const octree::index& index, const snapshot& s) {
  hasher128 hash;
  const auto add = [&](const auto& values) {
    for (const auto& v : values) {
      hash.add(static_cast<std::uint64_t>(v), values.size());
    }
  };
  for (const auto& t : s.tables()) {
    for (const bucket& b : to_host(ex, t->buckets.data(), t->buckets.size())) {
      for (int i = 0; i < bucket_slots; ++i) {
        hash.add(b.key[i], b.value[i]);
      }
    }
  }
  const reading voxels(ex, s);
  const voxel_image image = index.image(ex, voxels.index());
  add(image.uniform_level);
  add(image.uniform_key);
  add(image.uniform_material);
  add(image.dense_key);
  add(image.dense_voxels);
  add(image.sparse_key);
  for (const sparse_brick& b : image.sparse_record) {
    hash.add(b.majority, b.count);
    add(std::vector<std::uint16_t>(b.position, b.position + 15));
    add(std::vector<std::uint16_t>(b.other, b.other + 15));
  }
  for (int level = 0; level <= 6; ++level) {
    add(materials(ex, s, every_voxel(small), level));
  }
  return hash.finish();
}

TEST(Consolidation, OldSnapshotsHashTheSameAfterAHundred) {
  device::memory_pool pool;
  pool.poison_freed(true);
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::mt19937_64 random(10);
  std::vector<std::pair<snapshot, digest128>> kept;
  for (int i = 0; i < 4; ++i) {
    world.write(ex, random_edits(random, 2000), i);
    world.consolidate(ex, all);
    world.write(ex, random_edits(random, 300), i);
    world.write(ex, random_edits(random, 200), i);
    kept.emplace_back(world.current(), digest_of_blocks(ex, index, world.current()));
  }
  EXPECT_NE(kept[0].second, kept[1].second);
  for (int i = 0; i < 100; ++i) {
    world.write(ex, random_edits(random, i % 10 == 0 ? 3000 : 100), i);
    world.consolidate(ex, i % 3 == 0 ? lazy : all);
    if (i == 50) {
      kept.erase(kept.begin() + 1);  // what it alone held goes; the others stay
    }
  }
  for (const auto& [old, digest] : kept) {
    EXPECT_EQ(digest_of_blocks(ex, index, old), digest);
  }
}

TEST(Consolidation, ASnapshotStandsThroughAThousand) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::mt19937_64 random(7);
  world.write(ex, random_edits(random, 2000), 0);
  world.consolidate(ex, all);
  world.write(ex, random_edits(random, 500), 0);
  const snapshot old = world.current();
  const std::vector<voxel> at = every_voxel({16, 16, 16});
  const std::vector<material_id> stood = materials(ex, old, at);
  const octree::index_statistics of_old = index.statistics();
  std::size_t after_hundred = 0;
  for (int i = 0; i < 1000; ++i) {
    world.write(ex, random_edits(random, 50, {16, 16, 16}), i);
    world.consolidate(ex, all);
    if (i % 100 == 99) {
      ASSERT_EQ(materials(ex, old, at), stood);
      after_hundred = after_hundred == 0 ? pool.bytes_in_use() : after_hundred;
    }
  }
  EXPECT_LE(pool.bytes_in_use(), after_hundred + (1U << 20)) << "one old snapshot pins too much";
  // Slabs hide what lies in them: the slots that wait are the old snapshot's own at most.
  index.reclaim(ex);
  EXPECT_LE(index.statistics().waiting,
            of_old.pages + of_old.blocks + of_old.dense_bricks + of_old.sparse_bricks);
}

TEST(Consolidation, DroppedSnapshotsGiveTheirMemoryBack) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::mt19937_64 random(8);
  std::vector<snapshot> kept;
  for (int i = 0; i < 30; ++i) {
    world.write(ex, random_edits(random, 400), i);
    kept.push_back(world.current());
    const reading voxels(ex, kept.back());
    (void)voxels.merged(4);
    if (i % 3 == 2) {
      world.consolidate(ex, i % 2 == 0 ? all : lazy);
    }
  }
  while (!world.current().tables().empty()) {
    world.consolidate(ex, all);
  }
  const std::vector<material_id> stood = materials(ex, world.current(), every_voxel(small));
  kept.clear();
  index.reclaim(ex);

  device::memory_pool fresh_pool;
  const device::exec fresh{s.ref(), &fresh_pool};
  octree::index fresh_index(fresh, small);
  overlay fresh_world(fresh, fresh_index);
  std::vector<voxel_edit> edits;
  const std::vector<voxel> at = every_voxel(small);
  for (std::size_t i = 0; i < at.size(); ++i) {
    edits.push_back({at[i], stood[i]});
  }
  fresh_world.write(fresh, edits, 0);
  fresh_world.consolidate(fresh, all);
  fresh_index.reclaim(fresh);
  const octree::index_statistics now = index.statistics();
  const octree::index_statistics then = fresh_index.statistics();
  EXPECT_EQ(now.waiting, 0);
  EXPECT_EQ(now.pages, then.pages);
  EXPECT_EQ(now.blocks, then.blocks);
  EXPECT_EQ(now.dense_bricks, then.dense_bricks);
  EXPECT_EQ(now.sparse_bricks, then.sparse_bricks);
  // At most one slab a pool more, and the slabs of this small world are 16 MiB or less.
  EXPECT_LE(pool.bytes_in_use(), fresh_pool.bytes_in_use() + 4 * (std::size_t{16} << 20));
}

// Readers on threads of their own while the writer commits and consolidates. Every batch writes
// one number everywhere, so a reader that sees two numbers has seen half a batch.
TEST(Consolidation, ReadersOnOtherThreadsSeeWholeBatches) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::vector<voxel> at;
  for (std::int32_t i = 0; i < 64; ++i) {
    at.push_back({i, i * 7 % 48, i * 5 % 32});
  }
  const auto commit = [&](int b) {
    std::vector<voxel_edit> edits;
    for (const voxel v : at) {
      edits.push_back({v, static_cast<material_id>(b)});
    }
    world.write(ex, edits, b);
  };
  commit(1);
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  std::atomic<int> read{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      const device::stream own = r == 2 ? device::stream::delaying(17) : device::stream();
      const device::exec mine{own.ref(), &pool};
      while (!done) {
        const snapshot now = world.current();
        const reading voxels(mine, now);
        const std::vector<material_id> found = materials(mine, now, at);
        const auto expected = static_cast<material_id>(now.batch_number());
        const auto agrees = [&](material_id m) { return m == expected; };
        torn += std::all_of(found.begin(), found.end(), agrees) ? 0 : 1;
        if (r == 0) {
          const std::int64_t deltas = now.delta_count(mine);
          torn += deltas == 0 || deltas == 64 ? 0 : 1;
          torn += voxels.merged(2).levels == 3 ? 0 : 1;
        }
        ++read;
      }
    });
  }
  for (int b = 2; b <= 200 || (read < 100 && b < 60000); ++b) {
    commit(b);
    if (b % 11 == 0) {
      world.consolidate(ex, b % 2 == 0 ? all : lazy);
    }
  }
  done = true;
  for (std::thread& t : readers) {
    t.join();
  }
  EXPECT_EQ(torn, 0);
  EXPECT_GE(read, 100);
}

// A consolidation on one thread, commits on another, no order between them.
TEST(Consolidation, CommitsOnAnotherThreadMeanwhileStayOnTop) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::map<morton_key, material_id> model;
  std::atomic<bool> done{false};
  std::thread consolidator([&] {
    const device::stream own;
    const device::exec mine{own.ref(), &pool};
    while (!done) {
      world.consolidate(mine, all, [](const char*) { std::this_thread::yield(); });
      std::this_thread::yield();
    }
  });
  std::mt19937_64 random(9);
  for (int b = 0; b < 300; ++b) {
    const std::vector<voxel_edit> edits = random_edits(random, 30, {16, 16, 16});
    world.write(ex, edits, b);
    for (const voxel_edit& e : edits) {
      model[morton_encode(e.at)] = e.material;
    }
    ASSERT_EQ(material(ex, world.current(), edits.back().at), edits.back().material);
  }
  done = true;
  consolidator.join();
  for (const auto& [key, m] : model) {
    ASSERT_EQ(material(ex, world.current(), morton_decode(key)), m);
  }
}

}  // namespace
