/// Routing against its sequential oracle: receivers equal, cell by cell, on random terrain.
///
/// No tolerance anywhere. goSPL asserts the largest drainage area of two partitions to 1e-4 and
/// their sum to 5 %; RichDEM compares with exact files; of Landlab and fastscapelib no such
/// comparison is known to us.
#include "lithify/base/error.hpp"
#include "lithify/device/threads.hpp"
#include "lithify/device/work_order.cuh"
#include "routing_rig.cuh"
#include "seeds.hpp"
#include "unlike_ground.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

std::string describe(const terrain& t) {
  return std::to_string(t.nx) + " x " + std::to_string(t.ny) + (t.loop_x ? ", looped in x" : "") +
         (t.loop_y ? ", looped in y" : "") + (t.outside.empty() ? "" : ", with holes");
}

/// Of a seed: any size, any roughness from plateaus to noise, any sides, holes or none.
terrain drawn_terrain(std::uint64_t seed) {
  const auto draw = [&](std::uint64_t what, std::uint64_t below) {
    return mix64(seed * 64 + what) % below;
  };
  const std::uint64_t shape = draw(0, 6);
  const auto nx = static_cast<std::int64_t>(shape == 0 ? 1 : 1 + draw(1, 40));
  const auto ny = static_cast<std::int64_t>(shape == 1 ? 1 : 1 + draw(2, 40));
  constexpr std::uint64_t levels[] = {1, 2, 3, 5, 20, 1000, std::uint64_t{1} << 41};
  terrain t = noise(nx, ny, levels[draw(3, 7)], seed);
  for (std::int64_t& h : t.height) {
    h -= 2;  // below the floor too: a frame that rose takes held columns there
  }
  t.loop_x = nx >= 3 && draw(4, 4) == 0;
  t.loop_y = ny >= 3 && draw(5, 4) == 0;
  t.open_west = draw(6, 3) != 0;
  t.open_east = draw(7, 3) != 0;
  t.open_south = draw(8, 3) != 0;
  t.open_north = draw(9, 3) != 0;
  if (draw(10, 2) == 0) {
    punch(t, 2 + draw(11, 30), seed);
  }
  return t;
}

void expect_routed(const terrain& t, const routed& found) {
  const routing_oracle expected(t);
  ASSERT_EQ(found.receiver, expected.receiver);
  ASSERT_EQ(found.area, expected.area);
}

TEST(routing_property, receivers_and_areas_are_the_oracles) {
  for (const std::uint64_t seed : seeds(1, 1500)) {
    const terrain t = drawn_terrain(seed);
    SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << describe(t));
    expect_routed(t, route_on_device(t));
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST(routing_property, any_work_order_any_stream) {
  for (const std::uint64_t seed : seeds(1, 150)) {
    const terrain t = drawn_terrain(seed);
    SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << describe(t));
    device::memory_pool pool;
    const device::stream stream = seed % 8 == 0 ? device::stream::delaying(seed) : device::stream();
    device::work_order::set_seed(seed);
    const routed found = route_on_device({stream.ref(), &pool}, t);
    stream.ref().synchronize();
    device::work_order::set_seed(0);
    EXPECT_EQ(pool.bytes_in_use(), 0U);
    expect_routed(t, found);
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST(routing_property, any_number_of_threads) {
  std::vector<terrain> terrains = {noise(300, 200, std::uint64_t{1} << 40, 1),
                                   noise(257, 311, 4, 2), noise(200, 200, 60, 3)};
  punch(terrains[2], 40, 3);
  for (const terrain& t : terrains) {
    const routing_oracle expected(t);
    for (const int threads : {1, 2, 16}) {
      SCOPED_TRACE(threads);
      device::with_threads(threads, [&] {
        for (int again = 0; again < 3; ++again) {
          const routed found = route_on_device(t);
          EXPECT_EQ(found.receiver, expected.receiver);
          EXPECT_EQ(found.area, expected.area);
        }
      });
    }
  }
}

// Priority flood knows nothing of basins: what a cell's way out rises to is the level to which
// water stands there, everywhere.
TEST(routing_property, ways_out_rise_to_the_flood_level) {
  for (const std::uint64_t seed : seeds(2001, 2400)) {
    const terrain t = drawn_terrain(seed);
    SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << describe(t));
    const routed found = route_on_device(t);
    ASSERT_EQ(highest_on_the_way(t, found.receiver), flooded(t));
  }
}

// Where heights are unlike, the lowest pass out of a depression is one cell: the one over which
// priority flood comes in.
TEST(routing_property, ways_out_lead_over_the_passes_of_the_flood) {
  std::int64_t depressions = 0;
  for (const std::uint64_t seed : seeds(3001, 3150)) {
    terrain t = drawn_terrain(seed);
    make_unlike(t);
    SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << describe(t));
    ASSERT_EQ(cells_over_other_passes(t, route_on_device(t).receiver, depressions), 0);
  }
  EXPECT_GT(depressions, 1000);
}

// What is allocated in a route can fail, anywhere in it; nothing stays behind.
TEST(routing_property, out_of_memory_anywhere) {
  const terrain t = noise(40, 40, 6, 9);
  const routed expected = route_on_device(t);
  for (std::int64_t n = 0;; ++n) {
    device::memory_pool pool;
    const device::stream stream;
    pool.fail_allocation(n);
    try {
      const routed found = route_on_device({stream.ref(), &pool}, t);
      EXPECT_EQ(found.receiver, expected.receiver);
      EXPECT_GT(n, 20);
      EXPECT_EQ(pool.bytes_in_use(), 0U);
      return;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::out_of_memory);
      EXPECT_EQ(pool.bytes_in_use(), 0U);
    }
  }
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
