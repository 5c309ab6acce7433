// Damaged checkpoints: flips, truncations, other versions, and files whose checksums are right but
// whose content is nonsense. Every one must give a typed error in one line that names the file.
#include "checkpoint_check.hpp"
#include "io_test_support.hpp"
#include "user_block.hpp"

#include <hdf5.h>

#include <cmath>
#include <functional>
#include <random>

namespace lithify::io {
namespace {

using test::error_of;
using test::sample_checkpoint;

class damage : public ::testing::Test {
 protected:
  void SetUp() override {
    write_checkpoint(file_, sample_checkpoint());
    whole_ = test::read_all(file_);
    ASSERT_GT(whole_.size(), 2000U);
  }

  // Reads `bytes` as a file: it must be refused with one of two codes.
  void refused(const std::string& bytes, const std::string& what) {
    test::write_all(file_, bytes);
    const auto e = error_of([&] { (void)read_checkpoint(file_); });
    ASSERT_TRUE(e.has_value()) << what;
    EXPECT_TRUE(e->code() == errc::corrupt_file || e->code() == errc::unsupported_version)
        << what << ": " << e->what();
    test::expect_one_line(*e, "a.h5");
    const auto summary = error_of([&] { (void)read_summary(file_); });
    ASSERT_TRUE(summary.has_value()) << what;
    EXPECT_EQ(summary->code(), e->code());
  }

  // As above for content that only a whole read looks at.
  void refused_when_read(const std::string& what) {
    const auto e = error_of([&] { (void)read_checkpoint(file_); });
    ASSERT_TRUE(e.has_value()) << what;
    EXPECT_EQ(e->code(), errc::corrupt_file) << what << ": " << e->what();
    test::expect_one_line(*e, "a.h5");
  }

  [[nodiscard]] std::string rest() const { return whole_.substr(user_block_size); }

  static std::string wrapped(const std::string& rest,
                             std::uint16_t major = format_major,
                             std::uint16_t minor = format_minor) {
    const auto block = make_user_block(std::as_bytes(std::span(rest)), major, minor);
    return std::string(reinterpret_cast<const char*>(block.data()), block.size()) + rest;
  }

  // Changes the HDF5 data through libhdf5 and gives the file right checksums again.
  void edit(const std::function<void(hid_t)>& change) {
    test::write_all(folder_ / "rest.h5", rest());
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    const hid_t file = H5Fopen((folder_ / "rest.h5").c_str(), H5F_ACC_RDWR, access);
    ASSERT_GE(file, 0);
    change(file);
    H5Fclose(file);
    H5Pclose(access);
    test::write_all(file_, wrapped(test::read_all(folder_ / "rest.h5")));
  }

  /// What is there for programs that draw.
  static bool is_view(const std::string& path) {
    return path.starts_with("VTKHDF") || path.starts_with("surface");
  }

  test::scratch_folder folder_;
  std::filesystem::path file_ = folder_ / "a.h5";
  std::string whole_;
};

TEST_F(damage, every_single_bit_flip_is_detected) {
  constexpr int flips = 2000;
  std::mt19937_64 random(11);
  for (int i = 0; i < flips; ++i) {
    std::string bytes = whole_;
    // The first flips go to the header: it is small beside the rest.
    const std::size_t range = i < 300 ? user_block_size : bytes.size();
    const std::size_t at = random() % range;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    refused(bytes, "flip " + std::to_string(i) + " at byte " + std::to_string(at));
  }
}

TEST_F(damage, every_truncation_and_extension_is_detected) {
  for (std::size_t size = 0; size < whole_.size(); size += 1 + whole_.size() / 300) {
    refused(whole_.substr(0, size), "the first " + std::to_string(size) + " bytes");
  }
  refused(whole_.substr(0, whole_.size() - 1), "the last byte missing");
  refused(whole_ + '\0', "a byte more");
  refused(whole_ + whole_, "twice");
}

TEST_F(damage, zeroed_and_foreign_pages_are_detected) {
  for (std::size_t page = 0; page < whole_.size(); page += 512) {
    std::string bytes = whole_;
    const std::size_t size = std::min<std::size_t>(512, bytes.size() - page);
    if (bytes.substr(page, size) == std::string(size, '\0')) {
      continue;
    }
    bytes.replace(page, size, size, '\0');
    refused(bytes, "zeroed page at " + std::to_string(page));
  }
}

TEST_F(damage, a_newer_major_version_is_unsupported) {
  test::write_all(file_, wrapped(rest(), format_major + 1));
  for (const auto& e : {error_of([&] { (void)read_checkpoint(file_); }),
                        error_of([&] { (void)read_summary(file_); })}) {
    ASSERT_TRUE(e.has_value());
    EXPECT_EQ(e->code(), errc::unsupported_version);
    test::expect_one_line(*e, "a.h5");
  }
}

TEST_F(damage, a_newer_minor_version_is_read) {
  test::write_all(file_, wrapped(rest(), format_major, format_minor + 1));
  test::expect_equal(sample_checkpoint(), read_checkpoint(file_));
}

TEST_F(damage, rivers_of_1_3_have_both_fields) {
  const field exported = test::ramp<std::int64_t>("exported", "quantum", {20, 40}, 0);
  checkpoint sample = sample_checkpoint();
  sample.columns.push_back(exported);
  const auto e = error_of([&] { write_checkpoint(file_, sample); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::invalid_argument);
  EXPECT_NE(std::string(e->what()).find("lacks 'remainder_river'"), std::string::npos);
  write_unchecked(file_, sample);
  refused_when_read("1.3 with `exported` alone");
  sample.state.tick = sample.state.step;  // what an older file means
  for (const std::uint16_t older : {2, 1}) {
    sample.minor_version = older;
    write_checkpoint(file_, sample);
    const checkpoint read = read_checkpoint(file_);
    EXPECT_EQ(read.minor_version, older);
    EXPECT_EQ(read.digest_version(), older);
    test::expect_equal(sample, read);
  }
  sample.minor_version = format_minor;
  sample.columns.push_back(
      test::ramp<std::int32_t>("remainder_river", "2^-31 quantum", {20, 40}, 0));
  write_checkpoint(file_, sample);
  EXPECT_EQ(read_checkpoint(file_).minor_version, format_minor);
}

TEST_F(damage, an_older_minor_version_is_read) {
  edit([](hid_t file) {
    for (const char* name : {"erodibility", "repose_deg", "diffusivity_m2_per_yr"}) {
      ASSERT_GE(H5Ldelete(file, (std::string("/materials/") + name).c_str(), H5P_DEFAULT), 0);
    }
  });
  refused_when_read("1.1 without the properties that it brought");
  test::write_all(file_, wrapped(test::read_all(folder_ / "rest.h5"), format_major, 0));
  const checkpoint old = read_checkpoint(file_);
  const material_table builtin;
  EXPECT_EQ(old.materials[5].repose_deg, builtin[5].repose_deg);
  EXPECT_EQ(old.materials[5].erodibility, builtin[5].erodibility);
  EXPECT_EQ(old.materials[17].name, "tuff");
  EXPECT_EQ(old.materials[17].repose_deg, material{}.repose_deg);
  EXPECT_FALSE(old.materials[17].diffusivity_m2_per_yr.has_value());
  EXPECT_TRUE(old.sides == region_sides{});
}

TEST_F(damage, other_files_are_told_apart) {
  refused("", "empty");
  refused("ncols 3", "a DEM");
  refused(rest(), "HDF5 without the header");
  refused(std::string(100000, 'x'), "text");
  auto e = error_of([&] { (void)read_checkpoint(folder_ / "none.h5"); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::not_found);
  e = error_of([&] { (void)read_checkpoint(folder_.path()); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
}

TEST_F(damage, right_checksums_around_garbage_are_refused) {
  refused(wrapped(""), "no HDF5 data");
  refused(wrapped(std::string(5000, '\0')), "zeros");
  std::mt19937_64 random(5);
  std::string noise(5000, '\0');
  for (char& c : noise) {
    c = static_cast<char>(random());
  }
  refused(wrapped(noise), "noise");
  for (std::size_t size = 0; size < rest().size(); size += 97) {
    refused(wrapped(rest().substr(0, size)), "wrapped truncation to " + std::to_string(size));
  }
}

TEST_F(damage, flips_under_right_checksums_do_not_pass_for_data) {
  std::mt19937_64 random(13);
  const checkpoint original = sample_checkpoint();
  for (int i = 0; i < 500; ++i) {
    std::string bytes = rest();
    const std::size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    test::write_all(file_, wrapped(bytes));
    // Slack between objects may be flipped: then the data must be as they were.
    try {
      test::expect_equal(original, read_checkpoint(file_));
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::corrupt_file) << e.what();
    }
  }
}

TEST_F(damage, a_missing_dataset_is_refused) {
  std::vector<std::string> paths;
  edit([&](hid_t file) {
    H5Ovisit2(
        file, H5_INDEX_NAME, H5_ITER_INC,
        [](hid_t, const char* name, const H5O_info_t*, void* into) -> herr_t {
          static_cast<std::vector<std::string>*>(into)->emplace_back(name);
          return 0;
        },
        &paths, H5O_INFO_BASIC);
  });
  ASSERT_GT(paths.size(), 30U);
  for (const std::string& path : paths) {
    if (path != "." && !is_view(path)) {
      edit([&](hid_t file) { ASSERT_GE(H5Ldelete(file, path.c_str(), H5P_DEFAULT), 0) << path; });
      refused_when_read("without " + path);
    }
  }
}

// It is no state: nobody looks at it but whoever draws.
TEST_F(damage, a_missing_view_is_none_of_the_readers_business) {
  edit([](hid_t file) {
    for (const char* name : {"/VTKHDF", "/surface"}) {
      ASSERT_GE(H5Ldelete(file, name, H5P_DEFAULT), 0);
    }
  });
  test::expect_equal(sample_checkpoint(), read_checkpoint(file_));
}

TEST_F(damage, a_missing_attribute_is_refused) {
  for (const std::string group :
       {"/geometry", "/state", "/columns", "/integrity", "/columns/rock_top"}) {
    std::vector<std::string> names;
    edit([&](hid_t file) {
      hsize_t place = 0;
      H5Aiterate_by_name(
          file, group.c_str(), H5_INDEX_NAME, H5_ITER_INC, &place,
          [](hid_t, const char* name, const H5A_info_t*, void* into) -> herr_t {
            static_cast<std::vector<std::string>*>(into)->emplace_back(name);
            return 0;
          },
          &names, H5P_DEFAULT);
    });
    ASSERT_FALSE(names.empty()) << group;
    for (const std::string& name : names) {
      edit([&](hid_t file) { H5Adelete_by_name(file, group.c_str(), name.c_str(), H5P_DEFAULT); });
      refused_when_read("without " + group + "@" + name);
    }
  }
}

// A dataset of another type, shape or of a size that its bytes cannot hold.
TEST_F(damage, datasets_of_another_kind_are_refused) {
  const auto replace = [&](const std::string& path, hid_t type, std::vector<hsize_t> size) {
    edit([&](hid_t file) {
      ASSERT_GE(H5Ldelete(file, path.c_str(), H5P_DEFAULT), 0);
      const hid_t space = H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr);
      const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
      const std::vector<hsize_t> chunk(size.size(), 1);
      H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
      const hid_t data =
          H5Dcreate2(file, path.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
      ASSERT_GE(data, 0);
      H5Dclose(data);
      H5Pclose(creation);
      H5Sclose(space);
    });
    refused_when_read(path);
  };
  replace("/octree/key", H5T_STD_U64LE, {hsize_t{1} << 40});
  replace("/bricks/dense_voxels", H5T_STD_U16LE, {hsize_t{1} << 50, 8, 8, 8});
  replace("/bricks/dense_voxels", H5T_STD_U16LE, {1, 1});
  replace("/columns/rock_top", H5T_STD_I32LE, {hsize_t{1} << 32, hsize_t{1} << 32});
  replace("/columns/rock_top", H5T_IEEE_F32LE, {1, 1});
  replace("/octree/level", H5T_STD_I64LE, {1});
  replace("/config/scenario", H5T_STD_I64LE, {1});
  replace("/integrity/digests", H5T_STD_I64LE, {1});
}

// What write_checkpoint refuses, written all the same: the reader must refuse it too.
TEST_F(damage, nonsense_content_is_refused) {
  const std::vector<std::function<void(checkpoint&)>> breaks = {
      [](checkpoint& c) { c.voxels.size.x = 0; },
      [](checkpoint& c) { c.voxels.size.z = max_extent + 1; },
      [](checkpoint& c) { c.geometry.cell_size_m = 0; },
      [](checkpoint& c) { c.geometry.origin_x_m = std::nan(""); },
      [](checkpoint& c) { c.voxels.uniform_level.pop_back(); },
      [](checkpoint& c) { c.voxels.uniform_material.push_back(1); },
      [](checkpoint& c) { c.voxels.uniform_level[0] = 22; },
      [](checkpoint& c) { c.voxels.uniform_level[0] = 200; },
      [](checkpoint& c) { c.voxels.uniform_level[1] = 2; },
      [](checkpoint& c) { c.voxels.uniform_material[0] = 18; },
      [](checkpoint& c) { c.voxels.uniform_key[0] = no_key; },
      [](checkpoint& c) { std::swap(c.voxels.dense_key[0], c.voxels.dense_key[1]); },
      [](checkpoint& c) { c.voxels.dense_key[1] = 1000000; },
      [](checkpoint& c) { c.voxels.dense_voxels[7] = 18; },
      [](checkpoint& c) { c.voxels.dense_key[0] = 7; },
      [](checkpoint& c) { c.voxels.sparse_key[0] = 10; },
      [](checkpoint& c) { c.voxels.sparse_record.pop_back(); },
      [](checkpoint& c) { c.voxels.sparse_record[0].count = 16; },
      [](checkpoint& c) { c.voxels.sparse_record[0].count = 65535; },
      [](checkpoint& c) { c.voxels.sparse_record[0].position[1] = 512; },
      [](checkpoint& c) { c.voxels.sparse_record[0].position[1] = 3; },
      [](checkpoint& c) { c.voxels.sparse_record[0].position[9] = 3; },
      [](checkpoint& c) { c.voxels.sparse_record[0].other[0] = 5; },
      [](checkpoint& c) { c.voxels.overlay_key[0] = 77; },
      [](checkpoint& c) { c.voxels.overlay_key[1] = no_key; },
      [](checkpoint& c) { c.voxels.overlay_material[1] = 999; },
      [](checkpoint& c) { c.voxels.overlay_material.pop_back(); },
      [](checkpoint& c) { c.columns[1].name = "Upper"; },
      [](checkpoint& c) { c.state.step = -1; },
      [](checkpoint& c) { c.state.time_yr = INFINITY; },
  };
  for (std::size_t i = 0; i < breaks.size(); ++i) {
    checkpoint broken = sample_checkpoint();
    breaks[i](broken);
    write_unchecked(file_, broken);
    refused_when_read("break " + std::to_string(i));
  }
}

}  // namespace
}  // namespace lithify::io
