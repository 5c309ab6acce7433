// Scenarios: what they mean.
#include "lithify/engine/scenario.hpp"

#include "scenario_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace {

using lithify::region_sides;
using lithify::side_kind;
using lithify::engine::read_scenario;
using lithify::engine::scenario;
using lithify::test::good;
using lithify::test::scenario_reader;
using lithify::test::write_file;
using testing::AllOf;
using testing::HasSubstr;

TEST_F(scenario_reader, reads_values_and_defaults) {
  const scenario s = read(good);
  EXPECT_EQ(s.world.dem, folder / "hills.asc");
  EXPECT_EQ(s.steps, 4);
  EXPECT_EQ(s.step_yr, 500.0);
  EXPECT_EQ(s.overlay.threshold, 1 << 22);
  EXPECT_EQ(s.overlay.strategy, lithify::consolidation_strategy::lazy_threshold);
  EXPECT_EQ(s.checkpoint_every, 0);
  EXPECT_EQ(s.checkpoint_keep, 3);
  EXPECT_EQ(s.text, good);
  ASSERT_EQ(s.passes.size(), 2U);
  EXPECT_STREQ(lithify::pass_name(s.passes[0]), "diffusion");
  EXPECT_STREQ(lithify::pass_name(s.passes[1]), "uplift");
  EXPECT_EQ(s.world.strata.layers.size(), 4U);  // the default strata
}

TEST_F(scenario_reader, takes_passes_in_the_order_of_the_file_when_none_is_given) {
  const std::string head = good.substr(0, good.find("[passes]"));
  const scenario s = read(head + "[passes.uplift]\nrate_m_per_yr = 1e-3\n[passes.diffusion]\n");
  ASSERT_EQ(s.passes.size(), 2U);
  EXPECT_EQ(std::get<lithify::uplift_parameters>(s.passes[0]).rate_m_per_yr, 1e-3);
  EXPECT_STREQ(lithify::pass_name(s.passes[1]), "diffusion");
  const scenario more =
      read(head + "[passes.uplift]\n[passes.diffusion]\n", {"passes.talus.max_sweeps=3"});
  ASSERT_EQ(more.passes.size(), 3U);
  EXPECT_STREQ(lithify::pass_name(more.passes[2]), "talus") << "after those of the file";
}

TEST_F(scenario_reader, lets_set_win_over_the_file) {
  const scenario s = read(good, {"run.steps=9", "passes.uplift.rate_m_per_yr=2e-6",
                                 "overlay.strategy=all", "world.crop=[1, 2, 3, 4]"});
  EXPECT_EQ(s.steps, 9);
  EXPECT_EQ(std::get<lithify::uplift_parameters>(s.passes[1]).rate_m_per_yr, 2e-6);
  EXPECT_EQ(s.overlay.strategy, lithify::consolidation_strategy::all);
  ASSERT_TRUE(s.world.import.crop.has_value());
  EXPECT_EQ(s.world.import.crop->height, 4);
  EXPECT_EQ(s.text, good +
                        "\n# Given with --set, and won over the above:\n"
                        "# run.steps=9\n# passes.uplift.rate_m_per_yr=2e-6\n"
                        "# overlay.strategy=all\n# world.crop=[1, 2, 3, 4]\n")
      << "the text stays as it was written";
}

TEST_F(scenario_reader, leaves_passes_of_the_file_out_where_set_says_so) {
  const scenario s =
      read(good + "[passes.diffusion]\ndiffusivity_m2_per_yr = 0.5\n", {"passes.order=['uplift']"});
  ASSERT_EQ(s.passes.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<lithify::uplift_parameters>(s.passes[0]));
}

TEST_F(scenario_reader, reads_what_passes_want_of_the_overlay) {
  EXPECT_TRUE(read(good).pass_overlays.empty());
  const scenario s = read(good +
                          "[passes.uplift]\noverlay = {threshold = 7, strategy = 'all'}\n"
                          "[passes.diffusion.overlay]\nthreshold = 8\n");
  ASSERT_EQ(s.pass_overlays.size(), 2U);
  EXPECT_EQ(s.pass_overlays.at("uplift").threshold, 7);
  EXPECT_EQ(s.pass_overlays.at("uplift").strategy, lithify::consolidation_strategy::all);
  EXPECT_EQ(s.pass_overlays.at("diffusion").threshold, 8);
  EXPECT_EQ(s.overlay.threshold, 1 << 22) << "the world's stays";
  EXPECT_EQ(s.overlay.strategy, lithify::consolidation_strategy::lazy_threshold);
  const scenario of_world =
      read(good, {"overlay.strategy=all", "passes.diffusion.overlay.threshold=1000"});
  EXPECT_EQ(of_world.pass_overlays.at("diffusion").threshold, 1000);
  EXPECT_EQ(of_world.pass_overlays.at("diffusion").strategy, lithify::consolidation_strategy::all);
  EXPECT_THAT(refusal(good + "[passes.uplift]\noverlay = {treshold = 7}\n"),
              AllOf(HasSubstr("s.toml:11"), HasSubstr("passes.uplift.overlay.treshold"),
                    HasSubstr("did you mean 'threshold'?")));
  EXPECT_THAT(refusal(good + "[passes.uplift]\noverlai = {threshold = 7}\n"),
              HasSubstr("did you mean 'overlay'?"));
  EXPECT_THAT(refusal(good, {"passes.uplift.overlay.strategy=all"}),
              AllOf(HasSubstr("passes.uplift.overlay"), HasSubstr("needs a threshold")));
  EXPECT_THAT(refusal(good, {"passes.uplift.overlay=7"}), HasSubstr("must be a table"));
}

TEST_F(scenario_reader, reads_sides) {
  EXPECT_TRUE(read(good).world.sides == region_sides{});
  const scenario s =
      read(good + "[world.sides]\nwest = 'looped'\neast = 'looped'\nnorth = 'closed'\n");
  const region_sides expected{side_kind::looped, side_kind::looped, side_kind::open,
                              side_kind::closed};
  EXPECT_TRUE(s.world.sides == expected);
  const region_sides south{side_kind::open, side_kind::open, side_kind::closed, side_kind::open};
  EXPECT_TRUE(read(good, {"world.sides.south=closed"}).world.sides == south);
  EXPECT_THAT(refusal(good, {"world.sides.south=looped"}), HasSubstr("looped"));
  EXPECT_THAT(refusal(good + "[world.sides]\nwest = 'looped'\n"), HasSubstr("looped"));
  EXPECT_THAT(refusal(good + "[world.sides]\nwest = 'shut'\n"), HasSubstr("west"));
  EXPECT_THAT(refusal(good + "[world.sides]\nup = 'open'\n"), HasSubstr("up"));
}

TEST_F(scenario_reader, reads_what_a_run_leaves) {
  const scenario plain = read(good);
  EXPECT_EQ(plain.seed, 0U);
  EXPECT_EQ(plain.checkpoint_keep_every, 0);
  EXPECT_TRUE(plain.pictures.empty());
  using lithify::engine::map_format;
  using lithify::engine::picture;
  const scenario s =
      read(good, {"run.seed=9", "checkpoint.keep_every=4", "output.series_every=2",
                  "output.field_formats=['geotiff', 'netcdf']",
                  "output.pictures=['before', 'series', 'after', 'slope_area', 'export']"});
  EXPECT_EQ(s.seed, 9U);
  EXPECT_EQ(s.checkpoint_keep_every, 4);
  EXPECT_EQ(s.field_formats, (std::vector<map_format>{map_format::geotiff, map_format::netcdf}));
  EXPECT_EQ(s.pictures, (std::vector<picture>{picture::before, picture::series, picture::after,
                                              picture::slope_area, picture::exported}));
  EXPECT_THAT(refusal(good, {"output.pictures=['series']"}), HasSubstr("output.series_every"));
  EXPECT_THAT(refusal(good, {"output.field_formats=['png']"}), HasSubstr("'png'"));
}

TEST_F(scenario_reader, reads_every_picture) {
  using lithify::engine::picture;
  EXPECT_EQ(read(good, {"output.series_every=1",
                        "output.pictures=['material', 'drainage', 'section', 'difference']"})
                .pictures,
            (std::vector<picture>{picture::material, picture::drainage, picture::section,
                                  picture::difference}));
  EXPECT_THAT(refusal(good, {"output.pictures=['series']", "output.fields_every=1"}),
              HasSubstr("output.series_every"));
}

TEST_F(scenario_reader, reads_how_a_dem_is_taken) {
  for (const auto& [word, policy] : {std::pair("fill", lithify::io::nodata_policy::fill),
                                     std::pair("clip", lithify::io::nodata_policy::clip),
                                     std::pair("error", lithify::io::nodata_policy::error)}) {
    EXPECT_EQ(read(good, {std::string("world.nodata=") + word}).world.import.nodata, policy);
  }
  const scenario s = read(good, {"world.resample_m=7", "world.basement_m=8", "world.headroom_m=9",
                                 "world.crop=[1, 2, 3, 4]"});
  EXPECT_EQ(s.world.import.resample_m, 7.0);
  EXPECT_EQ(s.world.columns.basement_m, 8.0);
  EXPECT_EQ(s.world.columns.headroom_m, 9.0);
  EXPECT_EQ(s.world.import.crop->width, 3);
  EXPECT_EQ(s.world.import.crop->height, 4);
}

TEST_F(scenario_reader, takes_paths_from_its_own_folder) {
  write_file(folder / "l.toml", "[[layer]]\nmaterial = 'granite'\n");
  EXPECT_EQ(read(good, {"world.strata=l.toml"}).world.strata.layers.size(), 1U);
  EXPECT_EQ(read(good, {"output.folder=o"}).out, folder / "o");
  const std::string run = "[world]\ncheckpoint='w.h5'\n" + good.substr(good.find("[run]"));
  EXPECT_EQ(read(run).world.checkpoint, folder / "w.h5");
  EXPECT_THAT(refusal(run, {"world.strata=l.toml"}), HasSubstr("belongs to a DEM"));
}

TEST_F(scenario_reader, takes_absolute_paths_as_they_are) {
  EXPECT_EQ(read(good, {"world.dem=/far/hills.asc"}).world.dem, "/far/hills.asc");
  EXPECT_EQ(read(good, {"world.dem=../hills.asc"}).world.dem,
            folder.path().parent_path() / "hills.asc");
}

TEST_F(scenario_reader, reads_parameters_of_rivers_and_scree) {
  const std::string all =
      good.substr(0, good.find("order")) + "order = ['stream_power', 'talus']\n";
  const scenario s = read(all, {"passes.stream_power.k=3e-6", "passes.stream_power.m=0.5",
                                "passes.talus.max_sweeps=0"});
  EXPECT_EQ(std::get<lithify::stream_power_parameters>(s.passes[0]).k, 3e-6);
  EXPECT_EQ(std::get<lithify::stream_power_parameters>(s.passes[0]).m, 0.5);
  EXPECT_EQ(std::get<lithify::talus_parameters>(s.passes[1]).max_sweeps, 0);
  const scenario plain = read(all);
  EXPECT_EQ(std::get<lithify::stream_power_parameters>(plain.passes[0]).k, 2e-6);
  EXPECT_EQ(std::get<lithify::stream_power_parameters>(plain.passes[0]).m, 0.45);
  EXPECT_EQ(std::get<lithify::talus_parameters>(plain.passes[1]).max_sweeps, 64);
  EXPECT_THAT(refusal(all, {"passes.stream_power.m=4.5"}), HasSubstr("out of range"));
}

TEST_F(scenario_reader, reads_materials_and_layers) {
  const scenario s = read(good + R"([[material]]
name = "marl"
porosity = 0.25
frost_susceptibility = 0.75
[[material]]
name = "granite"
density_kg_per_m3 = 2650
erodibility = 0.25
repose_deg = 70
diffusivity_m2_per_yr = 0.002
[[world.layer]]
material = "marl"
base_elevation_m = 900
dip_deg = 12
[[world.layer]]
material = "granite"
)");
  const auto marl = s.materials.find("marl");
  ASSERT_TRUE(marl.has_value());
  EXPECT_EQ(s.materials[*marl].solid_quanta(), 786432);
  EXPECT_EQ(s.materials[*marl].frost_susceptibility, 0.75);
  const lithify::material_table builtin;
  EXPECT_EQ(s.materials[*s.materials.find("granite")].erosion_resistance,
            builtin[*builtin.find("granite")].erosion_resistance);
  EXPECT_EQ(s.materials[*s.materials.find("granite")].density_kg_per_m3, 2650.0);
  EXPECT_EQ(s.materials[*s.materials.find("granite")].porosity, 0.01) << "not named: unchanged";
  EXPECT_EQ(s.materials[*s.materials.find("granite")].erodibility, 0.25);
  EXPECT_EQ(s.materials[*s.materials.find("granite")].repose_deg, 70.0);
  EXPECT_EQ(s.materials[*s.materials.find("granite")].diffusivity_m2_per_yr, 0.002);
  EXPECT_FALSE(s.materials[*marl].diffusivity_m2_per_yr.has_value());
  ASSERT_EQ(s.world.strata.layers.size(), 2U);
  EXPECT_EQ(s.world.strata.layers[0].dip_deg, 12.0);
}

TEST(scenario_files, that_we_ship_are_read) {
  const std::filesystem::path folder =
      std::filesystem::path(LITHIFY_TEST_SOURCE_DIR) / "scripts" / "scenarios";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") {
      continue;  // their terrain, pictures and README
    }
    const scenario s = read_scenario(entry.path());
    EXPECT_GT(s.steps, 0) << entry.path();
    EXPECT_TRUE(std::filesystem::exists(s.world.dem)) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 5);
}

/// What stands in backticks.
std::vector<std::string> quoted(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find('`'); at != std::string::npos;) {
    const std::size_t end = text.find('`', at + 1);
    words.push_back(text.substr(at + 1, end - at - 1));
    at = text.find('`', end + 1);
  }
  return words;
}

/// The keys in the first cell of a row of README's table, and of materials those in the second.
std::vector<std::string> keys_of_row(const std::string& row) {
  const std::size_t end = row.find(" | ");
  std::vector<std::string> keys;
  std::string prefix;
  for (std::string key : quoted(row.substr(0, end))) {
    std::erase_if(key, [](char c) { return c == '[' || c == ']'; });
    // A short one belongs to the table of the one before it.
    const std::size_t dot = key.rfind('.');
    prefix = dot == std::string::npos ? prefix : key.substr(0, dot + 1);
    keys.push_back(dot == std::string::npos ? prefix + key : key);
  }
  if (keys == std::vector<std::string>{"passes.<pass>.overlay"}) {
    keys.clear();
    for (const char* pass : {"uplift", "stream_power", "diffusion", "talus"}) {
      keys.push_back(std::string("passes.") + pass + ".overlay");
    }
  }
  if (keys == std::vector<std::string>{"material"}) {
    keys = quoted(row.substr(end));
    for (const char* kind : {"empty", "consolidated", "loose"}) {
      std::erase(keys, kind);
    }
    for (std::string& key : keys) {
      key.insert(0, "material.");
    }
  }
  return keys;
}

TEST(scenario_keys, are_those_that_the_readme_lists) {
  std::ifstream readme(LITHIFY_TEST_SOURCE_DIR "/host/engine/README.md");
  std::string line;
  while (std::getline(readme, line) && line != "| key | value | default |") {
  }
  std::getline(readme, line);
  std::set<std::string> listed;
  while (std::getline(readme, line) && line.starts_with("| `")) {
    for (const std::string& key : keys_of_row(line)) {
      EXPECT_TRUE(listed.insert(key).second) << key << " is listed twice";
    }
  }
  EXPECT_EQ(listed, lithify::engine::scenario_keys());
}

}  // namespace
