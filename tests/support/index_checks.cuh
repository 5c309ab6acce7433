/// Random edits for the index's tests, and the comparison of all that an index tells with an array.
#pragma once

#include "index_edits.cuh"
#include "index_oracle.hpp"
#include "lithify/device/verbs.cuh"
#include "lithify/device/work_order.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/octree/detail/merged.cuh"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

using random_bits = std::mt19937_64;

inline std::int32_t below(random_bits& random, std::int32_t n) {
  return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
}

/// A batch: aligned cubes of one material or of noise, and specks; written to `world` too.
inline edit_map random_batch(random_bits& random, plain_world& world) {
  const region_size size = world.size();
  const auto any = [&] {
    return voxel{below(random, size.x), below(random, size.y), below(random, size.z)};
  };
  edit_map edits;
  const auto write = [&](voxel v, material_id m) {
    if (size.contains(v)) {
      edits[morton_encode(v)] = m;
      world.at(v) = m;
    }
  };
  for (int i = below(random, 4); i > 0; --i) {
    const voxel a = any();
    const std::int32_t edge = 1 << below(random, 6);
    const voxel low{a.x & -edge, a.y & -edge, a.z & -edge};
    const auto m = static_cast<material_id>(random() % 4);
    const bool noise = random() % 4 == 0;
    plain_world::for_each({low, {low.x + edge, low.y + edge, low.z + edge}}, [&](voxel v) {
      write(v, noise ? static_cast<material_id>(random() % 20) : m);
    });
  }
  for (int i = below(random, 60); i > 0; --i) {
    write(any(), static_cast<material_id>(random() % 5));
  }
  return edits;
}

/// Slots of the current version, by pool.
inline std::array<std::int64_t, 4> slots(const octree::index& index) {
  const octree::index_statistics s = index.statistics();
  return {s.pages, s.blocks, s.dense_bricks, s.sparse_bricks};
}

/// LOD materials of all cubes at `level`, x fastest; level 0 reads voxels.
inline std::vector<material_id> read_level(device::exec ex,
                                           const octree::index_view& view,
                                           region_size cubes,
                                           int level) {
  const std::int64_t n = cubes.box().volume();
  device::buffer<material_id> found(ex, n);
  material_id* const out = found.data();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const morton_key cube = morton_encode({static_cast<std::int32_t>(i % cubes.x),
                                           static_cast<std::int32_t>(i / cubes.x % cubes.y),
                                           static_cast<std::int32_t>(i / cubes.x / cubes.y)});
    out[i] = level == 0 ? view.material(cube) : octree::index_lod(view, cube, level);
  });
  std::vector<material_id> got(static_cast<std::size_t>(n));
  device::copy_to_host(ex, got.data(), found.data(), n);
  return got;
}

/// Every voxel, every LOD material and the canonical image.
inline void expect_equal(device::exec ex,
                         const octree::index& index,
                         const octree::index_version& version,
                         const plain_world& world) {
  const lod_pyramid expected(world);
  for (int level = 0; level < expected.levels(); ++level) {
    ASSERT_EQ(read_level(ex, version.view(), expected.cubes(level), level),
              expected.materials(level))
        << "level " << level;
  }
  const char* const differs =
      first_difference(index.image(ex, version), image_oracle(world).image());
  ASSERT_EQ(differs, nullptr) << differs;
}

}  // namespace lithify::test::inline LITHIFY_BACKEND
