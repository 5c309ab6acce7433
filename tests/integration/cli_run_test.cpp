// `lithify run` from outside: its files, its summary, resuming, signals.
#include "program.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <thread>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::process;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using lithify::test::write_small_world;
using nlohmann::json;
using testing::HasSubstr;

class run_command : public testing::Test {
 protected:
  /// Runs the small scenario with further arguments; its summary.
  json run(const std::string& out, std::vector<std::string> more = {}, int code = 0) {
    std::vector<std::string> arguments = {"run",      scenario, "--out",  (folder / out).string(),
                                          "--device", "cpu",    "--json", "--progress",
                                          "never"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const outcome done = lithify(arguments);
    EXPECT_EQ(done.code, code) << done.err;
    last_err = done.err;
    return done.out.empty() ? json() : json::parse(done.out);
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder);
  std::string last_err;
};

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

TEST_F(run_command, tells_device_memory_by_what_it_is_for) {
  const json s = run("a", {"--set", "overlay.threshold=100"});
  const json& memory = s["device_memory"];
  EXPECT_GE(memory["index"], 16 << 20) << "a slab of bricks at least";
  EXPECT_GT(memory["overlay"], 0);
  EXPECT_GE(memory["columns"], 16 * 12 * 46) << "bytes of the state of a column without rivers";
  EXPECT_LE(memory["columns"], 16 * 12 * 64);
  EXPECT_LE(memory["index"].get<long long>() + memory["columns"].get<long long>(),
            s["peak_device_bytes"].get<long long>());
}

/// Sum of the spans of one name on a track of a profile, in seconds.
double seconds_of(const json& profile, int track, const std::string& name) {
  double sum = 0.0;
  for (const json& event : profile["traceEvents"]) {
    if (event["ph"] == "X" && event["tid"] == track && event["name"] == name) {
      sum += 1e-6 * event["dur"].get<double>();
    }
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
  EXPECT_THAT(done.err, HasSubstr("step 1/1")) << "plain lines where there is no terminal";
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
  EXPECT_THAT(printed.err, HasSubstr("step 6: uplift (nothing) stream_power (exported "));

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

TEST_F(run_command, resumes_exactly_at_every_step) {
  const json whole = run("whole");
  for (const int at : {0, 1, 3, 5, 6}) {
    const std::string out = "part" + std::to_string(at);
    const json first = run(out, {"--steps", std::to_string(at)});
    EXPECT_EQ(first["steps"], at);
    const json second = run(out, {"--resume", "auto"});
    EXPECT_EQ(second["first_step"], at);
    EXPECT_EQ(second["digest"], whole["digest"]) << "resumed at step " << at;
    EXPECT_EQ(second["budget"], whole["budget"]) << "resumed at step " << at;
  }
}

TEST_F(run_command, resumes_from_a_file_and_from_a_folder) {
  const json whole = run("whole");
  run("part", {"--steps", "4"});
  const json from_folder = run("x", {"--resume", (folder / "part").string()});
  EXPECT_EQ(from_folder["first_step"], 4);
  EXPECT_EQ(from_folder["digest"], whole["digest"]);
  const json from_file =
      run("y", {"--resume", (folder / "part" / "checkpoint-00000002.h5").string()});
  EXPECT_EQ(from_file["first_step"], 2);
  EXPECT_EQ(from_file["digest"], whole["digest"]);
}

TEST_F(run_command, names_what_it_is_resumed_with_anew) {
  const std::vector<std::string> set = {"--set", "run.step_yr=200"};
  const auto with = [](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  run("a", with(set, {"--steps", "2"}));
  const std::vector<std::string> on = {"--resume", "auto", "--steps", "2"};
  run("a", with(set, on));  // the same again: not a word
  EXPECT_EQ(last_err, "");
  run("a", with({"--set", "run.step_yr=200.0", "--set", "overlay.threshold=7", "--set",
                 "passes.uplift.overlay.threshold=9", "--set", "output.series_every=1", "--set",
                 "checkpoint.keep=9", "--set", "run.steps=2"},
                on));
  EXPECT_EQ(last_err, "");
  const json s = run("a",
                     with(on, {"--set", "run.seed=4", "--set", "passes.uplift.rate_m_per_yr=0",
                               "--set", "material=[{name='soil',erodibility=3}]"}),
                     1);
  EXPECT_THAT(last_err,
              HasSubstr("other values of material.soil.erodibility, material.soil.name, "
                        "passes.uplift.rate_m_per_yr, run.seed, run.step_yr; from step 2 on"));
  EXPECT_EQ(s["warnings"].size(), 1u);
  run("b", with(set, {"--steps", "2"}));
  run("b", {"--resume", "auto", "--steps", "2", "--set", "run.step_yr=200.00000001"}, 1);
  EXPECT_THAT(last_err, HasSubstr("other values of run.step_yr; from step 2 on"));
}

TEST_F(run_command, goes_on_with_passes_that_keep_state_of_their_own) {
  const std::vector<std::string> rivers = {"--set",
                                           "passes.order=['uplift','stream_power','diffusion']"};
  const auto with_rivers = [&](std::vector<std::string> words) {
    words.insert(words.end(), rivers.begin(), rivers.end());
    return words;
  };
  run("a", {"--steps", "3"});
  const json s = run("a", with_rivers({"--resume", "auto"}), 1);  // 1: the order is another one
  EXPECT_EQ(s["first_step"], 3);
  EXPECT_EQ(s["budget"]["residual"], "0");
  EXPECT_THAT(last_err, HasSubstr("other values of passes.order"));
  run("b", {"--steps", "3"});
  run("b", with_rivers({"--resume", "auto", "--steps", "4"}), 1);
  EXPECT_EQ(run("b", with_rivers({"--resume", "auto"}))["digest"], s["digest"]);
  // Back without rivers: what they left stays.
  EXPECT_EQ(run("b", {"--resume", "auto", "--steps", "8"}, 1)["budget"]["residual"], "0");
  // And as the world of a run of its own.
  write_file(folder / "t.toml",
             "[world]\ncheckpoint = 'a/checkpoint-00000002.h5'\n[run]\nsteps = 2\nstep_yr = 100\n"
             "[passes.stream_power]\n");
  run("a", {"--steps", "3"});
  scenario = (folder / "t.toml").string();
  EXPECT_EQ(run("c")["budget"]["residual"], "0");
}

TEST_F(run_command, falls_back_past_a_broken_checkpoint_and_says_so) {
  const json whole = run("whole");
  run("part", {"--steps", "4"});
  const fs::path newest = folder / "part" / "checkpoint-00000004.h5";
  std::string bytes = read_file(newest);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(newest, bytes);
  const json resumed = run("part", {"--resume", "auto"}, 1);
  EXPECT_EQ(resumed["first_step"], 2);
  EXPECT_EQ(resumed["digest"], whole["digest"]);
  EXPECT_EQ(resumed["warnings"].size(), 1U);
  EXPECT_THAT(last_err, HasSubstr("checkpoint-00000004.h5"));
  EXPECT_EQ(read_file(newest.string() + ".broken"), bytes) << "set aside, not overwritten";
}

TEST_F(run_command, gives_up_when_every_checkpoint_is_broken) {
  run("part", {"--steps", "4"});
  for (const char* name :
       {"checkpoint-00000000.h5", "checkpoint-00000002.h5", "checkpoint-00000004.h5"}) {
    write_file(folder / "part" / name, "no checkpoint");
  }
  EXPECT_TRUE(run("part", {"--resume", "auto"}, 2).is_null());
  EXPECT_THAT(last_err, HasSubstr("start afresh without --resume"));
  EXPECT_EQ(read_file(folder / "part" / "checkpoint-00000004.h5.broken"), "no checkpoint");
}

TEST_F(run_command, leaves_files_alone_that_are_no_checkpoints) {
  run("a", {"--steps", "2"});
  const std::vector<std::string> others = {"checkpoint-00000009.h6", "checkpoint-00000009.h5.bak",
                                           "checkpoint-9.h5",        "checkpoint-0000000x.h5",
                                           "checkpoint--0000009.h5", "xcheckpoint-00000009.h5"};
  for (const std::string& name : others) {
    write_file(folder / "a" / name, "mine");
  }
  EXPECT_EQ(run("a", {"--resume", "auto", "--keep", "1"})["first_step"], 2);
  run("a", {"--steps", "1"});  // a fresh run sets later checkpoints aside
  for (const std::string& name : others) {
    EXPECT_EQ(read_file(folder / "a" / name), "mine") << name;
  }
}

TEST_F(run_command, clears_away_what_a_killed_run_was_writing) {
  run("a", {"--steps", "2"});
  const auto write = [&](const std::string& name) { write_file(folder / "a" / name, "half"); };
  write("checkpoint-00000004.h5.tmp");
  write("checkpoint-4.h5.tmp");
  write("checkpoint-0000000x.h5.tmp");
  write("mine.h5.tmp");
  run("a", {"--steps", "2", "--resume", "auto"});
  std::vector<std::string> left;
  for (const std::string& name : folder.names_in("a")) {
    if (name.ends_with(".tmp")) {
      left.push_back(name);
    }
  }
  EXPECT_THAT(left, testing::ElementsAre("checkpoint-0000000x.h5.tmp", "checkpoint-4.h5.tmp",
                                         "mine.h5.tmp"));
}

/// What a program prints on a terminal, both of its outputs in order.
std::string on_terminal(const std::vector<std::string>& words) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_EQ(::grantpt(terminal), 0);
  EXPECT_EQ(::unlockpt(terminal), 0);
  const std::string name = ::ptsname(terminal);
  process p(words, LITHIFY_TEST_PROGRAM, [&] {
    const int screen = ::open(name.c_str(), O_RDWR);
    ::dup2(screen, STDOUT_FILENO);
    ::dup2(screen, STDERR_FILENO);
    ::close(screen);
  });
  std::string text;
  // Reading fails before the program has opened its side, and after it has closed it.
  for (int silent = 0; silent < 600 && (text.empty() || silent == 0);) {
    char part[4096];
    const ssize_t n = ::read(terminal, part, sizeof part);
    if (n > 0) {
      text.append(part, static_cast<std::size_t>(n));
      continue;
    }
    ++silent;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(p.finish().code, 0);
  ::close(terminal);
  return text;
}

TEST_F(run_command, takes_the_bar_off_the_terminal_before_the_summary) {
  const std::string shown = on_terminal({"run", scenario, "--out", (folder / "a").string()});
  EXPECT_THAT(shown, HasSubstr("ETA 0:00:00"));
  EXPECT_THAT(shown, HasSubstr("\r\x1b[Ksteps "));
}

TEST_F(run_command, starts_at_step_0_from_a_checkpoint_that_is_its_world) {
  run("a", {"--steps", "4"});
  write_file(folder / "t.toml",
             "[world]\ncheckpoint = 'a/checkpoint-00000004.h5'\n[run]\nsteps = 2\nstep_yr = 100\n"
             "[passes.uplift]\n");
  scenario = (folder / "t.toml").string();
  const json s = run("b");
  EXPECT_EQ(s["first_step"], 0);
  EXPECT_EQ(s["steps"], 2);
  EXPECT_EQ(s["simulated_yr"], 200.0);
  EXPECT_NE(run("c", {"--set", "run.seed=7"})["digest"], s["digest"]) << "the scenario's numbers";
  const std::vector<std::string> creep = {"--set", "passes.diffusion.diffusivity_m2_per_yr=0.1"};
  const std::string slow = "material=[{name='sediment', diffusivity_m2_per_yr=0.001}]";
  EXPECT_NE(run("d", creep)["digest"], run("e", {creep[0], creep[1], "--set", slow})["digest"])
      << "the scenario's materials";
}

TEST_F(run_command, goes_on_with_the_materials_of_its_scenario) {
  const json whole = run("whole");
  run("a", {"--steps", "3"});
  const json s = run(
      "a", {"--resume", "auto", "--set", "material=[{name='sediment', diffusivity_m2_per_yr=2}]"},
      1);
  EXPECT_NE(s["digest"], whole["digest"]);
  EXPECT_EQ(s["budget"]["residual"], "0");
}

TEST_F(run_command, compares_with_the_checkpoint_that_is_its_world) {
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

TEST_F(run_command, gives_one_digest_for_every_way_to_run) {
  const json one = run("a", {"--threads", "1"});
  EXPECT_EQ(run("b", {"--threads", "2"})["digest"], one["digest"]);
  EXPECT_EQ(run("c", {"--threads", "16"})["digest"], one["digest"]);
  EXPECT_EQ(run("d", {"--set", "overlay.threshold=1"})["digest"], one["digest"]);
  EXPECT_EQ(run("e", {"--set", "overlay.strategy=all"})["digest"], one["digest"]);
  EXPECT_EQ(run("f", {"--set", "overlay.threshold=100000000"})["digest"], one["digest"]);
  EXPECT_EQ(run("g", {"-v", "--checkpoint-every", "1"})["digest"], one["digest"]);
  EXPECT_NE(run("h", {"--set", "passes.uplift.rate_m_per_yr=3e-3"})["digest"], one["digest"]);
}

TEST_F(run_command, consolidates_when_a_pass_wants_to) {
  const auto run_with = [&](const std::string& out, std::vector<std::string> more) {
    more.insert(more.end(), {"--checkpoint-every", "0", "--set", "overlay.threshold=100000000"});
    return run(out, more);
  };
  const json without = run_with("a", {});
  EXPECT_EQ(without["consolidations"], 1) << "the last checkpoint's";
  for (const std::string strategy : {"all", "lazy_threshold"}) {
    const json with = run_with(strategy, {"--set", "passes.diffusion.overlay.threshold=1", "--set",
                                          "passes.diffusion.overlay.strategy=" + strategy});
    EXPECT_EQ(with["consolidations"], 6) << "one a step, and nothing is left for the checkpoint";
    EXPECT_EQ(with["digest"], without["digest"]);
    EXPECT_EQ(with["budget"], without["budget"]);
  }
  EXPECT_EQ(run_with("b", {"--set", "passes.uplift.overlay.threshold=1"})["consolidations"], 1)
      << "a pass that emits nothing";
}

TEST_F(run_command, keeps_as_many_checkpoints_as_asked) {
  run("a", {"--checkpoint-every", "1", "--keep", "2"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000005.h5", "checkpoint-00000006.h5",
                                      "summary.json"}));
  run("a", {"--steps", "3", "--keep", "1"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000003.h5", "checkpoint-00000005.h5.earlier",
                                      "checkpoint-00000006.h5.earlier", "summary.json"}))
      << "a fresh run sets aside what the older one left";
}

TEST_F(run_command, keeps_every_mth_checkpoint_beside_the_newest) {
  run("a", {"--checkpoint-every", "1", "--keep", "1", "--set", "checkpoint.keep_every=3"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000000.h5", "checkpoint-00000003.h5",
                                      "checkpoint-00000006.h5", "summary.json"}));
}

TEST_F(run_command, draws_the_pictures_that_a_scenario_asks_for) {
  const json s = run(
      "a", {"--set", "output.pictures=['before', 'after', 'difference', 'section', 'material']"});
  for (const char* name :
       {"before.png", "after.png", "difference.png", "section.png", "material.png"}) {
    EXPECT_EQ(read_file(folder / "a" / name).substr(1, 3), "PNG") << name;
  }
  const std::string difference = read_file(folder / "a" / "difference.png");
  run("b", {"--steps", "3"});
  run("b", {"--resume", "auto", "--set", "output.pictures=['difference']"});
  EXPECT_EQ(read_file(folder / "b" / "difference.png"), difference)
      << "a resumed run compares with where the whole run started";
}

TEST_F(run_command, keeps_its_summary_when_a_picture_fails) {
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

TEST_F(run_command, resumes_without_the_dem_that_it_came_from) {
  const json whole = run("whole");
  run("part", {"--steps", "4"});
  fs::remove(folder / "dem.asc");
  const json s = run("part", {"--resume", "auto", "--set", "output.pictures=['difference']"}, 1);
  EXPECT_EQ(s["digest"], whole["digest"]);
  EXPECT_EQ(s["warnings"].size(), 2U) << "not compared, and no picture of the start";
  EXPECT_THAT(last_err, HasSubstr("dem.asc"));
}

TEST_F(run_command, runs_from_an_imported_checkpoint) {
  const json whole = run("whole");
  const outcome imported =
      lithify({"import", (folder / "dem.asc").string(), "-o", (folder / "w.h5").string(),
               "--basement", "10", "--headroom", "20"});
  ASSERT_EQ(imported.code, 0) << imported.err;
  write_file(folder / "t.toml",
             "[world]\ncheckpoint = 'w.h5'\n[run]\nsteps = 2\nstep_yr = 100\n[passes.uplift]\n");
  scenario = (folder / "t.toml").string();
  const json s = run("b");
  EXPECT_EQ(s["steps"], 2);
  EXPECT_EQ(s["budget"]["residual"], "0");
}

TEST_F(run_command, goes_on_from_an_imported_checkpoint_without_a_warning) {
  const json whole = run("whole");
  const std::string file = (folder / "w.h5").string();
  write_file(folder / "l.toml",
             "[[layer]]\nmaterial = 'soil'\nthickness_m = 1.5\n[[layer]]\n"
             "material = 'sandstone'\nbase_elevation_m = 41\ndip_deg = 5\n"
             "dip_direction_deg = 90\n[[layer]]\nmaterial = 'granite'\n");
  const outcome imported =
      lithify({"import", (folder / "dem.asc").string(), "-o", file, "--basement", "10",
               "--headroom", "20", "--strata", (folder / "l.toml").string()});
  ASSERT_EQ(imported.code, 0) << imported.err;
  const json s = run("a", {"--resume", file, "--keep", "9"});
  EXPECT_EQ(last_err, "") << "no scenario made it: there is nothing to compare";
  EXPECT_EQ(s["digest"], whole["digest"]);
  EXPECT_FALSE(fs::exists(folder / "a" / "checkpoint-00000000.h5")) << "it has one";
}

TEST_F(run_command, writes_where_the_command_says_then_where_the_scenario_does) {
  const std::vector<std::string> words = {
      "run", scenario, "--set", "output.folder=o", "--device", "cpu", "--steps", "1", "-q"};
  EXPECT_EQ(lithify(words).code, 0);
  EXPECT_TRUE(fs::exists(folder / "o" / "summary.json"));
  fs::remove_all(folder / "o");
  run("a", {"--steps", "1", "--set", "output.folder=o"});
  EXPECT_TRUE(fs::exists(folder / "a" / "summary.json"));
  EXPECT_FALSE(fs::exists(folder / "o"));
}

/// Starts a run that would take for ever.
class long_run : public run_command {
 protected:
  std::unique_ptr<process> start() {
    return std::make_unique<process>(
        std::vector<std::string>{"run", scenario, "--out", (folder / "a").string(), "--steps",
                                 "100000000", "--set", "checkpoint.every=0", "--set",
                                 "passes.uplift.rate_m_per_yr=1e-9", "--json", "--device", "cpu"});
  }
  /// Waits until the run has made a step.
  static void wait_for_steps(const process& p) {
    for (int i = 0; i < 600 && p.err_so_far().find("step ") == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
};

TEST_F(long_run, ends_with_a_checkpoint_when_interrupted) {
  for (const int number : {SIGINT, SIGTERM}) {
    const auto p = start();
    wait_for_steps(*p);
    p->signal(number);
    const outcome done = p->finish();
    ASSERT_EQ(done.code, 0) << done.err;
    const json s = json::parse(done.out);
    EXPECT_EQ(s["stopped"], true);
    EXPECT_GT(s["steps"], 0);
    const std::string newest = s["files"][0];
    const outcome verified = lithify({"verify", newest});
    EXPECT_EQ(verified.code, 0) << verified.err;
    EXPECT_THAT(verified.out, HasSubstr(s["digest"].get<std::string>()));
  }
}

TEST_F(long_run, writes_a_checkpoint_on_request_and_goes_on) {
  const auto p = start();
  wait_for_steps(*p);
  p->signal(SIGUSR1);
  bool written = false;
  for (int i = 0; i < 600 && !written; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    written = fs::exists(folder / "a") && folder.names_in("a").size() == 2;
  }
  EXPECT_TRUE(written);
  p->signal(SIGTERM);
  EXPECT_EQ(p->finish().code, 0);
}

/// Whether a process catches a signal.
bool catches(pid_t id, int number) {
  std::istringstream status(read_file("/proc/" + std::to_string(id) + "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigCgt:")) {
      return (std::stoull(line.substr(7), nullptr, 16) >> (number - 1) & 1) != 0;
    }
  }
  return false;
}

TEST_F(long_run, takes_requests_before_it_is_ready) {
  const fs::path log = folder / "log";
  ASSERT_EQ(::mkfifo(log.c_str(), 0600), 0);
  // Until somebody reads its log, the run cannot start.
  process p({"run", scenario, "--out", (folder / "a").string(), "--log-file", log.string(), "-q"});
  for (int i = 0; i < 200 && !catches(p.id(), SIGUSR1); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  p.signal(SIGUSR1);
  const int reader = ::open(log.c_str(), O_RDONLY | O_NONBLOCK);
  const outcome done = p.finish();
  ::close(reader);
  EXPECT_EQ(done.code, 0) << done.err;
}

TEST_F(long_run, stops_at_the_wall_limit) {
  const outcome done =
      lithify({"run", scenario, "--out", (folder / "a").string(), "--steps", "100000000", "--set",
               "passes.uplift.rate_m_per_yr=1e-9", "--set", "checkpoint.every=0", "--wall-limit",
               "0:00:01", "--json", "--progress", "never"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(json::parse(done.out)["stopped"], true);
}

TEST_F(long_run, has_its_folder_for_itself) {
  const auto p = start();
  wait_for_steps(*p);
  const outcome second =
      lithify({"run", scenario, "--out", (folder / "a").string(), "--progress", "never"});
  EXPECT_EQ(second.code, 2) << second.err;
  EXPECT_EQ(std::count(second.err.begin(), second.err.end(), '\n'), 1) << second.err;
  EXPECT_THAT(second.err, HasSubstr("in use by another run (process " + std::to_string(p->id())));
  run("b");  // another folder is free
  p->signal(SIGKILL);
  EXPECT_EQ(p->finish().code, -SIGKILL);
  run("a", {"--steps", "1"});  // a lock ends with its process
}

TEST_F(long_run, stops_at_once_when_interrupted_twice) {
  write_small_world(folder, 1000, 1000);
  for (const auto& [first, second] : {std::pair(SIGINT, SIGINT), std::pair(SIGTERM, SIGINT)}) {
    const fs::path out = folder / "slow";
    fs::remove_all(out);
    // 1,000 substeps of a million columns: longer than the test.
    process p({"run", scenario, "--out", out.string(), "--set", "run.step_yr=100000", "--set",
               "passes.diffusion.diffusivity_m2_per_yr=0.05", "--set",
               "passes.uplift.rate_m_per_yr=0", "--device", "cpu"});
    const fs::path acknowledged = out / "checkpoint-00000000.h5";
    for (int i = 0; i < 1200 && !fs::exists(acknowledged); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ASSERT_TRUE(fs::exists(acknowledged));
    p.signal(first);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    p.signal(second);
    const auto asked = std::chrono::steady_clock::now();
    EXPECT_EQ(p.finish().code, -second);
    EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(2));
    const outcome verified = lithify({"verify", acknowledged.string()});
    EXPECT_EQ(verified.code, 0) << verified.err;
  }
}

TEST_F(long_run, stops_at_once_when_killed_and_loses_no_checkpoint) {
  const auto p = start();
  wait_for_steps(*p);
  p->signal(SIGKILL);
  EXPECT_EQ(p->finish().code, -SIGKILL);
  const json resumed =
      run("a", {"--resume", "auto", "--steps", "2", "--set", "passes.uplift.rate_m_per_yr=1e-9"});
  EXPECT_EQ(resumed["steps"], 2);
}

}  // namespace
