#include "map_drawing.hpp"

#include "lithify/base/error.hpp"

#include <cmath>
#include <numbers>
#include <string>

namespace lithify::io {

void check_surface(const surface_view& s, bool heights_needed) {
  constexpr std::int64_t most_cells = std::int64_t{1} << 42;
  require(s.nx >= 1 && s.ny >= 1 && s.nx <= most_cells / s.ny, errc::invalid_argument,
          "a picture needs at least one cell");
  const auto cells = static_cast<std::size_t>(s.nx * s.ny);
  require((s.height_m.size() == cells || (!heights_needed && s.height_m.empty())) &&
              (s.valid.empty() || s.valid.size() == cells),
          errc::invalid_argument, "a surface's arrays do not match its size");
  require(std::isfinite(s.cell_size_m) && s.cell_size_m > 0.0, errc::invalid_argument,
          "a cell size must be positive");
}

bool is_valid(const surface_view& s, std::int64_t cell) {
  const auto i = static_cast<std::size_t>(cell);
  return s.valid.empty() || s.valid[i] != 0;
}

shader::shader(const surface_view& surface, const hillshade_options& options)
    : s_(surface), scale_(options.exaggeration / (8.0 * surface.cell_size_m)) {
  const double azimuth = options.azimuth_deg * std::numbers::pi / 180.0;
  const double altitude = options.altitude_deg * std::numbers::pi / 180.0;
  east_ = std::sin(azimuth) * std::cos(altitude);
  north_ = std::cos(azimuth) * std::cos(altitude);
  up_ = std::sin(altitude);
}

double shader::operator()(std::int64_t x, std::int64_t y) const {
  if (s_.height_m.empty()) {
    return up_;
  }
  const auto z = [&](std::int64_t dx, std::int64_t dy) { return height(x, y, dx, dy); };
  const double dz_dx =
      ((z(1, 1) + 2 * z(1, 0) + z(1, -1)) - (z(-1, 1) + 2 * z(-1, 0) + z(-1, -1))) * scale_;
  const double dz_dy =
      ((z(-1, 1) + 2 * z(0, 1) + z(1, 1)) - (z(-1, -1) + 2 * z(0, -1) + z(1, -1))) * scale_;
  return (up_ - dz_dx * east_ - dz_dy * north_) / std::sqrt(1.0 + dz_dx * dz_dx + dz_dy * dz_dy);
}

std::optional<double> shader::at(std::int64_t x, std::int64_t y) const {
  if (x < 0 || y < 0 || x >= s_.nx || y >= s_.ny || !is_valid(s_, y * s_.nx + x)) {
    return std::nullopt;
  }
  return s_.height_m[static_cast<std::size_t>(y * s_.nx + x)];
}

// A neighbour that is not there continues the slope from the one opposite: a plane stays a plane
// up to its edge.
double shader::height(std::int64_t x, std::int64_t y, std::int64_t dx, std::int64_t dy) const {
  if (const auto there = at(x + dx, y + dy)) {
    return *there;
  }
  const double centre = s_.height_m[static_cast<std::size_t>(y * s_.nx + x)];
  if (const auto opposite = at(x - dx, y - dy)) {
    return 2 * centre - *opposite;
  }
  return dx != 0 && dy != 0 ? height(x, y, dx, 0) + height(x, y, 0, dy) - centre : centre;
}

rgba lit(rgba color, double shade, double flat) {
  constexpr rgba black = {24, 22, 34, 255};
  constexpr rgba white = {255, 255, 250, 255};
  if (shade <= flat) {
    return mix(mix(color, black, 0.82), color, std::max(shade, 0.0) / flat);
  }
  return mix(color, white, 0.55 * (shade - flat) / std::max(1.0 - flat, 1e-9));
}

namespace {

constexpr std::int64_t caption_scale = 2;
constexpr std::int64_t caption_line_px = 22;

std::int64_t canvas_width(const map_frame& map) { return std::max(map.width(), legend_width_px); }

}  // namespace

caption make_caption(const map_frame& map, std::span<const std::string> parts) {
  const std::int64_t room = canvas_width(map) - 2 * margin - scale_bar_px;
  caption made;
  for (const std::string& part : parts) {
    const std::string longer = made.lines.empty() ? part : made.lines.back() + ", " + part;
    if (made.lines.empty() || text_width(longer, caption_scale) > room) {
      made.lines.push_back(part);
    } else {
      made.lines.back() = longer;
    }
  }
  return made;
}

std::int64_t caption::strip() const {
  return std::max(strip_px, 2 * margin + std::ssize(lines) * caption_line_px);
}

void caption::draw(canvas& c) const {
  std::int64_t top = c.strip_top + margin;
  for (const std::string& line : lines) {
    draw_text(c.picture, margin, top, line, ink, caption_scale);
    top += caption_line_px;
  }
}

canvas make_canvas(const map_frame& map, std::int64_t strip, std::int64_t border) {
  const std::int64_t inner = map.width() + 2 * border;
  const std::int64_t width = strip > 0 ? std::max(inner, legend_width_px) : inner;
  canvas c{image(width, map.height() + 2 * border + strip), (width - map.width()) / 2, border,
           map.height() + 2 * border};
  fill(c.picture, 0, c.strip_top, width, strip, paper);
  return c;
}

void draw_scale_bar(canvas& c, const map_frame& map, double cell_size_m) {
  constexpr std::int64_t longest_px = 130;
  const double metres_per_pixel = cell_size_m / map.pixels_per_cell();
  const double range = metres_per_pixel * static_cast<double>(longest_px);
  double length = round_step(range, 1);
  while (length > range * 1.0001) {
    length = round_step(length * 0.3, 1);
  }
  const auto pixels = std::llround(length / metres_per_pixel);
  const std::int64_t left = c.picture.width - margin - pixels;
  const std::int64_t top = c.strip_top + margin + 8;
  fill(c.picture, left, top, pixels, 3, ink);
  fill(c.picture, left, top - 5, 2, 11, ink);
  fill(c.picture, left + pixels - 2, top - 5, 2, 11, ink);
  const std::string text = format_length(length);
  draw_text(c.picture, c.picture.width - margin - text_width(text, 2), top + 12, text, ink, 2);
}

std::int64_t ramp_width(const canvas& c) {
  return std::min<std::int64_t>(c.picture.width - 2 * margin - scale_bar_px, 420);
}

void draw_strip(canvas& c,
                const map_frame& map,
                double cell_size_m,
                std::span<const color_stop> stops,
                std::span<const mark> marks) {
  draw_ramp(c.picture, margin, c.strip_top + margin, ramp_width(c), 16, stops, marks);
  draw_scale_bar(c, map, cell_size_m);
}

}  // namespace lithify::io
