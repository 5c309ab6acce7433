// A disk that refuses to sync a file once: every file of a run stands all the same, and the run
// says which one it was.
#include "lithify/base/error.hpp"
#include "lithify/engine/run.hpp"
#include "lithify/io/checkpoint.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

namespace {

std::atomic<int> syncs_left = -1;  // of plain files, until one is refused; below 0: none is

}  // namespace

// In the place of the C library's for the whole program.
extern "C" int fsync(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && syncs_left >= 0 &&
      syncs_left-- == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace lithify::engine {
namespace {

namespace fs = std::filesystem;

class listener : public run_observer {
 public:
  void note(const std::string& /*text*/) override {}
  void warn(const std::string& text) override { warnings.push_back(text); }
  run_request after_step(const run_progress& /*progress*/) override { return run_request::go_on; }

  std::vector<std::string> warnings;
};

struct finished_run {
  digest128 digest;
  std::vector<fs::path> files;
  std::vector<std::string> warnings;
};

finished_run run_into(const fs::path& out, const std::string& scenario_file, int refused) {
  run_options options;
  options.device = "cpu";
  options.out = out;
  options.profile = out.string() + ".profile";
  options.dump = {2, "end", {0, 0}, out.string() + ".dump"};
  listener heard;
  syncs_left = refused;
  const run_summary summary = run(read_scenario(scenario_file), options, heard);
  EXPECT_EQ(summary.warnings, heard.warnings);
  return {summary.digest, summary.files, heard.warnings};
}

TEST(refused_sync, of_any_file_of_a_run_is_made_up_for_and_told) {
  const test::temporary_folder folder;
  const std::string scenario_file = test::write_small_world(folder);
  const finished_run whole = run_into(folder / "whole", scenario_file, -1);
  EXPECT_TRUE(whole.warnings.empty());
  int refused = 0;
  for (;; ++refused) {
    SCOPED_TRACE("sync " + std::to_string(refused));
    const finished_run r =
        run_into(folder / ("run" + std::to_string(refused)), scenario_file, refused);
    const bool none_left_to_refuse = syncs_left >= 0;
    syncs_left = -1;
    EXPECT_EQ(r.digest, whole.digest);
    EXPECT_EQ(r.files.size(), whole.files.size());
    for (const fs::path& file : r.files) {
      EXPECT_TRUE(fs::is_regular_file(file)) << file;
    }
    if (none_left_to_refuse) {
      EXPECT_TRUE(r.warnings.empty());
      break;
    }
    EXPECT_THAT(r.warnings, testing::ElementsAre(testing::HasSubstr("was written a second time")));
    if (HasFailure()) {
      break;
    }
  }
  EXPECT_GE(refused, static_cast<int>(whole.files.size())) << "not every file is synced";
}

}  // namespace
}  // namespace lithify::engine
