// Range queries on regions of up to 2^21 voxels an axis: ground of one material with a few edits.
// The oracle looks at the edits alone; what is under test must do so too, or it would not come to
// an end.
#include "hand_index.cuh"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "plain_world.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace lithify;
using test::digest_bytes;
using test::hand_index;
using test::index_form;

constexpr material_id rock = 7;

/// Rock below a height, air above, and some voxels that differ.
class sparse_world {
 public:
  sparse_world(region_size size, std::int32_t ground) : size_(size), ground_(ground) {}

  [[nodiscard]] region_size size() const { return size_; }
  [[nodiscard]] material_id at(voxel v) const {
    const auto edit = edits_.find(morton_encode(v));
    return edit != edits_.end() ? edit->second : unedited(v);
  }
  void set(voxel v, material_id m) {
    edits_.erase(morton_encode(v));
    if (m != unedited(v)) {
      edits_[morton_encode(v)] = m;
    }
  }

  /// The material of an aligned cube, if nothing edited lies in it and the ground's surface
  /// neither.
  [[nodiscard]] std::optional<material_id> uniform(voxel_box cube) const {
    if (cube.max.x - cube.min.x == 1) {
      return at(cube.min);
    }
    const auto edit = edits_.lower_bound(morton_encode(cube.min));
    const std::int32_t top = std::min(cube.max.z, size_.z);
    if ((cube.min.z < ground_ && top > ground_) ||
        (edit != edits_.end() && cube.contains(morton_decode(edit->first)))) {
      return std::nullopt;
    }
    return cube.min.z < ground_ ? rock : air;
  }

  [[nodiscard]] std::optional<material_id> lod(voxel low, int level) const {
    if (!size_.contains(low)) {
      return std::nullopt;
    }
    if (const auto one = uniform(cube(low, level))) {
      return one;
    }
    std::array<std::optional<material_id>, 8> sub;
    for (int i = 0; i < 8; ++i) {
      sub[static_cast<std::size_t>(i)] = lod(corner(low, level - 1, i), level - 1);
    }
    return test::oracle_vote(sub);
  }

  [[nodiscard]] int128 solid(const std::vector<std::int32_t>& quanta) const {
    int128 sum = int128{size_.columns()} * (int128{std::min(ground_, size_.z)} * quanta[rock] +
                                            int128{std::max(0, size_.z - ground_)} * quanta[air]);
    for (const auto& [key, m] : edits_) {
      sum += quanta[m] - quanta[unedited(morton_decode(key))];
    }
    return sum;
  }

  [[nodiscard]] digest128 digest(voxel low, int level) const {
    const voxel_box inside = cube(low, level).clipped(size_.box());
    if (inside.empty()) {
      return digest_bytes::uniform(level, air);
    }
    const std::optional<material_id> one = uniform(cube(low, level));
    if (one && (*one == air || inside == cube(low, level))) {
      return digest_bytes::uniform(level, *one);
    }
    // Without edits a cut cube depends on its cut alone.
    const auto shape =
        std::tuple(level, inside.max.x - low.x, inside.max.y - low.y, inside.max.z - low.z);
    if (one) {
      if (const auto known = cut_.find(shape); known != cut_.end()) {
        return known->second;
      }
    }
    const digest128 made = hash(low, level);
    if (one) {
      cut_[shape] = made;
    }
    return made;
  }
  [[nodiscard]] digest128 digest() const {
    int level = 3;
    while ((std::int64_t{1} << level) < std::max({size_.x, size_.y, size_.z})) {
      ++level;
    }
    return digest({0, 0, 0}, level);
  }

 private:
  [[nodiscard]] material_id unedited(voxel v) const { return v.z < ground_ ? rock : air; }
  [[nodiscard]] static voxel_box cube(voxel low, int level) {
    const std::int32_t edge = std::int32_t{1} << level;
    return {low, {low.x + edge, low.y + edge, low.z + edge}};
  }
  [[nodiscard]] static voxel corner(voxel low, int level, int i) {
    const std::int32_t edge = std::int32_t{1} << level;
    return {low.x + i % 2 * edge, low.y + i / 2 % 2 * edge, low.z + i / 4 * edge};
  }
  [[nodiscard]] digest128 hash(voxel low, int level) const {
    digest_bytes bytes;
    if (level == 3) {
      test::plain_world::for_each(cube(low, 3),
                                  [&](voxel v) { bytes.put(size_.contains(v) ? at(v) : air, 2); });
      return bytes.hash(2);
    }
    for (int i = 0; i < 8; ++i) {
      bytes.put(digest(corner(low, level - 1, i), level - 1));
    }
    return bytes.hash(3);
  }

  region_size size_;
  std::int32_t ground_;
  std::map<morton_key, material_id> edits_;
  mutable std::map<std::tuple<int, std::int32_t, std::int32_t, std::int32_t>, digest128> cut_;
};

voxel random_voxel(std::mt19937_64& random, region_size size) {
  const auto coordinate = [&](std::int32_t n) {
    // Half of them at the region's far boundary, where cubes are cut.
    const auto any = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
    return random() % 2 == 0 ? any : n - 1;
  };
  const std::int32_t x = coordinate(size.x);
  const std::int32_t y = coordinate(size.y);
  return {x, y, coordinate(size.z)};
}

/// A region with edits, half of them in the index and half as deltas.
struct large_case {
  device::stream stream;
  device::memory_pool memory;
  device::exec ex{stream.ref(), &memory};
  sparse_world world;
  std::vector<voxel> edited;
  std::optional<hand_index> index;
  octree::delta_run run;

  large_case(region_size size, std::int32_t ground, std::uint64_t seed) : world(size, ground) {
    std::mt19937_64 random(seed);
    const auto edit = [&]() -> voxel {
      edited.push_back(random_voxel(random, size));
      world.set(edited.back(), static_cast<material_id>(random() % 8));
      return edited.back();
    };
    for (int i = 0; i < 20; ++i) {
      edit();
    }
    index.emplace(ex, world, index_form::collapsed, seed);
    std::map<morton_key, material_id> deltas;
    for (int i = 0; i < 20; ++i) {
      const voxel v = edit();
      deltas[morton_encode(v)] = world.at(v);
    }
    run = test::make_run(ex, deltas);
    octree::build_levels(ex, index->view(), run, coordinate_bits);
  }
  [[nodiscard]] octree::merged_view view() const { return run.view(index->view()); }
};

struct shape {
  region_size size;
  std::int32_t ground;
};
const std::vector<shape> shapes = {{{1 << 21, 1 << 21, 1 << 12}, 1 << 12},
                                   {{1 << 21, 1 << 21, 1 << 21}, 1 << 21},
                                   {{2097151, 1999999, 4095}, 4095},
                                   {{1234567, 3, 999983}, 0},
                                   {{40000, 50001, 4096}, 2048}};

class large_queries : public testing::TestWithParam<shape> {};
INSTANTIATE_TEST_SUITE_P(shapes, large_queries, testing::ValuesIn(shapes));

TEST_P(large_queries, digest_and_solid) {
  for (const std::uint64_t seed : test::seeds(1, 3)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const large_case c(GetParam().size, GetParam().ground, seed);
    EXPECT_EQ(to_string(octree::content_digest(c.ex, c.view())), to_string(c.world.digest()));
    const std::vector<std::int32_t> quanta = {0, 1048576, 0, 734003, 11, 12, 13, 943718};
    device::buffer<std::int32_t> solid(c.ex, 8);
    device::copy_to_device(c.ex, solid.data(), quanta.data(), 8);
    EXPECT_EQ(to_decimal(octree::total_solid(c.ex, c.view(), solid.data())),
              to_decimal(c.world.solid(quanta)));
  }
}

TEST_P(large_queries, boxes_and_columns_at_edits) {
  const large_case c(GetParam().size, GetParam().ground, 9);
  for (std::size_t n = 0; n < c.edited.size(); n += 5) {
    const voxel v = c.edited[n];
    SCOPED_TRACE(to_string(v));
    for (int level = 0; level <= coordinate_bits; ++level) {
      device::buffer<material_id> out(c.ex, 1);
      octree::read_box(c.ex, c.view(), {v, {v.x + 1, v.y + 1, v.z + 1}}, level, out.data());
      const std::int32_t mask = ~((std::int32_t{1} << level) - 1);
      EXPECT_EQ(device::read(c.ex, out.data()),
                c.world.lod({v.x & mask, v.y & mask, v.z & mask}, level).value())
          << "level " << level;
    }
    const column_list list = octree::read_columns(
        c.ex, c.view(), {{v.x, v.y, 0}, {v.x + 1, v.y + 1, GetParam().size.z}});
    std::int32_t z = 0;
    std::int32_t top = -1;
    for (const column_span& span : list.span) {
      EXPECT_EQ(span.bottom, z);
      EXPECT_EQ(span.material, c.world.at({v.x, v.y, span.bottom}));
      EXPECT_EQ(span.material, c.world.at({v.x, v.y, span.top - 1}));
      top = span.material != air ? span.top - 1 : top;
      z = span.top;
    }
    EXPECT_EQ(z, GetParam().size.z);
    EXPECT_GE(list.span.size(), c.world.at(v) == c.world.at({v.x, v.y, v.z ^ 1}) ? 1U : 2U);
    device::buffer<std::int32_t> found(c.ex, 1);
    octree::column_tops(c.ex, c.view(), {v, {v.x + 1, v.y + 1, v.z + 1}}, found.data());
    EXPECT_EQ(device::read(c.ex, found.data()), top);
  }
}

TEST(large_regions, solid_of_the_largest) {
  const region_size size{1 << 21, 1 << 21, 1 << 21};
  const device::stream stream;
  device::memory_pool memory;
  const device::exec ex{stream.ref(), &memory};
  const sparse_world world(size, size.z);
  const hand_index index(ex, world, index_form::collapsed, 1);
  const octree::delta_run run = test::make_run(ex, std::map<morton_key, material_id>{});
  const std::vector<std::int32_t> quanta(8, 1 << 20);
  device::buffer<std::int32_t> solid(ex, 8);
  device::copy_to_device(ex, solid.data(), quanta.data(), 8);
  EXPECT_EQ(octree::total_solid(ex, run.view(index.view()), solid.data()), int128{1} << 83);
}

TEST(large_regions, a_digest_costs_what_is_mixed) {
  const large_case c({2097151, 1999999, 4095}, 4095, 4);
  const auto start = std::chrono::steady_clock::now();
  (void)octree::content_digest(c.ex, c.view());
  const auto spent = std::chrono::steady_clock::now() - start;
  // A few milliseconds; expanding the boundary would take 2^36 bricks.
  EXPECT_LT(std::chrono::duration<double>(spent).count(), 2.0);
  EXPECT_LT(c.memory.peak_bytes(), std::size_t{64} << 20);
}

}  // namespace
