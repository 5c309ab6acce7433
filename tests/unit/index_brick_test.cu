// Bricks at the borders between their forms, whole and cut by the region's edge; images that cannot
// be; sizes that cannot be.
#include "index_checks.cuh"
#include "lithify/base/error.hpp"
#include "lithify/device/threads.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::test;
using octree::index;

struct fixture {
  device::memory_pool pool;
  device::stream s;
  device::exec ex{s.ref(), &pool};
};

void write(device::exec ex, index& to, const edit_map& edits) {
  const device_edits on_device(ex, edits);
  to.publish(ex, to.merge(ex, on_device.view()));
}

const std::vector<region_size> brick_sizes = {{8, 8, 8}, {1, 1, 1}, {3, 5, 2}, {2, 3, 5}, {4, 4, 2},
                                              {8, 8, 1}, {7, 8, 8}, {5, 1, 7}, {8, 2, 2}};

TEST(index_brick, changes_form_where_it_should) {
  // `others` voxels differ from one material, then go back again, all at once and one by one.
  for (const region_size size : brick_sizes) {
    for (const int others : {1, 14, 15, 16, 17, 30, 31, 32, 255, 256, 257, 511}) {
      const std::int64_t voxels = size.box().volume();
      if (others > voxels) {
        continue;
      }
      SCOPED_TRACE(std::to_string(size.x) + "x" + std::to_string(size.y) + "x" +
                   std::to_string(size.z) + ", " + std::to_string(others) + " others");
      fixture f;
      random_bits random(static_cast<std::uint64_t>(others));
      plain_world world(size);
      index tested(f.ex, size);
      std::vector<voxel> order;
      plain_world::for_each(size.box(), [&](voxel v) { order.push_back(v); });
      std::shuffle(order.begin(), order.end(), random);
      order.resize(static_cast<std::size_t>(others));
      edit_map all;
      for (const voxel v : order) {
        world.at(v) = all[morton_encode(v)] = static_cast<material_id>(5 + random() % 2);
      }
      write(f.ex, tested, all);
      ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *tested.current(), world));
      for (int i = 0; i < others && i < 40; ++i) {
        const voxel v = order[static_cast<std::size_t>(i)];
        world.at(v) = air;
        write(f.ex, tested, {{morton_encode(v), air}});
        ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *tested.current(), world));
      }
    }
  }
}

TEST(index_brick, counts_only_voxels_that_change) {
  fixture f;
  index tested(f.ex, {9, 9, 9});
  write(f.ex, tested, {{0, 3}, {1, 4}});
  const device_edits same(f.ex, {{0, 3}, {1, 4}, {2, air}});
  octree::index_update update = tested.merge(f.ex, same.view());
  EXPECT_EQ(update.changed_voxels(), 0);
  const octree::node before = tested.current()->view().root;
  EXPECT_EQ(tested.publish(f.ex, std::move(update))->view().root, before);
  const device_edits none(f.ex, {});
  EXPECT_EQ(tested.merge(f.ex, none.view()).changed_voxels(), 0);
  const device_edits one(f.ex, {{0, 3}, {1, 5}});
  EXPECT_EQ(tested.merge(f.ex, one.view()).changed_voxels(), 1);
}

TEST(index_brick, works_at_the_far_corner_of_the_largest_region) {
  fixture f;
  index tested(f.ex, {max_extent, max_extent, max_extent});
  const morton_key last = morton_encode({max_extent - 1, max_extent - 1, max_extent - 1});
  write(f.ex, tested, {{0, 1}, {last, 2}});
  const voxel_image image = tested.image(f.ex, *tested.current());
  EXPECT_EQ(image.sparse_key, (std::vector<morton_key>{0, last >> 9}));
  index again(f.ex, {max_extent, max_extent, max_extent});
  again.publish(f.ex, again.load(f.ex, image));
  EXPECT_EQ(first_difference(again.image(f.ex, *again.current()), image), nullptr);

  voxel_image full;
  full.size = {max_extent, max_extent, max_extent};
  full.uniform_level = {21};
  full.uniform_key = {0};
  full.uniform_material = {9};
  again.publish(f.ex, again.load(f.ex, full));
  EXPECT_EQ(again.current()->view().root, octree::node::uniform(9));
  EXPECT_EQ(first_difference(again.image(f.ex, *again.current()), full), nullptr);
}

TEST(index_brick, joins_cubes_inside_pages_in_images) {
  // A tall column in thick layers: cubes of 2^7 to 2^12 voxels that no node stands for.
  const region_size size{3, 2, 9000};
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fixture f;
    random_bits random(seed);
    plain_world world(size);
    index tested(f.ex, size);
    std::vector<std::int64_t> offset = {0};
    std::vector<std::int32_t> top;
    std::vector<material_id> material;
    std::int32_t z = 0;
    for (int layer = 0; z < size.z; ++layer) {
      const std::int32_t unit = 128 << below(random, 6);
      const std::int32_t next = std::min(size.z, (z / unit + 1) * unit);
      top.push_back(next);
      material.push_back(static_cast<material_id>(layer % 3));
      for (; z < next; ++z) {
        plain_world::for_each({{0, 0, z}, {3, 2, z + 1}},
                              [&](voxel v) { world.at(v) = material.back(); });
      }
    }
    const std::size_t layers = top.size();
    for (std::int64_t column = 1; column <= size.columns(); ++column) {
      offset.push_back(column * static_cast<std::int64_t>(layers));
      for (std::size_t i = 0; column > 1 && i < layers; ++i) {
        top.push_back(top[i]);
        material.push_back(material[i]);
      }
    }
    const octree::column_spans columns{offset.data(), top.data(), material.data()};
    tested.publish(f.ex, tested.bulk_build(f.ex, columns));
    ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *tested.current(), world));
    const voxel_image image = tested.image(f.ex, *tested.current());
    index again(f.ex, size);
    again.publish(f.ex, again.load(f.ex, image));
    ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, again, *again.current(), world));
    EXPECT_EQ(slots(again), slots(tested));
  }
}

TEST(index_brick, results_do_not_depend_on_the_number_of_threads) {
  const region_size size{100, 90, 80};
  std::vector<voxel_image> images;
  for (const int threads : {1, 2, 16}) {
    fixture f;
    device::with_threads(threads, [&] {
      random_bits random(77);
      plain_world world(size);
      index tested(f.ex, size);
      for (int batch = 0; batch < 10; ++batch) {
        write(f.ex, tested, random_batch(random, world));
      }
      images.push_back(tested.image(f.ex, *tested.current()));
    });
    EXPECT_EQ(first_difference(images.front(), images.back()), nullptr) << threads << " threads";
  }
}

TEST(index_brick, refuses_sizes_that_cannot_be) {
  fixture f;
  for (const region_size size : {region_size{0, 1, 1}, {1, -1, 1}, {1, 1, max_extent + 1}}) {
    EXPECT_THROW(index(f.ex, size), lithify::error);
  }
}

voxel_image some_image() {
  voxel_image image;
  image.size = {100, 20, 30};
  image.uniform_level = {4, 3};
  image.uniform_key = {0, 9};
  image.uniform_material = {3, 4};
  image.sparse_key = {12};
  image.sparse_record.resize(1);
  image.sparse_record[0].count = 1;
  image.sparse_record[0].other[0] = 6;
  return image;
}

TEST(index_brick, refuses_images_that_reach_outside) {
  fixture f;
  index tested(f.ex, {100, 20, 30});
  const auto refuses = [&](const voxel_image& image, errc code) {
    try {
      (void)tested.load(f.ex, image);
      ADD_FAILURE() << "loaded";
    } catch (const lithify::error& e) {
      EXPECT_EQ(e.code(), code);
    }
  };
  tested.publish(f.ex, tested.load(f.ex, some_image()));
  const auto changed = [](auto change) {
    voxel_image image = some_image();
    change(image);
    return image;
  };
  using im = voxel_image;
  refuses(changed([](im& i) { i.size.x = 99; }), errc::corrupt_file);
  refuses(changed([](im& i) { i.uniform_key.pop_back(); }), errc::corrupt_file);
  refuses(changed([](im& i) { i.dense_key.push_back(1); }), errc::corrupt_file);
  refuses(changed([](im& i) { i.sparse_record.clear(); }), errc::corrupt_file);
  refuses(changed([](im& i) { i.uniform_level[0] = 2; }), errc::corrupt_file);
  refuses(changed([](im& i) { i.uniform_level[0] = 22; }), errc::corrupt_file);
  refuses(changed([](im& i) { i.sparse_record[0].count = 16; }), errc::corrupt_file);
  refuses(changed([](im& i) { i.sparse_record[0].position[0] = 512; }), errc::corrupt_file);
  const morton_key outside = morton_encode({0, 24, 0}) >> 9;
  refuses(changed([=](im& i) { i.sparse_key[0] = outside; }), errc::outside_region);
  refuses(changed([](im& i) { i.uniform_key[1] = std::numeric_limits<morton_key>::max(); }),
          errc::outside_region);
  refuses(changed([=](im& i) {
            i.dense_key = {outside};
            i.dense_voxels.resize(512);
          }),
          errc::outside_region);
  // Leaves that overlap are io's business; here they must only do no harm.
  tested.publish(f.ex, tested.load(f.ex, changed([](im& i) { i.uniform_key[1] = 0; })));
}

}  // namespace
