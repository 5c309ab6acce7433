#include "lithify/io/png.hpp"

#include "file_layer.hpp"
#include "lithify/base/error.hpp"

#include <png.h>

#include <array>
#include <csetjmp>
#include <span>
#include <string>

namespace lithify::io {

namespace {

constexpr std::int64_t largest_side = 1 << 20;

void append(png_structp png, png_bytep data, png_size_t size) {
  auto& bytes = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(png));
  const auto* first = reinterpret_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

// libpng jumps out of its own calls on failure: nothing with a destructor may live in here.
bool encode_rows(png_structp png, png_infop info, const image& picture) {
  if (setjmp(png_jmpbuf(png)) != 0) {
    return false;
  }
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width),
               static_cast<png_uint_32>(picture.height), 8, PNG_COLOR_TYPE_RGB_ALPHA,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Chosen, not defaulted: a library's defaults may change, the bytes may not.
  png_set_compression_level(png, 6);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
  png_write_info(png, info);
  for (std::int64_t y = 0; y < picture.height; ++y) {
    png_write_row(png,
                  reinterpret_cast<png_const_bytep>(picture.pixels.data() + y * picture.width));
  }
  png_write_end(png, info);
  return true;
}

}  // namespace

std::string write_png(const std::filesystem::path& file, const image& picture) {
  require(picture.width > 0 && picture.height > 0 && picture.width <= largest_side &&
              picture.height <= largest_side &&
              picture.pixels.size() == static_cast<std::size_t>(picture.width * picture.height),
          errc::invalid_argument,
          "cannot write '" + file.string() + "': a picture of " + std::to_string(picture.width) +
              " x " + std::to_string(picture.height) + " pixels");
  png_structp png = png_create_write_struct(
      PNG_LIBPNG_VER_STRING, nullptr, [](png_structp p, png_const_charp) { png_longjmp(p, 1); },
      [](png_structp, png_const_charp) {});
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  std::vector<std::byte> bytes;
  bool done = false;
  if (info != nullptr) {
    png_set_write_fn(png, &bytes, append, [](png_structp) {});
    done = encode_rows(png, info, picture);
  }
  png_destroy_write_struct(&png, &info);
  require(done, errc::out_of_memory, "cannot write '" + file.string() + "': libpng gave up");
  const std::array<std::span<const std::byte>, 1> pieces = {bytes};
  return replace_file(file, pieces);
}

}  // namespace lithify::io
