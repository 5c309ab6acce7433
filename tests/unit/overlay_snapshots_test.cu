// Snapshots while consolidations go on: old ones stand, dropped ones give their memory back,
// readers and writers on threads of their own see whole batches.
#include "overlay_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::every_voxel;
using test::material;
using test::materials;
using test::random_edits;
using test::to_host;

constexpr region_size small = {64, 48, 32};
constexpr auto all = consolidation_strategy::all;
constexpr auto lazy = consolidation_strategy::lazy_threshold;

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
    world.write(ex, random_edits(random, 2000, small), i);
    world.consolidate(ex, all);
    world.write(ex, random_edits(random, 300, small), i);
    world.write(ex, random_edits(random, 200, small), i);
    kept.emplace_back(world.current(), digest_of_blocks(ex, index, world.current()));
  }
  EXPECT_NE(kept[0].second, kept[1].second);
  for (int i = 0; i < 100; ++i) {
    world.write(ex, random_edits(random, i % 10 == 0 ? 3000 : 100, small), i);
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
  world.write(ex, random_edits(random, 2000, small), 0);
  world.consolidate(ex, all);
  world.write(ex, random_edits(random, 500, small), 0);
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

// Or one that was refused for want of slots would be refused for ever.
TEST(Consolidation, BeginsWithWhatDroppedSnapshotsPinned) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, small);
  overlay world(ex, index);
  std::mt19937_64 random(9);
  const auto change = [&](const std::function<void(const char*)>& hook = {}) {
    world.write(ex, random_edits(random, 400, small), 0);
    world.consolidate(ex, all, hook);
  };
  change();
  {
    const snapshot kept = world.current();
    for (int i = 0; i < 5; ++i) {
      change();
    }
    ASSERT_GT(index.statistics().waiting, 0);
  }
  std::int64_t waiting = -1;
  change([&](const char* step) {
    if (std::string_view(step) == "bricks decided") {
      waiting = index.statistics().waiting;
    }
  });
  EXPECT_EQ(waiting, 0);
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
    world.write(ex, random_edits(random, 400, small), i);
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
