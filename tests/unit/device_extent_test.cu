// Verbs over a count that lies on the device: every count up to the bound gives what the count
// given by the host would, and nothing past it is looked at or changed.
#include "device_modes.cuh"
#include "lithify/base/hash128.hpp"
#include "lithify/device/radix_sort.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

using numbers = std::vector<std::int64_t>;
using words = std::vector<std::uint64_t>;

constexpr std::int64_t untouched = -7;

LITHIFY_HD std::int64_t scrambled(std::int64_t i) {
  return static_cast<std::int64_t>(mix64(static_cast<std::uint64_t>(i)) >> 1);
}

/// A count that a kernel writes only once it runs; on a delaying stream that is long after the
/// verbs were called with it.
class device_count {
 public:
  device_count(exec ex, std::int64_t n, std::int64_t bound) : held_(ex, 1), bound_(bound) {
    fill(ex, held_.data(), 1, n);
  }
  [[nodiscard]] extent get() const { return {bound_, held_.data()}; }

 private:
  buffer<std::int64_t> held_;
  std::int64_t bound_;
};

// Lambdas of device code lie in free functions: the bodies of tests are private members.

void store(exec ex, extent n, std::int64_t* out) {
  for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { out[i] = scrambled(i); });
}

void store_by_groups(exec ex, extent n, std::int64_t* out) {
  for_each_group<64>(ex, n,
                     [=] LITHIFY_DEVICE(const lane_group& g, std::int64_t i, std::byte* scratch) {
                       auto* const part = reinterpret_cast<std::int64_t*>(scratch);
                       g.each(8, [=](int k) { part[k] = i * k; });
                       g.once([=] {
                         out[i] = 0;
                         for (int k = 0; k < 8; ++k) {
                           out[i] += part[k];
                         }
                       });
                     });
}

void scan(exec ex, extent n, const std::int64_t* values, std::int64_t* out) {
  exclusive_scan(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return values[i]; }, out);
}

void select_even(
    exec ex, extent n, const std::int64_t* values, std::int64_t* out, std::int64_t* total) {
  select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> bool { return values[i] % 2 == 0; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) { out[at] = i; }, total);
}

/// Runs test(exec, bound, count) for counts from nothing to the bound.
template <class Test>
void for_counts(Test test) {
  in_every_mode([&](exec ex) {
    for (const std::int64_t bound : {1, 2, 33, 257, 2049, 100000}) {
      for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, bound / 2, bound - 1, bound}) {
        SCOPED_TRACE(std::to_string(n) + " of " + std::to_string(bound));
        test(ex, bound, n);
        if (testing::Test::HasFatalFailure()) {
          return;
        }
      }
    }
  });
}

TEST(device_extent, for_each_stops_at_the_count) {
  for_counts([](exec ex, std::int64_t bound, std::int64_t n) {
    const buffer<std::int64_t> out(ex, bound);
    const buffer<std::int64_t> grouped(ex, bound);
    fill(ex, out.data(), bound, untouched);
    fill(ex, grouped.data(), bound, untouched);
    const device_count count(ex, n, bound);
    store(ex, count.get(), out.data());
    store_by_groups(ex, count.get(), grouped.data());
    numbers expected(static_cast<std::size_t>(bound), untouched);
    numbers sums(static_cast<std::size_t>(bound), untouched);
    for (std::int64_t i = 0; i < n; ++i) {
      expected[static_cast<std::size_t>(i)] = scrambled(i);
      sums[static_cast<std::size_t>(i)] = 28 * i;
    }
    ASSERT_TRUE(to_host(ex, out) == expected);
    ASSERT_TRUE(to_host(ex, grouped) == sums);
  });
}

TEST(device_extent, a_scan_ends_with_the_total_of_the_count) {
  for_counts([](exec ex, std::int64_t bound, std::int64_t n) {
    numbers values(static_cast<std::size_t>(bound));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = scrambled(static_cast<std::int64_t>(i)) >> 30;
    }
    const buffer<std::int64_t> held = to_device(ex, values);
    const buffer<std::int64_t> out(ex, bound + 1);
    const device_count count(ex, n, bound);
    scan(ex, count.get(), held.data(), out.data());
    numbers expected = {0};
    for (std::int64_t i = 0; i < n; ++i) {
      expected.push_back(expected.back() + values[static_cast<std::size_t>(i)]);
    }
    numbers got(static_cast<std::size_t>(n) + 1);
    copy_to_host(ex, got.data(), out.data(), n + 1);
    ASSERT_TRUE(got == expected);
  });
}

// One selection feeds the next, as the levels of a tree do.
TEST(device_extent, a_selection_gives_the_count_of_the_next) {
  for_counts([](exec ex, std::int64_t bound, std::int64_t n) {
    numbers values(static_cast<std::size_t>(bound));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = scrambled(static_cast<std::int64_t>(i));
    }
    const buffer<std::int64_t> held = to_device(ex, values);
    const buffer<std::int64_t> first(ex, bound);
    const buffer<std::int64_t> second(ex, bound);
    const buffer<std::int64_t> totals(ex, 2);
    fill(ex, second.data(), bound, untouched);
    const device_count count(ex, n, bound);
    select_even(ex, count.get(), held.data(), first.data(), totals.data());
    select_even(ex, extent(bound, totals.data()), first.data(), second.data(), totals.data() + 1);
    numbers even;
    for (std::int64_t i = 0; i < n; ++i) {
      if (values[static_cast<std::size_t>(i)] % 2 == 0) {
        even.push_back(i);
      }
    }
    numbers expected;
    for (std::size_t k = 0; k < even.size(); ++k) {
      if (even[k] % 2 == 0) {
        expected.push_back(static_cast<std::int64_t>(k));
      }
    }
    ASSERT_EQ(to_host(ex, totals), (numbers{static_cast<std::int64_t>(even.size()),
                                            static_cast<std::int64_t>(expected.size())}));
    expected.resize(static_cast<std::size_t>(bound), untouched);
    ASSERT_TRUE(to_host(ex, second) == expected);
  });
}

// Keys that are all ones in the sorted bits must stay among the counted ones.
TEST(device_extent, sorts_take_the_count_alone) {
  for_counts([](exec ex, std::int64_t bound, std::int64_t n) {
    words keys(static_cast<std::size_t>(bound));
    words values(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      keys[i] = i % 5 == 0 ? ~(std::uint64_t{1} << 63) : mix64(i);
      values[i] = i;
    }
    const buffer<std::uint64_t> alone = to_device(ex, keys);
    const buffer<std::uint64_t> paired = to_device(ex, keys);
    const buffer<std::uint64_t> beside = to_device(ex, values);
    const device_count count(ex, n, bound);
    sort_keys(ex, alone.data(), count.get(), 9, 60);
    sort_pairs(ex, paired.data(), beside.data(), count.get(), 9, 60);
    const auto of = [](std::uint64_t key) { return (key << 4) >> 13; };
    values.resize(static_cast<std::size_t>(n));
    std::stable_sort(values.begin(), values.end(),
                     [&](std::uint64_t a, std::uint64_t b) { return of(keys[a]) < of(keys[b]); });
    words sorted;
    for (const std::uint64_t i : values) {
      sorted.push_back(keys[i]);
    }
    for (const buffer<std::uint64_t>* const b : {&alone, &paired}) {
      words got(sorted.size());
      copy_to_host(ex, got.data(), b->data(), n);
      ASSERT_TRUE(got == sorted);
    }
    words got(values.size());
    copy_to_host(ex, got.data(), beside.data(), n);
    ASSERT_TRUE(got == values);
  });
}

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
