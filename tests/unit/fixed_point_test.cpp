// Exact arithmetic at the edges of its ranges.
#include "lithify/base/fixed_point.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace {

using lithify::floor_div;
using lithify::int128;
using lithify::mul_div_trunc;
using lithify::mul_high;
using lithify::to_decimal;
using lithify::uint128;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

TEST(fixed_point, floor_div_rounds_down) {
  EXPECT_EQ(floor_div(7, 2), 3);
  EXPECT_EQ(floor_div(-7, 2), -4);
  EXPECT_EQ(floor_div(-8, 2), -4);
  EXPECT_EQ(floor_div(-1, 1000), -1);
  EXPECT_EQ(floor_div(0, 5), 0);
  EXPECT_EQ(floor_div(least, 1), least);
  EXPECT_EQ(floor_div(least, most), -2);
  EXPECT_EQ(floor_div(most, most), 1);
  for (std::int64_t a = -50; a <= 50; ++a) {
    for (std::int64_t b = 1; b <= 20; ++b) {
      ASSERT_EQ(floor_div(a, b), static_cast<std::int64_t>(
                                     std::floor(static_cast<double>(a) / static_cast<double>(b))))
          << a << " / " << b;
    }
  }
}

TEST(fixed_point, mul_div_trunc_keeps_the_whole_product) {
  EXPECT_EQ(mul_div_trunc(most, most, most), most);
  EXPECT_EQ(mul_div_trunc(least, most, most), least);
  EXPECT_EQ(mul_div_trunc(most, 2, 4), most / 2);
  EXPECT_EQ(mul_div_trunc(7, 3, 2), 10);
  EXPECT_EQ(mul_div_trunc(-7, 3, 2), -10);
  EXPECT_EQ(mul_div_trunc(7, -3, 2), -10);
  EXPECT_EQ(mul_div_trunc(0, least, 1), 0);
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto a = static_cast<std::int64_t>(random());
    const auto c = static_cast<std::int64_t>(random() >> 1 | 1);
    // (a c) / c = a, and a remainder below c does not change that.
    ASSERT_EQ(mul_div_trunc(a, c, c), a);
  }
}

TEST(fixed_point, mul_high_agrees_with_a_product_of_halves) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t a = random();
    const std::uint64_t b = random();
    const std::uint64_t al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
    const std::uint64_t middle = ah * bl + (al * bl >> 32);
    const std::uint64_t carry = (middle & 0xffffffff) + al * bh;
    ASSERT_EQ(mul_high(a, b), ah * bh + (middle >> 32) + (carry >> 32));
  }
  EXPECT_EQ(mul_high(~std::uint64_t{0}, ~std::uint64_t{0}), ~std::uint64_t{0} - 1);
  EXPECT_EQ(mul_high(0, 5), 0U);
}

TEST(fixed_point, to_decimal_prints_128_bits) {
  EXPECT_EQ(to_decimal(0), "0");
  EXPECT_EQ(to_decimal(7), "7");
  EXPECT_EQ(to_decimal(-10), "-10");
  EXPECT_EQ(to_decimal(least), "-9223372036854775808");
  EXPECT_EQ(to_decimal(static_cast<int128>(most) * 10), "92233720368547758070");
  const auto largest = static_cast<int128>(~uint128{0} >> 1);
  EXPECT_EQ(to_decimal(largest), "170141183460469231731687303715884105727");
  EXPECT_EQ(to_decimal(-largest - 1), "-170141183460469231731687303715884105728");
}

}  // namespace
