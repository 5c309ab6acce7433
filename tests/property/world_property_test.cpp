/// The whole world against the slow oracle: random batches, reverts, merges, consolidations and
/// snapshots, interleaved; every query agrees at every step, at every LOD, and old snapshots answer
/// as they did.
#include "lithify/octree/morton.hpp"
#include "lithify/world.hpp"
#include "plain_world.hpp"
#include "seeds.hpp"
#include "test_device.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace lithify {
namespace {

using test::plain_world;

struct model {
  plain_world voxels;
  plain_world index;  // content of the index: the voxels at the last full consolidation
  std::set<std::tuple<std::int32_t, std::int32_t, std::int32_t>> in_overlay;
};

world make_world(region_size size) {
  world_config config;
  config.size = size;
  config.overlay.threshold = std::int64_t{1} << 40;  // consolidations happen when the test says so
  return world::create(config, test::test_device());
}

std::vector<voxel_edit> random_batch(std::mt19937_64& random, region_size size) {
  const auto below = [&](std::int32_t n) {
    return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
  };
  const int kind = below(5);
  const int count = kind == 0 ? 1 : kind == 1 ? 3000 : 200;
  const voxel centre{below(size.x), below(size.y), below(size.z)};
  std::vector<voxel_edit> edits;
  for (int i = 0; i < count; ++i) {
    voxel v{below(size.x), below(size.y), below(size.z)};
    if (kind >= 3) {  // a cluster, clipped to the region: duplicates, whole bricks
      v = {std::clamp(centre.x + below(11) - 5, 0, size.x - 1),
           std::clamp(centre.y + below(11) - 5, 0, size.y - 1),
           std::clamp(centre.z + below(7) - 3, 0, size.z - 1)};
    }
    if (kind == 2) {  // the sides of the region
      (below(2) != 0 ? v.x : v.z) = below(2) != 0 ? 0 : 1 << 30;
      v.x = std::min(v.x, size.x - 1);
      v.z = std::min(v.z, size.z - 1);
    }
    edits.push_back({v, static_cast<material_id>(kind == 4 ? 5 : below(4))});
  }
  return edits;
}

voxel_box random_box(std::mt19937_64& random, region_size size) {
  const auto below = [&](std::int32_t n) {
    return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
  };
  voxel_box b;
  b.min = {below(size.x), below(size.y), below(size.z)};
  b.max = {b.min.x + 1 + below(size.x - b.min.x), b.min.y + 1 + below(size.y - b.min.y),
           b.min.z + 1 + below(size.z - b.min.z)};
  return b;
}

/// Every query, over the whole region and over a part of it, at every LOD.
void check_snapshot(const snapshot& s, const plain_world& expected, std::mt19937_64& random) {
  const region_size size = expected.size();
  const voxel_box part = random_box(random, size);
  std::vector<voxel> points(50);
  for (voxel& v : points) {
    v = random_box(random, size).min;
  }
  for (int level = 0; level <= root_level(size); ++level) {
    SCOPED_TRACE("LOD " + std::to_string(level));
    for (const voxel_box& box : {size.box(), part}) {
      ASSERT_EQ(s.box(box, level), expected.box(box, level));
      ASSERT_EQ(s.runs(box, level), expected.runs(box, level));
      const column_list columns = s.columns(box, level);
      const column_list wanted = expected.columns(box, level);
      ASSERT_EQ(columns.offset, wanted.offset);
      ASSERT_EQ(columns.span, wanted.span);
    }
    const std::vector<material_id> got = s.materials(points, level);
    for (std::size_t i = 0; i < points.size(); ++i) {
      const voxel v{points[i].x >> level << level, points[i].y >> level << level,
                    points[i].z >> level << level};
      ASSERT_EQ(got[i], expected.lod(v, level)) << to_string(points[i]);
    }
  }
  ASSERT_EQ(s.tops(), expected.tops(size.box()));
  ASSERT_EQ(s.content_digest(), expected.digest());
}

void check_overlay(const snapshot& s, const model& m) {
  std::int64_t count = 0;
  for (const auto& [z, y, x] : m.in_overlay) {
    const bool differs = m.voxels.at({x, y, z}) != m.index.at({x, y, z});
    count += differs ? 1 : 0;
    ASSERT_EQ(s.has_delta({x, y, z}), differs);
  }
  ASSERT_EQ(s.delta_count(), count);
}

/// Writes edits to the world and to its model.
void commit_both(world& w, plain_world& expected, const std::vector<voxel_edit>& edits, tick when) {
  w.commit(edits, when);
  for (const voxel_edit& e : edits) {
    expected.at(e.at) = e.material;
  }
}

class world_property : public ::testing::TestWithParam<region_size> {};

TEST_P(world_property, EveryQueryAgreesWithAPlainWorldAtEveryStep) {
  const region_size size = GetParam();
  for (const std::uint64_t seed : test::seeds(1, 3)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    world w = make_world(size);
    model m{plain_world(size), plain_world(size), {}};
    std::vector<std::pair<snapshot, plain_world>> kept;
    for (int step = 0; step < 24; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const auto choice = random() % 10;
      if (choice < 6 || kept.empty()) {
        const auto edits = random_batch(random, size);
        commit_both(w, m.voxels, edits, step);
        for (const voxel_edit& e : edits) {
          m.in_overlay.insert({e.at.z, e.at.y, e.at.x});
        }
      } else if (choice < 8) {
        const auto& [then, was] = kept[random() % kept.size()];
        std::vector<voxel> at;
        for (const voxel_edit& e : random_batch(random, size)) {
          at.push_back(e.at);
        }
        w.revert(at, then, step);
        for (const voxel v : at) {
          m.voxels.at(v) = was.at(v);
          m.in_overlay.insert({v.z, v.y, v.x});
        }
      } else {
        w.consolidate();
        m.index = m.voxels;
        m.in_overlay.clear();
      }
      ASSERT_NO_FATAL_FAILURE(check_snapshot(w.current(), m.voxels, random));
      ASSERT_NO_FATAL_FAILURE(check_overlay(w.current(), m));
      if (random() % 4 == 0) {
        kept.emplace_back(w.current(), m.voxels);
      }
      if (!kept.empty()) {
        const auto& [old, was] = kept[random() % kept.size()];
        ASSERT_NO_FATAL_FAILURE(check_snapshot(old, was, random));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         world_property,
                         ::testing::Values(region_size{1, 1, 1},
                                           region_size{8, 8, 8},
                                           region_size{1, 40, 3},
                                           region_size{9, 17, 20},
                                           region_size{5, 3, 150},
                                           region_size{33, 20, 18}));

TEST(world_property, LazyThresholdKeepsEveryAnswer) {
  const region_size size{20, 20, 20};
  for (const std::uint64_t seed : test::seeds(7, 9)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    world w = make_world(size);
    plain_world expected(size);
    for (int step = 0; step < 12; ++step) {
      commit_both(w, expected, random_batch(random, size), step);
      if (step % 3 == 2) {
        const std::int64_t before = w.statistics().overlay_slots;
        w.consolidate(consolidation_strategy::lazy_threshold);
        EXPECT_LE(2 * w.statistics().overlay_slots, before);
      }
      ASSERT_NO_FATAL_FAILURE(check_snapshot(w.current(), expected, random));
    }
  }
}

TEST(world_property, BatchesOfAMillionEditsBetweenSmallOnes) {
  const region_size size{40, 36, 34};
  for (const std::uint64_t seed : test::seeds(11, 11)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    world w = make_world(size);
    plain_world expected(size);
    const auto commit = [&](const std::vector<voxel_edit>& edits) {
      commit_both(w, expected, edits, 0);
      check_snapshot(w.current(), expected, random);
    };
    const auto million = [&] {
      std::vector<voxel_edit> edits(1'000'000);  // each voxel about twenty times
      for (voxel_edit& e : edits) {
        e = {random_box(random, size).min, static_cast<material_id>(random() % 16)};
      }
      return edits;
    };
    commit(random_batch(random, size));
    commit(million());
    const snapshot then = w.current();
    const plain_world was = expected;
    commit(random_batch(random, size));
    w.consolidate();
    ASSERT_NO_FATAL_FAILURE(check_snapshot(w.current(), expected, random));
    commit(million());
    std::vector<voxel> back;
    for (const voxel_edit& e : million()) {
      back.push_back(e.at);
      expected.at(e.at) = was.at(e.at);
    }
    w.revert(back, then);
    ASSERT_NO_FATAL_FAILURE(check_snapshot(w.current(), expected, random));
    w.consolidate();
    ASSERT_NO_FATAL_FAILURE(check_snapshot(w.current(), expected, random));
    ASSERT_NO_FATAL_FAILURE(check_snapshot(then, was, random));
    EXPECT_EQ(w.current().delta_count(), 0);
  }
}

TEST(world_property, ColumnsOfAVastRegionSeePendingDeltas) {
  // The root of such a region stands above the coordinates' 21 bits.
  world w = make_world({600'000, 1, 8});
  const material_id granite = *w.config().materials.find("granite");
  w.commit(std::vector<voxel_edit>{{{599'999, 0, 3}, granite}, {{7, 0, 5}, granite}});
  w.simulate({diffusion_parameters{}});
  const std::vector<field> columns = w.column_fields();
  const auto rock_top = find_field(columns, "rock_top").as<std::int32_t>();
  EXPECT_EQ(rock_top[7], 5);
  EXPECT_EQ(rock_top[599'999], 3);
  EXPECT_EQ(std::count(rock_top.begin(), rock_top.end(), -1), 599'998);
}

}  // namespace
}  // namespace lithify
