/// Walks over single columns against a column that is a plain array of voxels.
#include "column_walk.cuh"

#include "lithify/base/column.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {
namespace {

constexpr std::int32_t height = 24;
constexpr material_id shale = 4, marble = 5;

std::int32_t solid_of(material_id m) {
  switch (m) {
    case sediment:
      return 734003;
    case shale:
      return 996147;
    case marble:
      return 1048576;
    default:
      return 0;
  }
}

/// The ground of one column at (0, 0): `before` as at the step's start, `now` with all that was
/// written.
struct plain_column {
  std::vector<material_id> before = std::vector<material_id>(height, air);
  std::vector<material_id> now = before;

  [[nodiscard]] region_size size() const { return {1, 1, height}; }
  [[nodiscard]] std::int64_t solid(material_id m) const { return solid_of(m); }
  [[nodiscard]] material_id old(voxel v) const { return before.at(static_cast<std::size_t>(v.z)); }
  [[nodiscard]] material_id newest(voxel v) const { return now.at(static_cast<std::size_t>(v.z)); }

  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const material_id m : now) {
      sum += solid_of(m);
    }
    return sum;
  }
  /// Reads rock_top, n_loose and rock from the voxels by their definition.
  [[nodiscard]] column read() const {
    column c;
    c.rock_top = height - 1;
    while (c.rock_top >= 0 &&
           (solid_of(newest({0, 0, c.rock_top})) == 0 || newest({0, 0, c.rock_top}) == sediment)) {
      --c.rock_top;
    }
    if (c.rock_top < 0) {
      return c;
    }
    c.rock = newest({0, 0, c.rock_top});
    c.residual = solid_of(c.rock);
    while (c.top() + 1 < height && newest({0, 0, c.top() + 1}) == sediment) {
      ++c.n_loose;
    }
    return c;
  }
};

/// Writes into the plain column, and counts.
struct plain_sink {
  plain_column& ground;
  std::int64_t deltas = 0;
  void write(voxel v, material_id m) {
    ASSERT_NE(ground.now.at(static_cast<std::size_t>(v.z)), m) << "a write that changes nothing";
    ground.now.at(static_cast<std::size_t>(v.z)) = m;
    ++deltas;
  }
};

struct count_sink {
  std::int64_t deltas = 0;
  void write(voxel, material_id) { ++deltas; }
};

/// Solid of a column: voxels, less what the rock voxel lacks and owes, plus the ledger.
std::int64_t stored(const plain_column& ground, const column& c) {
  return ground.total() - (solid_of(c.rock) - c.residual) + c.ledger - c.debt;
}

std::int64_t surface(const column& c) {
  const std::int32_t rock = solid_of(c.rock);
  if (rock <= 0) {
    ADD_FAILURE() << "a column must stand on rock";
    return 0;
  }
  return surface_height(c.rock_top, c.n_loose, static_cast<std::int32_t>(c.residual), c.ledger,
                        rock, solid_of(sediment));
}

/// Random ground with caves, buried sediment, water and, on request, sediment that floats above it.
plain_column random_ground(std::mt19937_64& random, bool floating) {
  plain_column ground;
  const material_id kinds[] = {air, water, sediment, shale, marble, shale, marble};
  const std::int32_t top = 2 + static_cast<std::int32_t>(random() % (height - 6));
  for (std::int32_t z = 0; z <= top; ++z) {
    ground.now[static_cast<std::size_t>(z)] = kinds[random() % 7];
  }
  ground.now[0] = marble;
  if (floating && random() % 4 == 0) {
    ground.now[static_cast<std::size_t>(top) + 2] = sediment;
  }
  ground.before = ground.now;
  return ground;
}

void expect_settled(const plain_column& ground, const column& c) {
  const column seen = ground.read();
  EXPECT_EQ(c.rock_top, seen.rock_top);
  EXPECT_EQ(c.n_loose, seen.n_loose);
  EXPECT_EQ(c.rock, seen.rock);
  EXPECT_GE(c.ledger, 0);
  EXPECT_LT(2 * c.ledger, 3 * solid_of(sediment));
  EXPECT_GT(c.residual, 0);
  EXPECT_LE(c.residual, solid_of(c.rock));
}

TEST(column_walk, settles_any_ledger_without_losing_a_quantum) {
  const std::uint64_t seed = 20261121;
  std::mt19937_64 random(seed);
  int left = 0;
  for (int round = 0; round < 20000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    plain_column ground = random_ground(random, true);
    column c = ground.read();
    c.residual = 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(c.residual));
    for (int step = 0; step < 3; ++step) {
      c.ledger += static_cast<std::int64_t>(random() % (std::uint64_t{5} << 20)) - (2 << 20);
      c.debt = random() % 2 == 0 ? 0 : static_cast<std::int64_t>(random() % (3U << 20));
      const std::int64_t before = stored(ground, c);
      column counted = c;
      count_sink counts;
      const bool stays = settle(ground, counted, counts);
      plain_sink sink{ground};
      ASSERT_EQ(settle(ground, c, sink), stays);
      ASSERT_EQ(sink.deltas, counts.deltas);
      if (!stays) {
        ++left;
        break;
      }
      ASSERT_EQ(stored(ground, c), before);
      expect_settled(ground, c);
      if (testing::Test::HasFailure()) {
        return;
      }
      ground.before = ground.now;
    }
  }
  EXPECT_GT(left, 0) << "no column ever left the range: the test does not test that";
}

// Rock that slid away is taken from the rock, also under sediment that came after it.
TEST(column_walk, pays_rock_below_and_keeps_sediment_above) {
  plain_column ground;
  for (std::size_t z = 0; z < 8; ++z) {
    ground.now[z] = z < 5 ? marble : shale;
  }
  ground.now[8] = ground.now[9] = sediment;
  ground.before = ground.now;
  column c = ground.read();
  ASSERT_EQ(c.n_loose, 2);
  c.ledger = -2 * std::int64_t{solid_of(sediment)} + 100;  // the cover has gone, a little came back
  c.debt = 3 * std::int64_t{solid_of(shale)} + 7;
  plain_sink sink{ground};
  ASSERT_TRUE(settle(ground, c, sink));
  EXPECT_EQ(c.rock_top, 4);
  EXPECT_EQ(c.rock, marble);
  EXPECT_EQ(c.residual, solid_of(marble) - 7);
  EXPECT_EQ(c.n_loose, 0);
  EXPECT_EQ(c.ledger, 100);
  EXPECT_EQ(c.debt, 0);
}

TEST(column_walk, does_not_emit_the_same_voxel_every_second_step) {
  plain_column ground;
  ground.now[0] = marble;
  ground.before = ground.now;
  column c = ground.read();
  c.ledger = solid_of(sediment) + 10;
  std::int64_t deltas = 0;
  for (int step = 0; step < 10; ++step) {
    c.ledger += step % 2 == 0 ? -20 : 20;
    plain_sink sink{ground};
    ASSERT_TRUE(settle(ground, c, sink));
    deltas += sink.deltas;
  }
  EXPECT_EQ(deltas, 0);
}

TEST(column_walk, takes_rock_of_several_materials_by_its_own_solid) {
  plain_column ground;
  for (std::size_t z = 0; z < 10; ++z) {
    ground.now[z] = z % 2 == 0 ? marble : shale;
  }
  ground.before = ground.now;
  column c = ground.read();  // shale at 9
  ASSERT_EQ(c.rock_top, 9);
  c.ledger = -(3 * std::int64_t{solid_of(shale)} + 2 * std::int64_t{solid_of(marble)} + 7);
  plain_sink sink{ground};
  ASSERT_TRUE(settle(ground, c, sink));
  EXPECT_EQ(sink.deltas, 5);
  EXPECT_EQ(c.rock_top, 4);
  EXPECT_EQ(c.rock, marble);
  EXPECT_EQ(c.residual, solid_of(marble) - 7);
}

TEST(column_walk, reaches_a_target_within_a_quantum) {
  const std::uint64_t seed = 4711;
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    plain_column ground = random_ground(random, false);
    column c = ground.read();
    c.residual = 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(c.residual));
    c.ledger = static_cast<std::int64_t>(random() % (3U << 20)) - (1 << 20);
    std::int64_t target = static_cast<std::int64_t>(random() % (std::uint64_t{height} << 20));
    if (round % 5 == 0) {
      target &= ~(one_voxel - 1);  // exactly between two voxels
    }
    // Once; again where a cave was opened that has to be filled, or floating sediment was met.
    bool reached = false;
    for (int call = 0; call < 5; ++call) {
      const std::int64_t before = stored(ground, c);
      std::int64_t amount = 0;
      reached = solid_to_reach(ground, c, target, amount);
      EXPECT_EQ(reached, (target * solid_of(marble)) >> 20 > 0) << "only below the lowest voxel";
      c.ledger += amount;
      plain_sink sink{ground};
      reached = reached && settle(ground, c, sink);
      if (!reached) {
        break;  // at the range's ends
      }
      expect_settled(ground, c);
      EXPECT_EQ(stored(ground, c), before + amount);
      ground.before = ground.now;
    }
    if (!reached) {
      continue;
    }
    EXPECT_LE(surface(c), target);
    EXPECT_GE(surface(c), target - 2) << "a quantum of sediment is 1.43 units high";
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace lithify::passes::inline LITHIFY_BACKEND
