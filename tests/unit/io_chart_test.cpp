// Charts: lines where they belong, empty and odd data, refusals.
#include "io_test_support.hpp"
#include "lithify/io/chart.hpp"

#include <cmath>
#include <limits>

namespace lithify::io {
namespace {

constexpr rgba red = {200, 10, 20, 255};

chart_series line(std::vector<double> x, std::vector<double> y) {
  return {"", red, chart_series::kind::line, std::move(x), std::move(y)};
}

/// Columns and rows of the pixels of one colour.
struct extent {
  std::int64_t left = 1 << 20, right = -1, top = 1 << 20, bottom = -1, count = 0;
};
extent extent_of(const image& picture, rgba color) {
  extent e;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      if (picture.pixels[static_cast<std::size_t>(y * picture.width + x)] == color) {
        e.left = std::min(e.left, x);
        e.right = std::max(e.right, x);
        e.top = std::min(e.top, y);
        e.bottom = std::max(e.bottom, y);
        ++e.count;
      }
    }
  }
  return e;
}

TEST(chart, a_line_spans_its_axes) {
  const chart c{"t", {"x", false}, {"y", false}, {line({0, 1, 2}, {5, 7, 9})}};
  const extent e = extent_of(draw_charts({&c, 1}), red);
  EXPECT_GT(e.right - e.left, 700);
  EXPECT_GT(e.bottom - e.top, 150);
  // A straight line: on both axes its middle is in the middle.
  const chart half{"t", {"x", false}, {"y", false}, {line({0, 1}, {5, 7}), line({2}, {9})}};
  const extent h = extent_of(draw_charts({&half, 1}), red);
  EXPECT_NEAR(static_cast<double>(h.right - h.left), static_cast<double>(e.right - e.left), 3.0);
}

TEST(chart, a_power_law_is_straight_on_logarithmic_axes) {
  std::vector<double> x, y;
  for (int i = 0; i <= 12; ++i) {
    x.push_back(std::pow(10.0, 0.5 * i));
    y.push_back(3.0 * std::pow(10.0, -0.25 * i));
  }
  const chart c{
      "t", {"x", true}, {"y", true}, {line({x.front(), x.back()}, {y.front(), y.back()})}};
  chart all = c;
  all.series = {line(x, y)};
  const image straight = draw_charts({&c, 1}), through = draw_charts({&all, 1});
  const extent a = extent_of(straight, red), b = extent_of(through, red);
  EXPECT_EQ(a.left, b.left);
  EXPECT_EQ(a.bottom, b.bottom);
  EXPECT_NEAR(static_cast<double>(a.count), static_cast<double>(b.count),
              0.05 * static_cast<double>(a.count));
}

TEST(chart, odd_data_draws_without_it) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  for (const bool logarithmic : {false, true}) {
    for (const auto& values : {std::vector<double>{}, {nan}, {0.0}, {-1.0, nan, inf}, {3.0, 3.0}}) {
      for (const auto kind : {chart_series::kind::line, chart_series::kind::points}) {
        const chart c{
            "t", {"x", logarithmic}, {"y", logarithmic}, {{"s", red, kind, values, values}}};
        const image picture = draw_charts({&c, 1});
        EXPECT_GT(picture.width, 0);
      }
    }
  }
}

/// Pixels other than paper in a rectangle.
std::int64_t drawn(image picture, std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h) {
  std::int64_t n = 0;
  for (std::int64_t row = y; row < y + h; ++row) {
    for (std::int64_t column = x; column < x + w; ++column) {
      n += picture.at(column, row) == picture.at(0, 0) ? 0 : 1;
    }
  }
  return n;
}

TEST(chart, without_values_it_says_so_and_has_no_numbers) {
  chart c{"t", {"x", true}, {"y", true}, {line({0.0}, {0.0})}};
  c.empty = "";
  const image silent = draw_charts({&c, 1});
  c.empty = "nothing here";
  const image says = draw_charts({&c, 1});
  EXPECT_FALSE(silent.pixels == says.pixels);
  EXPECT_EQ(drawn(says, 0, 0, 105, says.height), 0) << "left of the frame";
  c.series[0] = line({1.0, 1e6}, {1.0, 1e3});
  EXPECT_GT(drawn(draw_charts({&c, 1}), 0, 0, 105, says.height), 0);
}

TEST(chart, numbers_of_the_two_axes_keep_apart) {
  // Both axes begin with a long number, which would meet in the corner.
  const chart c{"t", {"x", true}, {"y", true}, {line({1e-6, 1e6}, {1e-6, 1e6})}};
  const image picture = draw_charts({&c, 1});
  const std::int64_t left = 110, below = picture.height - 48 - 6;  // the frame's corner
  EXPECT_GT(drawn(picture, 0, below - 10, left - 6, 19), 0) << "a number of the y axis";
  EXPECT_EQ(drawn(picture, 0, below + 9, left - 6, 30), 0) << "the x axis's stay right of it";
  EXPECT_GT(drawn(picture, left - 6, below + 9, 60, 14), 0);
}

TEST(chart, an_axis_leaves_out_what_is_beyond_its_ends) {
  chart c{"t", {"x", false}, {"y", false}, {line({0, 1, 2}, {0, 1, 100})}};
  const extent all = extent_of(draw_charts({&c, 1}), red);
  c.x.highest = c.y.highest = 2.0;
  const extent cut = extent_of(draw_charts({&c, 1}), red);
  EXPECT_LT(cut.right, all.right);
  EXPECT_NEAR(static_cast<double>(cut.top + cut.bottom) / 2.0,
              static_cast<double>(all.top) + 0.75 * static_cast<double>(all.bottom - all.top), 6.0)
      << "1 of 2 is half the height";
}

TEST(chart, dots_are_seen_and_clouds_are_faint) {
  const std::vector<double> few = {1, 2, 3}, many(5000, 1.0);
  chart c{"t", {"x", false}, {"y", false}, {{"", red, chart_series::kind::dots, few, few}}};
  c.x.highest = c.y.highest = 4.0;
  const image dots = draw_charts({&c, 1});
  c.series[0].shape = chart_series::kind::points;
  EXPECT_GT(drawn(dots, 0, 0, dots.width, dots.height),
            drawn(draw_charts({&c, 1}), 0, 0, dots.width, dots.height) + 60);
  EXPECT_EQ(extent_of(draw_charts({&c, 1}), red).count, 3 * 4);
  c.series[0].x = c.series[0].y = many;
  c.series[0].x[0] = 2.0;
  EXPECT_EQ(extent_of(draw_charts({&c, 1}), red).count, 0);
}

TEST(chart, charts_stand_below_one_another) {
  const chart c{"t", {"x", false}, {"y", false}, {line({0, 1}, {0, 1})}};
  const std::vector<chart> three(3, c);
  EXPECT_EQ(draw_charts(three).height, 3 * draw_charts({&c, 1}).height);
  std::vector<chart> two(2, c);
  two[0].height_px = 500;
  EXPECT_EQ(draw_charts(two).height, 500 + draw_charts({&c, 1}).height);
}

TEST(chart, refuses_what_is_no_chart) {
  EXPECT_TRUE(test::error_of([] { (void)draw_charts({}); }).has_value());
  const chart c{"t", {"x", false}, {"y", false}, {line({0, 1}, {0})}};
  const auto e = test::error_of([&] { (void)draw_charts({&c, 1}); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::invalid_argument);
}

}  // namespace
}  // namespace lithify::io
