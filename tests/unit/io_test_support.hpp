/// What the io tests share: scratch folders, a small checkpoint with every part filled, and the
/// error of a call.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/io/checkpoint.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace lithify::io::test {

/// A folder of its own for each test, removed afterwards.
class scratch_folder {
 public:
  scratch_folder() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("lithify-io-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path_);
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_all(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// The error that `call` throws; nothing when it throws none.
template <class Call>
std::optional<error> error_of(Call&& call) {
  try {
    call();
  } catch (const error& e) {
    return e;
  }
  return std::nullopt;
}

/// A message is one line that names the file.
inline void expect_one_line(const error& e, const std::string& file) {
  EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
  EXPECT_NE(std::string(e.what()).find(file), std::string::npos) << e.what();
}

template <class T>
field ramp(const std::string& name,
           const std::string& unit,
           std::vector<std::int64_t> shape,
           T first) {
  std::size_t n = 1;
  for (const std::int64_t extent : shape) {
    n *= static_cast<std::size_t>(extent);
  }
  std::vector<T> values(n);
  std::iota(values.begin(), values.end(), first);
  return field::make<T>(name, unit, std::move(shape), values);
}

/// A region of 40 x 20 x 30 voxels with leaves, both kinds of brick, an overlay and six columns.
inline checkpoint sample_checkpoint() {
  checkpoint c;
  c.geometry = {30.0, 2.5, -17.25, 376313.65, 3788627.8, "LOCAL_CS[\"test\"]"};
  material m;
  m.name = "tuff";
  m.porosity = 0.31;
  m.erodibility = 3.5;
  m.repose_deg = 48.25;
  m.diffusivity_m2_per_yr = 0.0;
  c.materials.set(m);

  voxel_image& v = c.voxels;
  v.size = {40, 20, 30};
  v.uniform_level = {4, 3};
  v.uniform_key = {0, 8};
  v.uniform_material = {5, 17};
  v.dense_key = {9, 10};
  for (int i = 0; i < 2 * brick_voxels; ++i) {
    v.dense_voxels.push_back(static_cast<material_id>((i * 7 + i / 9) % 17));
  }
  v.sparse_key = {11, 12};
  v.sparse_record.resize(2);
  v.sparse_record[0].majority = 5;
  v.sparse_record[0].count = 2;
  v.sparse_record[0].position[0] = 3;
  v.sparse_record[0].position[1] = 511;
  v.sparse_record[0].other[1] = 16;
  v.sparse_record[1].majority = 0;
  v.sparse_record[1].count = 1;
  v.sparse_record[1].other[0] = 2;
  v.overlay_key = {1, 77};
  v.overlay_material = {0, 16};

  c.columns = {ramp<std::int32_t>("rock_top", "voxels", {20, 40}, -1),
               ramp<std::int64_t>("sediment", "quanta", {20, 40}, -5),
               ramp<std::uint16_t>("rock_material", "", {20, 40}, 0),
               ramp<double>("water", "m", {20, 40}, 0.5),
               ramp<std::int64_t>("flux", "2^-52 voxel heights", {20, 40, 2}, 1),
               field::make<std::int32_t>("none", "", {3, 0}, {})};
  c.state.step = 12;
  c.state.time_yr = 1.2e5;
  c.state.batch_number = 99;
  c.state.tick = -31;
  c.state.random_key = ~std::uint64_t{0};
  c.state.random_counter = 7;
  c.state.frame_offset = -3;
  c.state.frame_remainder = 1;
  c.state.budget.in = static_cast<int128>((uint128{1} << 127) - 1);
  c.state.budget.out = -c.state.budget.in - 1;
  c.state.budget.exported = -12;
  c.state.budget.stored_at_start = static_cast<int128>(1) << 90;
  c.sides = {side_kind::looped, side_kind::looped, side_kind::closed, side_kind::open};
  c.scenario = "# every byte\n[world]\ndem = \"a.tif\"\n";
  c.provenance = "lithify 0.1.0: run scenario.toml";
  c.digest = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};
  return c;
}

inline void expect_equal(const checkpoint& a, const checkpoint& b) {
  EXPECT_TRUE(a.sides == b.sides);
  EXPECT_EQ(a.geometry.cell_size_m, b.geometry.cell_size_m);
  EXPECT_EQ(a.geometry.voxel_height_m, b.geometry.voxel_height_m);
  EXPECT_EQ(a.geometry.datum_m, b.geometry.datum_m);
  EXPECT_EQ(a.geometry.origin_x_m, b.geometry.origin_x_m);
  EXPECT_EQ(a.geometry.origin_y_m, b.geometry.origin_y_m);
  EXPECT_EQ(a.geometry.crs_wkt, b.geometry.crs_wkt);
  ASSERT_EQ(a.materials.size(), b.materials.size());
  for (std::size_t i = 0; i < a.materials.size(); ++i) {
    const material& ma = a.materials.all()[i];
    const material& mb = b.materials.all()[i];
    EXPECT_EQ(ma.name, mb.name);
    EXPECT_EQ(ma.kind, mb.kind);
    EXPECT_EQ(ma.porosity, mb.porosity);
    EXPECT_EQ(ma.density_kg_per_m3, mb.density_kg_per_m3);
    EXPECT_EQ(ma.erosion_resistance, mb.erosion_resistance);
    EXPECT_EQ(ma.frost_susceptibility, mb.frost_susceptibility);
    EXPECT_EQ(ma.erodibility, mb.erodibility);
    EXPECT_EQ(ma.repose_deg, mb.repose_deg);
    EXPECT_EQ(ma.diffusivity_m2_per_yr, mb.diffusivity_m2_per_yr);
  }
  EXPECT_EQ(a.voxels.size, b.voxels.size);
  EXPECT_EQ(a.voxels.uniform_level, b.voxels.uniform_level);
  EXPECT_EQ(a.voxels.uniform_key, b.voxels.uniform_key);
  EXPECT_EQ(a.voxels.uniform_material, b.voxels.uniform_material);
  EXPECT_EQ(a.voxels.dense_key, b.voxels.dense_key);
  EXPECT_EQ(a.voxels.dense_voxels, b.voxels.dense_voxels);
  EXPECT_EQ(a.voxels.sparse_key, b.voxels.sparse_key);
  ASSERT_EQ(a.voxels.sparse_record.size(), b.voxels.sparse_record.size());
  for (std::size_t i = 0; i < a.voxels.sparse_record.size(); ++i) {
    const sparse_brick& ba = a.voxels.sparse_record[i];
    const sparse_brick& bb = b.voxels.sparse_record[i];
    EXPECT_EQ(ba.majority, bb.majority);
    EXPECT_EQ(ba.count, bb.count);
    EXPECT_TRUE(std::equal(ba.position, ba.position + sparse_brick::capacity, bb.position));
    EXPECT_TRUE(std::equal(ba.other, ba.other + sparse_brick::capacity, bb.other));
  }
  EXPECT_EQ(a.voxels.overlay_key, b.voxels.overlay_key);
  EXPECT_EQ(a.voxels.overlay_material, b.voxels.overlay_material);
  ASSERT_EQ(a.columns.size(), b.columns.size());
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    EXPECT_EQ(a.columns[i].name, b.columns[i].name);
    EXPECT_EQ(a.columns[i].unit, b.columns[i].unit);
    EXPECT_EQ(a.columns[i].type, b.columns[i].type);
    EXPECT_EQ(a.columns[i].shape, b.columns[i].shape);
    EXPECT_EQ(a.columns[i].bytes, b.columns[i].bytes);
  }
  EXPECT_TRUE(a.state == b.state);
  EXPECT_EQ(a.scenario, b.scenario);
  EXPECT_EQ(a.provenance, b.provenance);
  EXPECT_EQ(a.digest, b.digest);
}

}  // namespace lithify::io::test
