// The radix sorts against std::stable_sort: sizes around every limit of the algorithm, any range of
// bits, and keys that are random, equal, sorted, reversed, skewed or share a prefix.
#include "device_modes.cuh"
#include "lithify/base/error.hpp"
#include "lithify/device/radix_sort.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

using words = std::vector<std::uint64_t>;

std::uint64_t range_mask(int from, int to) {
  std::uint64_t mask = 0;
  for (int b = from; b < to; ++b) {
    mask |= std::uint64_t{1} << b;
  }
  return mask;
}

enum class shape { random, equal, sorted, reversed, skewed, outlier, few, clustered };

words make_keys(std::int64_t n, shape s, std::mt19937_64& random) {
  words keys(static_cast<std::size_t>(n));
  const std::uint64_t prefix = random();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t r = random();
    switch (s) {
      case shape::random:
      case shape::sorted:
      case shape::reversed:
        keys[i] = r;
        break;
      case shape::equal:
        keys[i] = prefix;
        break;
      case shape::skewed:  // half of the keys in each next lower bit
        keys[i] = r >> (random() % 64);
        break;
      case shape::outlier:  // one key far from all others, where a sample misses it
        keys[i] = i == keys.size() / 3 ? ~std::uint64_t{0} : r & 0xFFFFFFU;
        break;
      case shape::few:
        keys[i] = (r % 3) << 30;
        break;
      case shape::clustered:
        keys[i] = (prefix << 40) | ((i / 64 * 0x9E3779B97F4A7C15ULL) >> 40 << 9) | (r & 0x1FF);
        break;
    }
  }
  if (s == shape::sorted) {
    std::sort(keys.begin(), keys.end());
  } else if (s == shape::reversed) {
    std::sort(keys.begin(), keys.end(), std::greater<>());
  }
  return keys;
}

words sorted_by_bits(words keys, int from, int to) {
  const std::uint64_t mask = range_mask(from, to);
  std::stable_sort(keys.begin(), keys.end(),
                   [=](std::uint64_t a, std::uint64_t b) { return (a & mask) < (b & mask); });
  return keys;
}

void expect_sorts(exec ex, const words& keys, int from, int to) {
  SCOPED_TRACE("n " + std::to_string(keys.size()) + ", bits " + std::to_string(from) + ".." +
               std::to_string(to));
  const auto n = static_cast<std::int64_t>(keys.size());
  const words expected = sorted_by_bits(keys, from, to);
  const buffer<std::uint64_t> sorted = to_device(ex, keys);
  sort_keys(ex, sorted.data(), n, from, to);
  ASSERT_TRUE(to_host(ex, sorted) == expected);

  // Values that number the keys show both that they stay together and that equals keep their order.
  words numbers(keys.size());
  std::iota(numbers.begin(), numbers.end(), 0U);
  const buffer<std::uint64_t> pair_keys = to_device(ex, keys);
  const buffer<std::uint64_t> pair_values = to_device(ex, numbers);
  sort_pairs(ex, pair_keys.data(), pair_values.data(), n, from, to);
  const std::uint64_t mask = range_mask(from, to);
  std::stable_sort(numbers.begin(), numbers.end(), [&](std::uint64_t a, std::uint64_t b) {
    return (keys[a] & mask) < (keys[b] & mask);
  });
  ASSERT_TRUE(to_host(ex, pair_keys) == expected);
  ASSERT_TRUE(to_host(ex, pair_values) == numbers);
}

TEST(device_sort, agrees_with_stable_sort_at_edge_sizes) {
  in_every_mode([](exec ex) {
    std::mt19937_64 random(1);
    for (const std::int64_t n : edge_sizes) {
      const int from = static_cast<int>(random() % 64);
      const int to = from + 1 + static_cast<int>(random() % static_cast<unsigned>(64 - from));
      expect_sorts(ex, make_keys(n, shape::random, random), from, to);
    }
  });
}

TEST(device_sort, agrees_with_stable_sort_for_every_shape) {
  in_every_mode([](exec ex) {
    std::mt19937_64 random(2);
    for (const shape s : {shape::random, shape::equal, shape::sorted, shape::reversed,
                          shape::skewed, shape::outlier, shape::few, shape::clustered}) {
      SCOPED_TRACE("shape " + std::to_string(static_cast<int>(s)));
      for (const std::int64_t n : {100, 40000}) {
        expect_sorts(ex, make_keys(n, s, random), 0, 64);
        expect_sorts(ex, make_keys(n, s, random), 16, 43);
      }
    }
  });
}

TEST(device_sort, agrees_with_stable_sort_on_any_bits) {
  const auto seed = static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  memory_pool pool;
  stream s;
  for (int round = 0; round < 200; ++round) {
    const int from = static_cast<int>(random() % 64);
    const int to = from + static_cast<int>(random() % static_cast<unsigned>(65 - from));
    const auto n = static_cast<std::int64_t>(random() % (std::uint64_t{1} << (random() % 18)));
    const auto kind = static_cast<shape>(random() % 8);
    expect_sorts({s.ref(), &pool}, make_keys(n, kind, random), from, to);
  }
}

TEST(device_sort, spreads_again_where_keys_crowd) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  std::mt19937_64 random(3);
  for (const shape kind : {shape::random, shape::skewed, shape::outlier, shape::few}) {
    SCOPED_TRACE("shape " + std::to_string(static_cast<int>(kind)));
    expect_sorts(ex, make_keys(1500000, kind, random), 0, 64);
  }
}

TEST(device_sort, sorts_a_range_that_starts_inside_a_line) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  std::mt19937_64 random(4);
  for (std::int64_t skip = 1; skip < 9; skip += 2) {
    const words keys = make_keys(1200000, shape::random, random);
    const buffer<std::uint64_t> sorted = to_device(ex, keys);
    sort_keys(ex, sorted.data() + skip, sorted.size() - 2 * skip, 10, 50);
    words expected = sorted_by_bits({keys.begin() + skip, keys.end() - skip}, 10, 50);
    expected.insert(expected.begin(), keys.begin(), keys.begin() + skip);
    expected.insert(expected.end(), keys.end() - skip, keys.end());
    ASSERT_TRUE(to_host(ex, sorted) == expected) << "from element " << skip;
  }
}

TEST(device_sort, refuses_bits_that_keys_do_not_have) {
  memory_pool pool;
  stream s;
  const buffer<std::uint64_t> keys({s.ref(), &pool}, 10);
  EXPECT_THROW(sort_keys({s.ref(), &pool}, keys.data(), 10, 0, 65), error);
  EXPECT_THROW(sort_keys({s.ref(), &pool}, keys.data(), 10, -1, 5), error);
}

TEST(device_sort, leaves_keys_alone_when_memory_runs_out) {
  memory_pool pool;
  stream s;
  const exec ex{s.ref(), &pool};
  std::mt19937_64 random(5);
  const words keys = make_keys(50000, shape::random, random);
  const buffer<std::uint64_t> held = to_device(ex, keys);
  const buffer<std::uint64_t> values = to_device(ex, keys);
  const std::size_t before = pool.bytes_in_use();
  for (int n = 0; n < 2; ++n) {
    pool.fail_allocation(n);
    EXPECT_THROW(sort_keys(ex, held.data(), held.size(), 0, 64), error);
    pool.fail_allocation(n);
    EXPECT_THROW(sort_pairs(ex, held.data(), values.data(), held.size(), 0, 64), error);
    EXPECT_EQ(pool.bytes_in_use(), before);
  }
  EXPECT_TRUE(to_host(ex, held) == keys);
  EXPECT_TRUE(to_host(ex, values) == keys);
}

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
