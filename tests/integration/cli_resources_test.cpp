// The program at its limits: a standard output that fails, files that may not grow, memory that
// ends. One line, exit 4, and what was written before stays whole.
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>

namespace {

namespace fs = std::filesystem;
using lithify::test::outcome;
using lithify::test::process;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_small_world;
using testing::HasSubstr;

void limit(int resource, rlim_t most) {
  const rlimit both = {most, most};
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

class resources : public testing::Test {
 protected:
  [[nodiscard]] outcome run(std::vector<std::string> more,
                            const std::function<void()>& prepare = {}) const {
    std::vector<std::string> words = {"run", scenario, "--out", (folder / "out").string(),
                                      "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return process(words, LITHIFY_TEST_PROGRAM, prepare).finish();
  }
  /// Every file of the output folder and its bytes.
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(folder / "out")) {
      all[entry.path().filename()] = read_file(entry.path());
    }
    return all;
  }
  static void expect_refused(const outcome& done, const std::string& why) {
    EXPECT_EQ(done.code, 4) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    EXPECT_THAT(done.err, HasSubstr(why));
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder);
};

TEST_F(resources, a_standard_output_that_is_full) {
  const auto full = [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); };
  for (const std::vector<std::string>& words : {std::vector<std::string>{"devices"},
                                                {"--help"},
                                                {"--version"},
                                                {"run", "--help"},
                                                {"check", scenario}}) {
    expect_refused(process(words, LITHIFY_TEST_PROGRAM, full).finish(), "standard output");
  }
  expect_refused(run({"--progress", "never"}, full), "standard output");
  EXPECT_EQ(files().count("summary.json"), 1U) << "the run itself was done";
}

TEST_F(resources, a_standard_output_that_is_closed) {
  const auto closed = [] { ::close(STDOUT_FILENO); };
  expect_refused(run({"--progress", "never"}, closed), "standard output");
  for (const auto& [name, bytes] : files()) {
    if (name.ends_with(".h5")) {
      EXPECT_EQ(lithify::test::lithify({"verify", (folder / "out" / name).string()}).code, 0)
          << name << ": what is printed must not land in it";
    }
  }
}

TEST_F(resources, nobody_listens_to_a_run) {
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  const outcome done = run({"--progress", "always", "-v"}, [&] { ::dup2(ends[1], STDERR_FILENO); });
  ::close(ends[1]);
  EXPECT_EQ(done.code, 0) << "a run does not end because its progress is not read";
}

TEST_F(resources, files_may_not_grow) {
  ASSERT_EQ(run({"--steps", "4"}).code, 0);
  const auto before = files();
  const outcome done =
      run({"--resume", "auto", "--progress", "never"}, [] { limit(RLIMIT_FSIZE, 8192); });
  expect_refused(done, "checkpoint-00000006.h5");
  EXPECT_EQ(done.out, "");
  EXPECT_EQ(files(), before) << "older checkpoints stay, nothing half-written is left";
  EXPECT_EQ(run({"--resume", "auto"}).code, 0);
  // A fresh run that cannot write anything leaves nothing.
  fs::remove_all(folder / "out");
  EXPECT_EQ(run({}, [] { limit(RLIMIT_FSIZE, 0); }).code, 4);  // its line does not fit either
  EXPECT_FALSE(fs::exists(folder / "out"));
  const std::string world = (folder / "w.h5").string();
  process import({"import", (folder / "dem.asc").string(), "-o", world}, LITHIFY_TEST_PROGRAM,
                 [] { limit(RLIMIT_FSIZE, 1000); });
  expect_refused(import.finish(), "w.h5");
  EXPECT_FALSE(fs::exists(world));
}

TEST_F(resources, a_log_that_cannot_grow_is_a_warning) {
  const outcome done = run({"--log-file", "/dev/full", "--progress", "never"});
  EXPECT_EQ(done.code, 1) << done.err;
  EXPECT_THAT(done.err, HasSubstr("log file '/dev/full'"));
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << "said once: " << done.err;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(resources, memory_ends_anywhere) {
  write_small_world(folder, 400, 300);
  ASSERT_EQ(run({"--steps", "2"}).code, 0);
  const auto before = files();
  int refused = 0;
  for (rlim_t mebibytes = 100; mebibytes <= 3200; mebibytes += mebibytes / 4) {
    const outcome done = run({"--resume", "auto", "--steps", "3", "--threads", "2", "-q"},
                             [=] { limit(RLIMIT_AS, mebibytes << 20); });
    if (done.code == 0) {
      break;
    }
    if (done.code == 127) {
      continue;  // the libraries themselves do not fit
    }
    expect_refused(done, "");
    EXPECT_EQ(files(), before) << mebibytes;
    ++refused;
  }
  EXPECT_GT(refused, 0) << "no limit hit the run: the test proves nothing";
}
#endif

}  // namespace
