// Pictures of worlds: one scale for two reliefs, held columns, slopes over areas.
#include "lithify/engine/pictures.hpp"

#include "lithify/engine/drainage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace lithify::engine {
namespace {

/// 480 x 60 columns, `west` voxels high but for the eastern half.
relief two_halves(std::int64_t west, std::int64_t east) {
  relief r;
  r.size = {480, 60, 64};
  for (std::int32_t i = 0; i < r.size.x * r.size.y; ++i) {
    r.height.push_back((i % r.size.x < 240 ? west : east) * one_voxel);
  }
  return r;
}

/// Whether the two have the same pixels from row `top` on.
bool same_below(const io::image& a, const io::image& b, std::int64_t top) {
  return a.width == b.width && a.height == b.height &&
         std::equal(a.pixels.begin() + top * a.width, a.pixels.end(),
                    b.pixels.begin() + top * b.width);
}

TEST(draw_hillshade, two_reliefs_share_their_colours_and_their_legend) {
  const relief low = two_halves(10, 20), high = two_halves(10, 40);
  io::image one = draw_hillshade(low, high), two = draw_hillshade(high, low);
  EXPECT_EQ(one.at(100, 30), two.at(100, 30)) << "10 voxels in both";
  EXPECT_NE(one.at(400, 30), two.at(400, 30));
  EXPECT_TRUE(same_below(one, two, 60));
  EXPECT_FALSE(same_below(draw_hillshade(low), two, 60)) << "alone its colours are its own";
}

TEST(draw_difference, held_columns_are_no_change) {
  const relief before = two_halves(40, 20), after = two_halves(10, 20);
  std::vector<std::int64_t> held;
  for (const std::int64_t h : before.height) {
    held.push_back(h == 40 * one_voxel ? h : std::numeric_limits<std::int64_t>::min());
  }
  const std::vector<field> columns = {
      field::make<std::int64_t>("boundary_height", "2^-20 voxel", {60, 480}, held)};
  const auto is_red = [](io::rgba c) { return c[0] > c[2] + 30; };
  EXPECT_TRUE(is_red(draw_difference(before, after, {}).at(100, 30)));
  EXPECT_FALSE(is_red(draw_difference(before, after, columns).at(100, 30)));
}

/// Columns in a row, each draining to the next.
struct staircase {
  relief surface;
  drainage_map water;
};
staircase stairs(std::int32_t columns) {
  staircase s;
  s.surface.size = {columns, 1, 64};
  for (std::int32_t i = 0; i < columns; ++i) {
    s.surface.height.push_back((columns - i) * one_voxel / 16);
    s.water.receiver.push_back(std::min(i + 1, columns - 1));
    s.water.area.push_back(1);
  }
  return s;
}

/// Above the legend.
bool holds(const io::image& picture, io::rgba color) {
  const auto end = picture.pixels.begin() + (picture.height - 80) * picture.width;
  return std::find(picture.pixels.begin(), end, color) != end;
}

TEST(draw_slope_area, a_single_large_river_shows_beside_thousands_of_small_ones) {
  constexpr io::rgba cloud = {120, 146, 178, 255}, fit = {176, 32, 48, 255};
  staircase s = stairs(20000);
  s.water.area[100] = 1000;
  const io::image picture = draw_slope_area(s.surface, s.water);
  EXPECT_TRUE(holds(picture, cloud)) << "a point of the cloud in full colour";
  EXPECT_FALSE(holds(picture, fit)) << "one median is no law";
  s.water.area[200] = 10000;
  EXPECT_TRUE(holds(draw_slope_area(s.surface, s.water), fit));
}

TEST(draw_slope_area, flat_ground_has_no_axes) {
  staircase s = stairs(50);
  const io::image steep = draw_slope_area(s.surface, s.water);
  s.surface.height.assign(50, one_voxel);
  io::image flat = draw_slope_area(s.surface, s.water);
  EXPECT_FALSE(flat.pixels == steep.pixels);
  for (std::int64_t y = 0; y < flat.height; ++y) {
    ASSERT_EQ(flat.at(100, y), flat.at(0, 0)) << "where numbers of an axis would end";
  }
}

}  // namespace
}  // namespace lithify::engine
