// kill -9 while checkpoints are written over each other: the file is always one of them, whole.
#include "../unit/io_test_support.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

namespace lithify::io {
namespace {

checkpoint numbered(std::int64_t step) {
  checkpoint c = test::sample_checkpoint();
  c.state.step = step;
  // Large enough that many kills land between two writes.
  c.columns.push_back(test::ramp<std::int64_t>("padding", "", {200000}, step));
  return c;
}

/// Stops the writer in the middle of a write: while its temporary file lies beside the checkpoint.
void stop_while_writing(pid_t writer, const test::scratch_folder& folder, useconds_t later_us) {
  for (;;) {
    while (folder.files() < 2) {
      ::usleep(50);
    }
    ::usleep(later_us);
    ::kill(writer, SIGSTOP);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, WUNTRACED), writer);
    ASSERT_TRUE(WIFSTOPPED(status)) << "the writer ended by itself";
    if (folder.files() > 1) {
      return;
    }
    ::kill(writer, SIGCONT);  // that write was over: wait for the next
  }
}

TEST(crash, kill_while_writing_leaves_a_whole_checkpoint) {
  constexpr int kills = 100;
  const test::scratch_folder folder;
  const std::filesystem::path file = folder / "a.h5";
  const checkpoint even = numbered(0);
  const checkpoint odd = numbered(1);
  write_checkpoint(file, even);
  std::mt19937_64 random(3);
  for (int i = 0; i < kills; ++i) {
    const bool anywhere = i % 2 == 0;  // else inside a write
    const auto wait_us = static_cast<useconds_t>(random() % (anywhere ? 30000 : 1500));
    if (!anywhere) {  // what an earlier kill left is no sign of a write
      for (const auto& entry : std::filesystem::directory_iterator(file.parent_path())) {
        if (entry.path() != file) {
          std::filesystem::remove(entry.path());
        }
      }
    }
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        write_checkpoint(file, odd);
        write_checkpoint(file, even);
      }
    }
    if (anywhere) {
      ::usleep(wait_us);
    } else {
      stop_while_writing(child, folder, wait_us);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
    if (!anywhere) {
      EXPECT_GT(folder.files(), 1U) << "the kill hit no write";
    }
    const checkpoint found = read_checkpoint(file);
    test::expect_equal(found.state.step == 0 ? even : odd, found);
  }
  write_checkpoint(file, even);
  EXPECT_EQ(folder.files(), 1U) << "the next writer takes over what a killed one left";
}

}  // namespace
}  // namespace lithify::io
