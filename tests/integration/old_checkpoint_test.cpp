// Checkpoints of formats 1.0, 1.2 and 1.3 (tests/data/README.md says how they were made) keep
// opening: what the program reads from them equals what a second reader does, written from
// io/FORMAT.md, octree/README.md and host/engine/README.md alone over HDF5's own calls.
#include "lithify/engine/import.hpp"
#include "plain_murmur.hpp"
#include "plain_world.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using lithify::digest128;
using lithify::material_id;
using lithify::voxel;
using lithify::test::block_list;
using lithify::test::lithify;
using lithify::test::murmur3_x64_128;
using lithify::test::outcome;
using lithify::test::plain_world;

const fs::path data_folder = fs::path(LITHIFY_TEST_SOURCE_DIR) / "tests" / "data";

struct made_before {
  std::string version;
  std::uint64_t digest_version;
  // As the program that wrote the file printed them.
  std::string digest;
  std::string stored;
  int code;  ///< of resuming it

  [[nodiscard]] std::string path(const std::string& suffix) const {
    return (data_folder / ("checkpoint-" + version + suffix)).string();
  }
  [[nodiscard]] std::string file() const { return path(".h5"); }
  [[nodiscard]] std::string scenario() const { return path(".toml"); }
};
const made_before before_1_1{"1.0", 1, "8b371c951b6765c55970baca757d8036", "2555228463", 0};
const made_before before_1_3{"1.2", 2, "a648b219bd52370f9c1ad933fbabeb28", "2555228463", 1};
const made_before before_1_4{"1.3", 2, "c0c71424da8f0d9f15426f5e5e00eb20", "2555228463", 0};

/// Reads with HDF5 as any program would: no checks, no conversions but HDF5's.
class plain_reader {
 public:
  explicit plain_reader(const std::string& file)
      : file_(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {}
  ~plain_reader() { H5Fclose(file_); }
  plain_reader(const plain_reader&) = delete;
  plain_reader& operator=(const plain_reader&) = delete;

  template <class T>
  [[nodiscard]] std::vector<T> array(const std::string& path, hid_t type) const {
    const hid_t set = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
    const hid_t space = H5Dget_space(set);
    std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    EXPECT_GE(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0) << path;
    H5Sclose(space);
    H5Dclose(set);
    return values;
  }
  /// A text in a scalar dataset.
  [[nodiscard]] std::string text(const std::string& path) const {
    const hid_t set = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
    const hid_t type = H5Dget_type(set);
    std::string value(H5Tget_size(type), '\0');
    EXPECT_GE(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data()), 0) << path;
    H5Tclose(type);
    H5Dclose(set);
    return value.c_str();
  }
  [[nodiscard]] std::string text_attribute(const std::string& path, const std::string& name) const {
    const hid_t at = H5Aopen_by_name(file_, path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
    const hid_t type = H5Aget_type(at);
    std::string value(H5Tget_size(type), '\0');
    EXPECT_GE(H5Aread(at, type, value.data()), 0) << path << " " << name;
    H5Tclose(type);
    H5Aclose(at);
    return value.c_str();
  }
  template <class T>
  void attribute(const std::string& path, const std::string& name, hid_t type, T* into) const {
    const hid_t at = H5Aopen_by_name(file_, path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Aread(at, type, into), 0) << path << " " << name;
    H5Aclose(at);
  }
  template <class T>
  [[nodiscard]] T number(const std::string& path, const std::string& name, hid_t type) const {
    T value{};
    attribute(path, name, type, &value);
    return value;
  }
  /// Class and size of a dataset's numbers as the digest of a field has them, and its bytes.
  [[nodiscard]] std::pair<std::uint64_t, std::vector<std::uint8_t>> field(
      const std::string& path) const {
    const hid_t set = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
    const hid_t type = H5Dget_type(set);
    const std::size_t size = H5Tget_size(type);
    const std::uint64_t word = H5Tget_class(type) == H5T_FLOAT ? 3
                                                               : (size == 2   ? 0
                                                                  : size == 4 ? 1
                                                                              : 2);
    const hid_t space = H5Dget_space(set);
    std::vector<std::uint8_t> bytes(size *
                                    static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    EXPECT_GE(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0) << path;
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
    return {word, bytes};
  }

 private:
  hid_t file_;
};

/// The lowest voxel of the cube of 2^level voxels with this key.
voxel low_corner(std::uint64_t key, int level) {
  voxel v{};
  for (int bit = 0; bit < 21; ++bit) {
    v.x |= static_cast<std::int32_t>(key >> (3 * bit) & 1) << bit;
    v.y |= static_cast<std::int32_t>(key >> (3 * bit + 1) & 1) << bit;
    v.z |= static_cast<std::int32_t>(key >> (3 * bit + 2) & 1) << bit;
  }
  return {v.x << level, v.y << level, v.z << level};
}

lithify::region_size size_in(const plain_reader& file) {
  std::int32_t extent[3] = {};
  file.attribute("/geometry", "size_voxels", H5T_NATIVE_INT32, extent);
  return {extent[0], extent[1], extent[2]};
}

/// Every voxel, from leaves, bricks and overlay.
plain_world voxels_in(const plain_reader& file) {
  plain_world world(size_in(file));
  const auto set = [&](voxel v, material_id m) {
    if (world.size().contains(v)) {
      world.at(v) = m;
    }
  };
  const auto keys = [&](const char* path) {
    return file.array<std::uint64_t>(path, H5T_NATIVE_UINT64);
  };
  const auto words = [&](const char* path) {
    return file.array<std::uint16_t>(path, H5T_NATIVE_UINT16);
  };
  const auto levels = file.array<std::uint8_t>("/octree/level", H5T_NATIVE_UINT8);
  const auto leaves = keys("/octree/key");
  const auto leaf_material = words("/octree/material");
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const voxel low = low_corner(leaves[i], levels[i]);
    const std::int32_t edge = 1 << levels[i];
    plain_world::for_each({low, {low.x + edge, low.y + edge, low.z + edge}},
                          [&](voxel v) { set(v, leaf_material[i]); });
  }
  const auto in_brick = [](voxel low, std::uint32_t place) -> voxel {
    return {low.x + static_cast<std::int32_t>(place % 8),
            low.y + static_cast<std::int32_t>(place / 8 % 8),
            low.z + static_cast<std::int32_t>(place / 64)};
  };
  const auto dense = keys("/bricks/dense_key");
  const auto dense_voxels = words("/bricks/dense_voxels");
  for (std::size_t i = 0; i < dense.size(); ++i) {
    for (std::uint32_t place = 0; place < 512; ++place) {
      set(in_brick(low_corner(dense[i], 3), place), dense_voxels[i * 512 + place]);
    }
  }
  const auto sparse = keys("/bricks/sparse_key");
  const auto majority = words("/bricks/sparse_majority");
  const auto count = words("/bricks/sparse_count");
  const auto position = words("/bricks/sparse_position");
  const auto other = words("/bricks/sparse_other");
  for (std::size_t i = 0; i < sparse.size(); ++i) {
    const voxel low = low_corner(sparse[i], 3);
    for (std::uint32_t place = 0; place < 512; ++place) {
      set(in_brick(low, place), majority[i]);
    }
    for (std::size_t k = 0; k < count[i]; ++k) {
      set(in_brick(low, position[i * 15 + k]), other[i * 15 + k]);
    }
  }
  const auto pending = keys("/overlay/key");
  const auto newest = words("/overlay/material");
  for (std::size_t i = 0; i < pending.size(); ++i) {
    set(low_corner(pending[i], 0), newest[i]);
  }
  return world;
}

std::vector<std::string> lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) {
    all.push_back(line);
  }
  return all;
}

digest128 hash_of(std::vector<std::uint8_t> bytes) {
  const std::size_t size = bytes.size();
  bytes.resize((size + 15) / 16 * 16);
  return murmur3_x64_128(bytes, static_cast<std::uint32_t>(size));
}
digest128 hash_of(const std::string& text) {
  return hash_of(std::vector<std::uint8_t>(text.begin(), text.end()));
}
std::uint64_t bits(double value) {
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

/// The state digest of what the file holds, by a version of its definition.
digest128 state_in(const plain_reader& file, std::uint64_t version) {
  const auto real = [&](const char* path, const char* name) {
    return bits(file.number<double>(path, name, H5T_NATIVE_DOUBLE));
  };
  const auto whole = [&](const char* path, const char* name) {
    return static_cast<std::uint64_t>(file.number<std::int64_t>(path, name, H5T_NATIVE_INT64));
  };
  const lithify::region_size size = size_in(file);
  const std::vector<std::string> materials = lines(file.text("/materials/names"));
  const std::vector<std::string> fields = lines(file.text_attribute("/columns", "order"));
  block_list blocks;
  blocks.add(version, static_cast<std::uint64_t>(size.x));
  blocks.add(static_cast<std::uint64_t>(size.y), static_cast<std::uint64_t>(size.z));
  blocks.add(real("/geometry", "cell_size_m"), real("/geometry", "voxel_height_m"));
  blocks.add(whole("/state", "frame_offset"), whole("/state", "frame_remainder"));
  blocks.add(whole("/state", "step"), real("/state", "time_yr"));
  if (version == 2) {
    blocks.add(file.number<std::uint64_t>("/state", "random_key", H5T_NATIVE_UINT64),
               file.number<std::uint64_t>("/state", "random_counter", H5T_NATIVE_UINT64));
  }
  blocks.add(materials.size(), fields.size());
  const auto kind = file.array<std::uint8_t>("/materials/kind", H5T_NATIVE_UINT8);
  const auto porosity = file.array<double>("/materials/porosity", H5T_NATIVE_DOUBLE);
  for (std::size_t i = 0; i < materials.size(); ++i) {
    const double solid = kind[i] == 0 ? 0.0 : std::round((1.0 - porosity[i]) * 1048576.0);
    blocks.add(hash_of(materials[i]));
    blocks.add(static_cast<std::uint64_t>(solid), kind[i]);
  }
  for (const std::string& name : fields) {
    auto [type, bytes] = file.field("/columns/" + name);
    EXPECT_LE(bytes.size(), 1048576U) << "one part";
    block_list f;
    f.add(hash_of(name));
    f.add(type, bytes.size());
    f.add(hash_of(bytes));
    blocks.add(f.hash(0));
  }
  blocks.add(voxels_in(file).digest());
  return blocks.hash(0);
}

class old_checkpoint : public testing::TestWithParam<made_before> {
 protected:
  /// Resumes a checkpoint up to `steps`, in a folder of its own.
  [[nodiscard]] outcome resume(const std::string& from, int steps) const {
    return lithify({"run", GetParam().scenario(), "--resume", from, "--steps",
                    std::to_string(steps), "--out", (folder_ / "out").string(), "--json",
                    "--progress", "never", "--device", "cpu"});
  }
  static nlohmann::json summary(const outcome& done, int code) {
    EXPECT_EQ(done.code, code) << done.err;
    return done.out.empty() ? nlohmann::json() : nlohmann::json::parse(done.out);
  }

  std::string file_ = GetParam().file();
  ::lithify::test::temporary_folder folder_;
};

TEST_P(old_checkpoint, holds_the_state_that_it_says) {
  const plain_reader reader(file_);
  EXPECT_EQ(to_string(state_in(reader, GetParam().digest_version)), GetParam().digest);
  EXPECT_EQ(reader.text_attribute("/integrity", "state_digest"), GetParam().digest);
}

TEST_P(old_checkpoint, is_read_as_the_second_reader_reads_it) {
  const plain_world expected = voxels_in(plain_reader(file_));
  const ::lithify::io::checkpoint data = ::lithify::io::read_checkpoint(file_);
  const ::lithify::world w = ::lithify::engine::make_world(data, "cpu");
  ASSERT_EQ(w.config().size, expected.size());
  const std::vector<material_id> read = w.current().box(expected.size().box(), 0);
  EXPECT_EQ(read, expected.box(expected.size().box(), 0));
  EXPECT_EQ(data.materials[*data.materials.find("tuff")].porosity, 0.31);
  EXPECT_EQ(data.state.random_key, 7U);
  EXPECT_EQ(data.state.tick, 4) << "the step stands for it";
  EXPECT_THAT(data.scenario,
              testing::HasSubstr("What checkpoint-" + GetParam().version + ".h5 was made with"));
}

TEST_P(old_checkpoint, is_verified_and_digested) {
  const outcome verified = lithify({"verify", file_});
  EXPECT_EQ(verified.code, 0) << verified.err;
  EXPECT_THAT(verified.out, testing::HasSubstr(GetParam().digest));
  EXPECT_EQ(lithify({"digest", file_}).out, GetParam().digest + "  state\n");
}

TEST_P(old_checkpoint, is_written_as_it_was_read) {
  const std::string copy = (folder_ / "copy.h5").string();
  ::lithify::io::write_checkpoint(copy, ::lithify::io::read_checkpoint(file_));
  EXPECT_EQ(lithify({"verify", copy}).code, 0);
  EXPECT_EQ(lithify({"digest", copy}).out, GetParam().digest + "  state\n");
}

TEST_P(old_checkpoint, is_resumed) {
  const auto s = summary(resume(file_, 6), GetParam().code);
  EXPECT_EQ(s["first_step"], 4);
  EXPECT_EQ(s["steps"], 6);
  EXPECT_EQ(s["budget"]["residual"], "0");
  EXPECT_EQ(s["budget"]["stored_at_start"], GetParam().stored) << "as the old program measured it";
}

INSTANTIATE_TEST_SUITE_P(formats,
                         old_checkpoint,
                         testing::Values(before_1_1, before_1_3, before_1_4),
                         [](const auto& made) {
                           std::string name = made.param.version;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

class before_sides_and_digest : public old_checkpoint {};

TEST_P(before_sides_and_digest, no_step_is_no_change) {
  EXPECT_EQ(summary(resume(file_, 4), 0)["digest"], to_string(state_in(plain_reader(file_), 2)));
}

INSTANTIATE_TEST_SUITE_P(format_1_0, before_sides_and_digest, testing::Values(before_1_1));

/// Rivers kept nothing of what is less than a quantum, and no field for it.
class before_river_remainders : public old_checkpoint {
 protected:
  ::lithify::io::checkpoint data_ = ::lithify::io::read_checkpoint(file_);

  /// Writes `data_` with the digest that it has.
  [[nodiscard]] std::string written() {
    data_.digest = ::lithify::engine::digest_of(data_, "cpu");
    ::lithify::io::write_checkpoint(folder_ / "changed.h5", data_);
    return (folder_ / "changed.h5").string();
  }
};

TEST_P(before_river_remainders, says_that_they_start_at_0) {
  const outcome done = resume(file_, 6);
  EXPECT_EQ(done.code, 1);
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  EXPECT_THAT(done.err, testing::HasSubstr("checkpoint '" + file_ +
                                           "' is of format 1.2 and has no column field "
                                           "'remainder_river': it starts at 0"));
  const auto of_file = summary(done, 1);
  EXPECT_EQ(of_file["warnings"].size(), 1U);
  // And so they do: what format 1.3 says with zeros goes on as this does.
  const auto exported = std::find_if(data_.columns.begin(), data_.columns.end(),
                                     [](const auto& f) { return f.name == "exported"; });
  ASSERT_NE(exported, data_.columns.end());
  const std::vector<std::int32_t> zeros(exported->count());
  const auto rests = ::lithify::field::make<std::int32_t>("remainder_river", "2^-31 quantum",
                                                          exported->shape, zeros);
  data_.columns.insert(exported + 1, rests);
  data_.minor_version = 3;
  const auto of_zeros = summary(resume(written(), 6), 0);
  EXPECT_EQ(of_zeros["digest"], of_file["digest"]);
  EXPECT_EQ(of_zeros["budget"], of_file["budget"]);
}

TEST_P(before_river_remainders, any_other_field_that_is_missing_is_named) {
  for (const char* name : {"sediment", "boundary_height"}) {
    const auto whole = data_;
    std::erase_if(data_.columns, [&](const auto& f) { return f.name == name; });
    const outcome done = resume(written(), 6);
    data_ = whole;
    EXPECT_EQ(done.code, 2) << done.err;
    EXPECT_THAT(done.err, testing::HasSubstr("changed.h5' cannot be used: no column field named '" +
                                             std::string(name) + "'\n"));
    EXPECT_TRUE(fs::exists(folder_ / "changed.h5")) << "not set aside";
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }
  std::erase_if(data_.columns, [](const auto& f) { return f.name == "rock_top"; });
  const outcome drawn = lithify({"render", written(), "-o", (folder_ / "a.png").string()});
  EXPECT_EQ(drawn.code, 2);
  EXPECT_THAT(drawn.err, testing::HasSubstr("changed.h5' cannot be drawn: no column field named "
                                            "'rock_top'\n"));
}

INSTANTIATE_TEST_SUITE_P(format_1_2, before_river_remainders, testing::Values(before_1_3));

}  // namespace
