#include "lithify/io/chart.hpp"

#include "drawing.hpp"
#include "lithify/base/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace lithify::io {

namespace {

constexpr std::int64_t chart_width = 960;
constexpr std::int64_t left_px = 110;  // numbers of the y axis
constexpr std::int64_t right_px = 40;
constexpr std::int64_t top_px = 40;    // title
constexpr std::int64_t below_px = 48;  // numbers and label of the x axis
constexpr std::int64_t last_px = 6;    // below the legend
constexpr rgba grid_ink = {226, 226, 222, 255};

/// Words in upper case, but for units.
std::string label_of(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const bool unit = word == "m" || word == "mm" || word == "m2";
    out += (unit ? word : upper(word)) + (end < text.size() ? " " : "");
    at = end + 1;
  }
  return out;
}

/// Values of one axis to [0, 1].
class scale {
 public:
  scale(const chart_axis& axis, const chart& c, std::vector<double> chart_series::*values)
      : logarithmic_(axis.logarithmic) {
    for (const chart_series& s : c.series) {
      for (std::size_t i = 0; i < s.x.size(); ++i) {
        if (shown(c, s, i)) {
          const double v = of((s.*values)[i]);
          low_ = any_ ? std::min(low_, v) : v;
          high_ = any_ ? std::max(high_, v) : v;
          any_ = true;
        }
      }
    }
    if (!spans_values(axis)) {
      low_ = of(axis.lowest);
      high_ = of(axis.highest);
    }
    // One value: a tenth of it around it, or a decade.
    const double middle = 0.5 * (low_ + high_);
    const double least = logarithmic_ ? 1.0 : std::abs(middle) * 1e-9;
    if (high_ - low_ < least || high_ == low_) {
      const double around = logarithmic_ ? 0.5 : middle == 0.0 ? 0.5 : 0.05 * std::abs(middle);
      low_ = middle - around;
      high_ = middle + around;
    }
  }
  [[nodiscard]] bool any() const { return any_; }

  [[nodiscard]] static bool shown(const chart& c, const chart_series& s, std::size_t i) {
    return fits(c.x, s.x[i]) && fits(c.y, s.y[i]);
  }

  [[nodiscard]] double operator()(double value) const {
    return (of(value) - low_) / (high_ - low_);
  }

  [[nodiscard]] std::vector<mark> marks(int parts) const {
    std::vector<mark> out;
    if (logarithmic_) {
      return logarithmic_marks();
    }
    const double step = round_step(high_ - low_, parts);
    for (const double v : ticks(low_, high_, step)) {
      out.push_back({(v - low_) / (high_ - low_), number(v, step)});
    }
    return out;
  }

 private:
  [[nodiscard]] double of(double value) const { return logarithmic_ ? std::log10(value) : value; }

  static bool spans_values(const chart_axis& axis) {
    return axis.lowest == 0.0 && axis.highest == 0.0;
  }
  static bool fits(const chart_axis& axis, double value) {
    return std::isfinite(value) && (!axis.logarithmic || value > 0.0) &&
           (spans_values(axis) || (value >= axis.lowest && value <= axis.highest));
  }

  /// Powers of ten, on a short axis their 2- and 5-folds too; all as numbers or all as powers.
  [[nodiscard]] std::vector<mark> logarithmic_marks() const {
    const bool plain = low_ > -4.5 && high_ < 4.5;
    std::vector<mark> out;
    const auto last = static_cast<int>(std::floor(high_ + 1e-9));
    for (auto e = static_cast<int>(std::floor(low_)); e <= last; ++e) {
      for (const int factor : {1, 2, 5}) {
        const double at = (e + std::log10(factor) - low_) / (high_ - low_);
        if (at > -1e-9 && at < 1.0 + 1e-9 && (factor == 1 || high_ - low_ < 3.0)) {
          out.push_back({at, plain ? format_number(factor * std::pow(10.0, e), 5)
                                   : std::to_string(factor) + "E" + std::to_string(e)});
        }
      }
    }
    return out;
  }

  /// Numbers too long or too small for their place in one power of ten for the whole axis.
  [[nodiscard]] std::string number(double v, double step) const {
    const double most = std::max(std::abs(low_), std::abs(high_));
    if (most < 1e6 && step >= 1e-4) {
      return step >= 1.0 && std::abs(v) >= 1e4 ? format_grouped(v)
                                               : format_number(v, step_decimals(step));
    }
    const double e = std::floor(std::log10(most) + 1e-9), unit = std::pow(10.0, e);
    return v == 0.0
               ? "0"
               : format_number(v / unit, step_decimals(step / unit)) + "E" + format_number(e, 0);
  }

  bool logarithmic_;
  bool any_ = false;
  double low_ = 0.0;
  double high_ = 0.0;
};

void blend(image& picture, std::int64_t x, std::int64_t y, rgba color, double share) {
  if (x >= 0 && y >= 0 && x < picture.width && y < picture.height) {
    picture.at(x, y) = mix(picture.at(x, y), color, share);
  }
}

/// A line two pixels wide.
void draw_line(image& picture, double x0, double y0, double x1, double y1, rgba color) {
  const auto steps =
      static_cast<std::int64_t>(std::ceil(std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1.0})));
  for (std::int64_t i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps);
    fill(picture, std::llround(x0 + (x1 - x0) * share), std::llround(y0 + (y1 - y0) * share), 2, 2,
         color);
  }
}

class chart_painter {
 public:
  chart_painter(image& picture, const chart& c, std::int64_t top)
      : picture_(picture),
        chart_(c),
        x_(c.x, c, &chart_series::x),
        y_(c.y, c, &chart_series::y),
        top_(top + top_px) {
    for (const chart_series& s : c.series) {
      if (!s.name.empty()) {
        legend_.push_back({s.color, label_of(s.name)});
      }
    }
    height_ = c.height_px - top_px - below_px - draw_legend(nullptr) - last_px;
  }

  void paint() {
    titles();
    frame(picture_, left_px, top_, width_, height_, faint_ink);
    if (!x_.any()) {
      const std::string text = label_of(chart_.empty);
      draw_text(picture_, left_px + (width_ - text_width(text, 2)) / 2, top_ + height_ / 2 - 7,
                text, faint_ink, 2);
      return;
    }
    axes();
    for (const chart_series& s : chart_.series) {
      switch (s.shape) {
        case chart_series::kind::line:
          line(s);
          break;
        case chart_series::kind::points:
          points(s);
          break;
        case chart_series::kind::dots:
          dots(s);
          break;
      }
    }
    frame(picture_, left_px, top_, width_, height_, faint_ink);
    draw_legend(&picture_);
  }

 private:
  [[nodiscard]] double px(double value) const {
    return static_cast<double>(left_px) + x_(value) * static_cast<double>(width_ - 1);
  }
  [[nodiscard]] double py(double value) const {
    return static_cast<double>(top_) + (1.0 - y_(value)) * static_cast<double>(height_ - 1);
  }

  std::int64_t draw_legend(image* picture) const {
    return draw_swatches(picture, left_px, top_ + height_ + below_px, width_ + right_px, legend_);
  }

  void titles() {
    draw_text(picture_, left_px, top_ - 24, label_of(chart_.title), ink, 2);
    const std::string label = label_of(chart_.y.label);
    draw_text(picture_, left_px + width_ - text_width(label, 2), top_ - 24, label, faint_ink, 2);
    const std::string below = label_of(chart_.x.label);
    draw_text(picture_, left_px + width_ - text_width(below, 2), top_ + height_ + 28, below,
              faint_ink, 2);
  }

  void axes() {
    for (const mark& m : y_.marks(5)) {
      const auto row = top_ + std::llround((1.0 - m.at) * static_cast<double>(height_ - 1));
      fill(picture_, left_px, row, width_, 1, grid_ink);
      draw_text(picture_, left_px - 8 - text_width(m.text, 2), row - 6, m.text, ink, 2);
    }
    std::int64_t free_from = left_px - 8;  // clear of the y axis's numbers
    for (const mark& m : x_.marks(8)) {
      const auto column = left_px + std::llround(m.at * static_cast<double>(width_ - 1));
      fill(picture_, column, top_, 1, height_, grid_ink);
      const std::int64_t width = text_width(m.text, 2);
      const std::int64_t at =
          std::clamp<std::int64_t>(column - width / 2, left_px - 4, picture_.width - width - 6);
      if (at > free_from) {
        draw_text(picture_, at, top_ + height_ + 9, m.text, ink, 2);
        free_from = at + width + 8;
      }
    }
  }

  void line(const chart_series& s) {
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      if (scale::shown(chart_, s, i)) {
        const bool joined = i > 0 && scale::shown(chart_, s, i - 1);
        const std::size_t from = joined ? i - 1 : i;
        draw_line(picture_, px(s.x[from]), py(s.y[from]), px(s.x[i]), py(s.y[i]), s.color);
      }
    }
  }

  /// Points of 2 x 2 pixels, faint where there are many: a cloud shows its density.
  void points(const chart_series& s) {
    const double share = std::clamp(2000.0 / static_cast<double>(s.x.size() + 1), 0.06, 1.0);
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      if (scale::shown(chart_, s, i)) {
        const std::int64_t x = std::llround(px(s.x[i])), y = std::llround(py(s.y[i]));
        for (const auto& [dx, dy] : {std::array{0, 0}, {1, 0}, {0, 1}, {1, 1}}) {
          blend(picture_, x + dx, y + dy, s.color, share);
        }
      }
    }
  }

  void dots(const chart_series& s) {
    constexpr double radius = 4.0;
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      if (scale::shown(chart_, s, i)) {
        draw_disc(picture_, px(s.x[i]), py(s.y[i]), radius, s.color);
      }
    }
  }

  image& picture_;
  const chart& chart_;
  scale x_;
  scale y_;
  std::int64_t top_;
  std::int64_t width_ = chart_width - left_px - right_px;
  std::int64_t height_ = 0;
  std::vector<swatch> legend_;
};

}  // namespace

image draw_charts(std::span<const chart> charts) {
  require(!charts.empty(), errc::invalid_argument, "there is no chart to draw");
  std::int64_t height = 0;
  for (const chart& c : charts) {
    require(c.height_px >= 200, errc::invalid_argument, "a chart needs more height");
    height += c.height_px;
    for (const chart_series& s : c.series) {
      require(s.x.size() == s.y.size(), errc::invalid_argument,
              "series '" + s.name + "' of a chart has more x than y, or fewer");
    }
  }
  image picture(chart_width, height, paper);
  std::int64_t top = 0;
  for (const chart& c : charts) {
    chart_painter(picture, c, top).paint();
    top += c.height_px;
  }
  return picture;
}

}  // namespace lithify::io
