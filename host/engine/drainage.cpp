#include "lithify/engine/drainage.hpp"

#include "drawn_surface.hpp"
#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/io/chart.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace lithify::engine {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t index(std::int64_t c) { return static_cast<std::size_t>(c); }

double cell_area_m2(const relief& surface) {
  return surface.geometry.cell_size_m * surface.geometry.cell_size_m;
}

/// Metres between a cell and a neighbour, across a looped side too: those are neighbours as well.
double distance_m(const relief& surface, std::int64_t a, std::int64_t b) {
  const std::int64_t nx = surface.size.x;
  const bool diagonal = a % nx != b % nx && a / nx != b / nx;
  return surface.geometry.cell_size_m * (diagonal ? std::sqrt(2.0) : 1.0);
}

std::vector<double> areas_m2(const relief& surface, const drainage_map& water) {
  std::vector<double> area(water.area.size(), nan);
  for (std::size_t c = 0; c < area.size(); ++c) {
    if (surface.height[c] != outside_height) {
      area[c] = static_cast<double>(water.area[c]) * cell_area_m2(surface);
    }
  }
  return area;
}

constexpr double bins_a_decade = 10.0;

std::int64_t area_bin(double area_m2) {
  return static_cast<std::int64_t>(std::floor(bins_a_decade * std::log10(area_m2)));
}

/// Columns that fall, evenly taken so that no bin has more than `most`: else the many small areas
/// are all that is seen.
io::chart_series thinned(const std::vector<double>& area_m2,
                         const std::vector<double>& slope,
                         std::size_t most) {
  std::map<std::int64_t, std::vector<std::size_t>> bins;
  for (std::size_t c = 0; c < slope.size(); ++c) {
    if (slope[c] > 0.0) {
      bins[area_bin(area_m2[c])].push_back(c);
    }
  }
  io::chart_series cloud;
  for (const auto& [bin, columns] : bins) {
    const std::size_t step = (columns.size() + most - 1) / most;
    for (std::size_t i = 0; i < columns.size(); i += step) {
      cloud.x.push_back(area_m2[columns[i]]);
      cloud.y.push_back(slope[columns[i]]);
    }
  }
  return cloud;
}

/// Ends of the axes: room around lines, dots and the cloud, of which the lowest 2 % of the slopes
/// stay out, next to nothing on filled flats.
void choose_ends(io::chart& c) {
  constexpr double room = 1.25;
  const auto take = [](io::chart_axis& axis, double low, double high) {
    axis.lowest = axis.lowest > 0.0 ? std::min(axis.lowest, low / room) : low / room;
    axis.highest = std::max(axis.highest, high * room);
  };
  for (const io::chart_series& s : c.series) {
    const bool cloud = s.shape == io::chart_series::kind::points;
    for (const auto& [axis, values] : {std::pair{&c.x, s.x}, {&c.y, s.y}}) {
      if (!values.empty()) {
        std::vector<double> sorted = values;
        std::sort(sorted.begin(), sorted.end());
        const bool cut = cloud && axis == &c.y;
        take(*axis, sorted[cut ? sorted.size() / 50 : 0], sorted.back());
      }
    }
  }
}

}  // namespace

std::vector<double> slopes(const relief& surface, const drainage_map& water) {
  std::vector<double> slope(surface.height.size(), nan);
  for (std::size_t c = 0; c < slope.size(); ++c) {
    if (surface.height[c] == outside_height) {
      continue;
    }
    const std::int64_t to = water.receiver[c];
    const auto here = static_cast<std::int64_t>(c);
    if (to < 0 || to == here) {
      slope[c] = 0.0;
      continue;
    }
    const double drop_m = static_cast<double>(surface.height[c] - surface.height[index(to)]) /
                          one_voxel * surface.geometry.voxel_height_m;
    slope[c] = drop_m / distance_m(surface, here, to);
  }
  return slope;
}

slope_area_fit fit_slope_area(const relief& surface,
                              const drainage_map& water,
                              std::int64_t least_cells) {
  const std::vector<double> slope = slopes(surface, water);
  std::map<std::int64_t, std::vector<double>> bins;
  for (std::size_t c = 0; c < slope.size(); ++c) {
    if (slope[c] > 0.0 && water.area[c] >= least_cells) {
      const double area = static_cast<double>(water.area[c]) * cell_area_m2(surface);
      bins[area_bin(area)].push_back(slope[c]);
    }
  }
  slope_area_fit fit;
  double n = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;
  for (auto& [bin, values] : bins) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    const double x = (static_cast<double>(bin) + 0.5) / bins_a_decade;
    const double y = std::log10(*middle);
    fit.area_m2.push_back(std::pow(10.0, x));
    fit.slope.push_back(*middle);
    n += 1.0, sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  if (n >= 2.0) {
    fit.theta = -(n * sxy - sx * sy) / (n * sxx - sx * sx);
    fit.ks = std::pow(10.0, (sy + fit.theta * sx) / n);
  }
  return fit;
}

io::image draw_drainage(const relief& surface, const drainage_map& water) {
  const drawn_surface drawn(surface, surface.frame_offset);
  return io::logarithmic_map(drawn.view, areas_m2(surface, water), "m2");
}

io::image draw_slope_area(const relief& surface, const drainage_map& water) {
  constexpr std::size_t most_of_bin = 100;  // chosen: dense enough for a spread
  constexpr std::int64_t least_cells = 100;
  io::chart c;
  c.title = "Slope and drainage area";
  c.x.label = "drainage area, m2";
  c.y.label = "slope";
  c.x.logarithmic = c.y.logarithmic = true;
  c.height_px = 620;
  c.empty = "no column falls to another";
  io::chart_series cloud = thinned(areas_m2(surface, water), slopes(surface, water), most_of_bin);
  cloud.name = "columns, thinned";
  cloud.shape = io::chart_series::kind::points;
  cloud.color = {120, 146, 178, 255};
  const slope_area_fit all = fit_slope_area(surface, water, 1);
  const slope_area_fit fit = fit_slope_area(surface, water, least_cells);
  c.series = {std::move(cloud),
              {"medians", {40, 44, 52, 255}, io::chart_series::kind::dots, all.area_m2, all.slope}};
  if (fit.area_m2.size() >= 2) {
    io::chart_series law{"", {176, 32, 48, 255}, io::chart_series::kind::line, {}, {}};
    char text[96];
    std::snprintf(text, sizeof(text), "fit from %d columns up, ks %.3g, theta %.3f",
                  static_cast<int>(least_cells), fit.ks, fit.theta);
    law.name = text;
    for (const double area : {fit.area_m2.front(), fit.area_m2.back()}) {
      law.x.push_back(area);
      law.y.push_back(fit.ks * std::pow(area, -fit.theta));
    }
    c.series.push_back(std::move(law));
  }
  choose_ends(c);
  return io::draw_charts({&c, 1});
}

io::image draw_export(const relief& surface, std::span<const field> columns) {
  const auto named = [](const field& f) { return f.name == "exported"; };
  require(std::any_of(columns.begin(), columns.end(), named), errc::invalid_argument,
          "nothing says what left where: that takes a run with the pass stream_power");
  const auto exported = find_field(columns, "exported").as<std::int64_t>();
  std::vector<std::uint8_t> sinks = held_columns(columns);
  for (std::uint8_t& sink : sinks) {
    sink = sink == 0 ? 1 : 0;
  }
  const drawn_surface drawn(surface, surface.frame_offset);
  const double voxel_m3 = cell_area_m2(surface) * surface.geometry.voxel_height_m;
  std::vector<double> volume;
  for (const std::int64_t quanta : exported) {
    volume.push_back(static_cast<double>(quanta) / one_voxel * voxel_m3);
  }
  return io::outlet_map(drawn.view, volume, sinks);
}

io::map_file flow_map(const relief& surface,
                      const drainage_map& water,
                      std::span<const std::int64_t> before,
                      double dt_yr) {
  const region_size& size = surface.size;
  io::map_file map;
  map.nx = size.x;
  map.ny = size.y;
  map.cell_size_m = surface.geometry.cell_size_m;
  map.origin_x_m = surface.geometry.origin_x_m;
  map.origin_y_m = surface.geometry.origin_y_m;
  map.crs_wkt = surface.geometry.crs_wkt;
  const std::vector<std::int64_t> shape = {size.y, size.x};
  const auto add = [&]<class T>(const char* name, const char* unit, const char* long_name,
                                const std::vector<T>& values) {
    map.layers.push_back({field::make<T>(name, unit, shape, values), long_name, std::nullopt});
  };
  add("elevation", "m", "elevation of the surface",
      elevations(surface.height, surface.geometry, surface.frame_offset));
  add("drainage_area", "m2", "area that drains through the cell, itself included",
      areas_m2(surface, water));
  add("receiver", "1",
      "number of the cell that it drains to, row * nx + column in this file's order of rows, both "
      "from 0; its own at outlets and sinks",
      water.receiver);
  map.layers.back().missing = -1;
  map.layers.back().numbers_cells = true;
  add("slope", "1", "drop to the receiver over the distance to it", slopes(surface, water));
  if (!before.empty()) {
    require(before.size() == surface.height.size(), errc::invalid_argument,
            "the surface before is not of the same size");
    std::vector<double> rate(before.size(), nan);
    const double to_m_per_yr = surface.geometry.voxel_height_m / one_voxel / dt_yr;
    for (std::size_t c = 0; c < rate.size(); ++c) {
      if (before[c] != outside_height && surface.height[c] != outside_height) {
        rate[c] = static_cast<double>(before[c] - surface.height[c]) * to_m_per_yr;
      }
    }
    add("erosion_rate", "m yr-1", "lowering of the surface against the rock; negative: deposition",
        rate);
  }
  return map;
}

}  // namespace lithify::engine
