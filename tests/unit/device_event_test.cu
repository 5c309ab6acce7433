/// Events and buffers outlive the streams that they came from.
#include "lithify/device/verbs.cuh"

#include <gtest/gtest.h>

#include <optional>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

TEST(DeviceEvent, OutlivesItsStream) {
  memory_pool pool;
  const stream home;  // outlives the buffer, which goes back on it
  std::optional<stream> s(stream::delaying(7));
  buffer<int> word(exec{s->ref(), &pool}, 1);
  fill(exec{s->ref(), &pool}, word.data(), 1, 5);
  const event written = event::record(s->ref());
  s->ref().synchronize();
  word.hand_over(home.ref());
  s.reset();
  EXPECT_TRUE(written.complete());
  written.wait();
  EXPECT_EQ(read(exec{home.ref(), &pool}, word.data()), 5);
}

TEST(DeviceEvent, IsCompleteOnlyWhenTheWorkBeforeItIs) {
  memory_pool pool;
  stream s = stream::delaying(11);
  const exec ex{s.ref(), &pool};
  buffer<int> words(ex, 100);
  for (int i = 0; i < 100; ++i) {
    fill(ex, words.data() + i, 1, i);
  }
  const event written = event::record(s.ref());
  written.wait();
  EXPECT_TRUE(written.complete());
  EXPECT_EQ(read(ex, words.data() + 99), 99);
}

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
