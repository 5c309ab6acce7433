/// Pictures: 8-bit RGBA images and PNG files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace lithify::io {

using rgba = std::array<std::uint8_t, 4>;

/// Row 0 is the top row (north, or the highest voxels).
struct image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<rgba> pixels;

  image() = default;
  image(std::int64_t w, std::int64_t h, rgba fill = {0, 0, 0, 0})
      : width(w), height(h), pixels(static_cast<std::size_t>(w * h), fill) {}
  [[nodiscard]] rgba& at(std::int64_t x, std::int64_t y) {
    return pixels[static_cast<std::size_t>(y * width + x)];
  }
};

/// What every PNG begins with.
inline constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n";

/// Writes a PNG through a temporary file; the same image gives the same bytes. Gives what
/// `write_checkpoint` gives of a refused sync.
/// Errors: io_failure.
std::string write_png(const std::filesystem::path& file, const image& picture);

}  // namespace lithify::io
