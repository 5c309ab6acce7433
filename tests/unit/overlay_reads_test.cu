// How often a consolidation waits for the device: once at its end, once more where the index's
// pools had too few slots, so that what could not begin runs again, and once before the merge where
// memory for every brick that may be touched would be much.
#include "lithify/base/error.hpp"
#include "lithify/octree/detail/merged.cuh"
#include "overlay_rig.cuh"
#include "plain_world.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::in_every_order;
using test::plain_world;

constexpr region_size size = {40, 37, 33};
constexpr auto all = consolidation_strategy::all;

/// `n` edits at random places, also put into the model.
std::vector<voxel_edit> random_edits(std::mt19937_64& random, int n, plain_world& model) {
  std::vector<voxel_edit> edits;
  for (int i = 0; i < n; ++i) {
    const voxel at = {static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.x)),
                      static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.y)),
                      static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.z))};
    edits.push_back({at, static_cast<material_id>(random() % 4)});
    model.at(at) = edits.back().material;
  }
  return edits;
}

/// Times that the host read from the device while everything was consolidated.
std::uint64_t reads_of_consolidation(device::exec ex, overlay& world) {
  const std::uint64_t before = ex.memory->host_reads();
  world.consolidate(ex, all);
  return ex.memory->host_reads() - before;
}

digest128 digest(device::exec ex, const overlay& world) {
  const reading now(ex, world.current());
  return octree::content_digest(ex, now.merged());
}

TEST(ConsolidationReads, OnceWhereThePoolsHaveRoom) {
  in_every_order([](device::exec ex) {
    std::mt19937_64 random(31);
    octree::index index(ex, size);
    overlay world(ex, index);
    plain_world model(size);
    world.write(ex, random_edits(random, 1500, model), 0);  // some bricks sparse, some dense
    EXPECT_EQ(reads_of_consolidation(ex, world), 2U) << "the pools of a new world are empty";
    ASSERT_EQ(digest(ex, world), model.digest());
    for (int round = 0; round < 6; ++round) {
      for (int b = 0; b < 3; ++b) {
        world.write(ex, random_edits(random, round == 5 ? 1 : 400, model), b);
      }
      EXPECT_EQ(reads_of_consolidation(ex, world), 1U) << "round " << round;
      ASSERT_EQ(digest(ex, world), model.digest()) << "round " << round;
    }
    world.write(ex, std::vector<voxel_edit>{{{1, 2, 3}, model.at({1, 2, 3})}}, 9);
    EXPECT_EQ(reads_of_consolidation(ex, world), 1U) << "nothing changes";
    ASSERT_EQ(digest(ex, world), model.digest());
  });
}

/// Bricks [first, last) of a row of them, each with more exceptions than a sparse brick holds.
std::vector<voxel_edit> dense_bricks(std::int32_t first, std::int32_t last, region_size in) {
  std::vector<voxel_edit> edits;
  const std::int32_t across = in.x / 8;
  const std::int32_t along = in.y / 8;
  for (std::int32_t b = first; b < last; ++b) {
    const voxel low = {8 * (b % across), 8 * (b / across % along), 8 * (b / (across * along))};
    for (std::int32_t i = 0; i < 20; ++i) {
      edits.push_back({{low.x + i % 8, low.y + i / 8, low.z + (b + i) % 8},
                       static_cast<material_id>(1 + (b + i) % 3)});
    }
  }
  return edits;
}

// A slab holds 16,384 dense bricks: the second update begins with room for a part of its own.
TEST(ConsolidationReads, TwiceWhereAPoolHasToGrow) {
  constexpr region_size wide = {512, 512, 64};
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, wide);
  overlay world(ex, index);
  const std::int32_t ends[] = {0, 10000, 20000, 20100};
  const std::uint64_t reads[] = {2, 2, 1};
  for (int part = 0; part < 3; ++part) {
    world.write(ex, dense_bricks(ends[part], ends[part + 1], wide), part);
    const digest128 before = digest(ex, world);
    EXPECT_EQ(reads_of_consolidation(ex, world), reads[part]) << "part " << part;
    EXPECT_TRUE(world.current().tables().empty());
    EXPECT_EQ(digest(ex, world), before) << "part " << part;
    EXPECT_EQ(index.statistics().dense_bricks, ends[part + 1]);
  }
}

// Two clusters in far corners: as many bricks may be touched as there are deltas, few are. Memory
// for all that may be would be 150 bytes a delta more.
TEST(ConsolidationReads, OnceMoreWhereMoreBricksMayBeTouchedThanMemoryIsTakenFor) {
  constexpr region_size vast = {4096, 4096, 1024};
  constexpr std::int32_t edge = 96;  // 2 * 96^3 deltas in 2 * 12^3 bricks
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, vast);
  overlay world(ex, index);
  std::vector<voxel_edit> edits;
  edits.reserve(std::size_t{2} * edge * edge * edge);
  for (const voxel low : {voxel{0, 0, 0}, voxel{vast.x - edge, vast.y - edge, vast.z - edge}}) {
    for (std::int32_t i = 0; i < edge * edge * edge; ++i) {
      const voxel at = {low.x + i % edge, low.y + i / edge % edge, low.z + i / (edge * edge)};
      edits.push_back({at, static_cast<material_id>(1 + i % 3)});
    }
  }
  const auto deltas = static_cast<std::int64_t>(edits.size());
  ASSERT_GT(deltas, std::int64_t{1} << 20);
  world.write(ex, edits, 0);
  const std::size_t before = pool.bytes_in_use();
  EXPECT_EQ(reads_of_consolidation(ex, world), 3U)
      << "the bricks, the pools of a new world, the end";
  EXPECT_LT(pool.peak_bytes() - before, static_cast<std::size_t>(100 * deltas));
  EXPECT_EQ(index.statistics().dense_bricks, 2 * (edge / 8) * (edge / 8) * (edge / 8));
}

// Refused at any allocation on the way that grows the pools, the world stays as it was.
TEST(ConsolidationReads, ARefusalWhileAPoolGrowsChangesNothing) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  std::mt19937_64 random(32);
  std::int64_t refused = 0;
  for (bool done = false; !done; ++refused) {
    ASSERT_LT(refused, 1000);
    octree::index index(ex, size);
    overlay world(ex, index);
    plain_world model(size);
    world.write(ex, random_edits(random, 300, model), 0);
    pool.fail_allocation(refused);
    try {
      world.consolidate(ex, all);
      done = true;
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::out_of_memory);
      EXPECT_EQ(world.current().tables().size(), 1U);
      const reading now(ex, world.current());
      EXPECT_TRUE(now.index().view().root.is_uniform());
    }
    pool.fail_allocation(-1);
    ASSERT_EQ(digest(ex, world), model.digest());
    world.consolidate(ex, all);
    ASSERT_EQ(digest(ex, world), model.digest());
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
