// The index against a plain array: random worlds of odd sizes, random batches of edits merged and
// published, bulk builds, images; in shuffled orders and on a delaying stream.
#include "index_checks.cuh"
#include "lithify/base/error.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::test;
using octree::index;

const std::vector<region_size> odd_sizes = {
    {1, 1, 1},    {2, 1, 9},    {8, 8, 8},    {7, 9, 130},    {200, 3, 50},
    {64, 64, 64}, {3, 300, 17}, {1, 1, 2000}, {129, 257, 40}, {150, 140, 131}};

std::string name(region_size s, std::uint64_t seed) {
  return "size " + std::to_string(s.x) + "x" + std::to_string(s.y) + "x" + std::to_string(s.z) +
         ", seed " + std::to_string(seed);
}

/// Batches of edits; after each, everything that the index tells equals the array.
void run_batches(device::exec ex, region_size size, std::uint64_t seed, int batches) {
  SCOPED_TRACE(name(size, seed));
  random_bits random(seed);
  plain_world world(size);
  index tested(ex, size);
  for (int batch = 0; batch < batches; ++batch) {
    const plain_world before = world;
    const device_edits edits(ex, random_batch(random, world));
    octree::index_update update = tested.merge(ex, edits.view());
    std::int64_t changed = 0;
    plain_world::for_each(size.box(), [&](voxel v) { changed += world.at(v) != before.at(v); });
    ASSERT_EQ(update.changed_voxels(), changed);
    const auto version = tested.publish(ex, std::move(update));
    ASSERT_NO_FATAL_FAILURE(expect_equal(ex, tested, *version, world));
  }
}

TEST(index_property, merges_equal_writing_an_array) {
  for (const region_size size : odd_sizes) {
    for (const std::uint64_t seed : test::seeds(1, 3)) {
      device::memory_pool pool;
      const device::stream s;
      ASSERT_NO_FATAL_FAILURE(run_batches({s.ref(), &pool}, size, seed, 6));
      EXPECT_EQ(pool.bytes_in_use(), 0U);
    }
  }
}

TEST(index_property, order_and_delays_do_not_matter) {
  for (std::uint64_t order = 0; order <= 4; ++order) {
    for (const bool delayed : {false, true}) {
      SCOPED_TRACE("work order " + std::to_string(order) + (delayed ? ", delaying" : ""));
      device::memory_pool pool;
      pool.poison_freed(true);
      const device::stream s = delayed ? device::stream::delaying(order + 1) : device::stream();
      device::work_order::set_seed(order);
      run_batches({s.ref(), &pool}, {40, 70, 33}, 11 + order, 4);
      run_batches({s.ref(), &pool}, {200, 3, 50}, 21 + order, 3);
      device::work_order::set_seed(0);
      s.ref().synchronize();
      EXPECT_EQ(pool.bytes_in_use(), 0U);
      ASSERT_FALSE(testing::Test::HasFatalFailure());
    }
  }
}

/// A world of columns of spans, some of them touching spans of one material.
struct spans {
  std::vector<std::int64_t> offset = {0};
  std::vector<std::int32_t> top;
  std::vector<material_id> material;

  spans(random_bits& random, plain_world& world) {
    const region_size size = world.size();
    const std::int32_t ground = below(random, size.z + 1);
    const bool flat = random() % 3 == 0;
    for (std::int32_t y = 0; y < size.y; ++y) {
      for (std::int32_t x = 0; x < size.x; ++x) {
        std::int32_t z = 0;
        const std::int32_t end = flat ? ground : std::min(size.z, ground + below(random, 12));
        while (z < end) {
          const std::int32_t next = flat ? std::min(end, z + 40) : z + 1 + below(random, end - z);
          const auto m = static_cast<material_id>(flat ? 1 + z / 80 : random() % 4);
          top.push_back(next);
          material.push_back(m);
          for (; z < next; ++z) {
            world.at({x, y, z}) = m;
          }
        }
        offset.push_back(static_cast<std::int64_t>(top.size()));
      }
    }
  }
  [[nodiscard]] octree::column_spans view() const {
    return {offset.data(), top.data(), material.data()};
  }
};

TEST(index_property, bulk_builds_equal_writing_every_voxel) {
  for (const region_size size : odd_sizes) {
    for (const std::uint64_t seed : test::seeds(1, 3)) {
      SCOPED_TRACE(name(size, seed));
      device::memory_pool pool;
      const device::stream s;
      const device::exec ex{s.ref(), &pool};
      random_bits random(seed);
      plain_world world(size);
      index tested(ex, size);
      {  // an older world, which goes
        plain_world gone(size);
        const device_edits edits(ex, random_batch(random, gone));
        tested.publish(ex, tested.merge(ex, edits.view()));
      }
      const spans columns(random, world);
      auto version = tested.publish(ex, tested.bulk_build(ex, columns.view()));
      ASSERT_NO_FATAL_FAILURE(expect_equal(ex, tested, *version, world));

      index written(ex, size);
      edit_map every;
      plain_world::for_each(size.box(), [&](voxel v) { every[morton_encode(v)] = world.at(v); });
      const device_edits edits(ex, every);
      written.publish(ex, written.merge(ex, edits.view()));
      EXPECT_EQ(slots(tested), slots(written));

      const device_edits later(ex, random_batch(random, world));
      version = tested.publish(ex, tested.merge(ex, later.view()));
      ASSERT_NO_FATAL_FAILURE(expect_equal(ex, tested, *version, world));
    }
  }
}

TEST(index_property, bulk_build_refuses_spans_that_do_not_rise) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  index tested(ex, {1, 2, 10});
  const std::vector<std::int64_t> offset = {0, 2, 3};
  const std::vector<material_id> material = {1, 2, 3};
  for (const std::vector<std::int32_t>& top :
       {std::vector<std::int32_t>{5, 5, 1}, {3, 2, 1}, {1, 11, 1}, {0, 4, 1}, {1, 2, -3}}) {
    const octree::column_spans columns{offset.data(), top.data(), material.data()};
    EXPECT_THROW((void)tested.bulk_build(ex, columns), lithify::error);
  }
}

TEST(index_property, loads_what_it_gave) {
  for (const region_size size : odd_sizes) {
    for (const std::uint64_t seed : test::seeds(1, 3)) {
      SCOPED_TRACE(name(size, seed));
      device::memory_pool pool;
      const device::stream s;
      const device::exec ex{s.ref(), &pool};
      random_bits random(seed + 100);
      plain_world world(size);
      index first(ex, size);
      for (int batch = 0; batch < 3; ++batch) {
        const device_edits edits(ex, random_batch(random, world));
        first.publish(ex, first.merge(ex, edits.view()));
      }
      const voxel_image image = first.image(ex, *first.current());
      index second(ex, size);
      plain_world other(size);
      const device_edits gone(ex, random_batch(random, other));
      second.publish(ex, second.merge(ex, gone.view()));
      auto version = second.publish(ex, second.load(ex, image));
      ASSERT_NO_FATAL_FAILURE(expect_equal(ex, second, *version, world));
      EXPECT_EQ(slots(second), slots(first));

      const device_edits later(ex, random_batch(random, world));
      version = second.publish(ex, second.merge(ex, later.view()));
      ASSERT_NO_FATAL_FAILURE(expect_equal(ex, second, *version, world));
    }
  }
}

}  // namespace
