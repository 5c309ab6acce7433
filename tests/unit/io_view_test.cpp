// The view in a checkpoint, read back through HDF5 and compared, cell by cell, with the LOD
// materials and the surface of the same world as a plain array.
#include "checkpoint_check.hpp"
#include "hdf5_file.hpp"
#include "io_test_support.hpp"
#include "plain_world.hpp"
#include "seeds.hpp"
#include "view_levels.hpp"
#include "vtk_view.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace lithify::io {
namespace {

using lithify::test::plain_world;

/// Small enough that small worlds have many levels, and levels many boxes.
constexpr view_bounds tight{60, 3, 40000, 50};

const region_geometry somewhere = {30.0, 2.5, -17.25, 376313.65, 3788627.8, "LOCAL_CS[\"test\"]"};

std::int32_t below(std::mt19937_64& random, std::int32_t n) {
  return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(n));
}

/// Hills of two materials, columns that are empty, a cave, and a cloud of single voxels.
plain_world hills(std::mt19937_64& random, region_size size) {
  plain_world world(size);
  const double phase = static_cast<double>(random() % 100) / 10;
  const std::int32_t bed = below(random, size.z + 1) / 2;
  plain_world::for_each(size.box(), [&](voxel v) {
    const double ground = 0.5 * size.z * (1 + 0.7 * std::sin(0.07 * v.x + 0.11 * v.y + phase));
    if (v.z < ground && (v.x + 3 * v.y) % 31 != 0) {
      world.at(v) = v.z < bed ? 5 : 4;
    }
  });
  const voxel_box cave{{size.x / 4, size.y / 4, size.z / 8}, {size.x / 2, size.y, size.z / 4}};
  plain_world::for_each(cave, [&](voxel v) { world.at(v) = air; });
  for (int i = 0; i < 40; ++i) {
    world.at({below(random, size.x), below(random, size.y), below(random, size.z)}) =
        static_cast<material_id>(below(random, 9));
  }
  return world;
}

/// The canonical image, from its definition.
class imaged {
 public:
  explicit imaged(const plain_world& world) : world_(world) {
    image_.size = world.size();
    add({0, 0, 0}, std::max(brick_level, world.covering_level()));
    for (const auto& [level, leaves] : leaves_) {
      for (const auto& [key, material] : leaves) {
        image_.uniform_level.push_back(static_cast<std::uint8_t>(-level));
        image_.uniform_key.push_back(key);
        image_.uniform_material.push_back(material);
      }
    }
  }
  [[nodiscard]] voxel_image take() { return std::move(image_); }

 private:
  void add(voxel low, int level) {
    if (!world_.size().contains(low)) {
      return;
    }
    const std::int32_t edge = std::int32_t{1} << level;
    const auto one = world_.uniform({low, {low.x + edge, low.y + edge, low.z + edge}});
    if (one) {
      if (*one != air) {
        leaves_[-level][morton_encode(low) >> (3 * level)] = *one;
      }
    } else if (level == brick_level) {
      add_brick(low);
    } else {
      for (int i = 0; i < 8; ++i) {
        const std::int32_t half = edge / 2;
        add({low.x + i % 2 * half, low.y + i / 2 % 2 * half, low.z + i / 4 * half}, level - 1);
      }
    }
  }

  void add_brick(voxel low) {
    std::vector<material_id> voxels;
    std::map<material_id, int> count;
    const voxel high{low.x + 8, low.y + 8, low.z + 8};
    plain_world::for_each({low, high}, [&](voxel v) {
      voxels.push_back(world_.size().contains(v) ? world_.at(v) : air);
      count[voxels.back()] += 1;
    });
    const auto most = std::max_element(count.begin(), count.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    const morton_key key = morton_encode(low) >> (3 * brick_level);
    if (brick_voxels - most->second > sparse_brick::capacity) {
      image_.dense_key.push_back(key);
      image_.dense_voxels.insert(image_.dense_voxels.end(), voxels.begin(), voxels.end());
      return;
    }
    sparse_brick sparse;
    sparse.majority = most->first;
    for (std::uint16_t i = 0; i < brick_voxels; ++i) {
      if (voxels[i] != sparse.majority) {
        sparse.position[sparse.count] = i;
        sparse.other[sparse.count++] = voxels[i];
      }
    }
    image_.sparse_key.push_back(key);
    image_.sparse_record.push_back(sparse);
  }

  const plain_world& world_;
  voxel_image image_;
  std::map<int, std::map<morton_key, material_id>> leaves_;  // by falling level
};

/// An image of a world with deltas over it, which go into the world too.
voxel_image image_of(plain_world& world, std::mt19937_64& random, int deltas) {
  voxel_image image = imaged(world).take();
  std::map<morton_key, material_id> overlay;
  while (deltas-- > 0) {
    const voxel v{below(random, world.size().x), below(random, world.size().y),
                  below(random, world.size().z)};
    world.at(v) = static_cast<material_id>(below(random, 4));
    overlay[morton_encode(v)] = world.at(v);
  }
  for (const auto& [key, material] : overlay) {
    image.overlay_key.push_back(key);
    image.overlay_material.push_back(material);
  }
  return image;
}

/// What a file says of a view.
struct read_level {
  int lod;
  std::vector<voxel_box> boxes;
  std::vector<material_id> materials;
};
struct read_view {
  std::vector<read_level> levels;
  std::vector<std::int32_t> top;
};

template <std::size_t N>
std::array<double, N> doubles(const h5_reader& file, const std::string& path, const char* name) {
  std::array<double, N> values{};
  file.attribute(path, name, h5_type_of<double>(), N, values.data());
  return values;
}

read_view read_back(const std::filesystem::path& path) {
  const hdf5_session session;
  const h5_reader file(path.string(), "view");
  read_view view;
  const auto groups = file.members("/VTKHDF");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string at = "/VTKHDF/Level" + std::to_string(i);
    read_level level{file.attribute<std::int32_t>(at, "lod"), {}, {}};
    const auto ends = file.array<std::int32_t>(at + "/AMRBox", {6});
    for (std::size_t b = 0; b < ends.size(); b += 6) {
      level.boxes.push_back({{ends[b], ends[b + 2], ends[b + 4]},
                             {ends[b + 1] + 1, ends[b + 3] + 1, ends[b + 5] + 1}});
    }
    level.materials = file.array<material_id>(at + "/CellData/material");
    view.levels.push_back(std::move(level));
  }
  view.top = file.array<std::int32_t>("/surface/elevation", {file.shape("/surface/elevation")[1]});
  return view;
}

voxel_box voxels_of(const voxel_box& cells, int lod, region_size size) {
  const std::int32_t edge = std::int32_t{1} << lod;
  return voxel_box{{cells.min.x * edge, cells.min.y * edge, cells.min.z * edge},
                   {cells.max.x * edge, cells.max.y * edge, cells.max.z * edge}}
      .clipped(size.box());
}

void expect_cells(const read_view& view, const plain_world& world) {
  for (const read_level& level : view.levels) {
    SCOPED_TRACE("LOD " + std::to_string(level.lod));
    std::size_t at = 0;
    for (const voxel_box& box : level.boxes) {
      const auto expected = world.box(voxels_of(box, level.lod, world.size()), level.lod);
      ASSERT_LE(at + expected.size(), level.materials.size());
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(),
                             level.materials.begin() + static_cast<std::ptrdiff_t>(at)))
          << "the box at " << to_string(box.min);
      at += expected.size();
    }
    ASSERT_EQ(at, level.materials.size());
  }
}

/// Where no finer level goes on, the coarser one shows every voxel, as long as there are levels.
void expect_boxes(const read_view& view, const plain_world& world, const view_bounds& bounds) {
  const region_size size = world.size();
  const read_level& root = view.levels.front();
  ASSERT_EQ(root.boxes.size(), 1U);
  EXPECT_EQ(voxels_of(root.boxes[0], root.lod, size), size.box());
  EXPECT_LE(root.boxes[0].volume(), bounds.root_cells);
  std::int64_t cells = root.boxes[0].volume();
  for (std::size_t i = 1; i < view.levels.size(); ++i) {
    SCOPED_TRACE("level " + std::to_string(i));
    const read_level& coarse = view.levels[i - 1];
    const read_level& level = view.levels[i];
    ASSERT_EQ(level.lod, coarse.lod - 1);
    plain_world shown(size);  // 1: by this level
    for (const voxel_box& box : level.boxes) {
      const voxel_box voxels = voxels_of(box, level.lod, size);
      EXPECT_TRUE(box.volume() >= std::int64_t{1} << (3 * bounds.box_bits) || voxels == size.box());
      EXPECT_TRUE(box.min.x % 2 == 0 && box.min.y % 2 == 0 && box.min.z % 2 == 0);
      EXPECT_TRUE(std::any_of(coarse.boxes.begin(), coarse.boxes.end(), [&](const auto& b) {
        return voxels_of(b, coarse.lod, size).contains(voxels);
      })) << "lies in one box of the level before";
      plain_world::for_each(voxels, [&](voxel v) {
        ASSERT_EQ(shown.at(v), 0) << "boxes overlap";
        shown.at(v) = 1;
      });
      cells += box.volume();
    }
    const std::int32_t edge = std::int32_t{1} << coarse.lod;
    plain_world::for_each(size.box(), [&](voxel v) {
      if (v.x % edge == 0 && v.y % edge == 0 && v.z % edge == 0 && shown.at(v) == 0) {
        ASSERT_TRUE(world.uniform({v, {v.x + edge, v.y + edge, v.z + edge}})) << to_string(v);
      }
    });
  }
  EXPECT_LE(cells, bounds.all_cells);
}

void expect_surface(const read_view& view, const plain_world& world, const view_bounds& bounds) {
  const region_size size = world.size();
  std::int32_t every = 1;
  const auto along = [&](std::int32_t extent) { return (extent + every - 1) / every; };
  while (std::int64_t{along(size.x)} * along(size.y) > bounds.surface_cells) {
    every *= 2;
  }
  const std::vector<std::int32_t> tops = world.tops(size.box());
  std::vector<std::int32_t> expected;
  for (std::int32_t y = 0; y < size.y; y += every) {
    for (std::int32_t x = 0; x < size.x; x += every) {
      expected.push_back(tops[static_cast<std::size_t>(x + size.x * y)] + 1);
    }
  }
  EXPECT_EQ(view.top, expected);
}

void write_view(const std::filesystem::path& to, const voxel_image& image, const view_bounds& b) {
  const hdf5_session session;
  h5_writer file;
  put_view(file, make_view(image, b), somewhere, 0.0);
  const auto bytes = file.finish();
  test::write_all(to, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

class view : public ::testing::TestWithParam<region_size> {};

TEST_P(view, shows_what_a_plain_world_holds) {
  const test::scratch_folder folder;
  for (const std::uint64_t seed : lithify::test::seeds(1, 4)) {
    for (const int deltas : {0, 30}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", deltas " + std::to_string(deltas));
      std::mt19937_64 random(seed);
      plain_world world = hills(random, GetParam());
      const voxel_image image = image_of(world, random, deltas);
      write_view(folder / "v.h5", image, tight);
      const read_view seen = read_back(folder / "v.h5");
      expect_cells(seen, world);
      expect_boxes(seen, world, tight);
      expect_surface(seen, world, tight);
      write_view(folder / "w.h5", image, tight);
      EXPECT_EQ(test::read_all(folder / "v.h5"), test::read_all(folder / "w.h5"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(sizes,
                         view,
                         ::testing::Values(region_size{1, 1, 1},
                                           region_size{3, 5, 2},
                                           region_size{8, 8, 8},
                                           region_size{9, 17, 33},
                                           region_size{40, 20, 30},
                                           region_size{1, 1, 200},
                                           region_size{300, 1, 1},
                                           region_size{2, 131, 7},
                                           region_size{33, 47, 39}));

TEST(view_levels, end_where_all_cells_would_be_too_many) {
  std::mt19937_64 random(3);
  plain_world world = hills(random, {40, 40, 40});
  const voxel_image image = image_of(world, random, 0);
  const auto bricks = static_cast<std::int64_t>(image.dense_key.size() + image.sparse_key.size());
  const auto cells = [&](std::int64_t most, std::int64_t few = 1000000, std::int64_t each = 0) {
    std::vector<std::size_t> of_levels;
    for (const view_level& level : make_view(image, {60, 3, most, 50, few, each}).levels) {
      of_levels.push_back(level.materials.size());
    }
    return of_levels;
  };
  const std::vector<std::size_t> all = cells(1000000);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all.front(), 27U);  // LOD 4
  std::int64_t sum = 0;
  for (std::size_t n = 0; n < all.size(); ++n) {
    sum += static_cast<std::int64_t>(all[n]);
    EXPECT_EQ(cells(sum).size(), n + 1);
    EXPECT_EQ(cells(sum + 1).size(), n + 1);
    EXPECT_EQ(cells(1000000, sum).size(), n + 1);
    const std::int64_t enough = (sum + bricks - 1) / bricks;
    EXPECT_GE(cells(1000000, 0, enough).size(), n + 1);
    EXPECT_LE(cells(1000000, 0, enough - 1).size(), std::max<std::size_t>(n, 1));
  }
}

// Leaves alone, without a brick: a large one, and a small one high above it.
TEST(view_levels, end_with_the_finest_leaf) {
  const test::scratch_folder folder;
  plain_world world({64, 64, 64});
  plain_world::for_each({{0, 0, 0}, {64, 64, 32}}, [&](voxel v) { world.at(v) = 5; });
  plain_world::for_each({{0, 0, 32}, {16, 16, 48}}, [&](voxel v) { world.at(v) = 4; });
  const auto seen = [&](const plain_world& shown) {
    write_view(folder / "v.h5", imaged(shown).take(), tight);
    const read_view view = read_back(folder / "v.h5");
    expect_cells(view, shown);
    expect_boxes(view, shown, tight);
    expect_surface(view, shown, tight);
    return view.levels.back().lod;
  };
  EXPECT_EQ(seen(world), 4);
  plain_world::for_each({{8, 8, 56}, {16, 16, 64}}, [&](voxel v) { world.at(v) = 9; });
  EXPECT_EQ(seen(world), 3);
}

// Not canonical, and yet an image: a leaf of air.
TEST(view_levels, take_a_leaf_of_air_for_air) {
  voxel_image image;
  image.size = {8, 8, 8};
  image.uniform_level = {3};
  image.uniform_key = {0};
  image.uniform_material = {air};
  EXPECT_EQ(make_view(image).surface.top, std::vector<std::int32_t>(64, 0));
}

// Memory and time follow what is there: 2^60 voxels, one of which is not air.
TEST(view_levels, follow_a_voxel_through_a_huge_region) {
  voxel_image image;
  image.size = {max_extent, max_extent, 1 << 18};
  image.overlay_key = {morton_encode({1000003, 77, 200001})};
  image.overlay_material = {4};
  EXPECT_EQ(make_view(image).levels.size(), 3U) << "2^20 cells for one brick";
  const world_view seen = make_view(image, {.few_cells = std::int64_t{1} << 23});
  EXPECT_EQ(seen.levels.front().lod, 14);
  ASSERT_EQ(seen.levels.size(), 15U);
  for (const view_level& level : seen.levels) {
    ASSERT_EQ(level.boxes.size(), 1U);
    EXPECT_LE(level.materials.size(), std::size_t{8} << 18);
  }
  const view_level& finest = seen.levels.back();
  EXPECT_EQ(std::count(finest.materials.begin(), finest.materials.end(), air) + 1,
            static_cast<std::ptrdiff_t>(finest.materials.size()));
  EXPECT_TRUE(finest.boxes[0].contains(voxel{1000003, 77, 200001}));
}

TEST(view_levels, are_part_of_a_checkpoint_with_its_place_and_scale) {
  const test::scratch_folder folder;
  std::mt19937_64 random(9);
  checkpoint data;
  plain_world world = hills(random, {150, 70, 80});
  data.geometry = somewhere;
  data.voxels = image_of(world, random, 100);
  data.state.frame_offset = 3 * one_voxel / 2;
  write_checkpoint(folder / "a.h5", data);
  write_checkpoint(folder / "b.h5", data);
  EXPECT_EQ(test::read_all(folder / "a.h5"), test::read_all(folder / "b.h5"));
  const read_view seen = read_back(folder / "a.h5");
  ASSERT_EQ(seen.levels.size(), 2U);
  EXPECT_EQ(seen.levels[0].lod, 1);
  EXPECT_EQ(seen.levels[1].boxes.size(), 2U);
  expect_cells(seen, world);
  expect_boxes(seen, world, {});
  expect_surface(seen, world, {});

  const hdf5_session session;
  const h5_reader file((folder / "a.h5").string(), "a.h5");
  EXPECT_EQ(file.text_attribute("/VTKHDF", "Type"), "OverlappingAMR");
  EXPECT_EQ(file.text_attribute("/VTKHDF", "GridDescription"), "XYZ");
  std::array<std::int64_t, 2> version{};
  file.attribute("/VTKHDF", "Version", h5_type_of<std::int64_t>(), 2, version.data());
  EXPECT_EQ(version, (std::array<std::int64_t, 2>{1, 0}));
  const double floor_m = -17.25 + 1.5 * 2.5;
  EXPECT_EQ(doubles<3>(file, "/VTKHDF", "Origin"),
            (std::array<double, 3>{376313.65, 3788627.8, floor_m}));
  EXPECT_EQ(doubles<3>(file, "/VTKHDF/Level0", "Spacing"), (std::array<double, 3>{60, 60, 5}));
  EXPECT_EQ(doubles<3>(file, "/VTKHDF/Level1", "Spacing"), (std::array<double, 3>{30, 30, 2.5}));
  EXPECT_EQ(doubles<1>(file, "/surface/elevation", "scale_factor")[0], 2.5);
  EXPECT_EQ(doubles<1>(file, "/surface/elevation", "add_offset")[0], floor_m);
  const auto x = file.array<double>("/surface/x");
  EXPECT_DOUBLE_EQ(x[0], 376313.65 + 15.0);
  EXPECT_DOUBLE_EQ(x[1], 376313.65 + 45.0);
}

// The surface looks at the first of 2^lod columns, and its axes say where they are.
TEST(view_surface, says_where_its_columns_are) {
  const test::scratch_folder folder;
  voxel_image image;
  image.size = {40, 20, 30};
  write_view(folder / "v.h5", image, tight);
  const hdf5_session session;
  const h5_reader file((folder / "v.h5").string(), "v.h5");
  const auto x = file.array<double>("/surface/x");
  ASSERT_EQ(x.size(), 10U);  // every 4th
  EXPECT_DOUBLE_EQ(x[0], 376313.65 + 15.0);
  EXPECT_DOUBLE_EQ(x[1], 376313.65 + 15.0 + 120.0);
  EXPECT_EQ(file.array<double>("/surface/y").size(), 5U);
}

}  // namespace
}  // namespace lithify::io
