// Defects of the specification's overlay, each with the behaviour that replaces it.
#include "lithify/base/error.hpp"
#include "lithify/octree/detail/merged.cuh"
#include "overlay_rig.cuh"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::emission;
using test::has_delta;
using test::material;

constexpr region_size small = {64, 48, 32};
constexpr voxel here = {20, 21, 22};
constexpr auto all = consolidation_strategy::all;

class Errata : public testing::Test {
 protected:
  void put(voxel at, material_id m) { world.write(ex, std::vector<voxel_edit>{{at, m}}, ++now); }
  static std::vector<voxel_edit> cube(voxel low, std::int32_t edge, material_id m) {
    std::vector<voxel_edit> edits;
    for (std::int32_t i = 0; i < edge * edge * edge; ++i) {
      edits.push_back({{low.x + i % edge, low.y + i / edge % edge, low.z + i / edge / edge}, m});
    }
    return edits;
  }
  void consolidate() { world.consolidate(ex, all); }
  [[nodiscard]] std::int64_t count() const { return world.current().delta_count(ex); }

  device::memory_pool pool;
  device::stream s;
  device::exec ex{s.ref(), &pool};
  octree::index index{ex, small};
  overlay world{ex, index};
  tick now = 0;
};

TEST_F(Errata, B1_CountIsVoxelsThatDiffer) {
  EXPECT_EQ(count(), 0);
  put(here, 5);
  EXPECT_EQ(count(), 1);
  put(here, 6);  // an overwrite is no second delta
  EXPECT_EQ(count(), 1);
  put({1, 1, 1}, air);  // a revert that removes nothing
  EXPECT_EQ(count(), 1);
  world.write(ex, std::vector<voxel_edit>{{here, air}}, 9);  // a batch that reverts
  EXPECT_EQ(count(), 0);
  put(here, 6);
  consolidate();
  EXPECT_EQ(count(), 0);
  put(here, 6);  // what the index holds already
  EXPECT_EQ(count(), 0);
  put(here, air);  // now that differs
  EXPECT_EQ(count(), 1);
}

TEST_F(Errata, B2_TheLastWriteOfABatchWins) {
  world.write(ex, std::vector<voxel_edit>{{here, 5}, {here, air}}, 1);
  EXPECT_EQ(material(ex, world.current(), here), air);
  world.write(ex, std::vector<voxel_edit>{{here, air}, {here, 5}}, 2);
  EXPECT_EQ(material(ex, world.current(), here), 5);
  // Whatever the thread order: many writers of one voxel, the last item wins.
  for (std::uint64_t order = 0; order < 8; ++order) {
    device::work_order::set_seed(order);
    staging batch(ex, 1000);
    emission e;
    for (int i = 0; i < 1000; ++i) {
      e.add_item({{here, static_cast<material_id>(i)}});
    }
    e.emit(ex, batch);
    world.commit(ex, std::move(batch), 3);
    EXPECT_EQ(material(ex, world.current(), here), 999);
  }
  device::work_order::set_seed(0);
}

TEST_F(Errata, B3_ABatchIsNeverVisibleHalfDone) {
  staging batch(ex, 100);
  emission e;
  for (int i = 0; i < 50; ++i) {
    e.add_item({{{i, 0, 0}, 4}});
  }
  e.emit(ex, batch);
  s.ref().synchronize();
  EXPECT_EQ(material(ex, world.current(), {0, 0, 0}), air);  // written, not committed
  {
    staging dropped(ex, 100);
    e.emit(ex, dropped);
  }
  EXPECT_EQ(material(ex, world.current(), {0, 0, 0}), air);
  world.commit(ex, std::move(batch), 1);
  EXPECT_EQ(material(ex, world.current(), {0, 0, 0}), 4);
  EXPECT_EQ(material(ex, world.current(), {49, 0, 0}), 4);
}

TEST_F(Errata, B4_ADeltaIsAlwaysInTheOverlayOrInTheIndex) {
  put(here, 5);
  world.consolidate(ex, all, [&](const char* step) {
    EXPECT_EQ(material(ex, world.current(), here), 5) << step;
    EXPECT_TRUE(has_delta(ex, world.current(), here)) << step;
  });
  EXPECT_EQ(material(ex, world.current(), here), 5);
  EXPECT_FALSE(has_delta(ex, world.current(), here));
  put(here, 7);
  EXPECT_THROW(world.consolidate(ex, all, [](const char*) { throw std::string("failed"); }),
               std::string);
  EXPECT_EQ(material(ex, world.current(), here), 7);
}

// A revert wins wherever the older delta of its voxel is just then.
TEST_F(Errata, B5_ARevertIsAWriteLikeAnyOther) {
  // Still in staging: a later emission of the same batch reverts it.
  {
    staging batch(ex, 10);
    emission writes;
    writes.add_item({{here, 5}});
    emission reverts;
    reverts.add_item({{here, air}});
    writes.emit(ex, batch);
    reverts.emit(ex, batch);
    world.commit(ex, std::move(batch), 1);
    EXPECT_EQ(material(ex, world.current(), here), air);
    EXPECT_FALSE(has_delta(ex, world.current(), here));
    consolidate();
    EXPECT_EQ(material(ex, world.current(), here), air);
  }
  // Published.
  put(here, 5);
  put(here, air);
  EXPECT_EQ(material(ex, world.current(), here), air);
  consolidate();
  EXPECT_EQ(material(ex, world.current(), here), air);
  // Inside a running consolidation, at each of its steps.
  std::set<std::string> steps;
  for (bool more = true; more;) {
    more = false;
    put(here, 5);
    bool reverted = false;
    world.consolidate(ex, all, [&](const char* step) {
      if (!reverted && steps.insert(step).second) {
        put(here, air);
        reverted = true;
        more = true;
      }
    });
    if (more) {
      EXPECT_EQ(material(ex, world.current(), here), air);
      EXPECT_TRUE(has_delta(ex, world.current(), here));  // the index holds 5
      consolidate();
      EXPECT_EQ(material(ex, world.current(), here), air);
    }
  }
  EXPECT_GE(steps.size(), 5U);
  // In the index.
  EXPECT_EQ(material(ex, world.current(), here), 5);
  put(here, air);
  EXPECT_EQ(material(ex, world.current(), here), air);
  EXPECT_TRUE(has_delta(ex, world.current(), here));
}

TEST_F(Errata, B8_TicksAndBatchNumbersOrderDeltas) {
  // The clock is the caller's: a later batch wins whatever its tick says.
  world.write(ex, std::vector<voxel_edit>{{here, 5}}, 1000);
  world.write(ex, std::vector<voxel_edit>{{here, 6}}, 10);
  EXPECT_EQ(material(ex, world.current(), here), 6);
  const auto origin = world.origins(ex, world.current(), std::vector<voxel>{here}).front();
  ASSERT_TRUE(origin.has_value());
  EXPECT_EQ(origin->batch, 2U);
  EXPECT_EQ(origin->when, 10);
}

TEST_F(Errata, B9_BatchNumbersNeverRestart) {
  const auto version = [&] {
    const auto origin = world.origins(ex, world.current(), std::vector<voxel>{here}).front();
    return origin ? origin->batch : 0;
  };
  put(here, 5);
  EXPECT_EQ(version(), 1U);
  put(here, air);
  EXPECT_EQ(version(), 2U);
  consolidate();
  EXPECT_EQ(version(), 0U);  // the index keeps no versions
  put(here, 5);
  EXPECT_EQ(version(), 3U);
}

TEST_F(Errata, B10_LodQueriesSeeTheOverlay) {
  const auto lod = [&](int level) {
    return test::materials(ex, world.current(), {here}, level).front();
  };
  const auto cell = [&](int level) {
    const reading voxels(ex, world.current());
    device::buffer<material_id> out(ex, 1);
    octree::read_box(ex, voxels.merged(level), {here, {here.x + 1, here.y + 1, here.z + 1}}, level,
                     out.data());
    return device::read(ex, out.data());
  };
  world.write(ex, cube({16, 16, 16}, 8, 3), 1);
  consolidate();
  // One delta is not the majority of any coarser cube: it is not the answer there.
  put(here, 5);
  EXPECT_EQ(lod(0), 5);
  EXPECT_EQ(lod(1), 3);
  EXPECT_EQ(cell(1), 3);
  // Deltas that are the majority of a cube change its answer, at every level that they decide.
  world.write(ex, cube({20, 20, 20}, 4, 5), 2);
  for (const bool merged : {false, true}) {
    EXPECT_EQ(lod(1), 5);
    EXPECT_EQ(cell(1), 5);
    EXPECT_EQ(lod(2), 5);
    EXPECT_EQ(cell(2), 5);
    EXPECT_EQ(lod(3), 3);
    if (!merged) {
      consolidate();
    }
  }
}

TEST_F(Errata, B11_RangeQueriesMergeTheOverlay) {
  world.write(ex, cube({16, 16, 16}, 8, 3), 1);
  consolidate();
  world.write(ex, std::vector<voxel_edit>{{here, 5}, {{21, 21, 22}, air}}, 2);
  const reading voxels(ex, world.current());
  const octree::merged_view merged = voxels.merged();
  const voxel_box row{{19, 21, 22}, {23, 22, 23}};
  device::buffer<material_id> out(ex, 4);
  octree::read_box(ex, merged, row, 0, out.data());
  EXPECT_EQ(test::to_host(ex, out.data(), 4), (std::vector<material_id>{3, 5, air, 3}));
  EXPECT_EQ(octree::read_runs(ex, merged, row, 0).size(), 4U);
  const column_list column = octree::read_columns(ex, merged, {{20, 21, 0}, {21, 22, 32}});
  EXPECT_EQ(column.span, (std::vector<column_span>{
                             {0, 16, air}, {16, 22, 3}, {22, 23, 5}, {23, 24, 3}, {24, 32, air}}));
}

TEST_F(Errata, B12_NeighboursAreDifferentKeys) {
  // A float holds every coordinate, but not the key that is made of three.
  using key = std::remove_cvref_t<decltype(*std::declval<octree::merged_view>().level[0].key)>;
  static_assert(std::is_integral_v<key> && sizeof(key) == 8);
  // As floats with a fraction, or rounded, these would meet.
  put({0, 0, 0}, 1);
  put({1, 0, 0}, 2);
  put({0, 1, 0}, 3);
  put({0, 0, 1}, 4);
  const std::vector<voxel> at = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}};
  EXPECT_EQ(test::materials(ex, world.current(), at), (std::vector<material_id>{1, 2, 3, 4, 0}));
}

TEST_F(Errata, B13_KeysOfTheOverlayAreMortonKeys) {
  put({3, 5, 6}, 1);
  const reading voxels(ex, world.current());
  const octree::merged_view merged = voxels.merged();
  ASSERT_EQ(merged.level[0].size, 1);
  // x in bits 0, 3, ..., y in 1, 4, ..., z in 2, 5, ...: 3 = 011, 5 = 101, 6 = 110.
  EXPECT_EQ(device::read(ex, merged.level[0].key), 0b110'101'011U);
}

TEST_F(Errata, B14_CoordinatesOutsideTheRegionAreRefused) {
  for (const voxel outside : {voxel{-1, 0, 0}, voxel{64, 0, 0}, voxel{0, 48, 0}, voxel{0, 0, 32},
                              voxel{2097152 + 20, 21, 22}, voxel{20, 21 - 2097152, 22}}) {
    try {
      world.write(ex, std::vector<voxel_edit>{{here, 5}, {outside, 6}}, 1);
      FAIL() << to_string(outside) << " was accepted";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::outside_region);
      EXPECT_NE(std::string(e.what()).find(to_string(outside)), std::string::npos) << e.what();
    }
    EXPECT_EQ(material(ex, world.current(), here), air) << "nothing is written";
  }
  EXPECT_EQ(world.current().batch_number(), 0U);
}

TEST_F(Errata, B21_CoarseLeavesAreEmittedAndClipped) {
  world.write(ex, cube({0, 0, 0}, 32, 7), 1);
  consolidate();
  // The leaf is a cube of 32 voxels, far coarser than what is asked for, and the box cuts it.
  const voxel_box box{{3, 4, 5}, {24, 30, 31}};
  const auto runs = [&] {
    const reading voxels(ex, world.current());
    return octree::read_runs(ex, voxels.merged(), box, 0);
  };
  EXPECT_EQ(runs(), (std::vector<cube_run>{{box, 5, 7}}));
  // A delta inside splits it: what is emitted still tiles the box, and no more.
  put(here, 5);
  put({3, 4, 5}, 5);
  put({2, 4, 5}, 5);  // outside the box
  std::int64_t volume = 0;
  std::int64_t deltas = 0;
  for (const cube_run& run : runs()) {
    EXPECT_EQ(run.box.clipped(box), run.box);
    volume += run.box.volume();
    deltas += run.material == 5 ? run.box.volume() : 0;
  }
  EXPECT_EQ(volume, box.volume());
  EXPECT_EQ(deltas, 2);
}

TEST_F(Errata, B22_AWriteIsComparedWithItsOwnVoxel) {
  // A brick of 5 with one voxel of 6: the node's majority is 5.
  std::vector<voxel_edit> edits;
  for (std::int32_t i = 0; i < 512; ++i) {
    edits.push_back({{16 + i % 8, 16 + i / 8 % 8, 16 + i / 64}, 5});
  }
  edits.push_back({here, 6});
  world.write(ex, edits, 1);
  consolidate();
  put(here, 5);  // the majority, but not what the voxel holds
  EXPECT_TRUE(has_delta(ex, world.current(), here));
  EXPECT_EQ(count(), 1);
  consolidate();
  EXPECT_EQ(material(ex, world.current(), here), 5);
  put(here, 6);
  put({16, 16, 16}, 5);  // the majority, and what the voxel holds
  EXPECT_EQ(count(), 1);
}

}  // namespace
