#include "drawing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace lithify::io {

namespace {

constexpr std::int64_t text_scale = 2;
constexpr std::int64_t swatch_side = 16;
constexpr std::int64_t swatch_gap = 8;
constexpr std::int64_t line_height = 24;

}  // namespace

rgba mix(rgba a, rgba b, double share) {
  rgba result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double low = a[i];
    const double value = low + std::clamp(share, 0.0, 1.0) * (b[i] - low);
    result[i] = static_cast<std::uint8_t>(std::lround(value));
  }
  return result;
}

rgba ramp_color(std::span<const color_stop> stops, double at) {
  for (std::size_t i = 1; i < stops.size(); ++i) {
    if (at <= stops[i].at) {
      const double width = stops[i].at - stops[i - 1].at;
      return mix(stops[i - 1].color, stops[i].color,
                 width > 0.0 ? (at - stops[i - 1].at) / width : 1.0);
    }
  }
  return stops.back().color;
}

void fill(image& picture, std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h, rgba c) {
  const std::int64_t right = std::min(x + w, picture.width);
  const std::int64_t below = std::min(y + h, picture.height);
  for (std::int64_t row = std::max<std::int64_t>(y, 0); row < below; ++row) {
    for (std::int64_t column = std::max<std::int64_t>(x, 0); column < right; ++column) {
      picture.at(column, row) = c;
    }
  }
}

void frame(image& picture, std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h, rgba c) {
  fill(picture, x, y, w, 1, c);
  fill(picture, x, y + h - 1, w, 1, c);
  fill(picture, x, y, 1, h, c);
  fill(picture, x + w - 1, y, 1, h, c);
}

void draw_disc(image& picture, double x, double y, double radius, rgba color) {
  const double seen = 0.75 * std::min(radius * radius, 1.0);  // below a pixel: its share of one
  radius = std::max(radius, 1.0);
  const auto first = [&](double centre) {
    return std::max<std::int64_t>(0, std::llround(centre - radius) - 1);
  };
  const auto last = [&](double centre, std::int64_t limit) {
    return std::min<std::int64_t>(limit - 1, std::llround(centre + radius) + 1);
  };
  for (std::int64_t row = first(y); row <= last(y, picture.height); ++row) {
    for (std::int64_t column = first(x); column <= last(x, picture.width); ++column) {
      const double away =
          std::hypot(static_cast<double>(column) + 0.5 - x, static_cast<double>(row) + 0.5 - y);
      const double share = seen * std::clamp(radius + 0.5 - away, 0.0, 1.0);
      if (share > 0.0) {
        rgba& pixel = picture.at(column, row);
        const rgba clear = {color[0], color[1], color[2], 0};
        pixel = mix(pixel[3] == 0 ? clear : pixel, color, share);
      }
    }
  }
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return result;
}

std::string format_number(double value, int decimals) {
  std::array<char, 400> buffer{};  // the longest double has 309 digits before the point
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                         std::chars_format::fixed, decimals);
  std::string text(buffer.data(), end);
  if (code == std::errc{} && text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
      text.pop_back();
    }
  }
  return text == "-0" ? "0" : text;
}

std::string format_short(double value) {
  if (value == 0.0 || !std::isfinite(value)) {
    return "0";
  }
  const int digits = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return format_number(value, std::clamp(2 - digits, 0, 9));
}

std::string format_grouped(double value) {
  std::string text = format_number(value, 0);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string format_volume(double cubic_metres) {
  if (cubic_metres >= 1e7) {
    return format_short(cubic_metres / 1e9) + " km3";
  }
  return (cubic_metres >= 100.0 ? format_grouped(cubic_metres) : format_short(cubic_metres)) +
         " m3";
}

double round_step(double range, int parts) {
  if (!(range > 0.0) || !std::isfinite(range)) {
    return 1.0;
  }
  const double least = range / parts;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) {
      return factor * power;
    }
  }
  return 10.0 * power;
}

std::vector<double> ticks(double low, double high, double step) {
  constexpr std::size_t most = 100;
  std::vector<double> values;
  for (double i = std::ceil(low / step - 1e-9);
       i * step <= high + 1e-9 * step && values.size() < most; i += 1.0) {
    values.push_back(i * step);
  }
  return values;
}

int step_decimals(double step) {
  return std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 9);
}

std::string format_length(double metres) {
  return metres >= 1000.0 ? format_short(metres / 1000.0) + " km" : format_short(metres) + " m";
}

void draw_ramp(image& picture,
               std::int64_t x,
               std::int64_t y,
               std::int64_t w,
               std::int64_t h,
               std::span<const color_stop> stops,
               std::span<const mark> marks) {
  for (std::int64_t i = 0; i < w; ++i) {
    fill(picture, x + i, y, 1, h,
         ramp_color(stops, static_cast<double>(i) /
                               static_cast<double>(std::max<std::int64_t>(w - 1, 1))));
  }
  frame(picture, x, y, w, h, faint_ink);
  std::int64_t free_from = x - w;
  for (const mark& m : marks) {
    const std::int64_t at = x + std::llround(m.at * static_cast<double>(w - 1));
    fill(picture, at, y + h, 1, 4, ink);
    const std::int64_t width = text_width(m.text, text_scale);
    const std::int64_t left = std::clamp<std::int64_t>(
        at - width / 2, x, std::max<std::int64_t>(x, picture.width - width - 2));
    if (left > free_from) {  // a number that would touch its neighbour is left out
      draw_text(picture, left, y + h + 6, m.text, ink, text_scale);
      free_from = left + width + 8;
    }
  }
}

std::int64_t draw_swatches(image* picture,
                           std::int64_t x,
                           std::int64_t y,
                           std::int64_t w,
                           std::span<const swatch> swatches) {
  std::int64_t left = x;
  std::int64_t top = y;
  for (const swatch& s : swatches) {
    const std::int64_t width =
        swatch_side + swatch_gap + text_width(s.name, text_scale) + 3 * swatch_gap;
    if (left > x && left + width > x + w) {
      left = x;
      top += line_height;
    }
    if (picture != nullptr) {
      fill(*picture, left, top, swatch_side, swatch_side, s.color);
      frame(*picture, left, top, swatch_side, swatch_side, faint_ink);
      draw_text(*picture, left + swatch_side + swatch_gap, top + 1, s.name, ink, text_scale);
    }
    left += width;
  }
  return swatches.empty() ? 0 : top + line_height - y;
}

}  // namespace lithify::io
