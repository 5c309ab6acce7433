// The index against a plain array: random worlds of odd sizes, random batches of edits merged and
// published, versions held and dropped, allocations refused, shuffled and delayed work.
#include "index_edits.cuh"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "plain_world.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using octree::index;
using octree::index_version;
using test::device_edits;
using test::plain_world;
using random_bits = std::mt19937_64;

const std::vector<region_size> odd_sizes = {
    {1, 1, 1},      {2, 1, 9},    {8, 8, 8},    {7, 9, 130},     {200, 3, 50},
    {129, 257, 40}, {64, 64, 64}, {3, 300, 17}, {150, 140, 131}, {1, 1, 2000}};

std::int32_t below(random_bits& random, std::int32_t n) {
  return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
}

voxel random_voxel(random_bits& random, region_size size) {
  return {below(random, size.x), below(random, size.y), below(random, size.z)};
}

/// A batch: boxes of one material, specks, and cubes of noise; written to `world` too.
test::edit_map random_batch(random_bits& random, plain_world& world) {
  test::edit_map edits;
  const auto write = [&](voxel v, material_id m) {
    if (world.size().contains(v)) {
      edits[morton_encode(v)] = m;
      world.at(v) = m;
    }
  };
  for (int i = below(random, 4); i > 0; --i) {
    const voxel a = random_voxel(random, world.size());
    const std::int32_t edge = 1 << below(random, 6);
    const voxel low{a.x & -edge, a.y & -edge, a.z & -edge};
    const auto m = static_cast<material_id>(random() % 4);
    const bool noise = random() % 4 == 0;
    plain_world::for_each({low, {low.x + edge, low.y + edge, low.z + edge}}, [&](voxel v) {
      write(v, noise ? static_cast<material_id>(random() % 20) : m);
    });
  }
  for (int i = below(random, 60); i > 0; --i) {
    write(random_voxel(random, world.size()), static_cast<material_id>(random() % 5));
  }
  return edits;
}

/// Every voxel and the LOD material of every node and cube, compared with the array.
void expect_equal(device::exec ex, const index_version& version, const plain_world& world) {
  const region_size size = world.size();
  const octree::index_view view = version.view();
  for (int level = 0; level <= root_level(size); ++level) {
    std::vector<morton_key> cubes;
    std::vector<material_id> expected;
    const std::int32_t edge = std::int32_t{1} << level;
    for (std::int32_t z = 0; z < size.z; z += edge) {
      for (std::int32_t y = 0; y < size.y; y += edge) {
        for (std::int32_t x = 0; x < size.x; x += edge) {
          cubes.push_back(morton_encode({x, y, z}) >> (3 * level));
          expected.push_back(level < 4 || cubes.size() < 40 ? world.lod({x, y, z}, level).value()
                                                            : air);
        }
      }
    }
    const auto n = static_cast<std::int64_t>(cubes.size());
    device::buffer<morton_key> keys(ex, n);
    device::buffer<material_id> found(ex, n);
    device::copy_to_device(ex, keys.data(), cubes.data(), n);
    const morton_key* const key = keys.data();
    material_id* const out = found.data();
    device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
      out[i] = level == 0 ? view.material(key[i]) : octree::index_lod(view, key[i], level);
    });
    std::vector<material_id> got(cubes.size());
    device::copy_to_host(ex, got.data(), found.data(), n);
    for (std::size_t i = 0; i < cubes.size(); ++i) {
      if (level < 4 || i < 39) {
        ASSERT_EQ(got[i], expected[i]) << "level " << level << " cube " << cubes[i];
      }
    }
  }
}

void run_batches(device::exec ex, region_size size, std::uint64_t seed, int batches) {
  SCOPED_TRACE("size " + std::to_string(size.x) + "x" + std::to_string(size.y) + "x" +
               std::to_string(size.z) + ", seed " + std::to_string(seed));
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
    expect_equal(ex, *version, world);
    if (testing::Test::HasFatalFailure()) {
      return;
    }
  }
}

TEST(index_property, merges_equal_writing_an_array) {
  for (const region_size size : odd_sizes) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      device::memory_pool pool;
      const device::stream s;
      run_batches({s.ref(), &pool}, size, seed, 6);
      EXPECT_EQ(pool.bytes_in_use(), 0U);
      if (testing::Test::HasFatalFailure()) {
        return;
      }
    }
  }
}

}  // namespace
