/// What pictures of maps are made of: shading, pixels of cells, the strip below with its legend.
#pragma once

#include "drawing.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lithify::io {

inline constexpr std::int64_t least_side_px = 480;
inline constexpr std::int64_t most_side_px = 4096;
inline constexpr std::int64_t legend_width_px = 420;  // room for a ramp and a scale bar
inline constexpr std::int64_t margin = 14;
inline constexpr std::int64_t strip_px = 62;
inline constexpr std::int64_t scale_bar_px = 170;  // of a strip's right end

/// Errors: invalid_argument when the arrays do not match the size.
void check_surface(const surface_view& s, bool heights_needed);
[[nodiscard]] bool is_valid(const surface_view& s, std::int64_t cell);

/// Cosine of the light's incidence on each cell.
class shader {
 public:
  shader(const surface_view& surface, const hillshade_options& options);
  /// On flat ground.
  [[nodiscard]] double flat() const { return up_; }
  [[nodiscard]] double operator()(std::int64_t x, std::int64_t y) const;

 private:
  [[nodiscard]] std::optional<double> at(std::int64_t x, std::int64_t y) const;
  [[nodiscard]] double height(std::int64_t x,
                              std::int64_t y,
                              std::int64_t dx,
                              std::int64_t dy) const;

  const surface_view& s_;
  double scale_;
  double east_ = 0.0;
  double north_ = 0.0;
  double up_ = 0.0;
};

/// A colour in light: darker in shade, brighter on slopes that face the light, itself on flat
/// ground.
[[nodiscard]] rgba lit(rgba color, double shade, double flat);

/// A map's place in its picture, and what stands below.
struct canvas {
  image picture;
  std::int64_t map_left;
  std::int64_t map_top;
  std::int64_t strip_top;
};

/// Pixels of a map: several a cell, or several cells a pixel.
class map_frame {
 public:
  explicit map_frame(const surface_view& s) : nx_(s.nx), ny_(s.ny) {
    const std::int64_t longer = std::max(nx_, ny_);
    pixels_ = longer < least_side_px ? (least_side_px + longer - 1) / longer : 1;
    cells_ = longer > most_side_px ? (longer + most_side_px - 1) / most_side_px : 1;
  }

  [[nodiscard]] std::int64_t width() const { return (nx_ * pixels_ + cells_ - 1) / cells_; }
  [[nodiscard]] std::int64_t height() const { return (ny_ * pixels_ + cells_ - 1) / cells_; }
  [[nodiscard]] double pixels_per_cell() const {
    return static_cast<double>(pixels_) / static_cast<double>(cells_);
  }

  /// Calls color(x, y) once for each cell that is drawn; nothing leaves the pixels transparent.
  template <class Color>
  void draw(canvas& c, const Color& color) const {
    for (std::int64_t y = 0; y < ny_; y += cells_) {
      for (std::int64_t x = 0; x < nx_; x += cells_) {
        if (const std::optional<rgba> of_cell = color(x, y)) {
          const std::int64_t row = height() - (y / cells_ + 1) * pixels_;
          fill(c.picture, c.map_left + x / cells_ * pixels_, c.map_top + row, pixels_, pixels_,
               *of_cell);
        }
      }
    }
  }

  /// Pixel of a cell's centre, from the map's upper left corner.
  [[nodiscard]] double column_of(std::int64_t x) const {
    return (static_cast<double>(x) + 0.5) * pixels_per_cell();
  }
  [[nodiscard]] double row_of(std::int64_t y) const {
    return static_cast<double>(height()) - (static_cast<double>(y) + 0.5) * pixels_per_cell();
  }

 private:
  std::int64_t nx_;
  std::int64_t ny_;
  std::int64_t pixels_ = 1;
  std::int64_t cells_ = 1;
};

/// The map above, a strip of `strip` pixels below; narrow maps stand in the middle. A transparent
/// border holds what sticks out of the map.
[[nodiscard]] canvas make_canvas(const map_frame& map, std::int64_t strip, std::int64_t border = 0);

/// What a map says below it: parts joined by ", ", in as many lines as they need beside a scale
/// bar.
struct caption {
  std::vector<std::string> lines;
  [[nodiscard]] std::int64_t strip() const;  ///< pixels of a strip that holds it and the bar
  void draw(canvas& c) const;
};
[[nodiscard]] caption make_caption(const map_frame& map, std::span<const std::string> parts);

/// A length of 1, 2 or 5 times a power of ten, at the right of the strip.
void draw_scale_bar(canvas& c, const map_frame& map, double cell_size_m);
/// Pixels of a strip's ramp.
[[nodiscard]] std::int64_t ramp_width(const canvas& c);
/// A ramp of colours with its marks, and the scale bar.
void draw_strip(canvas& c,
                const map_frame& map,
                double cell_size_m,
                std::span<const color_stop> stops,
                std::span<const mark> marks);

}  // namespace lithify::io
