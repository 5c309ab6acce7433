// What `lithify run` says that it did: the summary, a line a pass, the profile.
#include "lithify/io/checkpoint.hpp"
#include "run_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::run_command;
using lithify::test::write_small_world;
using nlohmann::json;
using testing::HasSubstr;

TEST_F(run_command, leaves_checkpoints_and_a_balanced_summary) {
  const json s = run("a");
  EXPECT_EQ(s["steps"], 6);
  EXPECT_EQ(s["device"], "cpu");
  EXPECT_EQ(s["simulated_yr"], 600.0);
  EXPECT_GT(s["deltas_emitted"], 0);
  EXPECT_GT(s["consolidations"], 0);
  EXPECT_EQ(s["budget"]["residual"], "0");
  EXPECT_EQ(s["budget"]["edited"], "0");
  EXPECT_NE(s["budget"]["exported"], "0") << "the held sides export what rises";
  EXPECT_EQ(s["digest"].get<std::string>().size(), 32U);
  EXPECT_GT(s["seconds"]["total"], 0.0);
  EXPECT_GT(s["peak_host_bytes"], 4 << 20);
  EXPECT_GT(s["peak_device_bytes"], 16 << 20) << "a slab of bricks at least";
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000002.h5", "checkpoint-00000004.h5",
                                      "checkpoint-00000006.h5", "summary.json"}));
  EXPECT_EQ(json::parse(read_file(folder / "a" / "summary.json")), s);
  for (const auto& file : s["files"]) {
    EXPECT_TRUE(fs::exists(file.get<std::string>())) << file;
  }
  EXPECT_EQ(last_err, "");
}

TEST_F(run_command, sums_up_what_its_last_checkpoint_holds) {
  run("a", {"--steps", "1"});
  const json s = run("a", {"--resume", "auto"});
  const auto last = lithify::io::read_checkpoint(folder / "a" / "checkpoint-00000006.h5");
  const lithify::io::run_state& state = last.state;
  EXPECT_EQ(s["first_step"], 1);
  EXPECT_EQ(s["stopped"], false);
  EXPECT_EQ(s["size"], json({last.voxels.size.x, last.voxels.size.y, last.voxels.size.z}));
  EXPECT_EQ(s["simulated_yr"], state.time_yr);
  EXPECT_EQ(s["digest"], to_string(last.digest));
  const json& budget = s["budget"];
  EXPECT_EQ(budget["in"], lithify::to_decimal(state.budget.in));
  EXPECT_EQ(budget["out"], lithify::to_decimal(state.budget.out));
  EXPECT_EQ(budget["exported"], lithify::to_decimal(state.budget.exported));
  EXPECT_EQ(budget["stored_at_start"], lithify::to_decimal(state.budget.stored_at_start));
  EXPECT_EQ(budget["stored"], lithify::to_decimal(state.budget.stored_at_start + state.budget.in -
                                                  state.budget.out - state.budget.exported));
  EXPECT_NE(budget["stored"], budget["stored_at_start"]);
  EXPECT_TRUE(s["warnings"].empty());
}

TEST_F(run_command, names_every_file_that_it_left) {
  const auto in = [&](const std::string& name) { return (folder / "a" / name).string(); };
  const json s =
      run("a", {"--digests", in("digests"), "--dump", "3:end:0,0", in("dump"), "--profile",
                in("profile"), "--set", "output.series_every=2", "--set", "output.fields_every=3",
                "--set", "output.pictures=['before', 'series']"});
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "a")) {
    if (entry.is_regular_file()) {
      left.push_back(entry.path());
    }
  }
  EXPECT_EQ(left.size(), 12U);
  const auto files = s["files"].get<std::vector<std::string>>();
  EXPECT_THAT(files, testing::UnorderedElementsAreArray(left));
  EXPECT_EQ(files[0], in("checkpoint-00000006.h5")) << "the newest first";
}

/// Bytes of a run's index, overlay and columns, and the peak of all.
struct device_memory {
  long long index, overlay, columns, peak;

  explicit device_memory(const json& s)
      : index(s["device_memory"]["index"]),
        overlay(s["device_memory"]["overlay"]),
        columns(s["device_memory"]["columns"]),
        peak(s["peak_device_bytes"]) {}
};

TEST_F(run_command, tells_device_memory_by_what_it_is_for) {
  const device_memory small(run("a", {"--set", "overlay.threshold=100"}));
  EXPECT_GE(small.index, 16 << 20) << "a slab of bricks at least";
  EXPECT_GT(small.overlay, 0);
  EXPECT_LT(small.overlay, 1 << 20);
  // The state of a column without rivers, what its faces are; where the 52 held ones lie.
  EXPECT_GE(small.columns, 16 * 12 * (46 + 1) + 52 * 8);
  EXPECT_LE(small.columns, 16 * 12 * 64);
  EXPECT_LE(small.index + small.columns, small.peak);
  EXPECT_GE(small.index, small.peak / 100 * 95) << "of a small world slabs are nearly all";
  EXPECT_EQ(device_memory(run("b", {"--steps", "0"})).columns, small.columns);

  // Several tables until the end, where nothing of them is left.
  write_small_world(folder, 200, 160);
  const json s = run("c", {"--set", "overlay.threshold=100000000", "--set", "checkpoint.every=0"});
  const device_memory large(s);
  const double delta = 16 / 0.6;  // a slot, at the load that is allowed
  EXPECT_GE(static_cast<double>(large.overlay), delta * s["deltas_consolidated"].get<double>());
  EXPECT_GE(large.peak, large.index + large.overlay + 2 * large.columns) << "a step has a copy";
}

/// When a stage ran, in seconds.
struct span {
  double begin, end;
};

/// The spans of one name on a track of a profile.
std::vector<span> spans_of(const json& profile, int track, const std::string& name) {
  std::vector<span> spans;
  for (const json& event : profile["traceEvents"]) {
    if (event["ph"] == "X" && event["tid"] == track && event["name"] == name) {
      const double begin = 1e-6 * event["ts"].get<double>();
      spans.push_back({begin, begin + 1e-6 * event["dur"].get<double>()});
    }
  }
  return spans;
}

double seconds_of(const json& profile, int track, const std::string& name) {
  double sum = 0.0;
  for (const span& s : spans_of(profile, track, name)) {
    sum += s.end - s.begin;
  }
  return sum;
}

TEST_F(run_command, profiles_every_stage) {
  const std::string file = (folder / "a.trace.json").string();
  const json s = run("a", {"--profile", file});
  const json profile = json::parse(read_file(file));
  const double total = s["seconds"]["total"];
  std::map<int, std::string> track;
  for (const json& event : profile["traceEvents"]) {
    if (event["name"] == "thread_name") {
      track[event["tid"]] = event["args"]["name"];
    } else if (event["ph"] == "X") {
      const double begin = 1e-6 * event["ts"].get<double>();
      EXPECT_GE(begin, 0.0) << event;
      EXPECT_LE(begin + 1e-6 * event["dur"].get<double>(), total) << event;
    }
  }
  EXPECT_EQ(track, (std::map<int, std::string>{{1, "run"}, {2, "checkpoint writer"}, {3, "cpu"}}));
  // What the summary adds up, once more; the world's first stages came before its line began.
  for (const std::string name : {"start", "measure", "checkpoint", "records", "pictures"}) {
    EXPECT_NEAR(seconds_of(profile, 1, name), s["seconds"][name], 1e-5) << name;
  }
  EXPECT_NEAR(seconds_of(profile, 2, "checkpoint.write"), s["seconds"]["checkpoint.write"], 1e-5);
  for (const std::string name : {"step", "step.diffusion", "consolidate.merge"}) {
    EXPECT_NEAR(seconds_of(profile, 3, name), s["seconds"]["world." + name], 1e-5) << name;
  }
  // One after another, on every track.
  constexpr double rounding = 2e-9;
  const span start = spans_of(profile, 1, "start").at(0);
  const std::vector<span> taken = spans_of(profile, 1, "checkpoint");
  const std::vector<span> written = spans_of(profile, 2, "checkpoint.write");
  ASSERT_EQ(taken.size(), 4U);
  ASSERT_EQ(written.size(), 4U);
  EXPECT_GE(taken[0].begin, start.end - rounding);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_GE(written[i].begin, taken[i].end - rounding) << "checkpoint " << i;
  }
  const std::vector<span> steps = spans_of(profile, 3, "step");
  ASSERT_EQ(steps.size(), 6U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_GE(steps[2 * i].begin, taken[i].end - rounding) << "a checkpoint every two steps";
  }
  for (std::size_t i = 1; i < 6; ++i) {
    EXPECT_GE(steps[i].begin, steps[i - 1].end - rounding) << "step " << i + 1;
  }
  const auto files = s["files"].get<std::vector<std::string>>();
  EXPECT_THAT(files, testing::Contains(file));

  run("a", {"--profile", file});  // its own kind may be replaced
  EXPECT_EQ(json::parse(read_file(file))["otherData"]["program"], "lithify");
  const std::string before = read_file(folder / "a" / "summary.json");
  const outcome refused = lithify({"run", scenario, "--out", (folder / "b").string(), "--profile",
                                   (folder / "a" / "summary.json").string()});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--profile"));
  EXPECT_EQ(read_file(folder / "a" / "summary.json"), before);
  EXPECT_FALSE(fs::exists(folder / "b"));
}

TEST_F(run_command, prints_a_summary_that_names_what_it_made) {
  const outcome done = lithify({"run", scenario, "--out", (folder / "a").string(), "--steps", "1"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("residual"));
  EXPECT_THAT(done.out, HasSubstr("digest"));
  EXPECT_THAT(done.out, HasSubstr("checkpoint-00000001.h5"));
  EXPECT_EQ(done.err, "") << "no progress of what is done within a second";
  const outcome shown = lithify(
      {"run", scenario, "--out", (folder / "c").string(), "--steps", "1", "--progress", "always"});
  EXPECT_THAT(shown.err, HasSubstr("step 1/1"));
  const outcome quiet = lithify({"run", scenario, "--out", (folder / "b").string(), "-q"});
  EXPECT_EQ(quiet.out + quiet.err, "");
}

TEST_F(run_command, says_what_each_pass_did) {
  std::string gentle;
  for (const std::string name : {"granite", "sandstone", "soil", "sediment"}) {
    gentle += (gentle.empty() ? "{name='" : ", {name='") + name + "', repose_deg=1}";
  }
  const std::vector<std::string> all = {
      "--set", "passes.order=['uplift','stream_power','diffusion','talus']",
      "--set", "passes.stream_power.k=1e-3",
      "--set", "passes.talus.max_sweeps=1",
      "--set", "material=[" + gentle + "]"};
  const json s = run("a", all);
  std::vector<std::string> names;
  std::map<std::string, long long> sum;
  for (const json& line : s["passes"]) {
    names.push_back(line["pass"]);
    for (const char* amount : {"in", "out", "exported"}) {
      sum[amount] += std::stoll(line[amount].get<std::string>());
    }
    sum["deltas"] += line["deltas"].get<long long>();
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"uplift", "stream_power", "diffusion", "talus", "boundary"}));
  for (const char* amount : {"in", "out", "exported"}) {
    EXPECT_EQ(std::to_string(sum[amount]), s["budget"][amount]) << amount;
  }
  EXPECT_EQ(sum["deltas"], s["deltas_emitted"]);
  EXPECT_GT(s["passes"][1]["uphill"], 0);
  EXPECT_GT(s["passes"][1]["contacts"], 0);
  EXPECT_GT(s["passes"][3]["steep_faces"], 0);
  EXPECT_EQ(s["passes"][3]["substeps"], 6) << "a sweep a step";

  std::vector<std::string> words = {"run", scenario, "--out", (folder / "b").string(), "-v"};
  words.insert(words.end(), all.begin(), all.end());
  const outcome printed = lithify(words);
  const std::string exported = s["passes"][1]["exported"];
  EXPECT_THAT(printed.out, HasSubstr("stream_power    exported " + exported + "; "));
  EXPECT_THAT(printed.out, HasSubstr(" cells not cut, their receiver not lower"));
  EXPECT_THAT(printed.out, HasSubstr(" contacts of two rocks cut through within a step"));
  EXPECT_THAT(printed.out, HasSubstr(" faces left too steep by the last step; the worst by "));
  EXPECT_THAT(printed.err, HasSubstr("step 6: uplift (raised 0.2 m) stream_power (exported "));

  // A resumed process tells of its own steps.
  std::vector<std::string> half = all, rest = all;
  half.insert(half.end(), {"--steps", "4"});
  rest.insert(rest.end(), {"--resume", "auto"});
  const json first = run("c", half);
  const json second = run("c", rest);
  EXPECT_EQ(std::stoll(first["passes"][1]["exported"].get<std::string>()) +
                std::stoll(second["passes"][1]["exported"].get<std::string>()),
            std::stoll(exported));
}

}  // namespace
