// Strata from TOML: every kind of base, and refusals that name line, reason and nearest word.
#include "io_test_support.hpp"
#include "lithify/io/strata.hpp"

namespace lithify::io {
namespace {

const material_table materials;

void refused(const std::string& toml, const std::string& words) {
  const auto e = test::error_of([&] { (void)parse_strata(toml, "s.toml", materials); });
  ASSERT_TRUE(e.has_value()) << toml;
  EXPECT_EQ(e->code(), errc::invalid_argument);
  EXPECT_NE(std::string(e->what()).find(words), std::string::npos) << e->what();
  test::expect_one_line(*e, "s.toml");
}

TEST(strata, every_kind_of_base) {
  const strata s = parse_strata(R"(
[[layer]]
material = "soil"
thickness_m = 2
[[layer]]
material = "clay"
base_depth_m = 10.5
[[layer]]
material = "limestone"
base_elevation_m = -900
dip_deg = 12.5
dip_direction_deg = 225
at_m = [389000, 3795000.5]
[[layer]]
material = "basalt"
base_elevation_m = 0
[[layer]]
material = "granite"
)",
                                "s.toml", materials);
  ASSERT_EQ(s.layers.size(), 5U);
  EXPECT_EQ(s.layers[0], (layer{2, layer_base::thickness, 2.0}));
  EXPECT_EQ(s.layers[1], (layer{9, layer_base::depth, 10.5}));
  EXPECT_EQ(s.layers[2], (layer{7, layer_base::plane, -900, 12.5, 225, false, 389000, 3795000.5}));
  EXPECT_EQ(s.layers[3], (layer{6, layer_base::plane, 0.0}));
  EXPECT_EQ(s.layers[4], (layer{5, layer_base::floor}));
}

TEST(strata, default_is_as_documented) {
  const strata s = default_strata(materials);
  ASSERT_EQ(s.layers.size(), 4U);
  EXPECT_EQ(s.layers[0], (layer{2, layer_base::thickness, 2.0}));
  EXPECT_EQ(s.layers[1], (layer{8, layer_base::depth, 40.0}));
  EXPECT_EQ(s.layers[2], (layer{7, layer_base::depth, 150.0}));
  EXPECT_EQ(s.layers[3], (layer{5, layer_base::floor}));
}

TEST(strata, refuses_what_it_does_not_know) {
  refused("", "no [[layer]]");
  refused("layer = 3", "no [[layer]]");
  refused("layer = [1]", "[[layer]]");
  refused("[[layer]\n", "line 1");
  refused("[[layer]]\nmaterial = \"rock\"\n[other]\n", "unknown key 'other'");
  refused("[[layers]]\nmaterial = \"rock\"\n", "did you mean 'layer'");
  refused("[[layer]]\nmaterial = \"rock\"\nthicknes_m = 2\n", "line 3");
  refused("[[layer]]\nmaterial = \"rock\"\nthicknes_m = 2\n", "did you mean 'thickness_m'");
  refused("[[layer]]\nmaterial = \"sandston\"\n", "did you mean 'sandstone'");
  refused("[[layer]]\nmaterial = \"sandston\"\n", "line 2");
  refused("[[layer]]\nmaterial = \"a\\nb\"\n", "unknown material 'a?b'");
  refused("[[layer]]\n\"a\\nb\" = 1\n", "unknown key 'a?b'");
  refused("[[layer]]\nthickness_m = i\n", "line 2");
  refused("[[layer]]\nmaterial = 3\n", "material");
  refused("[[layer]]\n", "material");
  for (const std::string empty : {"air", "water", "sediment"}) {
    refused("[[layer]]\nmaterial = \"" + empty + "\"\n", "not rock");
  }
}

TEST(strata, refuses_wrong_bases) {
  const std::string rest = "\n[[layer]]\nmaterial = \"rock\"\n";
  const std::string soil = "[[layer]]\nmaterial = \"soil\"\n";
  refused(soil + rest, "exactly one");
  refused(soil + "thickness_m = 1\nbase_depth_m = 2" + rest, "exactly one");
  refused(soil + "thickness_m = 1", "last layer");
  refused(soil + "thickness_m = 0" + rest, "above 0");
  refused(soil + "thickness_m = -1" + rest, "above 0");
  refused(soil + "thickness_m = nan" + rest, "above 0");
  refused(soil + "base_depth_m = inf" + rest, "above 0");
  refused(soil + "base_elevation_m = nan" + rest, "finite");
  refused(soil + "thickness_m = \"2\"" + rest, "must be a number");
  refused(soil + "thickness_m = true" + rest, "must be a number");
  refused(soil + "thickness_m = 1\ndip_deg = 3" + rest, "base_elevation_m only");
  refused(soil + "base_elevation_m = 1\ndip_deg = 90" + rest, "[0, 90)");
  refused(soil + "base_elevation_m = 1\ndip_deg = nan" + rest, "[0, 90)");
  refused(soil + "base_elevation_m = 1\ndip_direction_deg = 360" + rest, "[0, 360)");
  refused(soil + "base_elevation_m = 1\nat_m = [1]" + rest, "[easting, northing]");
  refused(soil + "base_elevation_m = 1\nat_m = 1" + rest, "[easting, northing]");
  refused(soil + "base_elevation_m = 1\nat_m = [1, nan]" + rest, "finite");
  for (const std::string at : {"[1e308, 1e308]", "[0, 1e308]", "[-1.1e9, 0]", "[inf, 0]"}) {
    refused(soil + "base_elevation_m = 1\nat_m = " + at + rest,
            "at_m must be finite and within 1e9 m");
  }
  const std::string far = soil + "base_elevation_m = 1\nat_m = [-1e9, 1e9]" + rest;
  EXPECT_EQ(parse_strata(far, "s.toml", materials).layers[0].at_y_m, 1e9);
}

TEST(strata, the_line_named_is_that_of_the_key) {
  const std::string rest = "\n[[layer]]\nmaterial = \"rock\"\n";
  const std::string soil = "[[layer]]\nmaterial = \"soil\"\n";
  refused(soil + "thickness_m = 0" + rest, "line 3: thickness_m must be above 0");
  refused(soil + "base_depth_m = 1e8" + rest, "line 3: base_depth_m must be above 0");
  refused(soil + "\nbase_elevation_m = -1e8" + rest, "line 4: base_elevation_m must be finite");
  const std::string plane = soil + "base_elevation_m = 1\n";
  refused(plane + "dip_direction_deg = 3\ndip_deg = 90" + rest, "line 5: dip_deg must be in");
  refused(plane + "dip_direction_deg = 360\ndip_deg = 9" + rest, "not 360");
  refused(plane + "dip_direction_deg = 360\ndip_deg = 9" + rest, "line 4: dip_direction_deg");
  refused(plane + "dip_deg = 3\nat_m = [0, 1e308]" + rest, "line 5: at_m");
  refused(plane + "at_m = [0, 1e308]" + rest, "not 1e+308");
  refused("[[layer]]\n\nmaterial = \"water\"\n", "line 3: material 'water' cannot");
}

TEST(strata, files_are_read_and_missing_ones_named) {
  const test::scratch_folder folder;
  test::write_all(folder / "s.toml", std::string(default_strata_toml()));
  EXPECT_EQ(read_strata(folder / "s.toml", materials), default_strata(materials));
  const auto e = test::error_of([&] { (void)read_strata(folder / "t.toml", materials); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::not_found);
}

}  // namespace
}  // namespace lithify::io
