// `lithify run` that somebody ends or asks for something: signals, limits, a second run.
#include "run_command.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::process;
using lithify::test::read_file;
using lithify::test::run_command;
using lithify::test::write_small_world;
using nlohmann::json;
using testing::HasSubstr;

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
    EXPECT_THAT(p->err_so_far(), testing::StartsWith("step ")) << "plain lines, as on no terminal";
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

TEST_F(long_run, is_done_where_it_is_stopped_at_its_last_step) {
  const std::vector<std::string> at_once = {"--steps",      "2",       "--resume", "auto",
                                            "--wall-limit", "0:00:00", "-v"};
  const json early = run("a", at_once);
  EXPECT_EQ(early["steps"], 1);
  EXPECT_EQ(early["stopped"], true);
  const json done = run("a", at_once);
  EXPECT_THAT(last_err, HasSubstr("wall limit reached"));
  EXPECT_EQ(done["steps"], 2);
  EXPECT_EQ(done["stopped"], false);
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
