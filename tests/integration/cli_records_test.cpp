// What runs write down: the series, the maps, the pictures; and every example scenario, in small.
#include "run_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::run_command;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using nlohmann::json;
using testing::HasSubstr;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) {
    parts.push_back(part);
  }
  return parts;
}

class records : public run_command {
 protected:
  /// Holds pictures of a run of six steps against those that `render` draws of its checkpoints:
  /// of the last one, `before` of the first one. No two pictures are the same.
  void expect_rendered(const std::string& out,
                       const std::vector<std::pair<std::string, std::string>>& views) {
    const auto checkpoint = [&](const char* step) {
      return (folder / out / ("checkpoint-0000000" + std::string(step) + ".h5")).string();
    };
    const std::string drawn = (folder / "drawn.png").string();
    std::set<std::string> seen;
    for (const auto& [picture, view] : views) {
      std::vector<std::string> words = {
          "render", checkpoint(picture == "before" ? "0" : "6"), "-o", drawn, "--view", view};
      if (view == "difference") {
        words.insert(words.end(), {"--against", checkpoint("0")});
      }
      const outcome done = lithify(words);
      ASSERT_EQ(done.code, 0) << done.err;
      const std::string bytes = read_file(folder / out / (picture + ".png"));
      EXPECT_TRUE(bytes == read_file(drawn)) << picture;
      EXPECT_TRUE(seen.insert(bytes).second) << picture << " is as another one";
    }
  }
};

TEST_F(records, series_has_a_row_a_due_step_and_closes) {
  run("a", {"--set", "output.series_every=4", "--set", "output.pictures=['after', 'series']"});
  const std::vector<std::string> lines = split(read_file(folder / "a" / "series.csv"), '\n');
  ASSERT_EQ(lines.size(), 3U) << "the header, step 4, and the last";
  const std::vector<std::string> names = split(lines[0], ',');
  EXPECT_EQ(names.front(), "step");
  EXPECT_EQ(names.back(), "residual_quanta");
  const json summary = json::parse(read_file(folder / "a" / "summary.json"));
  const auto value = [&](const std::vector<std::string>& row, const std::string& name) {
    const auto at = std::find(names.begin(), names.end(), name);
    EXPECT_NE(at, names.end()) << name;
    return row.at(static_cast<std::size_t>(at - names.begin()));
  };
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> row = split(lines[i], ',');
    ASSERT_EQ(row.size(), names.size());
    EXPECT_EQ(value(row, "residual_quanta"), "0");
    EXPECT_NEAR(std::stod(value(row, "relief_m")),
                std::stod(value(row, "highest_m")) - std::stod(value(row, "lowest_m")), 1e-5);
    EXPECT_GT(std::stod(value(row, "mean_erosion_m_per_yr")), 0.0) << "what rises is worn";
  }
  const std::vector<std::string> last = split(lines.back(), ',');
  EXPECT_EQ(value(last, "step"), "6");
  EXPECT_EQ(value(last, "exported_quanta"), summary["budget"]["exported"]);
  EXPECT_EQ(value(last, "stored_quanta"), summary["budget"]["stored"]);
  EXPECT_EQ(read_file(folder / "a" / "series.png").substr(1, 3), "PNG");
  EXPECT_NE(read_file(folder / "a" / "series.png"), read_file(folder / "a" / "after.png"));
}

TEST_F(records, a_resumed_run_writes_the_same) {
  const std::vector<std::string> keys = {"--set", "output.series_every=1", "--set",
                                         "output.fields_every=3"};
  run("straight", keys);
  std::vector<std::string> half = keys, rest = keys;
  half.insert(half.end(), {"--steps", "3"});
  rest.insert(rest.end(), {"--resume", "auto"});
  run("parts", half);
  EXPECT_EQ(split(read_file(folder / "parts" / "series.csv"), '\n').size(), 4U);
  run("parts", rest);
  for (const char* file : {"series.csv", "fields/00000003.nc", "fields/00000006.nc"}) {
    EXPECT_EQ(read_file(folder / "parts" / file), read_file(folder / "straight" / file)) << file;
    EXPECT_FALSE(read_file(folder / "straight" / file).empty()) << file;
  }
}

TEST_F(records, a_series_has_no_row_of_where_a_process_stopped) {
  const std::vector<std::string> keys = {"--set", "output.series_every=3"};
  run("straight", keys);
  for (const char* stop : {"2", "4", "6"}) {
    const std::string out = std::string("stopped at ") + stop;
    std::vector<std::string> half = keys, rest = keys;
    half.insert(half.end(), {"--steps", stop});
    rest.insert(rest.end(), {"--resume", "auto"});
    run(out, half);
    run(out, rest);
    EXPECT_EQ(read_file(folder / out / "series.csv"), read_file(folder / "straight/series.csv"));
  }
}

TEST_F(records, a_file_that_is_no_series_is_left_alone) {
  run("a", {"--steps", "2"});
  write_file(folder / "a" / "series.csv", "my notes\n");
  const outcome done = lithify({"run", scenario, "--out", (folder / "a").string(), "--resume",
                                "auto", "--set", "output.series_every=1"});
  EXPECT_NE(done.code, 0);
  EXPECT_THAT(done.err, HasSubstr("series.csv"));
  EXPECT_EQ(read_file(folder / "a" / "series.csv"), "my notes\n");
}

TEST_F(records, pictures_of_rivers) {
  run("a", {"--set", "passes.order=[\"uplift\", \"stream_power\", \"diffusion\"]", "--set",
            "output.pictures=[\"drainage\", \"slope_area\", \"export\"]"});
  expect_rendered("a",
                  {{"drainage", "drainage"}, {"slope_area", "slope-area"}, {"export", "export"}});
}

TEST_F(records, compares_with_the_checkpoint_that_is_its_world) {
  run("a", {"--steps", "4"});
  write_file(folder / "t.toml",
             "[world]\ncheckpoint = 'a/checkpoint-00000004.h5'\n[run]\nsteps = 3\nstep_yr = 100\n"
             "[passes.uplift]\nrate_m_per_yr = 2e-3\n[passes.diffusion]\n"
             "[output]\npictures = ['difference']\n");
  scenario = (folder / "t.toml").string();
  run("b");
  run("c", {"--steps", "1"});
  fs::remove(folder / "c" / "difference.png");
  run("c", {"--resume", "auto"});
  EXPECT_EQ(read_file(folder / "c" / "difference.png"), read_file(folder / "b" / "difference.png"));
}

TEST_F(records, draws_the_pictures_that_a_scenario_asks_for) {
  run("a",
      {"--keep", "9", "--set", "output.pictures=['after', 'difference', 'section', 'material']"});
  expect_rendered("a", {{"after", "hillshade"},
                        {"difference", "difference"},
                        {"section", "section"},
                        {"material", "material"}});
  run("start", {"--keep", "9", "--set", "output.pictures=['before']"});
  expect_rendered("start", {{"before", "hillshade"}});
  run("both", {"--set", "output.pictures=['before', 'after']"});
  EXPECT_FALSE(read_file(folder / "both" / "after.png") == read_file(folder / "a" / "after.png"))
      << "beside the start, which spans more, it has the colours of both";
  const std::string difference = read_file(folder / "a" / "difference.png");
  run("b", {"--steps", "3"});
  run("b", {"--resume", "auto", "--set", "output.pictures=['difference']"});
  EXPECT_EQ(read_file(folder / "b" / "difference.png"), difference)
      << "a resumed run compares with where the whole run started";
  EXPECT_THAT(folder.names_in("b"),
              testing::ElementsAre(testing::EndsWith(".h5"), testing::EndsWith(".h5"),
                                   testing::EndsWith(".h5"), "difference.png", "summary.json"))
      << "and draws no other picture";
  run("c", {"--steps", "1", "--set", "output.pictures=['before']"});
  EXPECT_EQ(read_file(folder / "c" / "before.png"), read_file(folder / "start" / "before.png"));
}

TEST_F(records, keeps_its_summary_when_a_picture_fails) {
  fs::create_directories(folder / "a" / "after.png" / "taken");
  const json s = run("a", {"--set", "output.pictures=['before', 'after', 'section']"}, 1);
  EXPECT_THAT(last_err, HasSubstr("'after.png'"));
  EXPECT_EQ(s["warnings"].size(), 1U);
  EXPECT_EQ(json::parse(read_file(folder / "a" / "summary.json")), s);
  EXPECT_TRUE(fs::is_regular_file(folder / "a" / "section.png"));
  for (const auto& file : s["files"]) {
    EXPECT_TRUE(fs::is_regular_file(file.get<std::string>())) << file;
  }
}

TEST_F(records, refuses_what_it_does_not_know) {
  for (const auto& [set, named] : std::vector<std::pair<std::string, std::string>>{
           {"output.series_every=-1", "series_every"},
           {"output.fields_every=x", "fields_every"},
           {"output.field_formats=[\"grib\"]", "grib"},
           {"output.pictures=[\"rivers\"]", "rivers"},
           {"output.pictures=[\"series\"]", "series_every"}}) {
    const outcome done = lithify({"run", scenario, "--out", (folder / "b").string(), "--set", set});
    EXPECT_EQ(done.code, 2) << set;
    EXPECT_THAT(done.err, HasSubstr(named));
    EXPECT_FALSE(fs::exists(folder / "b"));
  }
}

/// An example of scripts/scenarios that runs in seconds when cut short, and what it must do.
struct example {
  std::string name;
  std::vector<std::string> export_matter;  ///< passes and sides through which solid leaves
  std::vector<std::string> change_voxels;  ///< passes that emit deltas
  int surface;                             ///< 1: it is lowered against the rock; -1: it swells
};
void PrintTo(const example& e, std::ostream* out) { *out << e.name; }

class examples : public testing::TestWithParam<example> {};

TEST_P(examples, run_in_small_and_do_something) {
  const temporary_folder folder;
  const fs::path scenario =
      fs::path(LITHIFY_TEST_SOURCE_DIR) / "scripts/scenarios" / (GetParam().name + ".toml");
  const outcome done = lithify({"run", scenario.string(), "--out", (folder / "out").string(),
                                "--device", "cpu", "--json", "--progress", "never", "--steps", "4",
                                "--set", "output.series_every=1", "-v"});
  ASSERT_EQ(done.code, 0) << done.err;
  const json summary = json::parse(done.out);
  EXPECT_EQ(summary["steps"], 4);
  EXPECT_EQ(summary["budget"]["residual"], "0");
  for (const auto& file : summary["files"]) {
    EXPECT_TRUE(fs::exists(file.get<std::string>())) << file;
  }
  EXPECT_GT(summary["deltas_emitted"], 0);
  const auto line = [&](const std::string& pass) {
    const auto at = std::find_if(summary["passes"].begin(), summary["passes"].end(),
                                 [&](const json& l) { return l["pass"] == pass; });
    EXPECT_NE(at, summary["passes"].end()) << pass;
    return at == summary["passes"].end() ? json::object() : *at;
  };
  for (const std::string& pass : GetParam().export_matter) {
    EXPECT_GT(std::stod(line(pass).value("exported", "0")), 0.0) << pass;
  }
  for (const std::string& pass : GetParam().change_voxels) {
    EXPECT_GT(line(pass).value("deltas", 0), 0) << pass;
  }
  const std::vector<std::string> rows = split(read_file(folder / "out" / "series.csv"), '\n');
  ASSERT_EQ(rows.size(), 5U);
  const std::vector<std::string> names = split(rows.front(), ',');
  const auto at = std::find(names.begin(), names.end(), "mean_erosion_m_per_yr") - names.begin();
  const double erosion = std::stod(split(rows.back(), ',').at(static_cast<std::size_t>(at)));
  EXPECT_GT(GetParam().surface * erosion, 0.0) << "in the last step";
}

// Rock that slides becomes porous scree, which takes more room. In four steps creep fills no voxel
// of the mountain range (10 m high), and nothing there is too steep.
INSTANTIATE_TEST_SUITE_P(
    scenarios,
    examples,
    testing::Values(
        example{"scree", {"boundary"}, {"talus", "diffusion"}, -1},
        example{"canyon", {"stream_power", "boundary"}, {"stream_power", "diffusion", "talus"}, 1},
        example{"mountain_range", {"stream_power", "boundary"}, {"stream_power"}, 1},
        example{"small", {"boundary"}, {"diffusion"}, 1}),
    [](const auto& scenario) { return scenario.param.name; });

}  // namespace
