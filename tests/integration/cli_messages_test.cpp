// What the program says to who has to act: where a value came from, what to change, what was done.
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
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
  // What the file says wrong is the file's, whatever else was given.
  lithify::test::write_file(scenario, read_file(scenario) + "[output]\nseries_every = -1\n");
  EXPECT_THAT(refused({"--set", "output.fields_every=2"}),
              AllOf(HasSubstr("s.toml:39: output.series_every"), Not(HasSubstr("--set"))));
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
