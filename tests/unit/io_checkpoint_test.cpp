// Checkpoints: round trip, canonical bytes, refusal of broken content before it is written.
#include "io_test_support.hpp"
#include "user_block.hpp"

#include <cmath>
#include <functional>

namespace lithify::io {
namespace {

using test::error_of;
using test::sample_checkpoint;

TEST(checkpoint, comes_back_equal) {
  const test::scratch_folder folder;
  const checkpoint written = sample_checkpoint();
  write_checkpoint(folder / "a.h5", written);
  test::expect_equal(written, read_checkpoint(folder / "a.h5"));
  EXPECT_EQ(folder.files(), 1U) << "a temporary file was left";
}

TEST(checkpoint, empty_parts_come_back_equal) {
  const test::scratch_folder folder;
  checkpoint written;
  written.voxels.size = {1, 1, 1};
  write_checkpoint(folder / "a.h5", written);
  test::expect_equal(written, read_checkpoint(folder / "a.h5"));
}

TEST(checkpoint, the_same_data_give_the_same_bytes) {
  const test::scratch_folder folder;
  write_checkpoint(folder / "a.h5", sample_checkpoint());
  ::sleep(1);  // a time stamp anywhere would show
  write_checkpoint(folder / "b.h5", sample_checkpoint());
  EXPECT_EQ(test::read_all(folder / "a.h5"), test::read_all(folder / "b.h5"));
}

TEST(checkpoint, every_part_reaches_the_bytes) {
  const test::scratch_folder folder;
  write_checkpoint(folder / "a.h5", sample_checkpoint());
  const std::string original = test::read_all(folder / "a.h5");
  const std::vector<std::function<void(checkpoint&)>> changes = {
      [](checkpoint& c) { c.geometry.datum_m += 1; },
      [](checkpoint& c) { c.voxels.dense_voxels[100] ^= 1; },
      [](checkpoint& c) { c.voxels.sparse_record[0].majority = 6; },
      [](checkpoint& c) { c.voxels.overlay_material[1] = 15; },
      [](checkpoint& c) { c.columns[0].bytes[5] ^= std::byte{1}; },
      [](checkpoint& c) { c.columns[1].unit = "m"; },
      [](checkpoint& c) { std::swap(c.columns[0], c.columns[1]); },
      [](checkpoint& c) { c.state.random_counter += 1; },
      [](checkpoint& c) { c.state.tick += 1; },
      [](checkpoint& c) { c.scenario += "#"; },
      [](checkpoint& c) { c.provenance += "#"; },
      [](checkpoint& c) { c.digest.low ^= 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    checkpoint changed = sample_checkpoint();
    changes[i](changed);
    write_checkpoint(folder / "b.h5", changed);
    EXPECT_NE(original, test::read_all(folder / "b.h5")) << "change " << i;
    test::expect_equal(changed, read_checkpoint(folder / "b.h5"));
  }
}

// A reader of an older file takes the step for the tick.
TEST(checkpoint, a_tick_that_its_format_does_not_keep_is_refused) {
  const test::scratch_folder folder;
  checkpoint old = sample_checkpoint();
  ASSERT_NE(old.state.tick, old.state.step);
  for (const std::uint16_t minor : {0, 1, 3}) {
    old.minor_version = minor;
    const auto e = error_of([&] { write_checkpoint(folder / "a.h5", old); });
    ASSERT_TRUE(e.has_value()) << minor;
    EXPECT_EQ(e->code(), errc::invalid_argument);
    EXPECT_NE(std::string(e->what()).find("tick -31 and step 12"), std::string::npos) << e->what();
    EXPECT_EQ(folder.files(), 0U);
  }
  old.state.tick = old.state.step;
  write_checkpoint(folder / "a.h5", old);
  EXPECT_EQ(read_checkpoint(folder / "a.h5").state.tick, old.state.step);
}

TEST(checkpoint, summary_shows_what_the_file_holds) {
  const test::scratch_folder folder;
  const checkpoint written = sample_checkpoint();
  write_checkpoint(folder / "a.h5", written);
  const checkpoint_summary s = read_summary(folder / "a.h5");
  EXPECT_EQ(s.size, written.voxels.size);
  EXPECT_EQ(s.geometry.datum_m, written.geometry.datum_m);
  EXPECT_TRUE(s.state == written.state);
  EXPECT_EQ(s.materials.size(), 18U);
  EXPECT_EQ(s.materials.back(), "tuff");
  ASSERT_EQ(s.columns.size(), 6U);
  EXPECT_EQ(s.columns[1], "sediment");
  EXPECT_EQ(s.dense_bricks, 2U);
  EXPECT_EQ(s.sparse_bricks, 2U);
  EXPECT_EQ(s.uniform_leaves, 2U);
  EXPECT_EQ(s.file_bytes, std::filesystem::file_size(folder / "a.h5"));
  EXPECT_EQ(s.scenario, written.scenario);
  EXPECT_EQ(s.digest, written.digest);
}

// Each entry breaks one rule of the format; neither writing nor the file may survive it.
TEST(checkpoint, refuses_to_write_broken_content) {
  const test::scratch_folder folder;
  write_checkpoint(folder / "a.h5", sample_checkpoint());
  const std::string original = test::read_all(folder / "a.h5");
  const std::vector<std::function<void(checkpoint&)>> breaks = {
      [](checkpoint& c) { c.voxels.size.x = 0; },
      [](checkpoint& c) { c.voxels.size.z = max_extent + 1; },
      [](checkpoint& c) { c.geometry.cell_size_m = 0; },
      [](checkpoint& c) { c.geometry.origin_x_m = std::nan(""); },
      [](checkpoint& c) { c.voxels.uniform_level.pop_back(); },
      [](checkpoint& c) { c.voxels.uniform_level[0] = 22; },
      [](checkpoint& c) { c.voxels.uniform_level[1] = 2; },
      [](checkpoint& c) { c.voxels.uniform_material[0] = 18; },
      [](checkpoint& c) { c.voxels.uniform_key[0] = no_key; },
      [](checkpoint& c) { std::swap(c.voxels.dense_key[0], c.voxels.dense_key[1]); },
      [](checkpoint& c) { c.voxels.dense_key[1] = 1000000; },
      [](checkpoint& c) { c.voxels.dense_voxels.pop_back(); },
      [](checkpoint& c) { c.voxels.dense_voxels[7] = 18; },
      [](checkpoint& c) { c.voxels.dense_key[0] = 7; },    // inside the level-4 leaf
      [](checkpoint& c) { c.voxels.sparse_key[0] = 10; },  // also dense
      [](checkpoint& c) { c.voxels.sparse_record.pop_back(); },
      [](checkpoint& c) { c.voxels.sparse_record[0].count = 16; },
      [](checkpoint& c) { c.voxels.sparse_record[0].position[1] = 512; },
      [](checkpoint& c) { c.voxels.sparse_record[0].position[1] = 3; },
      [](checkpoint& c) { c.voxels.sparse_record[0].position[9] = 3; },
      [](checkpoint& c) { c.voxels.sparse_record[0].other[0] = 5; },
      [](checkpoint& c) { c.voxels.overlay_key[0] = 77; },
      [](checkpoint& c) { c.voxels.overlay_key[1] = no_key; },
      [](checkpoint& c) { c.voxels.overlay_material[1] = 999; },
      [](checkpoint& c) { c.columns[1].name = c.columns[0].name; },
      [](checkpoint& c) { c.columns[1].name = "a/b"; },
      [](checkpoint& c) { c.columns[1].name = ""; },
      [](checkpoint& c) {
        c.columns[1].shape = {800, 2};
      },
      [](checkpoint& c) { c.columns[1].shape = {}; },
      [](checkpoint& c) { c.columns[1].bytes.pop_back(); },
      [](checkpoint& c) { c.state.step = -1; },
      [](checkpoint& c) { c.state.time_yr = INFINITY; },
      [](checkpoint& c) { c.scenario += std::string(1, '\0'); },
  };
  for (std::size_t i = 0; i < breaks.size(); ++i) {
    checkpoint broken = sample_checkpoint();
    breaks[i](broken);
    const auto e = error_of([&] { write_checkpoint(folder / "a.h5", broken); });
    ASSERT_TRUE(e.has_value()) << "break " << i;
    EXPECT_EQ(e->code(), errc::invalid_argument) << "break " << i << ": " << e->what();
    EXPECT_EQ(test::read_all(folder / "a.h5"), original);
  }
}

}  // namespace
}  // namespace lithify::io
