// `lithify run` from outside: worlds to start from, resuming, one digest for every way to run.
#include "run_command.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::process;
using lithify::test::read_file;
using lithify::test::run_command;
using lithify::test::write_file;
using nlohmann::json;
using testing::HasSubstr;

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
  EXPECT_THAT(last_err, HasSubstr("other values of run.seed, which stay as they are in it"));
  EXPECT_THAT(last_err, HasSubstr("other values of material.soil.erodibility, material.soil.name, "
                                  "passes.uplift.rate_m_per_yr, run.step_yr; from step 2 on"));
  EXPECT_EQ(s["warnings"].size(), 2u);
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

TEST_F(run_command, sets_aside_what_it_cannot_read_before_it_writes_that_name) {
  const json whole = run("whole");
  for (const bool is_folder : {false, true}) {
    const std::string out = is_folder ? "folder" : "file";
    run(out, {"--steps", "4"});
    const fs::path broken = folder / out / "checkpoint-00000004.h5";
    fs::remove(broken);
    if (is_folder) {
      fs::create_directory(broken);
    } else {
      write_file(broken, "no checkpoint");
    }
    const fs::path from = folder / out / "checkpoint-00000002.h5";
    const json resumed = run(out, {"--resume", from.string()}, 1);
    EXPECT_EQ(resumed["digest"], whole["digest"]);
    EXPECT_EQ(resumed["warnings"].size(), 1U);
    EXPECT_THAT(last_err, HasSubstr("checkpoint-00000004.h5.broken"));
    EXPECT_EQ(fs::is_directory(broken.string() + ".broken"), is_folder);
    EXPECT_EQ(fs::is_regular_file(broken.string() + ".broken"), !is_folder);
  }
}

// The disk may not give what lies on it: here the name is a folder's.
TEST_F(run_command, falls_back_past_what_the_disk_does_not_give) {
  const json whole = run("whole", {"--steps", "6"});
  run("part", {"--steps", "4"});
  const fs::path newest = folder / "part" / "checkpoint-00000005.h5";
  fs::create_directory(newest);
  fs::create_symlink("/nowhere/x", folder / "part" / "checkpoint-00000007.h5");
  const json resumed = run("part", {"--resume", "auto", "--keep", "2", "--steps", "6"}, 1);
  EXPECT_EQ(resumed["first_step"], 4);
  EXPECT_EQ(resumed["digest"], whole["digest"]);
  EXPECT_TRUE(fs::is_directory(newest)) << "it may be whole: it keeps its name";
  EXPECT_TRUE(fs::exists(folder / "part" / "checkpoint-00000004.h5"))
      << "the one passed over counts for --keep";
}

TEST_F(run_command, writes_over_nothing_that_it_can_neither_read_nor_set_aside) {
  run("part", {"--steps", "2"});
  const fs::path next = folder / "part" / "checkpoint-00000004.h5";
  write_file(next, "no checkpoint");
  fs::create_directories(next.string() + ".broken/inside");
  const std::string from = (folder / "part" / "checkpoint-00000002.h5").string();
  EXPECT_TRUE(run("part", {"--resume", from}, 2).is_null());
  EXPECT_THAT(last_err, HasSubstr("is not overwritten: move it away"));
  EXPECT_EQ(read_file(next), "no checkpoint");
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
  const std::string shown =
      on_terminal({"run", scenario, "--out", (folder / "a").string(), "--progress", "always"});
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
  EXPECT_LT(without["deltas_consolidated"], without["deltas_emitted"]) << "older ones are covered";
  for (const std::string strategy : {"all", "lazy_threshold"}) {
    const json with = run_with(strategy, {"--set", "passes.diffusion.overlay.threshold=1", "--set",
                                          "passes.diffusion.overlay.strategy=" + strategy});
    EXPECT_EQ(with["consolidations"], 6) << "one a step, and nothing is left for the checkpoint";
    EXPECT_EQ(with["deltas_consolidated"], with["deltas_emitted"]);
    EXPECT_EQ(with["digest"], without["digest"]);
    EXPECT_EQ(with["budget"], without["budget"]);
  }
  EXPECT_EQ(run_with("b", {"--set", "passes.uplift.overlay.threshold=1"})["consolidations"], 1)
      << "a pass that emits nothing";
}

TEST_F(run_command, resumes_without_the_dem_that_it_came_from) {
  const json whole = run("whole");
  run("part", {"--steps", "4"});
  fs::remove(folder / "dem.asc");
  const json s = run("part", {"--resume", "auto", "--set", "output.pictures=['difference']"}, 1);
  EXPECT_EQ(s["digest"], whole["digest"]);
  EXPECT_EQ(s["warnings"].size(), 1U) << "not compared; the start is drawn from its checkpoint";
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
  EXPECT_TRUE(fs::exists(folder / "a" / "checkpoint-00000000.h5")) << "to go on by itself";
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

}  // namespace
