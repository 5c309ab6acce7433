/// Drawing for pictures: rectangles, discs, text in a 5 x 7 font, colour ramps, round numbers.
///
/// Everything clips at the picture's edge. Letters are upper case; `k`, `m` and `x` exist in lower
/// case too, for units and factors.
#pragma once

#include "lithify/io/png.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lithify::io {

inline constexpr rgba ink = {40, 44, 52, 255};
inline constexpr rgba faint_ink = {140, 146, 156, 255};
inline constexpr rgba paper = {250, 249, 246, 255};

/// a + share (b - a), share in [0, 1].
[[nodiscard]] rgba mix(rgba a, rgba b, double share);

/// A colour at a place in [0, 1]; stops by rising place, the first at 0, the last at 1.
struct color_stop {
  double at;
  rgba color;
};
[[nodiscard]] rgba ramp_color(std::span<const color_stop> stops, double at);

void fill(image& picture, std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h, rgba c);
void frame(image& picture, std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h, rgba c);

/// A disc with soft edges, half transparent; of less than a pixel it is a pale one.
void draw_disc(image& picture, double x, double y, double radius, rgba color);

/// Height and width of text drawn with pixels of `scale`.
[[nodiscard]] constexpr std::int64_t text_height(std::int64_t scale) { return 7 * scale; }
[[nodiscard]] std::int64_t text_width(std::string_view text, std::int64_t scale);
/// Draws with the upper left corner at (x, y).
void draw_text(image& picture,
               std::int64_t x,
               std::int64_t y,
               std::string_view text,
               rgba c,
               std::int64_t scale);

/// Upper case, for names.
[[nodiscard]] std::string upper(std::string_view text);

/// `value` with at most `decimals` decimals and no trailing zeros; "-0" is "0".
[[nodiscard]] std::string format_number(double value, int decimals);
/// With three significant digits, for single figures.
[[nodiscard]] std::string format_short(double value);

/// Whole, with commas between thousands.
[[nodiscard]] std::string format_grouped(double value);
/// A volume in km3 from a hundredth of one on, else in m3.
[[nodiscard]] std::string format_volume(double cubic_metres);

/// 1, 2 or 5 times a power of ten, the smallest that cuts `range` into at most `parts`.
[[nodiscard]] double round_step(double range, int parts);
/// Multiples of `step` in [low, high], at most 100.
[[nodiscard]] std::vector<double> ticks(double low, double high, double step);
/// Decimals that show multiples of `step`.
[[nodiscard]] int step_decimals(double step);

/// A length as "500 m" or "2 km".
[[nodiscard]] std::string format_length(double metres);

/// A horizontal ramp with marks under it; `marks` are (place in [0, 1], text).
struct mark {
  double at;
  std::string text;
};
void draw_ramp(image& picture,
               std::int64_t x,
               std::int64_t y,
               std::int64_t w,
               std::int64_t h,
               std::span<const color_stop> stops,
               std::span<const mark> marks);

/// Swatches with names, in lines of at most `w` pixels; gives the height that it takes. With a null
/// picture it only measures.
struct swatch {
  rgba color;
  std::string name;
};
std::int64_t draw_swatches(image* picture,
                           std::int64_t x,
                           std::int64_t y,
                           std::int64_t w,
                           std::span<const swatch> swatches);

}  // namespace lithify::io
