// PNG files: what libpng reads back, equal bytes, refusals.
#include "io_test_support.hpp"
#include "lithify/io/png.hpp"

#include <png.h>

namespace lithify::io {
namespace {

image gradient() {
  image picture(37, 11);
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      picture.at(x, y) = {static_cast<std::uint8_t>(x * 6), static_cast<std::uint8_t>(y * 20), 7,
                          static_cast<std::uint8_t>(x == y ? 0 : 255)};
    }
  }
  return picture;
}

TEST(png, reads_back_equal) {
  const test::scratch_folder folder;
  const image picture = gradient();
  write_png(folder / "a.png", picture);
  png_image read{};
  read.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_file(&read, (folder / "a.png").c_str()), 0);
  read.format = PNG_FORMAT_RGBA;
  ASSERT_EQ(read.width, 37U);
  ASSERT_EQ(read.height, 11U);
  std::vector<rgba> pixels(37 * 11);
  ASSERT_NE(png_image_finish_read(&read, nullptr, pixels.data(), 0, nullptr), 0);
  EXPECT_EQ(pixels, picture.pixels);
}

TEST(png, the_same_picture_gives_the_same_bytes) {
  const test::scratch_folder folder;
  write_png(folder / "a.png", gradient());
  write_png(folder / "b.png", gradient());
  EXPECT_EQ(test::read_all(folder / "a.png"), test::read_all(folder / "b.png"));
}

TEST(png, refuses_empty_pictures_and_missing_folders) {
  const test::scratch_folder folder;
  auto e = test::error_of([&] { write_png(folder / "a.png", image()); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::invalid_argument);
  e = test::error_of([&] { write_png(folder / "no" / "a.png", gradient()); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
  test::expect_one_line(*e, "a.png");
  EXPECT_EQ(folder.files(), 0U);
}

}  // namespace
}  // namespace lithify::io
