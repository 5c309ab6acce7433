// Keys, nodes, the LOD rule and the region's edge, each against a definition written out anew.
#include "brick_work.cuh"
#include "lithify/octree/detail/node.cuh"
#include "lithify/octree/lod.hpp"
#include "lithify/octree/morton.hpp"
#include "plain_world.hpp"
#include "tree.cuh"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::octree;

voxel random_voxel(std::mt19937_64& random) {
  const auto one = [&] {
    return static_cast<std::int32_t>(random() % (1U << (1 + random() % 21)));
  };
  return {one(), one(), one()};
}

TEST(morton, interleaves_bit_by_bit) {
  std::mt19937_64 random(1);
  std::vector<voxel> voxels = {
      {0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {max_extent - 1, max_extent - 1, max_extent - 1}};
  for (int i = 0; i < 10000; ++i) {
    voxels.push_back(random_voxel(random));
  }
  for (const voxel v : voxels) {
    morton_key expected = 0;
    for (int bit = 0; bit < 21; ++bit) {
      const auto put = [&](std::int32_t c, int axis) {
        expected |= static_cast<morton_key>((c >> bit) & 1) << (3 * bit + axis);
      };
      put(v.x, 0);
      put(v.y, 1);
      put(v.z, 2);
    }
    ASSERT_EQ(morton_encode(v), expected);
    ASSERT_EQ(morton_decode(expected), v);
  }
}

TEST(morton, names_positions_in_a_brick) {
  for (int p = 0; p < brick_voxels; ++p) {
    const voxel v{8 * 5 + p % 8, 8 * 900 + p / 8 % 8, 8 * 77 + p / 64};
    EXPECT_EQ(brick_position(morton_encode(v)), p);
    EXPECT_EQ(brick_voxel(morton_encode(v) >> 9, p), v);
  }
}

TEST(octree_node, keeps_what_is_put_in) {
  for (const node_kind kind : {node_kind::children, node_kind::dense, node_kind::sparse}) {
    for (const std::uint64_t slot :
         {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 40) - 1}) {
      for (const int lod : {0, 1, 65535}) {
        const node n = node::make(kind, slot, static_cast<material_id>(lod));
        EXPECT_EQ(n.kind(), kind);
        EXPECT_EQ(n.slot(), slot);
        EXPECT_EQ(n.lod(), lod);
        EXPECT_FALSE(n.is_uniform());
      }
    }
  }
  EXPECT_TRUE(node::uniform(65535).is_uniform());
  EXPECT_EQ(node::uniform(65535).lod(), 65535);
  EXPECT_EQ(node{}, node::uniform(air));
}

TEST(octree_node, levels_lead_from_bricks_to_the_root) {
  EXPECT_EQ(directory_level({1, 1, 1}), 10);
  EXPECT_EQ(directory_level({1024, 1, 1}), 10);
  EXPECT_EQ(directory_level({1, 1025, 1}), 13);
  EXPECT_EQ(directory_level({1, 1, max_extent}), 22);
  int steps = 0;
  for (int level = brick_level; level < 22; ++steps) {
    const int above = parent_level(level);
    EXPECT_EQ(child_level(above), level);
    level = above;
  }
  EXPECT_EQ(steps, max_steps);
}

TEST(octree_node, children_are_found_by_key) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    const voxel v = random_voxel(random);
    for (const int level : {4, 5, 6, 7, 10, 13, 16, 19, 22}) {
      const int below = child_level(level);
      const int bits = level - below;
      const std::int32_t mask = (1 << bits) - 1;
      const voxel c{(v.x >> below) & mask, (v.y >> below) & mask, (v.z >> below) & mask};
      ASSERT_EQ(child_index(morton_encode(v), level), morton_encode(c)) << "level " << level;
    }
  }
}

TEST(lod_vote, follows_the_rule) {
  // All choices of four materials for 8 sub-cubes, each with every subset of them inside.
  for (std::uint32_t choice = 0; choice < 65536; ++choice) {
    alignas(8) material_id sub[8];
    std::array<std::optional<material_id>, 8> votes;
    for (int i = 0; i < 8; ++i) {
      constexpr material_id ids[] = {air, 7, 3, 65535};
      sub[i] = ids[(choice >> (2 * i)) & 3U];
    }
    const std::uint32_t first = choice % 7 == 0 ? 0 : 255;  // every subset for some of them
    for (std::uint32_t inside = first; inside < 256; ++inside) {
      for (int i = 0; i < 8; ++i) {
        const bool in = ((inside >> i) & 1U) != 0;
        votes[static_cast<std::size_t>(i)] = in ? std::optional(sub[i]) : std::nullopt;
      }
      const material_id expected = test::oracle_vote(votes).value_or(air);
      ASSERT_EQ(lod_vote(sub, inside), expected) << choice << " inside " << inside;
      ASSERT_EQ(quick_vote(sub, inside), expected) << choice << " inside " << inside;
    }
  }
}

TEST(lod_vote, sees_the_regions_edge) {
  for (const region_size size : {region_size{1, 1, 1}, {5, 3, 9}, {8, 8, 8}, {16, 12, 7}}) {
    for (int level = 1; level <= 4; ++level) {
      const std::int32_t edge = 1 << level;
      test::plain_world::for_each({{0, 0, 0}, {3, 3, 3}}, [&](voxel c) {
        const voxel low{c.x * edge, c.y * edge, c.z * edge};
        std::uint32_t expected = 0;
        test::plain_world::for_each(
            {low, {low.x + edge, low.y + edge, low.z + edge}}, [&](voxel v) {
              if (v.x < size.x && v.y < size.y && v.z < size.z) {
                const int half = edge / 2;
                expected |= 1U << ((v.x - low.x) / half + 2 * ((v.y - low.y) / half) +
                                   4 * ((v.z - low.z) / half));
              }
            });
        EXPECT_EQ(inside_mask(low, level, size), expected);
      });
    }
  }
}

TEST(brick, counts_out_its_majority) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20000; ++round) {
    const auto side = [&] { return 1 + static_cast<std::int32_t>(random() % 8); };
    const region_size size{side(), side(), side()};
    const brick_extent extent(0, size);
    // Up to 20 voxels of other materials among one, or everything at random.
    std::array<material_id, brick_voxels> voxels{};
    const auto main = static_cast<material_id>(random() % 4);
    voxels.fill(main);
    const bool noise = random() % 3 == 0;
    const int others = static_cast<int>(random() % 40);
    for (int i = 0; i < (noise ? brick_voxels : others); ++i) {
      const std::size_t at = noise ? static_cast<std::size_t>(i) : random() % brick_voxels;
      voxels[at] = static_cast<material_id>(random() % 6);
    }
    std::array<int, 6> count{};
    int inside = 0;
    for (int p = 0; p < brick_voxels; ++p) {
      const bool in = p % 8 < size.x && p / 8 % 8 < size.y && p / 64 < size.z;
      ASSERT_EQ(extent.holds(p), in);
      count[voxels[static_cast<std::size_t>(p)]] += in ? 1 : 0;
      inside += in ? 1 : 0;
    }
    ASSERT_EQ(extent.voxels(), inside);
    const auto most = std::max_element(count.begin(), count.end());
    const auto expected = static_cast<material_id>(most - count.begin());
    const material_id found = majority_candidate(voxels.data(), extent);
    if (inside - *most <= sparse_brick::capacity) {
      ASSERT_EQ(found, expected) << "round " << round;
    } else {  // any will do, as long as too many differ from it
      ASSERT_GT(inside - count[found], sparse_brick::capacity) << "round " << round;
    }
  }
}

}  // namespace
