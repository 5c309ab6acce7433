/// Shares by largest remainder: the whole, to the last unit, ties to the first.
#include "apportion.cuh"

#include "lithify/base/hash128.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {
namespace {

std::array<std::int64_t, 4> shared(std::int64_t have, std::array<std::int64_t, 4> part) {
  std::int64_t parts[4] = {part[0], part[1], part[2], part[3]};
  share(have, part[0] + part[1] + part[2] + part[3], parts);
  return {parts[0], parts[1], parts[2], parts[3]};
}

TEST(apportion, what_is_left_goes_by_largest_remainder_and_ties_to_the_first) {
  using four = std::array<std::int64_t, 4>;
  EXPECT_EQ(shared(0, {1, 2, 3, 4}), (four{0, 0, 0, 0}));
  EXPECT_EQ(shared(10, {1, 2, 3, 4}), (four{1, 2, 3, 4}));
  EXPECT_EQ(shared(7, {0, 5, 5, 0}), (four{0, 4, 3, 0}));
  EXPECT_EQ(shared(1, {5, 5, 5, 5}), (four{1, 0, 0, 0}));
  EXPECT_EQ(shared(3, {5, 5, 5, 5}), (four{1, 1, 1, 0}));
  EXPECT_EQ(shared(5, {3, 3, 3, 1}), (four{2, 2, 1, 0}));  // 1.5, 1.5, 1.5, 0.5
  EXPECT_EQ(shared(9, {0, 0, 0, 1}), (four{0, 0, 0, 9}));
}

TEST(apportion, parts_make_the_whole_and_none_is_a_unit_off) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    std::array<std::int64_t, 4> part{};
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t draw = mix64(seed * 4 + i);
      part[i] = draw % 3 == 0 ? 0 : static_cast<std::int64_t>(draw >> (4 + draw % 58));
      sum += part[i];
    }
    if (sum == 0) {
      continue;
    }
    const auto have = static_cast<std::int64_t>(mix64(seed) >> (3 + seed % 60));
    const std::array<std::int64_t, 4> got = shared(have, part);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto exact = static_cast<int128>(part[i]) * have;
      total += got[i];
      ASSERT_GT(static_cast<int128>(got[i] + 1) * sum, exact) << seed;
      ASSERT_LT(static_cast<int128>(got[i] - 1) * sum, exact + (exact == 0 ? 1 : 0)) << seed;
    }
    ASSERT_EQ(total, have) << seed;
  }
}

}  // namespace
}  // namespace lithify::passes::inline LITHIFY_BACKEND
