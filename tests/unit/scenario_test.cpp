// Scenarios: what they mean, and that every slip is refused with file, line and key.
#include "lithify/engine/scenario.hpp"

#include "lithify/base/error.hpp"
#include "temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace {

using lithify::errc;
using lithify::region_sides;
using lithify::side_kind;
using lithify::engine::read_scenario;
using lithify::engine::scenario;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string good = R"([world]
dem = "hills.asc"

[run]
steps = 4
step_yr = 500

[passes]
order = ["diffusion", "uplift"]
)";

class scenario_reader : public testing::Test {
 protected:
  [[nodiscard]] scenario read(const std::string& text, const std::vector<std::string>& set = {}) {
    write_file(folder / "s.toml", text);
    return read_scenario(folder / "s.toml", set);
  }

  /// The message with which `text` is refused, after its code was checked.
  [[nodiscard]] std::string refusal(const std::string& text,
                                    const std::vector<std::string>& set = {}) {
    try {
      (void)read(text, set);
    } catch (const lithify::error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument) << e.what();
      return e.what();
    }
    ADD_FAILURE() << "accepted:\n" << text;
    return {};
  }

  temporary_folder folder;
};

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

TEST_F(scenario_reader, names_file_line_and_nearest_key_of_an_unknown_one) {
  EXPECT_THAT(refusal(good + "[overlay]\ntreshold = 5\n"),
              AllOf(HasSubstr("s.toml:11"), HasSubstr("overlay.treshold"),
                    HasSubstr("did you mean 'threshold'?")));
  EXPECT_THAT(refusal(good + "[pases]\n"), HasSubstr("did you mean 'passes'?"));
  EXPECT_THAT(refusal(good + "[passes.upliftt]\n"), HasSubstr("did you mean 'uplift'?"));
  EXPECT_THAT(refusal(good, {"run.step=3"}),
              AllOf(HasSubstr("--set run.step"), HasSubstr("did you mean 'steps'?")));
  EXPECT_THAT(refusal(good + "[[world.layer]]\nmaterial = 'granite'\ndipp_deg = 3\n"),
              HasSubstr("dip_deg"));
}

TEST_F(scenario_reader, keeps_the_line_of_a_layer) {
  EXPECT_THAT(refusal(good + "[[world.layer]]\nmaterial = 'granit'\n"),
              AllOf(HasSubstr("line 10"), HasSubstr("granite")));
}

TEST_F(scenario_reader, refuses_values_out_of_range) {
  for (const std::string set :
       {"run.steps=-1", "run.step_yr=0", "run.step_yr=nan", "run.step_yr=inf", "run.step_yr=-inf",
        "run.step_yr=1e300", "passes.uplift.rate_m_per_yr=nan", "passes.uplift.rate_m_per_yr=50",
        "passes.diffusion.diffusivity_m2_per_yr=-0.1", "overlay.threshold=0",
        "passes.uplift.overlay.threshold=0", "checkpoint.keep=0", "checkpoint.every=-1",
        "world.voxel_height_m=0", "world.basement_m=-1", "world.headroom_m=inf",
        "world.resample_m=0"}) {
    const std::string key = set.substr(0, set.find('='));
    EXPECT_THAT(refusal(good, {set}), HasSubstr("--set " + key)) << set;
  }
}

TEST_F(scenario_reader, takes_the_ends_of_a_range) {
  for (const std::string set :
       {"passes.uplift.rate_m_per_yr=10", "passes.uplift.rate_m_per_yr=-10", "run.steps=0",
        "overlay.threshold=1", "overlay.threshold=1099511627776", "checkpoint.keep=1",
        "run.seed=9223372036854775807", "world.voxel_height_m=1e6", "world.basement_m=0"}) {
    EXPECT_NO_THROW((void)read(good, {set})) << set;
  }
  EXPECT_THAT(refusal(good, {"overlay.threshold=1099511627777"}), HasSubstr("out of range"));
}

/// The ends of a range, as README.md has it, and what is just outside.
struct ends {
  const char* key;
  const char* low;
  const char* below;
  const char* high;
  const char* above;
};

TEST_F(scenario_reader, takes_and_refuses_what_the_readme_says) {
  const std::string order = "passes.order=['uplift', 'stream_power', 'diffusion', 'talus']";
  const char* const many = "1099511627776";  // 2^40
  const char* const more = "1099511627777";
  for (const ends& e : {ends{"run.step_yr", "1e-9", "0", "1e7", "1.1e7"},
                        {"run.steps", "0", "-1", many, more},
                        {"run.seed", "0", "-1", "9223372036854775807", "9223372036854775808"},
                        {"world.voxel_height_m", "1e-9", "0", "1e6", "1.1e6"},
                        {"world.resample_m", "1e-9", "0", "1e6", "1.1e6"},
                        {"world.basement_m", "0", "-1e-9", "1e6", "1.1e6"},
                        {"world.headroom_m", "0", "-1e-9", "1e6", "1.1e6"},
                        {"passes.uplift.rate_m_per_yr", "-10", "-10.1", "10", "10.1"},
                        {"passes.diffusion.diffusivity_m2_per_yr", "0", "-1e-9", "1e6", "1.1e6"},
                        {"passes.stream_power.k", "0", "-1e-9", "1e6", "1.1e6"},
                        {"passes.stream_power.m", "0", "-1e-9", "4", "4.1"},
                        {"passes.talus.max_sweeps", "0", "-1", "1000000", "1000001"},
                        {"overlay.threshold", "1", "0", many, more},
                        {"checkpoint.every", "0", "-1", many, more},
                        {"checkpoint.keep", "1", "0", many, more},
                        {"checkpoint.keep_every", "0", "-1", many, more},
                        {"output.series_every", "0", "-1", many, more},
                        {"output.fields_every", "0", "-1", many, more}}) {
    for (const char* inside : {e.low, e.high}) {
      const std::string set = std::string(e.key) + "=" + inside;
      EXPECT_NO_THROW((void)read(good, {order, set})) << set;
    }
    for (const char* outside : {e.below, e.above}) {
      const std::string set = std::string(e.key) + "=" + outside;
      EXPECT_THAT(refusal(good, {order, set}), HasSubstr("--set")) << set;
    }
  }
  for (const ends& e : {ends{"frost_susceptibility", "0", "-1e-9", "1", "1.1"},
                        {"repose_deg", "1", "0.99", "89", "89.1"},
                        {"erodibility", "0", "-1e-9", "1e6", "1.1e6"},
                        {"diffusivity_m2_per_yr", "0", "-1e-9", "1e6", "1.1e6"}}) {
    const std::string granite = good + "[[material]]\nname = 'granite'\n" + e.key + " = ";
    for (const char* inside : {e.low, e.high}) {
      EXPECT_NO_THROW((void)read(granite + inside + "\n")) << e.key << " " << inside;
    }
    for (const char* outside : {e.below, e.above}) {
      EXPECT_THAT(refusal(granite + outside + "\n"), HasSubstr(e.key)) << outside;
    }
  }
}

TEST_F(scenario_reader, refuses_values_of_the_wrong_type) {
  for (const std::string set : {"run.steps=2.5",
                                "run.steps=2.0",
                                "world.dem=''",
                                "run.steps='4'",
                                "run.step_yr=true",
                                "world.dem=3",
                                "world.crop=[1, 2]",
                                "world.crop=[0, 0, 0, 4]",
                                "world.crop=[0, 0, 4, 0]",
                                "world.crop=[-1, 0, 4, 4]",
                                "world.crop=[0, -1, 4, 4]",
                                "world.nodata=keep",
                                "overlay.strategy=dbscan",
                                "passes=1",
                                "passes.order=['uplift', 'uplift']",
                                "passes.order=['erosion']",
                                "passes.order=['uplift', 'diffusion', 3]",
                                "world.crop=[0, 0, 4, 4, 'x']",
                                "output.pictures=['befor']",
                                "run=1"}) {
    EXPECT_NE(refusal(good, {set}), "") << set;
  }
}

TEST_F(scenario_reader, refuses_what_contradicts_itself) {
  EXPECT_THAT(refusal(good, {"world.checkpoint=w.h5"}), HasSubstr("exactly one"));
  EXPECT_THAT(refusal("[run]\nsteps=1\nstep_yr=1\n[passes]\n"), HasSubstr("[world]"));
  EXPECT_THAT(refusal("[world]\ndem='a'\n[passes]\n"), HasSubstr("steps and step_yr"));
  EXPECT_THAT(refusal("[world]\ndem='a'\n[run]\nsteps=1\nstep_yr=1\n"), HasSubstr("[passes]"));
  EXPECT_THAT(
      refusal(good, {"passes.order=['uplift']", "passes.diffusion.diffusivity_m2_per_yr=1"}),
      HasSubstr("missing in passes.order"));
  EXPECT_THAT(refusal("[world]\ncheckpoint='w.h5'\ncrop=[0,0,1,1]\n" + good.substr(25)),
              HasSubstr("belongs to a DEM"));
  EXPECT_THAT(refusal("[world]\ncheckpoint='w.h5'\nsides={}\n" + good.substr(25)),
              HasSubstr("belongs to a DEM"));
  EXPECT_THAT(refusal(good + "[[world.layer]]\nmaterial = 'granite'\n", {"world.strata=l.toml"}),
              HasSubstr("not both"));
  EXPECT_THAT(refusal(good + "[[material]]\nname = 'granite'\nkind = 'loose'\n"),
              HasSubstr("built in"));
  EXPECT_THAT(refusal(good + "[[material]]\nname = 'x'\nporosity = 1.0\n"), HasSubstr("porosity"));
  EXPECT_THAT(refusal(good + "[[material]]\nname = 'granite'\nporosity = 0.1\n"
                             "[[material]]\nname = 'soil'\n"
                             "[[material]]\nname = 'granite'\nporosity = 0.2\n"),
              HasSubstr("the [[material]]s 1 and 3 are both 'granite'"));
  for (const char* bad :
       {"frost_susceptibility = 1.5", "repose_deg = 0.5", "repose_deg = 90", "erodibility = -1",
        "diffusivity_m2_per_yr = -0.1", "erodibility = nan"}) {
    const std::string key = std::string(bad).substr(0, std::string(bad).find(' '));
    EXPECT_THAT(refusal(good + "[[material]]\nname = 'granite'\n" + bad + "\n"), HasSubstr(key));
  }
}

TEST_F(scenario_reader, refuses_what_is_no_scenario) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  try {
    (void)read_scenario(folder.path());
    ADD_FAILURE() << "a folder was read";
  } catch (const lithify::error& e) {
    EXPECT_THAT(e.what(), HasSubstr("is not a file"));
  }
  EXPECT_THAT(refusal("world = \n"), AllOf(HasSubstr("s.toml:1"), HasSubstr("not valid TOML")));
  EXPECT_NE(refusal(std::string("\x89PNG\r\n\x1a\n\0\0", 10)), "");
  EXPECT_NE(refusal(good.substr(0, good.size() - 3)), "");
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, '#')), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(refusal(std::string(1 << 20, '#')), Not(HasSubstr("larger")));
  for (const std::string set : {"", "=", "run.steps", ".a=1", "a.=1", "a..b=1", "run.steps.x=1"}) {
    EXPECT_THAT(refusal(good, {set}), HasSubstr("--set")) << set;
  }
  for (const std::string set : {"", "=", "=1", "run.steps", ".a=1", "a.=1", "a..b=1"}) {
    EXPECT_THAT(refusal(good, {set}), HasSubstr("write it as key=value")) << set;
  }
  EXPECT_THAT(refusal(good, {"run.steps=3\nseed = 5"}), HasSubstr("not TOML"));
}

TEST_F(scenario_reader, says_that_a_file_is_missing) {
  try {
    (void)read_scenario(folder / "none.toml");
    FAIL();
  } catch (const lithify::error& e) {
    EXPECT_EQ(e.code(), errc::not_found);
  }
}

TEST_F(scenario_reader, finds_the_nearest_name) {
  const std::vector<std::string> names = {"steps", "step_yr", "seed"};
  EXPECT_EQ(lithify::nearest_name("step", names), "steps");
  EXPECT_EQ(lithify::nearest_name("sed", names), "seed");
  EXPECT_EQ(lithify::nearest_name("x", {}), "");
  EXPECT_EQ(lithify::nearest_name("colour", names), "") << "another word, not a slip";
  EXPECT_EQ(lithify::name_hint("sed", names), "; did you mean 'seed'?");
  EXPECT_EQ(lithify::name_hint("colour", names), "; known are steps, step_yr, seed");
  EXPECT_EQ(lithify::name_hint("x", {}), "");
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
