// What the program says to who has to act: where a value came from, what to change, what was done.
#include "lithify/io/checkpoint.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace {

namespace fs = std::filesystem;
using lithify::test::hills;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using lithify::test::write_small_world;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class messages : public testing::Test {
 protected:
  outcome run(const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        "run",      scenario, "--out",      (folder / out).string(),
        "--device", "cpu",    "--progress", "never"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lithify(arguments);
  }
  std::string refused(const std::vector<std::string>& more) {
    const outcome done = run("refused", more);
    EXPECT_EQ(done.code, 2) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    return done.err;
  }
  outcome check(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"check", scenario};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lithify(arguments);
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder);
};

TEST_F(messages, a_value_of_set_is_named_as_given) {
  for (const std::string set :
       {"world.layer=[{material=\"air\"}]", "world.layer=[{material='granite', thick=2}]",
        "material=[{name='granite', porosity=5}]", "run.step_yr=nan", "run.step=3",
        "passes.diffusion.overlay={threshold=5,strategy='dbscan'}", "overlay.treshold=5",
        "passes.diffusion.overlay.strategy=all", "world.sides={west='shut'}"}) {
    EXPECT_THAT(refused({"--set", set}), AllOf(HasSubstr("--set " + set), Not(HasSubstr("s.toml"))))
        << set;
  }
  EXPECT_THAT(refused({"--set", "material=[{name='granite', porosity=5}]"}),
              HasSubstr("]: material.porosity: 5 is out of range"));
  EXPECT_THAT(refused({"--set", "run.step_yr=-1"}), HasSubstr("--set run.step_yr=-1: -1 is out"));
  // A table that is given later takes the place of what was given in it.
  EXPECT_THAT(refused({"--set", "run.step_yr=1", "--set", "run={steps=1, step_yr=-1}"}),
              HasSubstr("--set run={steps=1, step_yr=-1}: run.step_yr: -1 is out"));
  // What the file says wrong is the file's, whatever else was given.
  write_file(scenario, read_file(scenario) + "[output]\nseries_every = -1\n");
  EXPECT_THAT(refused({"--set", "output.fields_every=2"}),
              AllOf(HasSubstr("s.toml:39: output.series_every"), Not(HasSubstr("--set"))));
}

// Lowest ground on a side: 10 m of basement under 40 m. The region goes from 30 m to about 68 m.
TEST_F(messages, who_leaves_the_region_hears_what_to_raise) {
  const auto all = AllOf(HasSubstr("world.basement_m"), HasSubstr("world.headroom_m"),
                         HasSubstr("and start afresh, for a checkpoint keeps its region;"));
  EXPECT_THAT(refused({"--set", "passes.uplift.rate_m_per_yr=0.03"}), all);
  EXPECT_THAT(refused({"--set", "passes.uplift.rate_m_per_yr=-0.08"}), all);
  ASSERT_EQ(run("a", {"--steps", "0"}).code, 0);
  write_file(folder / "c.toml",
             "[world]\ncheckpoint = 'a/checkpoint-00000000.h5'\n[run]\nsteps = 6\n"
             "step_yr = 100\n[passes.uplift]\nrate_m_per_yr = 0.03\n");
  scenario = (folder / "c.toml").string();
  EXPECT_THAT(refused({}), AllOf(HasSubstr("--basement"), HasSubstr("--headroom"),
                                 Not(HasSubstr("world.basement_m"))));
}

TEST_F(messages, check_says_when_uplift_alone_leaves_the_region) {
  const auto of = [](const std::string& rate) {
    return std::vector<std::string>{"--set", "passes.uplift.rate_m_per_yr=" + rate};
  };
  const auto more = [&](const std::string& rate, const std::string& set) {
    std::vector<std::string> words = of(rate);
    words.insert(words.end(), {"--set", set});
    return words;
  };
  // 600 years of 0.03 m rise by 18 m; by the fourth step a side of 40 m has left the floor at 30 m.
  const outcome up = check(of("0.03"));
  EXPECT_EQ(up.code, 1);
  EXPECT_THAT(up.err, AllOf(HasSubstr("warning: "), HasSubstr("by step 4"), HasSubstr("column ("),
                            HasSubstr("raise world.basement_m by 9 m")));
  EXPECT_THAT(up.out, HasSubstr("region"));
  const outcome down = check(of("-0.08"));
  EXPECT_EQ(down.code, 1);
  EXPECT_THAT(down.err, AllOf(HasSubstr("raise world.headroom_m by "), HasSubstr("by step 3")));
  // What it says is so, and enough.
  EXPECT_EQ(check(more("0.03", "world.basement_m=19")).err, "");
  EXPECT_EQ(run("up", more("0.03", "world.basement_m=19")).code, 0);
  EXPECT_EQ(check(more("0.03", "run.steps=3")).err, "");
  EXPECT_EQ(run("three", more("0.03", "run.steps=3")).code, 0);
  EXPECT_EQ(run("four", more("0.03", "run.steps=4")).code, 2);
  // Whole numbers: in the last step the side comes to the floor itself, where it cannot stand.
  const outcome last = check(more("0.03", "world.basement_m=18"));
  EXPECT_EQ(last.code, 1);
  EXPECT_THAT(last.err, HasSubstr("by step 6"));
  EXPECT_EQ(run("last", more("0.03", "world.basement_m=18")).code, 2);
  // Without a held column nothing is certain; nor without uplift.
  const std::string closed =
      "world.sides={west='closed',east='closed',south='closed',north='closed'}";
  EXPECT_EQ(check(more("0.03", closed)).err, "");
  EXPECT_EQ(run("closed", more("0.03", closed)).code, 0);
  EXPECT_EQ(check(more("0.03", "passes.order=['diffusion']")).code, 2) << "listed but not ordered";
  // From a checkpoint too, whose columns say at which height they are held.
  ASSERT_EQ(run("a", {"--steps", "0"}).code, 0);
  write_file(folder / "c.toml",
             "[world]\ncheckpoint = 'a/checkpoint-00000000.h5'\n[run]\nsteps = 6\n"
             "step_yr = 100\n[passes.uplift]\nrate_m_per_yr = 0.03\n");
  scenario = (folder / "c.toml").string();
  const outcome from = check({});
  EXPECT_EQ(from.code, 1);
  EXPECT_THAT(from.err, AllOf(HasSubstr("by step 4"), HasSubstr("--basement")));
}

// Sums of such numbers have no value, and a run would refuse the file.
TEST_F(messages, check_refuses_a_column_that_is_held_beyond_the_region) {
  ASSERT_EQ(run("a", {"--steps", "0"}).code, 0);
  const auto whole = lithify::io::read_checkpoint(folder / "a" / "checkpoint-00000000.h5");
  write_file(folder / "c.toml",
             "[world]\ncheckpoint = 'c.h5'\n[run]\nsteps = 6\n"
             "step_yr = 100\n[passes.uplift]\nrate_m_per_yr = 0.03\n");
  scenario = (folder / "c.toml").string();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const struct {
    std::int64_t height, frame;
  } cases[] = {{most, -1}, {-most, 2}, {std::int64_t{1} << 40, 0}, {-1, 0}};
  for (const auto& [height, frame] : cases) {
    auto crafted = whole;
    lithify::field& held = *std::find_if(crafted.columns.begin(), crafted.columns.end(),
                                         [](const auto& f) { return f.name == "boundary_height"; });
    held.as<std::int64_t>()[3] = height;
    crafted.state.frame_offset = frame;
    lithify::io::write_checkpoint(folder / "c.h5", crafted);
    const outcome done = check({});
    EXPECT_EQ(done.code, 2) << height;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    EXPECT_THAT(done.err, HasSubstr("c.h5' cannot be used: column ("));
    EXPECT_THAT(done.err, HasSubstr("boundary_height is not in the region"));
    EXPECT_EQ(run("b", {}).code, 2) << height;
  }
}

// Columns beside a hole are held too, and across looped sides they lie beside it.
TEST_F(messages, check_knows_the_columns_that_are_held) {
  std::string dem = hills(16, 12);
  // A height that three columns have, one of them on the west side.
  dem.replace(dem.find("NODATA_value -9999"), 18, "NODATA_value 40.875");
  write_file(folder / "dem.asc", dem);
  const std::string sides[] = {
      "world.sides={west='closed',east='closed',south='closed',north='closed'}",
      "world.sides={west='looped',east='looped',south='closed',north='closed'}",
      "world.sides={west='closed',east='open',south='closed',north='closed'}"};
  for (const std::string& kinds : sides) {
    const auto set = [&](const std::string& more) {
      return std::vector<std::string>{
          "--set", "passes.uplift.rate_m_per_yr=0.011", "--set", kinds, "--set", more};
    };
    const outcome told = check(set("run.steps=30"));
    EXPECT_EQ(told.code, 1) << kinds;
    const std::size_t at = told.err.find("by step ");
    ASSERT_NE(at, std::string::npos) << told.err;
    const int step = std::stoi(told.err.substr(at + 8));
    EXPECT_EQ(check(set("run.steps=" + std::to_string(step - 1))).code, 0) << kinds;
    EXPECT_EQ(run("a", set("run.steps=" + std::to_string(step - 1))).code, 0) << told.err;
    EXPECT_EQ(run("b", set("run.steps=" + std::to_string(step))).code, 2) << told.err;
  }
}

TEST_F(messages, a_log_may_lie_in_the_folder_that_the_run_makes) {
  const std::string log = (folder / "out" / "log").string();
  const outcome done =
      run("out", {"--log-file", log, "--digests", (folder / "out" / "digests").string(), "-q"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.err, "");
  EXPECT_THAT(read_file(log), AllOf(HasSubstr("step 6/6"), HasSubstr("checkpoint-00000000.h5")));
  // A run that is refused before it begins leaves no folder and no log.
  const outcome refused_run = run(
      "none", {"--log-file", (folder / "none" / "log").string(), "--set", "run.step_yr=1e6", "-q"});
  EXPECT_EQ(refused_run.code, 2);
  EXPECT_FALSE(fs::exists(folder / "none"));
  EXPECT_EQ(run("x", {"--log-file", (folder / "y" / "log").string()}).code, 2) << "not its folder";
  EXPECT_FALSE(fs::exists(folder / "x"));
}

// What it notes before it is refused must not leave a log, and with it the folder.
TEST_F(messages, a_refused_run_leaves_no_log) {
  const std::string step = "run.step_yr=1e6";
  for (const std::string dem : {"dem.asc", "missing.asc"}) {
    for (const std::string log : {"new/log", "log"}) {
      const outcome done = run("new", {"--resume", "auto", "--log-file", (folder / log).string(),
                                       "--set", "world.dem=" + dem, "--set", step});
      EXPECT_EQ(done.code, 2) << done.err;
      EXPECT_FALSE(fs::exists(folder / "new")) << log << ", " << dem;
      EXPECT_FALSE(fs::exists(folder / log)) << dem;
    }
  }
  // One that was there stays as it was, and what a run notes before its first file is not lost.
  const std::string log = (folder / "new" / "log").string();
  ASSERT_EQ(run("new", {"--resume", "auto", "--log-file", log}).code, 0);
  EXPECT_THAT(read_file(log), AllOf(HasSubstr("Z no checkpoint in"), HasSubstr("step 6/6")));
  const std::string before = read_file(log);
  EXPECT_EQ(run("other", {"--resume", "auto", "--log-file", log, "--set", step}).code, 2);
  EXPECT_EQ(read_file(log), before);
}

TEST_F(messages, a_file_of_an_option_has_no_name_of_the_run) {
  ASSERT_EQ(run("there", {}).code, 0);
  fs::create_directory_symlink(folder / "there", folder / "link");
  fs::create_symlink("there/summary.json.earlier", folder / "to_nothing");
  const std::vector<std::string> before = folder.names_in("there");
  const std::vector<std::vector<std::string>> options = {
      {"--digests"}, {"--dump", "1:end:0,0"}, {"--profile"}, {"--log-file"}};
  for (const std::vector<std::string>& option : options) {
    for (const std::string out : {"new", "new/", "there", "link"}) {
      for (const std::string name :
           {"", "checkpoint-00000003.h5", "checkpoint-00000003.h5.tmp", "series.csv",
            "summary.json.earlier", "after.png", "fields", "fields/00000003.nc"}) {
        std::vector<std::string> words = option;
        words.push_back((folder / out / name).string());
        const outcome done = run(out, words);
        EXPECT_EQ(done.code, 2) << words.back();
        EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
        EXPECT_THAT(done.err, AllOf(HasSubstr(option[0] + " '" + words.back() + "'"),
                                    HasSubstr("choose another")));
        EXPECT_FALSE(fs::exists(folder / "new"));
      }
    }
    std::vector<std::string> through_link = option;
    through_link.push_back((folder / "to_nothing").string());
    EXPECT_EQ(run("there", through_link).code, 2) << option[0];
    for (const std::vector<std::string>& other : options) {
      if (other[0] == option[0]) {
        continue;
      }
      std::vector<std::string> words = option;
      words.push_back((folder / "new" / "x").string());
      words.insert(words.end(), other.begin(), other.end());
      words.push_back((folder / "there" / ".." / "new" / "x").string());
      const outcome done = run("new", words);
      EXPECT_EQ(done.code, 2) << option[0] << " and " << other[0];
      EXPECT_THAT(done.err,
                  AllOf(HasSubstr(option[0]), HasSubstr(other[0]), HasSubstr("need two files")));
      EXPECT_FALSE(fs::exists(folder / "new"));
    }
  }
  EXPECT_EQ(folder.names_in("there"), before);
  // Names that only look like those of the run are free, and so are its names elsewhere.
  fs::create_directory(folder / "elsewhere");
  EXPECT_EQ(run("new", {"--log-file", (folder / "new" / "checkpoint-3.h5").string(), "--digests",
                        (folder / "elsewhere" / "summary.json").string()})
                .code,
            0);
}

TEST_F(messages, uplift_tells_how_far_the_frame_rose) {
  const auto raised = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"--json"};
    words.insert(words.end(), more.begin(), more.end());
    const json s = json::parse(run("a", words).out);
    EXPECT_EQ(s["passes"][1]["raised_m"], 0.0);
    return s["passes"][0]["raised_m"].get<double>();
  };
  EXPECT_NEAR(raised({"--steps", "4"}), 0.8, 1e-12);
  EXPECT_NEAR(raised({"--resume", "auto"}), 0.4, 1e-12) << "by this process";
  EXPECT_THAT(run("b", {}).out, HasSubstr("uplift          raised 1.2 m\n"));
  EXPECT_THAT(run("c", {"--set", "passes.uplift.rate_m_per_yr=-2e-3"}).out,
              HasSubstr("uplift          raised -1.2 m\n"));
}

}  // namespace
