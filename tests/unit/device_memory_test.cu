// The pool's accounting, its limit and test hooks, the ownership of buffers, and lifetimes that end
// before the work that uses the memory has run.
#include "device_modes.cuh"
#include "lithify/base/error.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

errc code_of(auto&& call) {
  try {
    call();
  } catch (const error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return errc::internal;
}

void number_words(exec ex, std::int64_t* words, std::int64_t n) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { words[i] = i; });
}

void double_words(exec ex, const std::int64_t* from, std::int64_t* to, std::int64_t n) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { to[i] = 2 * from[i]; });
}

TEST(device_memory, blocks_are_aligned_and_distinct) {
  memory_pool pool;
  stream s;
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (const std::size_t bytes : {1, 255, 256, 257, 4096, 100000, 5000000}) {
    auto* const block = static_cast<char*>(pool.allocate(bytes, s.ref()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 256, 0U) << bytes;
    for (const auto& [other, size] : blocks) {
      EXPECT_TRUE(block + bytes <= other || other + size <= block);
    }
    blocks.emplace_back(block, bytes);
  }
  for (const auto& [block, bytes] : blocks) {
    pool.deallocate(block, bytes, s.ref());
  }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
}

TEST(device_memory, accounts_for_every_block) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  std::size_t requested = 0;
  {
    std::vector<buffer<std::byte>> held;
    for (std::int64_t size = 1; size < 3000000; size = size * 3 + 1) {
      held.emplace_back(ex, size);
      requested += static_cast<std::size_t>(size);
      EXPECT_GE(pool.bytes_in_use(), requested);
      EXPECT_LE(pool.bytes_in_use(), requested + requested / 8 + held.size() * 256);
    }
    EXPECT_EQ(pool.allocations(), held.size());
    EXPECT_EQ(pool.peak_bytes(), pool.bytes_in_use());
  }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
  EXPECT_GE(pool.peak_bytes(), requested);
}

TEST(device_memory, an_empty_buffer_takes_nothing) {
  memory_pool pool;
  stream s;
  const buffer<std::int64_t> empty({s.ref(), &pool}, 0);
  EXPECT_EQ(empty.data(), nullptr);
  EXPECT_EQ(empty.size(), 0);
  EXPECT_EQ(pool.allocations(), 0U);
  const buffer<std::int64_t> none;
  EXPECT_EQ(none.bytes(), 0U);
}

TEST(device_memory, buffers_move_and_give_back_once) {
  static_assert(!std::is_copy_constructible_v<buffer<int>>);
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  buffer<int> a(ex, 1000);
  buffer<int> b(ex, 500);
  int* const first = a.data();
  const std::size_t both = pool.bytes_in_use();
  b = std::move(a);
  EXPECT_EQ(b.data(), first);
  EXPECT_EQ(b.size(), 1000);
  EXPECT_LT(pool.bytes_in_use(), both);
  buffer<int>& alias = b;
  b = std::move(alias);
  EXPECT_EQ(b.data(), first);
  const buffer<int> c = std::move(b);
  EXPECT_EQ(c.data(), first);
  b = buffer<int>();
  EXPECT_GT(pool.bytes_in_use(), 0U);
}

TEST(device_memory, keeps_to_its_limit) {
  memory_pool pool(1 << 20);
  stream s;
  const exec ex{s.ref(), &pool};
  const buffer<std::byte> most(ex, 900 << 10);
  const std::size_t before = pool.bytes_in_use();
  EXPECT_EQ(code_of([&] { buffer<std::byte>(ex, 200 << 10); }), errc::out_of_memory);
  EXPECT_EQ(code_of([&] { buffer<std::byte>(ex, std::int64_t{1} << 62); }), errc::out_of_memory);
  EXPECT_EQ(pool.bytes_in_use(), before);
  EXPECT_EQ(pool.allocations(), 1U);
  const buffer<std::byte> rest(ex, 50 << 10);
  EXPECT_LE(pool.peak_bytes(), std::size_t{1} << 20);
}

TEST(device_memory, refuses_sizes_that_no_count_holds) {
  memory_pool pool;
  stream s;
  for (const std::size_t below : {std::size_t{1}, std::size_t{1} << 43, std::size_t{1} << 63}) {
    EXPECT_EQ(code_of([&] { (void)pool.allocate(std::size_t{0} - below, s.ref()); }),
              errc::out_of_memory)
        << below;
  }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
}

TEST(device_memory, a_full_limit_can_be_used_again_in_other_sizes) {
  memory_pool pool(8 << 20);
  stream s;
  const exec ex{s.ref(), &pool};
  for (std::int64_t size = 1 << 10; size <= 8 << 20; size *= 2) {
    std::vector<buffer<std::byte>> held;
    for (std::int64_t used = 0; used < 8 << 20; used += size) {
      held.emplace_back(ex, size);
    }
    EXPECT_EQ(pool.bytes_in_use(), std::size_t{8} << 20);
  }
}

TEST(device_memory, fails_the_allocation_that_a_test_names) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  pool.fail_allocation(2);
  const buffer<int> a(ex, 10);
  const buffer<int> b(ex, 10);
  const std::size_t before = pool.bytes_in_use();
  EXPECT_EQ(code_of([&] { buffer<int>(ex, 10); }), errc::out_of_memory);
  EXPECT_EQ(pool.bytes_in_use(), before);
  const buffer<int> c(ex, 10);
  EXPECT_EQ(pool.allocations(), 3U);
}

TEST(device_memory, temporaries_live_until_their_work_has_run) {
  constexpr std::int64_t n = 10000;
  memory_pool pool;
  pool.poison_freed(true);
  stream at_once;
  const buffer<std::int64_t> to({at_once.ref(), &pool}, n);
  at_once.ref().synchronize();  // the memory is there before another stream writes it
  stream s = stream::delaying(1);
  const exec ex{s.ref(), &pool};
  std::atomic<bool> open{false};
  {
    const buffer<std::int64_t> temporary(ex, n);
    number_words(ex, temporary.data(), n);
    const event written = event::record(s.ref());
#if !LITHIFY_ON_CUDA
    submit(s.ref(), [&open] {
      while (!open.load()) {
      }
    });
#endif
    double_words(ex, temporary.data(), to.data(), n);
    written.wait();
  }
  // Between the write and the read of the temporary, its owner is gone: what is allocated now must
  // not be its memory.
  const buffer<std::int64_t> next({at_once.ref(), &pool}, n);
  fill({at_once.ref(), &pool}, next.data(), n, std::int64_t{-1});
  open = true;
  s.ref().synchronize();
  const std::vector<std::int64_t> got = to_host({at_once.ref(), &pool}, to);
  for (std::int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(got[static_cast<std::size_t>(i)], 2 * i);
  }
}

TEST(device_memory, a_pool_outlives_blocks_that_a_stream_still_holds) {
  stream s = stream::delaying(3);
  for (int round = 0; round < 20; ++round) {
    auto pool = std::make_unique<memory_pool>();
    const exec ex{s.ref(), pool.get()};
    buffer<std::int64_t> words(ex, 5000);
    fill(ex, words.data(), words.size(), std::int64_t{1});
    words = buffer<std::int64_t>();
    pool.reset();  // waits for what the stream still has to give back
  }
}

TEST(device_memory, serves_many_threads) {
  memory_pool pool(64 << 20);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      stream s = t % 2 == 0 ? stream() : stream::delaying(static_cast<std::uint64_t>(t));
      const exec ex{s.ref(), &pool};
      for (std::int64_t round = 0; round < 200; ++round) {
        const buffer<std::int64_t> words(ex, 1 + round * 37 % 5000);
        fill(ex, words.data(), words.size(), round * t);
        ASSERT_EQ(read(ex, words.data() + words.size() - 1), round * t);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
  EXPECT_EQ(pool.allocations(), 800U);
}

#if LITHIFY_ON_CUDA
TEST(device_memory, has_what_another_pool_of_the_gpu_keeps) {
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  const auto most = static_cast<std::int64_t>(free / 5 * 3);
  memory_pool first;
  memory_pool second;
  stream s;
  { const buffer<std::byte> kept({s.ref(), &first}, most); }
  const buffer<std::byte> held({s.ref(), &second}, most);
  EXPECT_GE(second.bytes_in_use(), static_cast<std::size_t>(most));
}
#else
TEST(device_memory, reuses_and_poisons_freed_blocks) {
  memory_pool pool;
  stream s;
  void* const first = pool.allocate(1000, s.ref());
  std::memset(first, 1, 1000);
  pool.poison_freed(true);
  pool.deallocate(first, 1000, s.ref());
#if !defined(__SANITIZE_ADDRESS__)
  auto* const again = static_cast<unsigned char*>(pool.allocate(1000, s.ref()));
  ASSERT_EQ(again, first);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(again[i], 0xDD);
  }
  pool.deallocate(again, 1000, s.ref());
#endif
}
#endif

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
