// Streams keep order, delay where they should, and wait for each other through events.
#include "device_modes.cuh"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

void append_digit(exec ex, std::int64_t* number, std::int64_t digit) {
  for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) { *number = *number * 10 + digit; });
}

TEST(device_stream, runs_work_in_order) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    memory_pool pool;
    stream s = stream::delaying(seed);
    const exec ex{s.ref(), &pool};
    const buffer<std::int64_t> number(ex, 1);
    fill(ex, number.data(), 1, std::int64_t{0});
    for (std::int64_t digit = 1; digit < 10; ++digit) {
      append_digit(ex, number.data(), digit);
    }
    EXPECT_EQ(read(ex, number.data()), 123456789);
  }
}

TEST(device_stream, keeps_its_work_when_moved) {
  memory_pool pool;
  stream home;
  const buffer<std::int64_t> number({home.ref(), &pool}, 1);
  home.ref().synchronize();  // the memory is there before another stream writes it
  stream first = stream::delaying(1);
  fill({first.ref(), &pool}, number.data(), 1, std::int64_t{7});
  stream second = std::move(first);
  append_digit({second.ref(), &pool}, number.data(), 1);
  stream third;
  third = std::move(second);
  EXPECT_EQ(read(exec{third.ref(), &pool}, number.data()), 71);
}

TEST(device_stream, a_stream_held_back_runs_after_the_point) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    memory_pool pool;
    stream home;
    stream writer = stream::delaying(seed);
    stream reader = stream::delaying(seed + 100);
    const buffer<std::int64_t> number({home.ref(), &pool}, 1);
    fill({home.ref(), &pool}, number.data(), 1, std::int64_t{0});
    home.ref().synchronize();
    for (std::int64_t digit = 1; digit < 6; ++digit) {
      append_digit({writer.ref(), &pool}, number.data(), digit);
    }
    event::record(writer.ref()).hold_back(reader.ref());
    append_digit({reader.ref(), &pool}, number.data(), 6);
    reader.ref().synchronize();
    EXPECT_EQ(read(exec{home.ref(), &pool}, number.data()), 123456);
    writer.ref().synchronize();
  }
}

TEST(device_stream, a_stream_may_wait_for_itself) {
  memory_pool pool;
  stream s = stream::delaying(5);
  const exec ex{s.ref(), &pool};
  const buffer<std::int64_t> number(ex, 1);
  fill(ex, number.data(), 1, std::int64_t{4});
  event::record(s.ref()).hold_back(s.ref());
  append_digit(ex, number.data(), 2);
  EXPECT_EQ(read(ex, number.data()), 42);
}

#if !LITHIFY_ON_CUDA
TEST(device_stream, a_delaying_stream_returns_before_its_work_has_run) {
  std::atomic<bool> open{false};
  std::atomic<int> ran{0};
  stream s = stream::delaying(2);
  submit(s.ref(), [&] {
    while (!open.load()) {
    }
    ++ran;
  });
  const event blocked = event::record(s.ref());
  submit(s.ref(), [&] { ++ran; });
  EXPECT_FALSE(blocked.complete());
  EXPECT_EQ(ran.load(), 0);
  open = true;
  blocked.wait();
  EXPECT_TRUE(blocked.complete());
  EXPECT_GE(ran.load(), 1);
  s.ref().synchronize();
  EXPECT_EQ(ran.load(), 2);
}

TEST(device_stream, the_end_of_a_delaying_stream_waits_for_its_work) {
  std::atomic<int> ran{0};
  {
    stream s = stream::delaying(3);
    for (int i = 0; i < 50; ++i) {
      submit(s.ref(), [&] { ++ran; });
    }
  }
  EXPECT_EQ(ran.load(), 50);
}

TEST(device_stream, a_plain_stream_runs_work_at_once) {
  stream s;
  int ran = 0;
  submit(s.ref(), [&] { ++ran; });
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(event::record(s.ref()).complete());
}

TEST(work_order, visits_every_index_once_and_not_in_order) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    work_order::set_seed(seed);
    for (const std::int64_t n : {1, 2, 3, 10, 97, 1000, 4096}) {
      const work_order order = work_order::of(n);
      std::vector<int> visits(static_cast<std::size_t>(n), 0);
      std::int64_t in_place = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t at = order(i);
        ASSERT_TRUE(at >= 0 && at < n);
        ++visits[static_cast<std::size_t>(at)];
        in_place += at == i ? 1 : 0;
      }
      EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(n), 1)) << "n " << n;
      if (n >= 1000) {
        EXPECT_LT(in_place, n / 2) << "seed " << seed << ", n " << n;
      }
      EXPECT_GE(order.block_size(), 1);
    }
  }
  work_order::set_seed(0);
  const work_order straight = work_order::of(5);
  EXPECT_EQ(straight(3), 3);
}
#endif

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
