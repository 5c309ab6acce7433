/// Maps of one number a cell, and of what leaves at single cells.
#include "lithify/base/error.hpp"
#include "lithify/io/render.hpp"
#include "map_drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace lithify::io {

namespace {

// Pale sand over blue to near black: water gathers. Dark ends stay readable in shade.
constexpr std::array water_stops = {
    color_stop{0.00, {238, 234, 222, 255}}, color_stop{0.25, {186, 214, 224, 255}},
    color_stop{0.50, {96, 160, 200, 255}},  color_stop{0.75, {30, 92, 160, 255}},
    color_stop{1.00, {8, 24, 72, 255}},
};

constexpr rgba outlet_color = {176, 32, 48, 255};
constexpr rgba sink_color = {40, 78, 160, 255};
constexpr rgba ground_color = {214, 210, 200, 255};

void check_values(const surface_view& surface, std::span<const double> values) {
  check_surface(surface, true);
  require(values.size() == static_cast<std::size_t>(surface.nx * surface.ny),
          errc::invalid_argument, "a map of values needs one a cell");
}

/// Powers of ten between two exponents.
std::vector<mark> decades(double low, double high, const std::string& unit) {
  std::vector<mark> marks;
  const auto last = static_cast<int>(std::floor(high + 1e-9));
  for (auto e = static_cast<int>(std::ceil(low - 1e-9)); e <= last; ++e) {
    marks.push_back({(e - low) / (high - low), "1E" + std::to_string(e)});
  }
  if (!marks.empty()) {
    marks.back().text += " " + unit;
  }
  return marks;
}

}  // namespace

image logarithmic_map(const surface_view& surface,
                      std::span<const double> values,
                      const std::string& unit) {
  check_values(surface, values);
  double low = 0.0, high = 0.0;
  bool any = false;
  const auto shown = [&](std::int64_t cell) {
    const double v = values[static_cast<std::size_t>(cell)];
    return is_valid(surface, cell) && std::isfinite(v) && v > 0.0;
  };
  for (std::int64_t i = 0; i < surface.nx * surface.ny; ++i) {
    if (shown(i)) {
      const double e = std::log10(values[static_cast<std::size_t>(i)]);
      low = any ? std::min(low, e) : e;
      high = any ? std::max(high, e) : e;
      any = true;
    }
  }
  high = std::max(high, low + 1.0);
  const shader shade(surface, {});
  const map_frame map(surface);
  canvas c = make_canvas(map, strip_px);
  map.draw(c, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    const std::int64_t cell = y * surface.nx + x;
    if (!is_valid(surface, cell)) {
      return std::nullopt;
    }
    const double at =
        shown(cell) ? (std::log10(values[static_cast<std::size_t>(cell)]) - low) / (high - low)
                    : 0.0;
    const rgba color = ramp_color(water_stops, at);
    return mix(color, lit(color, shade(x, y), shade.flat()), 0.7);
  });
  draw_strip(c, map, surface.cell_size_m, water_stops, decades(low, high, unit));
  return std::move(c.picture);
}

image outlet_map(const surface_view& surface,
                 std::span<const double> volume_m3,
                 std::span<const std::uint8_t> sinks) {
  check_values(surface, volume_m3);
  require(sinks.empty() || sinks.size() == volume_m3.size(), errc::invalid_argument,
          "a map of sinks needs a flag a cell");
  const auto is_sink = [&](std::int64_t i) {
    return !sinks.empty() && sinks[static_cast<std::size_t>(i)] != 0;
  };
  std::vector<std::int64_t> cells;
  double most = 0.0, sum = 0.0;
  std::int64_t inside = 0;
  for (std::int64_t i = 0; i < surface.nx * surface.ny; ++i) {
    const double v = volume_m3[static_cast<std::size_t>(i)];
    if (is_valid(surface, i) && std::isfinite(v) && v > 0.0) {
      cells.push_back(i);
      most = std::max(most, v);
      sum += v;
      inside += is_sink(i) ? 1 : 0;
    }
  }
  const auto count = [](const char* name, std::int64_t n) {
    return name + format_grouped(static_cast<double>(n));
  };
  std::vector<std::string> parts = {"ALL " + format_volume(sum), "LARGEST " + format_volume(most),
                                    count("OUTLETS ", std::ssize(cells) - inside)};
  if (inside > 0) {
    parts.push_back(count("SINKS INSIDE ", inside));
  }
  const shader shade(surface, {});
  const map_frame map(surface);
  const caption words = make_caption(map, parts);
  const double largest_px =
      0.035 * static_cast<double>(std::max(map.width(), map.height()));  // radius
  canvas c = make_canvas(map, words.strip(), static_cast<std::int64_t>(largest_px) + 4);
  map.draw(c, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    return is_valid(surface, y * surface.nx + x)
               ? std::optional(lit(ground_color, shade(x, y), shade.flat()))
               : std::nullopt;
  });
  // Small ones last, or a large disc would hide them.
  const auto of = [&](std::int64_t i) { return volume_m3[static_cast<std::size_t>(i)]; };
  std::stable_sort(cells.begin(), cells.end(),
                   [&](std::int64_t a, std::int64_t b) { return of(a) > of(b); });
  for (const std::int64_t i : cells) {
    const double radius = largest_px * std::sqrt(of(i) / most);
    draw_disc(c.picture, static_cast<double>(c.map_left) + map.column_of(i % surface.nx),
              static_cast<double>(c.map_top) + map.row_of(i / surface.nx), radius,
              is_sink(i) ? sink_color : outlet_color);
  }
  words.draw(c);
  draw_scale_bar(c, map, surface.cell_size_m);
  return std::move(c.picture);
}

}  // namespace lithify::io
