// Range queries of the merged view against a plain array: random worlds in every form of index,
// random deltas, shuffled work and a stream that runs late.
#include "hand_index.cuh"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "plain_world.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace lithify {

static void PrintTo(const cube_run& r, std::ostream* out) {
  *out << to_string(r.box.min) << " to " << to_string(r.box.max) << " level " << r.level << " is "
       << r.material;
}

}  // namespace lithify

namespace {

using namespace lithify;
using test::hand_index;
using test::index_form;
using test::plain_world;
using random_bits = std::mt19937_64;

std::int32_t below(random_bits& random, std::int32_t n) {
  return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
}

voxel_box random_box(random_bits& random, region_size size) {
  const auto range = [&](std::int32_t n, std::int32_t& low, std::int32_t& high) {
    low = below(random, n);
    high = low + 1 + below(random, n - low);
  };
  voxel_box b;
  range(size.x, b.min.x, b.max.x);
  range(size.y, b.min.y, b.max.y);
  range(size.z, b.min.z, b.max.z);
  return b;
}

/// Ground of one material under air, then boxes and specks of a few others, so that votes tie.
plain_world random_world(random_bits& random, region_size size) {
  plain_world world(size);
  const auto fill = [&](voxel_box b, material_id m) {
    plain_world::for_each(b, [&](voxel v) { world.at(v) = m; });
  };
  fill({{0, 0, 0}, {size.x, size.y, below(random, size.z + 1)}}, 7);
  for (int i = below(random, 6); i > 0; --i) {
    fill(random_box(random, size), static_cast<material_id>(random() % 4));
  }
  for (int i = below(random, 40); i > 0; --i) {
    world.at(random_box(random, size).min) = static_cast<material_id>(random() % 4);
  }
  return world;
}

/// Deltas in clusters and boxes, some of them equal to what they replace; applied to `world` too.
std::map<morton_key, material_id> random_deltas(random_bits& random, plain_world& world) {
  std::map<morton_key, material_id> deltas;
  const auto write = [&](voxel v, material_id m) {
    deltas[morton_encode(v)] = m;
    world.at(v) = m;
  };
  for (int i = below(random, 5); i > 0; --i) {
    const material_id m = random() % 3 == 0 ? 7 : static_cast<material_id>(random() % 4);
    voxel_box b = random_box(random, world.size());
    if (b.volume() > 3000) {
      b.max = {std::min(b.max.x, b.min.x + 12), std::min(b.max.y, b.min.y + 12),
               std::min(b.max.z, b.min.z + 12)};
    }
    plain_world::for_each(b, [&](voxel v) {
      if (i % 2 == 0 || random() % 3 != 0) {
        write(v, i % 3 == 2 ? world.at(v) : m);
      }
    });
  }
  return deltas;
}

template <class T>
std::vector<T> to_host(device::exec ex, const device::buffer<T>& from) {
  std::vector<T> to(static_cast<std::size_t>(from.size()));
  device::copy_to_host(ex, to.data(), from.data(), from.size());
  return to;
}

/// The queries under test, on one merged view.
struct queries {
  device::exec ex;
  octree::merged_view world;

  std::vector<material_id> box(voxel_box b, int level) const {
    const std::int32_t up = (std::int32_t{1} << level) - 1;
    const auto cells = [&](std::int32_t low, std::int32_t high) {
      return std::int64_t{((high + up) >> level) - (low >> level)};
    };
    device::buffer<material_id> out(
        ex, cells(b.min.x, b.max.x) * cells(b.min.y, b.max.y) * cells(b.min.z, b.max.z));
    octree::read_box(ex, world, b, level, out.data());
    return to_host(ex, out);
  }
  std::vector<std::int32_t> tops(voxel_box b) const {
    device::buffer<std::int32_t> out(ex, std::int64_t{b.max.x - b.min.x} * (b.max.y - b.min.y));
    octree::column_tops(ex, world, b, out.data());
    return to_host(ex, out);
  }
  int128 solid(const std::vector<std::int32_t>& quanta) const {
    device::buffer<std::int32_t> on_device(ex, static_cast<std::int64_t>(quanta.size()));
    device::copy_to_device(ex, on_device.data(), quanta.data(), on_device.size());
    return octree::total_solid(ex, world, on_device.data());
  }
};

const std::vector<region_size> sizes = {{1, 1, 1},   {1, 33, 1},    {9, 17, 33},   {8, 8, 8},
                                        {64, 16, 8}, {130, 5, 260}, {40, 300, 20}, {128, 20, 129}};

void check_chunks(const std::vector<octree::chunk_digest>& found, const plain_world& world) {
  std::map<morton_key, std::string> expected;
  const region_size size = world.size();
  plain_world::for_each({{0, 0, 0}, {size.x / 128 + 1, size.y / 128 + 1, size.z / 128 + 1}},
                        [&](voxel c) {
                          const voxel low{c.x * 128, c.y * 128, c.z * 128};
                          const voxel_box chunk{low, {low.x + 128, low.y + 128, low.z + 128}};
                          if (world.uniform(chunk).value_or(1) != air && size.contains(low)) {
                            expected[morton_encode(c)] = to_string(world.digest(low, chunk_level));
                          }
                        });
  std::map<morton_key, std::string> by_key;
  for (const octree::chunk_digest& c : found) {
    EXPECT_TRUE(by_key.empty() || by_key.rbegin()->first < c.chunk);
    by_key[c.chunk] = to_string(c.digest);
  }
  EXPECT_EQ(by_key, expected);
}

void check_queries(random_bits& random, const queries& q, const plain_world& world) {
  const region_size size = world.size();
  const std::vector<std::int32_t> quanta = {0, 1048576, -3, 734003, 11, 12, 13, 943718};
  EXPECT_EQ(to_decimal(q.solid(quanta)), to_decimal(world.solid(quanta)));
  EXPECT_EQ(to_string(octree::content_digest(q.ex, q.world)), to_string(world.digest()));
  check_chunks(octree::chunk_digests(q.ex, q.world), world);
  for (int i = 0; i < 3; ++i) {
    const voxel_box b = i == 0 ? size.box() : random_box(random, size);
    SCOPED_TRACE("box " + to_string(b.min) + " to " + to_string(b.max));
    EXPECT_EQ(q.tops(b), world.tops(b));
    const column_list found = octree::read_columns(q.ex, q.world, b);
    const column_list expected = world.columns(b);
    EXPECT_EQ(found.offset, expected.offset);
    EXPECT_EQ(found.span, expected.span);
    for (const int level : {0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 21}) {
      SCOPED_TRACE("level " + std::to_string(level));
      EXPECT_EQ(q.box(b, level), world.box(b, level));
      EXPECT_EQ(octree::read_runs(q.ex, q.world, b, level), world.runs(b, level));
    }
  }
}

/// One random world in one form, its deltas over it.
void check_world(std::uint64_t seed, device::exec ex) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_bits random(seed);
  plain_world world = random_world(random, sizes[random() % sizes.size()]);
  const hand_index index(ex, world, static_cast<index_form>(random() % 3), seed);
  octree::delta_run run = test::make_run(ex, random_deltas(random, world));
  octree::build_levels(ex, index.view(), run, coordinate_bits);
  check_queries(random, {ex, run.view(index.view())}, world);
}

/// Worlds of these seeds on one stream.
void check_worlds(const std::vector<std::uint64_t>& seeds, const device::stream& stream) {
  device::memory_pool memory;
  memory.poison_freed(true);
  for (const std::uint64_t seed : seeds) {
    if (testing::Test::HasFailure()) {
      break;
    }
    check_world(seed, {stream.ref(), &memory});
  }
  stream.ref().synchronize();  // gives the last buffers back while there is a pool
  EXPECT_EQ(memory.bytes_in_use(), 0U);
}

class work_order_guard {
 public:
  explicit work_order_guard(std::uint64_t seed) { device::work_order::set_seed(seed); }
  ~work_order_guard() { device::work_order::set_seed(0); }
  work_order_guard(const work_order_guard&) = delete;
  work_order_guard& operator=(const work_order_guard&) = delete;
};

TEST(queries, equal_a_plain_array) { check_worlds(test::seeds(1, 60), device::stream()); }

TEST(queries, do_not_depend_on_the_order_of_work) {
  for (const std::uint64_t seed : test::seeds(100, 115)) {
    const work_order_guard shuffled(seed);
    check_worlds({seed}, device::stream());
  }
}

TEST(queries, wait_for_a_late_stream) {
  for (const std::uint64_t seed : test::seeds(200, 210)) {
    check_worlds({seed}, device::stream::delaying(seed));
  }
}

}  // namespace
