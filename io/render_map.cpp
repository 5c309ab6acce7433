#include "drawing.hpp"
#include "lithify/base/error.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <set>
#include <string>

namespace lithify::io {

namespace {

constexpr std::int64_t least_side_px = 480;
constexpr std::int64_t most_side_px = 4096;
constexpr std::int64_t legend_width_px = 420;  // room for a ramp and a scale bar
constexpr std::int64_t margin = 14;
constexpr std::int64_t strip_px = 62;

// Lowland green over tan and brown to grey and snow, muted so that shading stays readable.
constexpr std::array elevation_stops = {
    color_stop{0.00, {104, 143, 104, 255}}, color_stop{0.18, {160, 180, 124, 255}},
    color_stop{0.38, {222, 208, 156, 255}}, color_stop{0.58, {203, 168, 120, 255}},
    color_stop{0.78, {165, 130, 106, 255}}, color_stop{0.92, {190, 182, 176, 255}},
    color_stop{1.00, {246, 246, 245, 255}},
};

// Lost ground red, gained ground blue, as in published maps of change.
constexpr std::array change_stops = {
    color_stop{0.00, {103, 0, 31, 255}},    color_stop{0.15, {178, 24, 43, 255}},
    color_stop{0.32, {230, 110, 84, 255}},  color_stop{0.44, {247, 200, 178, 255}},
    color_stop{0.50, {236, 236, 234, 255}}, color_stop{0.56, {190, 216, 234, 255}},
    color_stop{0.68, {95, 160, 205, 255}},  color_stop{0.85, {33, 102, 172, 255}},
    color_stop{1.00, {5, 48, 97, 255}},
};

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

// Cosine of the light's incidence on each cell.
class shader {
 public:
  shader(const surface_view& surface, const hillshade_options& options)
      : s_(surface), scale_(options.exaggeration / (8.0 * surface.cell_size_m)) {
    const double azimuth = options.azimuth_deg * std::numbers::pi / 180.0;
    const double altitude = options.altitude_deg * std::numbers::pi / 180.0;
    east_ = std::sin(azimuth) * std::cos(altitude);
    north_ = std::cos(azimuth) * std::cos(altitude);
    up_ = std::sin(altitude);
  }

  [[nodiscard]] double flat() const { return up_; }

  [[nodiscard]] double operator()(std::int64_t x, std::int64_t y) const {
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

 private:
  [[nodiscard]] std::optional<double> at(std::int64_t x, std::int64_t y) const {
    if (x < 0 || y < 0 || x >= s_.nx || y >= s_.ny || !is_valid(s_, y * s_.nx + x)) {
      return std::nullopt;
    }
    return s_.height_m[static_cast<std::size_t>(y * s_.nx + x)];
  }

  // A neighbour that is not there continues the slope from the one opposite: a plane stays a plane
  // up to its edge.
  [[nodiscard]] double height(std::int64_t x,
                              std::int64_t y,
                              std::int64_t dx,
                              std::int64_t dy) const {
    if (const auto there = at(x + dx, y + dy)) {
      return *there;
    }
    const double centre = s_.height_m[static_cast<std::size_t>(y * s_.nx + x)];
    if (const auto opposite = at(x - dx, y - dy)) {
      return 2 * centre - *opposite;
    }
    return dx != 0 && dy != 0 ? height(x, y, dx, 0) + height(x, y, 0, dy) - centre : centre;
  }

  const surface_view& s_;
  double scale_;
  double east_ = 0.0;
  double north_ = 0.0;
  double up_ = 0.0;
};

// A colour in light: darker in shade, brighter on slopes that face the light, itself on flat
// ground.
rgba lit(rgba color, double shade, double flat) {
  constexpr rgba black = {24, 22, 34, 255};
  constexpr rgba white = {255, 255, 250, 255};
  if (shade <= flat) {
    return mix(mix(color, black, 0.82), color, std::max(shade, 0.0) / flat);
  }
  return mix(color, white, 0.55 * (shade - flat) / std::max(1.0 - flat, 1e-9));
}

// Pixels of a map: several a cell, or several cells a pixel.
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

  // Calls color(x, y) once for each cell that is drawn; nothing leaves the pixels transparent.
  template <class Color>
  void draw(image& picture, std::int64_t left, const Color& color) const {
    for (std::int64_t y = 0; y < ny_; y += cells_) {
      for (std::int64_t x = 0; x < nx_; x += cells_) {
        if (const std::optional<rgba> c = color(x, y)) {
          const std::int64_t row = height() - (y / cells_ + 1) * pixels_;
          fill(picture, left + x / cells_ * pixels_, row, pixels_, pixels_, *c);
        }
      }
    }
  }

 private:
  std::int64_t nx_;
  std::int64_t ny_;
  std::int64_t pixels_ = 1;
  std::int64_t cells_ = 1;
};

// The map above, a strip of `strip` pixels below; narrow maps stand in the middle.
struct canvas {
  image picture;
  std::int64_t map_left;
  std::int64_t strip_top;
};
canvas make_canvas(const map_frame& map, std::int64_t strip) {
  const std::int64_t width = strip > 0 ? std::max(map.width(), legend_width_px) : map.width();
  canvas c{image(width, map.height() + strip), (width - map.width()) / 2, map.height()};
  fill(c.picture, 0, c.strip_top, width, strip, paper);
  return c;
}

// A length of 1, 2 or 5 times a power of ten, at the right of the strip.
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

std::vector<mark> number_marks(double low, double high) {
  const double step = round_step(high - low, 4);
  std::vector<mark> marks;
  for (const double value : ticks(low, high, step)) {
    marks.push_back({(value - low) / (high - low), format_number(value, step_decimals(step))});
  }
  if (!marks.empty()) {
    marks.back().text += " m";
  }
  return marks;
}

void draw_strip(canvas& c,
                const map_frame& map,
                double cell_size_m,
                std::span<const color_stop> stops,
                std::span<const mark> marks) {
  constexpr std::int64_t scale_bar_px = 170;
  const std::int64_t width =
      std::min<std::int64_t>(c.picture.width - 2 * margin - scale_bar_px, 420);
  draw_ramp(c.picture, margin, c.strip_top + margin, width, 16, stops, marks);
  draw_scale_bar(c, map, cell_size_m);
}

struct height_range {
  double low = 0.0;
  double high = 0.0;
  bool any = false;
};
height_range range_of(const surface_view& s) {
  height_range r;
  for (std::int64_t i = 0; i < s.nx * s.ny; ++i) {
    if (is_valid(s, i)) {
      const double z = s.height_m[static_cast<std::size_t>(i)];
      r.low = r.any ? std::min(r.low, z) : z;
      r.high = r.any ? std::max(r.high, z) : z;
      r.any = true;
    }
  }
  return r;
}

rgba grey(double value) {
  const auto level = static_cast<std::uint8_t>(std::lround(255.0 * std::clamp(value, 0.0, 1.0)));
  return {level, level, level, 255};
}

// The 98th percentile of the changes that are not zero: one deep pit must not blank the rest.
double change_limit(std::vector<double> changes) {
  std::erase(changes, 0.0);
  if (changes.empty()) {
    return 1.0;
  }
  for (double& change : changes) {
    change = std::abs(change);
  }
  const auto place = changes.begin() + static_cast<std::ptrdiff_t>((changes.size() - 1) * 98 / 100);
  std::nth_element(changes.begin(), place, changes.end());
  return *place;
}

}  // namespace

image hillshade(const surface_view& surface, const hillshade_options& options) {
  check_surface(surface, true);
  const shader shade(surface, options);
  const height_range range = range_of(surface);
  const double span = range.high > range.low ? range.high - range.low : 1.0;
  const map_frame map(surface);
  canvas c = make_canvas(map, options.legend ? strip_px : 0);
  map.draw(c.picture, c.map_left, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    const std::int64_t cell = y * surface.nx + x;
    if (!is_valid(surface, cell)) {
      return std::nullopt;
    }
    const double light = shade(x, y);
    if (!options.tint) {
      return grey(light);
    }
    const double at = (surface.height_m[static_cast<std::size_t>(cell)] - range.low) / span;
    return lit(ramp_color(elevation_stops, at), light, shade.flat());
  });
  if (options.legend) {
    constexpr std::array grey_stops = {color_stop{0, {0, 0, 0, 255}},
                                       color_stop{1, {255, 255, 255, 255}}};
    const auto marks = options.tint ? number_marks(range.low, range.low + span)
                                    : std::vector<mark>{{0, "SHADE"}, {1, "LIGHT"}};
    draw_strip(c, map, surface.cell_size_m,
               options.tint ? std::span<const color_stop>(elevation_stops)
                            : std::span<const color_stop>(grey_stops),
               marks);
  }
  return std::move(c.picture);
}

image difference(const surface_view& before,
                 const surface_view& after,
                 const difference_options& options) {
  check_surface(before, true);
  check_surface(after, true);
  require(before.nx == after.nx && before.ny == after.ny, errc::invalid_argument,
          "a difference needs two surfaces on the same grid");
  std::vector<double> changes(after.height_m.size(), 0.0);
  std::vector<std::uint8_t> both(after.height_m.size(), 0);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto cell = static_cast<std::int64_t>(i);
    both[i] = is_valid(before, cell) && is_valid(after, cell) ? 1 : 0;
    changes[i] = both[i] != 0 ? after.height_m[i] - before.height_m[i] : 0.0;
  }
  const double limit = options.limit_m > 0.0 ? options.limit_m : change_limit(changes);

  surface_view shown = after;
  shown.valid = both;
  const shader shade(shown, {});
  const map_frame map(shown);
  canvas c = make_canvas(map, options.legend ? strip_px : 0);
  map.draw(c.picture, c.map_left, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    const std::int64_t cell = y * shown.nx + x;
    if (!is_valid(shown, cell)) {
      return std::nullopt;
    }
    const double share = std::clamp(changes[static_cast<std::size_t>(cell)] / limit, -1.0, 1.0);
    const rgba color = ramp_color(change_stops, 0.5 + 0.5 * share);
    return mix(color, lit(color, shade(x, y), shade.flat()), 0.6);
  });
  if (options.legend) {
    const std::vector<mark> marks = {
        {0.0, format_short(-limit)}, {0.5, "0"}, {1.0, "+" + format_short(limit) + " m"}};
    draw_strip(c, map, after.cell_size_m, change_stops, marks);
  }
  return std::move(c.picture);
}

image material_map(const surface_view& surface,
                   std::span<const material_id> top,
                   const material_table& materials) {
  check_surface(surface, false);
  require(top.size() == static_cast<std::size_t>(surface.nx * surface.ny), errc::invalid_argument,
          "a map of materials needs one a cell");
  std::set<material_id> present;
  for (std::size_t i = 0; i < top.size(); ++i) {
    require(top[i] < materials.size(), errc::invalid_argument,
            "a map holds a material beyond the table");
    if (is_valid(surface, static_cast<std::int64_t>(i))) {
      present.insert(top[i]);
    }
  }
  std::vector<swatch> swatches;
  for (const material_id id : present) {
    swatches.push_back({material_color(id, materials), materials[id].name});
  }
  const map_frame map(surface);
  const std::int64_t width = std::max(map.width(), legend_width_px);
  constexpr std::int64_t scale_bar_px = 170;
  const std::int64_t room = width - 2 * margin - scale_bar_px;
  const std::int64_t strip =
      std::max(strip_px, draw_swatches(nullptr, 0, 0, room, swatches) + 2 * margin);
  canvas c = make_canvas(map, strip);
  const shader shade(surface, {});
  map.draw(c.picture, c.map_left, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    const std::int64_t cell = y * surface.nx + x;
    if (!is_valid(surface, cell)) {
      return std::nullopt;
    }
    return lit(material_color(top[static_cast<std::size_t>(cell)], materials), shade(x, y),
               shade.flat());
  });
  draw_swatches(&c.picture, margin, c.strip_top + margin, room, swatches);
  draw_scale_bar(c, map, surface.cell_size_m);
  return std::move(c.picture);
}

}  // namespace lithify::io
