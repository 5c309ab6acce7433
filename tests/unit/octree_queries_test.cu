// Range queries: cases small enough to be worked out by hand, the content digest's published
// values, and what an allocation that fails leaves behind.
#include "hand_index.cuh"
#include "lithify/base/error.hpp"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "plain_world.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using test::hand_index;
using test::index_form;
using test::plain_world;

/// A world in an index with deltas over it.
struct small_world {
  device::memory_pool memory;
  device::stream stream;
  device::exec ex{stream.ref(), &memory};
  hand_index index;
  octree::delta_run run;

  explicit small_world(const plain_world& world,
                       const std::map<morton_key, material_id>& deltas = {},
                       index_form form = index_form::collapsed)
      : index(ex, world, form, 1), run(test::make_run(ex, deltas)) {
    octree::build_levels(ex, index.view(), run, 7);
  }
  [[nodiscard]] octree::merged_view view() const { return run.view(index.view()); }
  [[nodiscard]] std::vector<material_id> box(voxel_box b, int level) const {
    device::buffer<material_id> cells(ex, 64);
    std::vector<material_id> found(static_cast<std::size_t>(b.volume() >> (3 * level)));
    octree::read_box(ex, view(), b, level, cells.data());
    device::copy_to_host(ex, found.data(), cells.data(), static_cast<std::int64_t>(found.size()));
    return found;
  }
};

std::map<morton_key, material_id> deltas_at(const std::vector<voxel>& at, material_id m) {
  std::map<morton_key, material_id> deltas;
  for (const voxel v : at) {
    deltas[morton_encode(v)] = m;
  }
  return deltas;
}

template <class F>
plain_world filled(region_size size, F material) {
  plain_world world(size);
  plain_world::for_each(size.box(), [&](voxel v) { world.at(v) = material(v); });
  return world;
}

std::string digest_of(const plain_world& world) {
  const small_world w(world);
  return to_string(octree::content_digest(w.ex, w.view()));
}

TEST(box_queries, merge_the_overlay) {
  const small_world w(plain_world({16, 16, 16}, 3), deltas_at({{1, 0, 0}, {9, 0, 0}}, 5));
  EXPECT_EQ(w.box({{0, 0, 0}, {4, 1, 1}}, 0), (std::vector<material_id>{3, 5, 3, 3}));
  EXPECT_EQ(w.box({{8, 0, 0}, {11, 1, 1}}, 0), (std::vector<material_id>{3, 5, 3}));
}

TEST(lod_queries, see_the_overlay) {
  // Four of eight voxels are a tie, in which the material of the upper ones wins.
  const std::vector<voxel> upper = {{2, 2, 3}, {3, 2, 3}, {2, 3, 3}, {3, 3, 3}};
  const small_world w(plain_world({16, 16, 16}, 3), deltas_at(upper, 5));
  EXPECT_EQ(w.box({{2, 2, 2}, {4, 4, 4}}, 1), (std::vector<material_id>{5}));
  EXPECT_EQ(w.box({{0, 0, 0}, {4, 4, 4}}, 2), (std::vector<material_id>{3}));
  // Air wins no tie.
  const small_world dug(plain_world({16, 16, 16}, 3), deltas_at(upper, air));
  EXPECT_EQ(dug.box({{2, 2, 2}, {4, 4, 4}}, 1), (std::vector<material_id>{3}));
}

TEST(run_queries, emit_and_clip_coarse_uniform_leaves) {
  const small_world w(plain_world({64, 64, 64}, 3));
  const voxel_box b{{3, 4, 5}, {20, 30, 40}};
  EXPECT_EQ(octree::read_runs(w.ex, w.view(), b, 1), (std::vector<cube_run>{{b, 6, 3}}));
}

TEST(run_queries, join_deltas_that_complete_a_cube) {
  plain_world world({16, 16, 16}, 3);
  world.at({0, 0, 0}) = 5;
  const small_world w(world, deltas_at({{0, 0, 0}}, 3));
  EXPECT_EQ(octree::read_runs(w.ex, w.view(), world.size().box(), 0),
            (std::vector<cube_run>{{world.size().box(), 4, 3}}));
}

// More deltas than one work item compares: each of them counts, wherever it stands in the run.
TEST(run_queries, see_the_one_delta_of_many_that_differs) {
  const plain_world world({32, 32, 32}, 3);
  const voxel_box all = world.size().box();
  std::map<morton_key, material_id> deltas;
  plain_world::for_each(all, [&](voxel v) { deltas[morton_encode(v)] = 5; });
  const small_world one(world, deltas);
  EXPECT_EQ(octree::read_runs(one.ex, one.view(), all, 0), (std::vector<cube_run>{{all, 5, 5}}));
  for (const morton_key odd : {4095, 4096, 5000, 20000, 32766}) {
    auto mixed = deltas;
    mixed[odd] = 6;
    const small_world w(world, mixed);
    const std::vector<cube_run> found = octree::read_runs(w.ex, w.view(), all, 0);
    EXPECT_EQ(found.size(), 5 * 7 + 1) << "delta " << odd;
    for (const cube_run& run : found) {
      EXPECT_EQ(run.material, run.box == cube_box(odd, 0) ? 6 : 5);
    }
  }
}

TEST(run_queries, an_empty_box_has_none) {
  const small_world w(plain_world({4, 4, 4}, 3));
  EXPECT_TRUE(octree::read_runs(w.ex, w.view(), {{1, 1, 1}, {1, 2, 2}}, 0).empty());
}

TEST(column_queries, join_spans_across_bricks_and_deltas) {
  const plain_world world =
      filled({1, 1, 40}, [](voxel v) -> material_id { return v.z < 20 ? 3 : 0; });
  const small_world w(world, deltas_at({{0, 0, 20}, {0, 0, 21}}, 3));
  const column_list list = octree::read_columns(w.ex, w.view(), {{0, 0, 2}, {1, 1, 40}});
  EXPECT_EQ(list.offset, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(list.span, (std::vector<column_span>{{2, 22, 3}, {22, 40, 0}}));
  device::buffer<std::int32_t> top(w.ex, 1);
  octree::column_tops(w.ex, w.view(), {{0, 0, 0}, {1, 1, 0}}, top.data());
  EXPECT_EQ(device::read(w.ex, top.data()), 21);
}

TEST(column_queries, an_empty_column_has_top_minus_one) {
  const small_world w(plain_world({1, 1, 300}));
  device::buffer<std::int32_t> top(w.ex, 1);
  octree::column_tops(w.ex, w.view(), {{0, 0, 0}, {1, 1, 300}}, top.data());
  EXPECT_EQ(device::read(w.ex, top.data()), -1);
}

// Made by a third implementation, written from octree/README.md alone.
TEST(content_digest, has_its_published_values) {
  EXPECT_EQ(digest_of(plain_world({1, 1, 1}, air)), "f4d76c591e41090af146f2184013dca8");
  EXPECT_EQ(digest_of(plain_world({1, 1, 1}, 7)), "b620af71b6147876a85b9b743ecf63e1");
  EXPECT_EQ(digest_of(plain_world({8, 8, 8}, 7)), "bde852f7971c34fe4bf960404149b225");
  EXPECT_EQ(digest_of(plain_world({20, 9, 5}, 7)), "9da9067af45f494d953943e35cfea024");
  EXPECT_EQ(digest_of(filled({20, 9, 17},
                             [](voxel v) -> material_id {
                               return static_cast<material_id>((v.x + v.y + v.z) % 3);
                             })),
            "faea156397c22089663fbf12dcd514f2");
}

TEST(content_digest, does_not_depend_on_form) {
  const plain_world world = filled({130, 70, 40}, [](voxel v) -> material_id {
    return v.z < 20 ? 7 : v.x % 16 == 0 && v.y == 33 && v.z == 20 ? 2 : 0;
  });
  std::map<morton_key, material_id> everything;
  plain_world::for_each(world.size().box(),
                        [&](voxel v) { everything[morton_encode(v)] = world.at(v); });
  const std::string expected = to_string(world.digest());
  for (const index_form form : {index_form::collapsed, index_form::dense, index_form::split}) {
    const small_world w(world, {}, form);
    EXPECT_EQ(to_string(octree::content_digest(w.ex, w.view())), expected);
  }
  const small_world overlay(plain_world(world.size(), 4), everything);
  EXPECT_EQ(to_string(octree::content_digest(overlay.ex, overlay.view())), expected);
}

TEST(range_queries, fail_without_a_trace_when_memory_runs_out) {
  const plain_world world = filled({40, 20, 150}, [](voxel v) -> material_id {
    return static_cast<material_id>((v.x / 5 + v.z / 30) % 4);
  });
  small_world w(world, deltas_at({{3, 3, 3}, {30, 10, 140}}, 6));
  device::buffer<std::int32_t> solid(w.ex, 8);
  device::fill(w.ex, solid.data(), 8, std::int32_t{1});
  const voxel_box all = world.size().box();
  const std::vector<std::function<void()>> queries = {
      [&] { (void)octree::content_digest(w.ex, w.view()); },
      [&] { (void)octree::chunk_digests(w.ex, w.view()); },
      [&] { (void)octree::read_runs(w.ex, w.view(), all, 1); },
      [&] { (void)octree::read_columns(w.ex, w.view(), all); },
      [&] { (void)octree::total_solid(w.ex, w.view(), solid.data()); }};
  const std::size_t before = w.memory.bytes_in_use();
  for (std::size_t q = 0; q < queries.size(); ++q) {
    SCOPED_TRACE("query " + std::to_string(q));
    bool failed = true;
    for (std::int64_t n = 0; failed; ++n) {
      ASSERT_LT(n, 1000);
      w.memory.fail_allocation(n);
      failed = false;
      try {
        queries[q]();
      } catch (const error& e) {
        failed = true;
        EXPECT_EQ(e.code(), errc::out_of_memory);
        EXPECT_EQ(w.memory.bytes_in_use(), before);
      }
    }
    w.memory.fail_allocation(-1);
  }
}

TEST(merged_levels, can_be_finished_after_memory_ran_out) {
  small_world w(plain_world({64, 64, 64}, 3));
  bool failed = true;
  for (std::int64_t n = 0; failed; ++n) {
    octree::delta_run run = test::make_run(w.ex, deltas_at({{3, 3, 3}, {30, 10, 40}}, 6));
    w.memory.fail_allocation(n);
    failed = false;
    try {
      octree::build_levels(w.ex, w.index.view(), run, 5);
    } catch (const error&) {
      failed = true;
    }
    w.memory.fail_allocation(-1);
    octree::build_levels(w.ex, w.index.view(), run, 5);
    ASSERT_EQ(run.levels, 6);
    EXPECT_EQ(run.key[4].size(), 2);
    EXPECT_EQ(run.key[5].size(), 2);
  }
}

}  // namespace
