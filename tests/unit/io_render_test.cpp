// Pictures: shading against Lambert's law, colours at known places, nodata, sizes, refusals.
#include "io_test_support.hpp"
#include "lithify/io/render.hpp"

#include <cmath>
#include <numbers>

namespace lithify::io {
namespace {

const material_table materials;

std::vector<double> plane(std::int64_t nx, std::int64_t ny, double per_x, double per_y) {
  std::vector<double> z;
  for (std::int64_t i = 0; i < nx * ny; ++i) {
    const std::int64_t x = i % nx, y = i / nx;
    z.push_back(100.0 + per_x * static_cast<double>(x) + per_y * static_cast<double>(y));
  }
  return z;
}

hillshade_options grey_map() {
  hillshade_options options;
  options.tint = false;
  options.legend = false;
  return options;
}

template <class Call>
errc code_of(Call&& call) {
  const auto e = test::error_of(call);
  return e ? e->code() : errc::internal;
}

/// Pixels of a colour among columns `from` .. `to` - 1 of the strip below a map `above` rows high.
std::int64_t pixels(
    image& picture, rgba color, std::int64_t above, std::int64_t from, std::int64_t to) {
  std::int64_t n = 0;
  for (std::int64_t y = above; y < picture.height; ++y) {
    for (std::int64_t x = from; x < to; ++x) {
      n += picture.at(x, y) == color ? 1 : 0;
    }
  }
  return n;
}

TEST(hillshade, a_tilted_plane_has_its_lambert_value_up_to_the_edge) {
  struct tilt {
    double dip_deg, azimuth_deg;
  };
  for (const tilt t : {tilt{0, 0}, {20, 315}, {35, 135}, {30, 45}, {60, 200}, {80, 100}}) {
    const double rad = std::numbers::pi / 180;
    const double fall = std::tan(t.dip_deg * rad);
    const double cell = 30.0;
    const auto z = plane(600, 500, -fall * std::sin(t.azimuth_deg * rad) * cell,
                         -fall * std::cos(t.azimuth_deg * rad) * cell);
    const image picture = hillshade({600, 500, cell, z, {}}, grey_map());
    // Burrough & McDonnell: cos z cos s + sin z sin s cos(a - aspect), aspect = where it dips to.
    const double cosine =
        std::cos(45 * rad) * std::cos(t.dip_deg * rad) +
        std::sin(45 * rad) * std::sin(t.dip_deg * rad) * std::cos((315 - t.azimuth_deg) * rad);
    const double expected = 255.0 * std::max(0.0, cosine);
    ASSERT_EQ(picture.width, 600);
    ASSERT_EQ(picture.height, 500);
    for (const rgba& pixel : picture.pixels) {
      ASSERT_NEAR(pixel[0], expected, 0.5001);
      ASSERT_EQ(pixel[0], pixel[1]);
      ASSERT_EQ(pixel[0], pixel[2]);
      ASSERT_EQ(pixel[3], 255);
    }
  }
}

TEST(hillshade, north_is_up_and_nodata_is_transparent) {
  const auto z = plane(600, 2, 0, 0);
  std::vector<std::uint8_t> valid(1200, 1);
  valid[600] = 0;  // the north-west cell
  const image picture = hillshade({600, 2, 1, z, valid}, grey_map());
  EXPECT_EQ(picture.pixels[0][3], 0);
  EXPECT_EQ(picture.pixels[1][3], 255);
  EXPECT_EQ(picture.pixels[600][3], 255);
}

TEST(hillshade, small_grids_grow_and_large_ones_shrink) {
  const auto one = plane(1, 1, 0, 0);
  EXPECT_EQ(hillshade({1, 1, 30, one, {}}, grey_map()).width, 480);
  EXPECT_GE(hillshade({1, 1, 30, one, {}}).width, 256);
  const auto row = plane(100, 1, 0, 0);
  EXPECT_EQ(hillshade({100, 1, 30, row, {}}, grey_map()).width, 500);
  const auto long_row = plane(10000, 3, 0, 0);
  EXPECT_EQ(hillshade({10000, 3, 30, long_row, {}}, grey_map()).width, 3334);
  EXPECT_EQ(hillshade({10000, 3, 30, long_row, {}}, grey_map()).height, 1);
}

TEST(hillshade, tint_rises_with_elevation) {
  const auto z = plane(600, 400, 1, 0);
  const image picture = hillshade({600, 400, 30, z, {}});
  const rgba low = picture.pixels[2];
  const rgba high = picture.pixels[597];
  EXPECT_GT(low[1], low[0]) << "lowland is green";
  EXPECT_GT(high[0], low[0]) << "summits are pale";
}

TEST(hillshade, a_narrow_legend_has_two_numbers_at_least) {
  // 313 pixels of ramp: 500 alone would be the only half thousand in the range.
  const std::int64_t nx = 512, ny = 8;
  std::vector<double> z = plane(nx, ny, 0, 0);
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] = 30.0 + 900.0 * static_cast<double>(i) / static_cast<double>(z.size() - 1);
  }
  const image picture = hillshade({nx, ny, 30, z, {}});
  const rgba ink = {40, 44, 52, 255};
  const std::int64_t below_ramp = ny + 14 + 16;  // where marks stick out
  std::int64_t marks = 0;
  for (std::int64_t x = 0; x < 340; ++x) {
    marks += picture.pixels[static_cast<std::size_t>((below_ramp + 1) * nx + x)] == ink ? 1 : 0;
  }
  EXPECT_GE(marks, 2);
}

TEST(difference, is_red_where_ground_was_lost_and_blue_where_it_was_gained) {
  const auto before = plane(600, 400, 0, 0);
  auto after = before;
  after[0] -= 2.0;
  after[599] += 2.0;
  const image picture =
      difference({600, 400, 30, before, {}}, {600, 400, 30, after, {}}, {2.0, false});
  const rgba lost = picture.pixels[399 * 600];
  const rgba gained = picture.pixels[399 * 600 + 599];
  const rgba same = picture.pixels[200 * 600 + 300];
  EXPECT_GT(lost[0], lost[2] + 30);
  EXPECT_GT(gained[2], gained[0] + 30);
  EXPECT_NEAR(same[0], same[2], 4);
  EXPECT_GT(same[0], 200);
}

TEST(difference, marks_held_cells_and_keeps_them_out_of_the_stretch) {
  const auto before = plane(600, 400, 0, 0);
  auto after = before;
  for (double& z : after) {
    z -= 2.0;
  }
  std::vector<std::uint8_t> held(before.size(), 0);
  for (std::size_t i = 0; i < 100 * 600; ++i) {
    after[i] = 0.0;
    held[i] = 1;
  }
  difference_options options;
  options.held = held;
  image picture = difference({600, 400, 30, before, {}}, {600, 400, 30, after, {}}, options);
  const rgba edge = picture.at(300, 399), inside = picture.at(300, 100);
  EXPECT_NEAR(edge[0], edge[2], 12) << "neither lost nor gained";
  EXPECT_GT(inside[0], inside[2] + 30);
  EXPECT_LT(inside[0], 140) << "the most that any other cell lost is the end of the ramp";
  const image without = difference({600, 400, 30, before, {}}, {600, 400, 30, after, {}});
  EXPECT_GT(picture.height, without.height) << "the legend names them";
  const std::vector<std::uint8_t> one(1, 1);
  options.held = one;
  EXPECT_EQ(code_of([&] {
              (void)difference({600, 400, 30, before, {}}, {600, 400, 30, after, {}}, options);
            }),
            errc::invalid_argument);
}

TEST(difference, numbers_keep_off_the_edge) {
  const auto before = plane(600, 400, 0, 0);
  image picture = difference({600, 400, 30, before, {}}, {600, 400, 30, before, {}}, {72.4, true});
  const rgba paper = picture.at(0, picture.height - 1);
  for (std::int64_t y = 400; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < 10; ++x) {
      ASSERT_EQ(picture.at(x, y), paper) << x << ", " << y;
      ASSERT_EQ(picture.at(picture.width - 1 - x, y), paper);
    }
  }
}

TEST(difference, refuses_other_grids_and_takes_equal_ones) {
  const auto a = plane(6, 4, 0, 0);
  const auto b = plane(4, 6, 0, 0);
  EXPECT_EQ(code_of([&] {
              (void)difference({6, 4, 1, a, {}}, {4, 6, 1, b, {}});
            }),
            errc::invalid_argument);
  EXPECT_EQ(code_of([&] {
              (void)difference({6, 4, 1, a, {}}, {6, 5, 1, a, {}});
            }),
            errc::invalid_argument);
  EXPECT_GT(difference({6, 4, 1, a, {}}, {6, 4, 1, a, {}}).height, 256);
}

TEST(section, shows_layers_air_and_columns_without_data) {
  const std::int64_t nx = 1000;
  const std::int64_t nz = 100;
  std::vector<material_id> voxels(static_cast<std::size_t>(nx * nz), air);
  std::vector<double> surface(static_cast<std::size_t>(nx), 60.0);
  for (std::int64_t z = 0; z < 60; ++z) {
    for (std::int64_t x = 0; x < nx - 100; ++x) {
      voxels[static_cast<std::size_t>(z * nx + x)] = z < 50 ? 5 : 8;
    }
  }
  for (std::int64_t x = nx - 100; x < nx; ++x) {
    surface[static_cast<std::size_t>(x)] = std::nan("");
  }
  image picture = section({nx, nz, 10, 1, 0, voxels, surface}, materials);
  const std::int64_t right = 78 + 500;
  const auto count = [&](rgba color, std::int64_t x) {
    int n = 0;
    for (std::int64_t y = 0; y < picture.height; ++y) {
      n += picture.at(x, y) == color ? 1 : 0;
    }
    return n;
  };
  // 40 voxels below the surface and 6 above are shown in 440 rows; edges and the line take a few.
  EXPECT_NEAR(count(material_color(5, materials), right), 440.0 * 30 / 46, 4);
  EXPECT_NEAR(count(material_color(8, materials), right), 440.0 * 10 / 46, 4);
  EXPECT_EQ(count(material_color(5, materials), 78 + 980), 0);
  EXPECT_EQ(count(material_color(8, materials), 78 + 980), 0);
}

TEST(section, its_legend_names_what_can_be_seen) {
  // 1000 voxels high: three voxels a pixel, and a soil of one, under the surface's line.
  const std::int64_t nx = 900, nz = 2000;
  std::vector<material_id> voxels(static_cast<std::size_t>(nx * nz), air);
  std::vector<double> surface;
  for (std::int64_t x = 0; x < nx; ++x) {
    const std::int64_t top = 500 + x;
    surface.push_back(static_cast<double>(top));
    for (std::int64_t z = 0; z < top; ++z) {
      voxels[static_cast<std::size_t>(z * nx + x)] = z == top - 1 ? 2 : 5;
    }
  }
  image picture = section({nx, nz, 10, 1, 0, voxels, surface}, materials);
  const std::int64_t legend = 40 + 440 + 50;  // below the axis
  EXPECT_GT(pixels(picture, material_color(5, materials), legend, 0, picture.width), 0);
  EXPECT_EQ(pixels(picture, material_color(2, materials), legend, 0, picture.width), 0);
  voxels.assign(voxels.size(), 2);
  image all = section({nx, nz, 10, 1, 0, voxels, surface}, materials);
  EXPECT_GT(pixels(all, material_color(2, materials), legend, 0, all.width), 0);
}

TEST(section, says_where_it_cuts) {
  const std::vector<material_id> voxel = {4};
  const auto at = [&](std::optional<section_place> place) {
    return section({1, 1, 1, 1, 0, voxel, {}, place}, materials);
  };
  const image row = at(section_place{true, 321});
  EXPECT_FALSE(row.pixels == at({}).pixels);
  EXPECT_FALSE(row.pixels == at(section_place{true, 322}).pixels);
  EXPECT_FALSE(row.pixels == at(section_place{false, 321}).pixels);
}

TEST(section, takes_the_smallest_cut) {
  const std::vector<material_id> voxel = {4};
  EXPECT_GT(section({1, 1, 1, 1, 0, voxel, {}}, materials).width, 256);
  const std::vector<material_id> nothing = {air};
  EXPECT_GT(section({1, 1, 1, 1, 0, nothing, {}}, materials).width, 256);
}

TEST(section, refuses_what_does_not_match) {
  const std::vector<material_id> voxels = {4, 4};
  const std::vector<material_id> unknown = {4, 99};
  const std::vector<double> surface = {1.0};
  EXPECT_EQ(code_of([&] {
              (void)section({3, 1, 1, 1, 0, voxels, {}}, materials);
            }),
            errc::invalid_argument);
  EXPECT_EQ(code_of([&] {
              (void)section({2, 1, 1, 1, 0, unknown, {}}, materials);
            }),
            errc::invalid_argument);
  EXPECT_EQ(code_of([&] {
              (void)section({2, 1, 1, 1, 0, voxels, surface}, materials);
            }),
            errc::invalid_argument);
  EXPECT_EQ(code_of([&] {
              (void)section({2, 1, 0, 1, 0, voxels, {}}, materials);
            }),
            errc::invalid_argument);
}

TEST(material_map, shows_each_material_in_its_colour) {
  const std::vector<material_id> top = {5, 8};
  const image picture = material_map({2, 1, 30, {}, {}}, top, materials);
  EXPECT_EQ(picture.pixels[0], material_color(5, materials));
  EXPECT_EQ(picture.pixels[479], material_color(8, materials));
  EXPECT_EQ(code_of([&] {
              (void)material_map({3, 1, 30, {}, {}}, top, materials);
            }),
            errc::invalid_argument);
}

TEST(outlet_map, tells_sinks_from_outlets) {
  const auto z = plane(480, 400, 0, 0);
  std::vector<double> amount(z.size(), 0.0);
  std::vector<std::uint8_t> sinks(z.size(), 0);
  amount[0] = 1e6;
  amount[200 * 480 + 240] = 2e6;
  sinks[200 * 480 + 240] = 1;
  image both = outlet_map({480, 400, 30, z, {}}, amount, sinks);
  const std::int64_t border = (both.width - 480) / 2;
  const auto is_red = [&](image& picture, std::int64_t x, std::int64_t y) {
    const rgba c = picture.at(border + x, border + y);
    return c[0] > c[2] + 30;
  };
  const rgba middle = both.at(border + 240, border + 199);
  EXPECT_GT(middle[2], middle[0] + 30) << "a sink is blue";
  EXPECT_TRUE(is_red(both, 0, 399)) << "an outlet";
  EXPECT_TRUE(is_red(both, -6, 405)) << "a disc at the edge is whole";
  image outlets = outlet_map({480, 400, 30, z, {}}, amount, {});
  EXPECT_TRUE(is_red(outlets, 240, 199));
  EXPECT_LT(outlets.height, both.height) << "sinks have words of their own";
  EXPECT_EQ(code_of([&] {
              (void)outlet_map({480, 400, 30, z, {}}, amount, std::vector<std::uint8_t>(3));
            }),
            errc::invalid_argument);
}

TEST(outlet_map, small_amounts_are_pale) {
  const auto z = plane(480, 400, 0, 0);
  std::vector<double> amount(z.size(), 0.0);
  amount[0] = 1e6;
  amount[100 * 480 + 100] = 2e3;
  amount[100 * 480 + 200] = 1.0;
  image picture = outlet_map({480, 400, 30, z, {}}, amount, {});
  const std::int64_t border = (picture.width - 480) / 2;
  const auto blue = [&](std::int64_t x) { return picture.at(border + x, border + 299)[2]; };
  EXPECT_LT(blue(100), blue(150) - 60) << "a 500th is a spot";
  EXPECT_NEAR(blue(200), blue(150), 2) << "a millionth is nothing";
}

TEST(outlet_map, words_and_scale_bar_keep_apart) {
  // 60 x 480 cells: the strip is as narrow as strips get.
  const auto z = plane(60, 480, 0, 0);
  std::vector<double> amount(z.size(), 123456.0);
  image picture = outlet_map({60, 480, 30, z, {}}, amount, std::vector<std::uint8_t>(z.size(), 1));
  ASSERT_GE(picture.width, 420);
  const rgba paper = picture.at(0, picture.height - 1);
  const auto drawn = [&](std::int64_t from, std::int64_t to) {
    const std::int64_t below = 480 + 2 * (16 + 4);  // the map and its border
    const std::int64_t all = (picture.height - below) * (to - from);
    return all - pixels(picture, paper, below, from, to);
  };
  EXPECT_GT(drawn(0, picture.width - 190), 0);
  EXPECT_GT(drawn(picture.width - 150, picture.width), 0);
  EXPECT_EQ(drawn(picture.width - 180, picture.width - 150), 0) << "words run into the bar";
}

TEST(material_color, is_fixed_by_the_name) {
  material_table more;
  material m;
  m.name = "tuff";
  const material_id tuff = more.set(m);
  EXPECT_EQ(material_color(tuff, more), material_color(tuff, more));
  EXPECT_EQ(material_color(5, more), material_color(5, materials));
  EXPECT_EQ(material_color(tuff, more)[3], 255);
}

}  // namespace
}  // namespace lithify::io
