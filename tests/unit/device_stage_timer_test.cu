// Stage times belong to the work, not to the call that submitted it; thread counts change nothing.
#include "device_modes.cuh"
#include "lithify/base/error.hpp"
#include "lithify/device/radix_sort.cuh"
#include "lithify/device/stage_timer.cuh"
#include "lithify/device/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

void stir(exec ex, std::uint64_t* words, std::int64_t n) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    words[i] = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15U;
  });
}

TEST(device_stage_timer, adds_up_runs_by_name) {
  in_every_mode([](exec plain) {
    const stage_clock clock;
    const exec ex{plain.stream, plain.memory, &clock};
    EXPECT_TRUE(clock.totals().empty());
    const buffer<std::uint64_t> words(ex, 100000);
    for (int i = 0; i < 3; ++i) {
      const stage_scope whole(ex, "whole");
      {
        const stage_scope part(ex, "part");
        stir(ex, words.data(), words.size());
      }
      stir(ex, words.data(), words.size());
    }
    const std::vector<stage_clock::total> totals = clock.totals();
    ASSERT_EQ(totals.size(), 2U);
    EXPECT_EQ(totals[0].name, "whole");
    EXPECT_EQ(totals[1].name, "part");
    EXPECT_EQ(totals[0].runs, 3U);
    EXPECT_EQ(totals[1].runs, 3U);
    EXPECT_GT(totals[1].seconds, 0.0);
    EXPECT_GE(totals[0].seconds, totals[1].seconds);
  });
}

TEST(device_stage_timer, places_runs_on_a_line_that_begins_when_asked) {
  in_every_mode([](exec plain) {
    stage_clock clock;
    const exec ex{plain.stream, plain.memory, &clock};
    const buffer<std::uint64_t> words(ex, 100000);
    const auto run = [&](const char* name) {
      const stage_scope scope(ex, name);
      stir(ex, words.data(), words.size());
    };
    run("before");
    EXPECT_TRUE(clock.runs().empty()) << "nobody asked";
    clock.record(ex.stream);
    {
      const stage_scope whole(ex, "whole");
      run("first");
      run("second");
    }
    const std::vector<stage_clock::run> runs = clock.runs();
    ASSERT_EQ(runs.size(), 3U);
    const auto of = [&](const std::string& name) {
      for (const stage_clock::run& r : runs) {
        if (r.name == name) {
          return r;
        }
      }
      ADD_FAILURE() << "no run of " << name;
      return stage_clock::run{};
    };
    const stage_clock::run whole = of("whole"), first = of("first"), second = of("second");
    constexpr double rounding = 2e-6;  // of times that events took
    EXPECT_GE(whole.begin, 0.0);
    EXPECT_GE(first.begin, whole.begin - rounding);
    EXPECT_GE(second.begin, first.begin + first.seconds - rounding);
    EXPECT_LE(second.begin + second.seconds, whole.begin + whole.seconds + rounding);
    run("third");
    clock.record(ex.stream);
    EXPECT_TRUE(clock.runs().empty()) << "a new line";
    EXPECT_EQ(clock.totals().size(), 5U);
  });
}

TEST(device_stage_timer, may_end_before_the_work_it_times) {
  memory_pool pool;
  stream s = stream::delaying(1);
  const exec untimed{s.ref(), &pool};
  const buffer<std::uint64_t> words(untimed, 1000);
  {
    const stage_clock clock;
    const exec ex{s.ref(), &pool, &clock};
    const stage_scope scope(ex, "stage");
    stir(ex, words.data(), words.size());
  }
  s.ref().synchronize();
}

TEST(device_stage_timer, times_nothing_without_a_clock) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  const buffer<std::uint64_t> words(ex, 1000);
  const stage_scope scope(ex, "stage");
  stir(ex, words.data(), words.size());
}

#if !LITHIFY_ON_CUDA
TEST(device_stage_timer, times_delayed_work_where_it_runs) {
  stream s = stream::delaying(2);
  memory_pool pool;
  const stage_clock clock;
  const auto start = std::chrono::steady_clock::now();
  std::atomic<bool> open{false};
  {
    const stage_scope scope({s.ref(), &pool, &clock}, "slow");
    submit(s.ref(), [&] {
      while (!open.load()) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
  }
  open = true;
  const std::vector<stage_clock::total> totals = clock.totals();
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  ASSERT_EQ(totals.size(), 1U);
  EXPECT_GE(totals[0].seconds, 0.02);
  EXPECT_LE(totals[0].seconds, whole.count());
}

TEST(device_stage_timer, begins_a_line_when_earlier_work_is_over) {
  using host_clock = std::chrono::steady_clock;
  stream s = stream::delaying(2);
  memory_pool pool;
  stage_clock clock;
  std::optional<host_clock::time_point> over;
  submit(s.ref(), [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    over = host_clock::now();
  });
  clock.record(s.ref());
  ASSERT_TRUE(over.has_value());
  { const stage_scope scope({s.ref(), &pool, &clock}, "stage"); }
  const std::vector<stage_clock::run> runs = clock.runs();
  const std::chrono::duration<double> since = host_clock::now() - *over;
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_GE(runs[0].begin, 0.0);
  EXPECT_LE(runs[0].begin + runs[0].seconds, since.count());
}

TEST(device_threads, results_do_not_depend_on_their_number) {
  constexpr std::int64_t n = 300000;
  std::vector<std::uint64_t> expected;
  for (const int threads : {1, 2, 16, 0}) {
    SCOPED_TRACE("threads " + std::to_string(threads));
    memory_pool pool;
    stream s;
    const exec ex{s.ref(), &pool};
    const buffer<std::uint64_t> words(ex, n);
    with_threads(threads, [&] {
      stir(ex, words.data(), n);
      sort_keys(ex, words.data(), n, 20, 50);
    });
    const std::vector<std::uint64_t> got = to_host(ex, words);
    if (expected.empty()) {
      expected = got;
    }
    EXPECT_TRUE(got == expected);
  }
}

TEST(device_threads, passes_errors_on_and_refuses_negative_numbers) {
  EXPECT_THROW(with_threads(-1, [] {}), error);
  EXPECT_THROW(with_threads(2, [] { throw error(errc::internal, "from inside"); }), error);
}

#if THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_TBB
TEST(device_threads, one_thread_is_the_caller) {
  memory_pool pool;
  stream s;
  std::atomic<int> elsewhere{0};
  std::atomic<int>* const count = &elsewhere;
  const std::thread::id here = std::this_thread::get_id();
  with_threads(1, [&] {
    for_each_n({s.ref(), &pool}, 100000, [=](std::int64_t) {
      if (std::this_thread::get_id() != here) {
        ++*count;
      }
    });
  });
  EXPECT_EQ(elsewhere.load(), 0);
}
#endif
#endif

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
