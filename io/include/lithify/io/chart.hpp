/// Charts: lines, dots and clouds of points over linear or logarithmic axes.
#pragma once

#include "lithify/io/png.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lithify::io {

struct chart_series {
  enum class kind : std::uint8_t {
    line,
    points,  ///< a cloud, the fainter the more there are
    dots     ///< each to be seen
  };
  std::string name;  ///< for the legend; empty: not in it
  rgba color = {40, 90, 160, 255};
  kind shape = kind::line;
  std::vector<double> x;
  std::vector<double> y;
};

struct chart_axis {
  std::string label;  ///< with its unit
  bool logarithmic = false;
  /// The axis's ends: values beyond are left out. Both 0: it spans the values.
  double lowest = 0.0;
  double highest = 0.0;
};

struct chart {
  std::string title;
  chart_axis x;
  chart_axis y;
  std::vector<chart_series> series;
  std::int64_t height_px = 300;
  std::string empty = "no data";  ///< said where there is nothing to draw
};

/// The charts below one another. Values that are not finite, or not positive on a logarithmic axis,
/// are left out. An axis spans at least a little. A chart without values says so.
/// Errors: invalid_argument (no chart, one of less than 200 pixels of height, or a series whose x
/// and y differ in length).
[[nodiscard]] image draw_charts(std::span<const chart> charts);

}  // namespace lithify::io
