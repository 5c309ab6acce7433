#include "lithify/base/error.hpp"
#include "lithify/io/render.hpp"
#include "map_drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <optional>
#include <set>
#include <string>

namespace lithify::io {

namespace {

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

/// Round numbers along a ramp of `width` pixels, as many as stand apart.
std::vector<mark> number_marks(double low, double high, std::int64_t width) {
  constexpr int most_parts = 6;
  constexpr double gap_px = 12.0;
  const auto apart = [&](const mark& a, const mark& b) {
    return (b.at - a.at) * static_cast<double>(width) >=
           0.5 * static_cast<double>(text_width(a.text, 2) + text_width(b.text, 2)) + gap_px;
  };
  std::vector<mark> marks;
  for (int parts = most_parts; parts > 0; --parts) {
    const double step = round_step(high - low, parts);
    marks.clear();
    for (const double value : ticks(low, high, step)) {
      marks.push_back({(value - low) / (high - low), format_number(value, step_decimals(step))});
    }
    if (!marks.empty()) {
      marks.back().text += " m";
    }
    if (std::adjacent_find(marks.begin(), marks.end(), std::not_fn(apart)) == marks.end()) {
      break;
    }
  }
  return marks;
}

constexpr rgba held_color = {128, 132, 138, 255};

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

std::optional<elevation_range> elevations_of(const surface_view& surface) {
  check_surface(surface, true);
  std::optional<elevation_range> range;
  for (std::int64_t i = 0; i < surface.nx * surface.ny; ++i) {
    if (is_valid(surface, i)) {
      const double z = surface.height_m[static_cast<std::size_t>(i)];
      range = range ? elevation_range{std::min(range->lowest, z), std::max(range->highest, z)}
                    : elevation_range{z, z};
    }
  }
  return range;
}

image hillshade(const surface_view& surface, const hillshade_options& options) {
  check_surface(surface, true);
  const shader shade(surface, options);
  const elevation_range range =
      options.colors ? *options.colors : elevations_of(surface).value_or(elevation_range{});
  const double span = range.highest > range.lowest ? range.highest - range.lowest : 1.0;
  const map_frame map(surface);
  canvas c = make_canvas(map, options.legend ? strip_px : 0);
  map.draw(c, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    const std::int64_t cell = y * surface.nx + x;
    if (!is_valid(surface, cell)) {
      return std::nullopt;
    }
    const double light = shade(x, y);
    if (!options.tint) {
      return grey(light);
    }
    const double at = (surface.height_m[static_cast<std::size_t>(cell)] - range.lowest) / span;
    return lit(ramp_color(elevation_stops, at), light, shade.flat());
  });
  if (options.legend) {
    constexpr std::array grey_stops = {color_stop{0, {0, 0, 0, 255}},
                                       color_stop{1, {255, 255, 255, 255}}};
    const auto marks = options.tint ? number_marks(range.lowest, range.lowest + span, ramp_width(c))
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
  require(options.held.empty() || options.held.size() == after.height_m.size(),
          errc::invalid_argument, "a map of held cells needs a flag a cell");
  const auto is_held = [&](std::size_t i) { return !options.held.empty() && options.held[i] != 0; };
  std::vector<double> changes(after.height_m.size(), 0.0);
  std::vector<std::uint8_t> both(after.height_m.size(), 0);
  bool any_held = false;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto cell = static_cast<std::int64_t>(i);
    both[i] = is_valid(before, cell) && is_valid(after, cell) ? 1 : 0;
    const bool held = is_held(i);
    any_held = any_held || (held && both[i] != 0);
    changes[i] = both[i] != 0 && !held ? after.height_m[i] - before.height_m[i] : 0.0;
  }
  const double limit = options.limit_m > 0.0 ? options.limit_m : change_limit(changes);

  surface_view shown = after;
  shown.valid = both;
  const shader shade(shown, {});
  const map_frame map(shown);
  constexpr std::int64_t held_px = 26;  // a line of the legend
  canvas c = make_canvas(map, options.legend ? strip_px + (any_held ? held_px : 0) : 0);
  map.draw(c, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
    const std::int64_t cell = y * shown.nx + x;
    if (!is_valid(shown, cell)) {
      return std::nullopt;
    }
    if (is_held(static_cast<std::size_t>(cell))) {
      return held_color;
    }
    const double share = std::clamp(changes[static_cast<std::size_t>(cell)] / limit, -1.0, 1.0);
    const rgba color = ramp_color(change_stops, 0.5 + 0.5 * share);
    return mix(color, lit(color, shade(x, y), shade.flat()), 0.6);
  });
  if (options.legend) {
    const std::vector<mark> marks = {
        {0.0, format_short(-limit)}, {0.5, "0"}, {1.0, "+" + format_short(limit) + " m"}};
    draw_strip(c, map, after.cell_size_m, change_stops, marks);
    if (any_held) {
      const swatch key{held_color, "HELD SIDE"};
      draw_swatches(&c.picture, margin, c.strip_top + strip_px - 2, ramp_width(c), {&key, 1});
    }
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
    swatches.push_back({material_color(id, materials), upper(materials[id].name)});
  }
  const map_frame map(surface);
  const std::int64_t width = std::max(map.width(), legend_width_px);
  const std::int64_t room = width - 2 * margin - scale_bar_px;
  const std::int64_t strip =
      std::max(strip_px, draw_swatches(nullptr, 0, 0, room, swatches) + 2 * margin);
  canvas c = make_canvas(map, strip);
  const shader shade(surface, {});
  map.draw(c, [&](std::int64_t x, std::int64_t y) -> std::optional<rgba> {
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
