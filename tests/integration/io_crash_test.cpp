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

TEST(crash, kill_while_writing_leaves_a_whole_checkpoint) {
  constexpr int kills = 100;
  const test::scratch_folder folder;
  const std::filesystem::path file = folder / "a.h5";
  const checkpoint even = numbered(0);
  const checkpoint odd = numbered(1);
  write_checkpoint(file, even);
  std::mt19937_64 random(3);
  int temporary_left = 0;
  for (int i = 0; i < kills; ++i) {
    const auto wait_us = static_cast<useconds_t>(random() % 30000);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        write_checkpoint(file, odd);
        write_checkpoint(file, even);
      }
    }
    ::usleep(wait_us);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
    temporary_left += folder.files() > 1 ? 1 : 0;
    const checkpoint found = read_checkpoint(file);
    test::expect_equal(found.state.step == 0 ? even : odd, found);
  }
  EXPECT_GT(temporary_left, 0) << "no kill hit a write: the test proves nothing";
  write_checkpoint(file, even);
  EXPECT_EQ(folder.files(), 1U) << "the next writer takes over what a killed one left";
}

}  // namespace
}  // namespace lithify::io
