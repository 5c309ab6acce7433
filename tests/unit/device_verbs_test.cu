// Every verb at the sizes where loops, warps and blocks begin and end, in every work order, on
// streams that run at once and on streams that delay; expectations come from plain loops.
#include "device_modes.cuh"
#include "lithify/base/hash128.hpp"
#include "lithify/device/atomic.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

using numbers = std::vector<std::int64_t>;

LITHIFY_HD std::int64_t scrambled(std::int64_t i) {
  return static_cast<std::int64_t>(mix64(static_cast<std::uint64_t>(i)) >> 1);
}

numbers scrambled_numbers(std::int64_t n) {
  numbers made(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i] = scrambled(static_cast<std::int64_t>(i));
  }
  return made;
}

// Lambdas of device code lie in free functions: the bodies of tests are private members.

void store_scrambled(exec ex, std::int64_t* out, std::int64_t n) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { out[i] = scrambled(i); });
}

void count_visits(exec ex, std::int32_t* visits, std::int64_t n) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { atomic_add(visits + i, 1); });
}

/// No bit, each bit alone, all bits, then half or a quarter of them.
LITHIFY_HD std::uint64_t some_bits(std::int64_t i) {
  const auto half = static_cast<std::uint64_t>(scrambled(2 * i)) << 1;
  return i == 0       ? 0
         : i <= 64    ? std::uint64_t{1} << (i - 1)
         : i == 65    ? ~std::uint64_t{0}
         : i % 2 == 0 ? half
                      : half & static_cast<std::uint64_t>(scrambled(2 * i + 1));
}

/// Counts each visit of a bit, and the bits of an item in a phase after.
void visit_bits(exec ex, std::int32_t* visits, std::int32_t* totals, std::int64_t n) {
  for_each_group<64>(ex, n,
                     [=] LITHIFY_DEVICE(const lane_group& g, std::int64_t i, std::byte* scratch) {
                       auto* const total = reinterpret_cast<std::int32_t*>(scratch);
                       g.once([=] { *total = 0; });
                       g.each_bit(some_bits(i), [=](int bit) {
                         atomic_add(&visits[64 * i + bit], 1);
                         atomic_add(total, 1);
                       });
                       g.once([=] { totals[i] = *total; });
                     });
}

/// Per item, through three phases: squares into the scratch, their reverse, the sum of one half.
template <std::size_t Scratch>
void sum_in_phases(exec ex, std::int64_t* out, std::int64_t n) {
  constexpr int words = static_cast<int>(Scratch / sizeof(std::int64_t));
  for_each_group<Scratch>(
      ex, n, [=] LITHIFY_DEVICE(const lane_group& g, std::int64_t i, std::byte* scratch) {
        auto* const value = reinterpret_cast<std::int64_t*>(scratch);
        g.each(words, [=](int w) { value[w] = (i + w) * (i + w); });
        g.each(words / 2, [=](int w) { value[w] += value[words - 1 - w]; });
        const int odd = g.count(words / 2, [=](int w) { return value[w] % 2 != 0; });
        g.once([=] {
          std::int64_t sum = odd;
          for (int w = 0; w < words / 2; ++w) {
            sum += value[w];
          }
          out[i] = sum;
        });
      });
}

std::int64_t expected_sum(std::int64_t i, int words) {
  std::int64_t sum = 0;
  for (int w = 0; w < words / 2; ++w) {
    const std::int64_t other = words - 1 - w;
    const std::int64_t pair = (i + w) * (i + w) + (i + other) * (i + other);
    sum += pair + (pair % 2 != 0 ? 1 : 0);
  }
  return sum;
}

template <std::size_t Scratch>
void expect_phases(exec ex, std::int64_t n) {
  SCOPED_TRACE("scratch " + std::to_string(Scratch) + ", n " + std::to_string(n));
  const buffer<std::int64_t> out(ex, n);
  sum_in_phases<Scratch>(ex, out.data(), n);
  const numbers got = to_host(ex, out);
  for (std::int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(got[static_cast<std::size_t>(i)],
              expected_sum(i, static_cast<int>(Scratch / sizeof(std::int64_t))))
        << "item " << i;
  }
}

std::int64_t device_sum(exec ex, const std::int64_t* values, std::int64_t n) {
  return reduce(
      ex, n, std::int64_t{5},
      [] LITHIFY_HD(std::int64_t a, std::int64_t b) -> std::int64_t { return a + b; },
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return values[i] >> 24; });
}

std::int64_t device_max(exec ex, const std::int64_t* values, std::int64_t n) {
  return reduce(
      ex, n, std::numeric_limits<std::int64_t>::min(),
      [] LITHIFY_HD(std::int64_t a, std::int64_t b) -> std::int64_t { return a > b ? a : b; },
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return values[i]; });
}

void scan_shifted(exec ex, const std::int64_t* values, std::int64_t n, std::int64_t* out) {
  exclusive_scan(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return values[i] >> 24; }, out);
}

void select_below(exec ex,
                  const std::int64_t* values,
                  std::int64_t n,
                  std::int64_t bound,
                  std::int64_t* out,
                  std::int64_t* total) {
  select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> bool { return values[i] < bound; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t position) { out[position] = i; }, total);
}

std::int64_t count_below(
    exec ex, const std::int64_t* values, std::int64_t n, std::int64_t bound, std::int64_t* out) {
  return select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> bool { return values[i] < bound; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t position) { out[position] = i; });
}

void apply_atomics(exec ex, std::int64_t n, std::uint64_t* words) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const auto u = static_cast<std::uint64_t>(i);
    atomic_add(words, u);
    atomic_max(words + 1, mix64(u));
    atomic_min(words + 2, mix64(u));
    atomic_or(words + 3, std::uint64_t{1} << (mix64(u) % 64));
    if (atomic_cas(words + 4 + i % 100, std::uint64_t{0}, u + 1) == 0) {
      atomic_add(words + 104, std::uint64_t{1});  // won the slot
    }
  });
}

struct twelve_bytes {
  std::int32_t a, b, c;
  bool operator==(const twelve_bytes&) const = default;
};

TEST(device_verbs, for_each_n_runs_every_index_once) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : edge_sizes) {
      SCOPED_TRACE("n " + std::to_string(n));
      const buffer<std::int64_t> out(ex, n);
      store_scrambled(ex, out.data(), n);
      ASSERT_TRUE(to_host(ex, out) == scrambled_numbers(n));
      const buffer<std::int32_t> visits(ex, n);
      fill(ex, visits.data(), n, 0);
      count_visits(ex, visits.data(), n);
      const std::vector<std::int32_t> got = to_host(ex, visits);
      ASSERT_EQ(std::count(got.begin(), got.end(), 1), n);
    }
  });
}

TEST(device_verbs, for_each_group_runs_phases_in_order) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : {0, 1, 7, 8, 9, 31, 32, 33, 1000}) {
      expect_phases<16>(ex, n);
      expect_phases<520>(ex, n);
      expect_phases<4096>(ex, n);
    }
    expect_phases<48 * 1024>(ex, 33);
    expect_phases<64>(ex, 100000);
  });
}

TEST(device_verbs, groups_visit_the_bits_that_are_set) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : {1, 9, 1000}) {
      const buffer<std::int32_t> visits(ex, 64 * n);
      const buffer<std::int32_t> totals(ex, n);
      fill(ex, visits.data(), visits.size(), 0);
      visit_bits(ex, visits.data(), totals.data(), n);
      const std::vector<std::int32_t> got = to_host(ex, visits);
      const std::vector<std::int32_t> total = to_host(ex, totals);
      for (std::int64_t i = 0; i < n; ++i) {
        std::int32_t all = 0;
        for (int bit = 0; bit < 64; ++bit) {
          const std::int32_t expected = some_bits(i) >> bit & 1 ? 1 : 0;
          ASSERT_EQ(got[static_cast<std::size_t>(64 * i + bit)], expected) << i << ", " << bit;
          all += expected;
        }
        ASSERT_EQ(total[static_cast<std::size_t>(i)], all) << i;
      }
    }
  });
}

TEST(device_verbs, fill_sets_every_element_and_no_other) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : edge_sizes) {
      SCOPED_TRACE("n " + std::to_string(n));
      const buffer<std::uint8_t> bytes(ex, n + 2);
      fill(ex, bytes.data(), n + 2, std::uint8_t{7});
      fill(ex, bytes.data() + 1, n, std::uint8_t{200});
      std::vector<std::uint8_t> expected(static_cast<std::size_t>(n) + 2, 200);
      expected.front() = expected.back() = 7;
      ASSERT_TRUE(to_host(ex, bytes) == expected);
    }
    const buffer<twelve_bytes> triples(ex, 1000);
    fill(ex, triples.data(), 1000, twelve_bytes{1, 2, 3});
    EXPECT_TRUE(to_host(ex, triples) == std::vector<twelve_bytes>(1000, {1, 2, 3}));
  });
}

TEST(device_verbs, copies_keep_every_element) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : edge_sizes) {
      SCOPED_TRACE("n " + std::to_string(n));
      numbers source = scrambled_numbers(n);
      const buffer<std::int64_t> first(ex, n);
      const buffer<std::int64_t> second(ex, n);
      copy_to_device(ex, first.data(), source.data(), n);
      std::fill(source.begin(), source.end(), -1);  // the call has taken what it needs
      copy(ex, second.data(), first.data(), n);
      fill(ex, first.data(), n, std::int64_t{0});
      ASSERT_TRUE(to_host(ex, second) == scrambled_numbers(n));
      if (n > 0) {
        ASSERT_EQ(read(ex, second.data() + n - 1), scrambled(n - 1));
      }
    }
  });
}

TEST(device_verbs, reduce_agrees_with_a_loop) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : edge_sizes) {
      SCOPED_TRACE("n " + std::to_string(n));
      const numbers values = scrambled_numbers(n);
      const buffer<std::int64_t> held = to_device(ex, values);
      std::int64_t sum = 5;
      std::int64_t max = std::numeric_limits<std::int64_t>::min();
      for (const std::int64_t v : values) {
        sum += v >> 24;
        max = std::max(max, v);
      }
      ASSERT_EQ(device_sum(ex, held.data(), n), sum);
      ASSERT_EQ(device_max(ex, held.data(), n), max);
    }
  });
}

TEST(device_verbs, values_of_nothing_come_when_the_work_before_is_done) {
  constexpr std::int64_t n = LITHIFY_ON_CUDA ? 1 << 27 : 1 << 12;  // a GPU is not done by itself
  in_every_mode([](exec ex) {
    const buffer<std::int64_t> words(ex, n);
    fill(ex, words.data(), n, std::int64_t{1});
    const event filled = event::record(ex.stream);
    EXPECT_EQ(device_sum(ex, words.data(), 0), 5);
    EXPECT_TRUE(filled.complete());
    fill(ex, words.data(), n, std::int64_t{2});
    const event again = event::record(ex.stream);
    std::int64_t none = 0;
    copy_to_host(ex, &none, words.data(), 0);
    EXPECT_TRUE(again.complete());
  });
}

TEST(device_verbs, exclusive_scan_agrees_with_a_loop) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : edge_sizes) {
      SCOPED_TRACE("n " + std::to_string(n));
      const numbers values = scrambled_numbers(n);
      const buffer<std::int64_t> held = to_device(ex, values);
      const buffer<std::int64_t> out(ex, n + 1);
      scan_shifted(ex, held.data(), n, out.data());
      numbers expected{0};
      for (const std::int64_t v : values) {
        expected.push_back(expected.back() + (v >> 24));
      }
      ASSERT_TRUE(to_host(ex, out) == expected);
    }
  });
}

TEST(device_verbs, select_if_keeps_order_and_counts) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : edge_sizes) {
      const numbers values = scrambled_numbers(n);
      const buffer<std::int64_t> held = to_device(ex, values);
      const std::int64_t most = std::numeric_limits<std::int64_t>::max();
      for (const std::int64_t bound : {std::int64_t{0}, most / 50, most / 2, most}) {
        SCOPED_TRACE("n " + std::to_string(n) + ", bound " + std::to_string(bound));
        numbers expected;
        for (std::int64_t i = 0; i < n; ++i) {
          if (scrambled(i) < bound) {
            expected.push_back(i);
          }
        }
        const auto count = static_cast<std::int64_t>(expected.size());
        const buffer<std::int64_t> out(ex, count);
        const buffer<std::int64_t> total(ex, 1);
        select_below(ex, held.data(), n, bound, out.data(), total.data());
        ASSERT_EQ(read(ex, total.data()), count);
        ASSERT_TRUE(to_host(ex, out) == expected);
        fill(ex, out.data(), count, std::int64_t{-1});
        ASSERT_EQ(count_below(ex, held.data(), n, bound, out.data()), count);
        ASSERT_TRUE(to_host(ex, out) == expected);
      }
    }
  });
}

TEST(device_verbs, atomics_lose_nothing) {
  in_every_mode([](exec ex) {
    constexpr std::int64_t n = 100000;
    std::vector<std::uint64_t> words(105, 0);
    words[2] = ~std::uint64_t{0};
    const buffer<std::uint64_t> held = to_device(ex, words);
    apply_atomics(ex, n, held.data());
    words = to_host(ex, held);
    std::uint64_t max = 0;
    std::uint64_t min = ~std::uint64_t{0};
    std::uint64_t any = 0;
    for (std::uint64_t u = 0; u < n; ++u) {
      max = std::max(max, mix64(u));
      min = std::min(min, mix64(u));
      any |= std::uint64_t{1} << (mix64(u) % 64);
    }
    EXPECT_EQ(words[0], std::uint64_t{n} * (n - 1) / 2);
    EXPECT_EQ(words[1], max);
    EXPECT_EQ(words[2], min);
    EXPECT_EQ(words[3], any);
    EXPECT_EQ(words[104], 100U);
    for (std::uint64_t slot = 0; slot < 100; ++slot) {
      ASSERT_EQ((words[4 + slot] - 1) % 100, slot);
    }
  });
}

TEST(device_verbs, count_what_the_host_reads) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  const buffer<std::int64_t> held = to_device(ex, scrambled_numbers(100));
  EXPECT_EQ(pool.host_bytes_read(), 0U);
  (void)to_host(ex, held);
  EXPECT_EQ(pool.host_bytes_read(), 800U);
  (void)read(ex, held.data());
  EXPECT_EQ(pool.host_bytes_read(), 808U);
  (void)device_sum(ex, held.data(), 100);
  EXPECT_EQ(pool.host_bytes_read(), 816U);
  (void)device_sum(ex, held.data(), 0);
  EXPECT_EQ(pool.host_bytes_read(), 816U);
  EXPECT_EQ(pool.host_reads(), 3U);
}

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
