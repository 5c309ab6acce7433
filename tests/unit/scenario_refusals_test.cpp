// Scenarios: the ends of every range, and that every slip is refused with file, line and key.
#include "scenario_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using lithify::errc;
using lithify::engine::read_scenario;
using lithify::test::good;
using lithify::test::scenario_reader;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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
  EXPECT_THAT(refusal(good + "[passes.talus]\nmax_sweeps = 1\n"),
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

}  // namespace
