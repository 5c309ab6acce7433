// Powers against 80-bit arithmetic of the C library.
#include "lithify/base/powers.hpp"

#include "lithify/base/philox.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace {

using lithify::exp2_any;
using lithify::log2_positive;
using lithify::pow_positive;

static_assert(std::numeric_limits<long double>::digits >= 64, "the oracle needs 80-bit numbers");

constexpr double allowed = 1e-14;
constexpr double least_normal = std::numeric_limits<double>::min();
constexpr double least = std::numeric_limits<double>::denorm_min();
constexpr double most = std::numeric_limits<double>::max();
constexpr int points = 1'000'000;

double relative_error(double found, long double exact) {
  if (exact == 0.0L) {
    return found == 0.0 ? 0.0 : 1.0;
  }
  return static_cast<double>(std::abs((static_cast<long double>(found) - exact) / exact));
}

/// In [0, 1).
double uniform(std::uint64_t seed, int i, std::uint32_t draw) {
  return std::ldexp(
      static_cast<double>(lithify::random_bits(seed, 0, static_cast<std::uint64_t>(i), draw) >> 11),
      -53);
}

/// Every exponent as likely as every other.
double any_positive(std::uint64_t seed, int i) {
  return std::ldexp(0.5 + 0.5 * uniform(seed, i, 0),
                    static_cast<int>(2098.0 * uniform(seed, i, 1)) - 1074 + 1);
}

TEST(powers, log2_is_within_its_error) {
  double worst = 0.0;
  for (const std::uint64_t seed : lithify::test::seeds(1, 1)) {
    for (int i = 0; i < points; ++i) {
      // Every second one lies near 1, where the logarithm is small.
      const double x = i % 2 == 0 ? any_positive(seed, i)
                                  : 1.0 + std::ldexp(uniform(seed, i, 0) - 0.5,
                                                     -static_cast<int>(50.0 * uniform(seed, i, 1)));
      const double found = log2_positive(x);
      const double error = relative_error(found, std::log2(static_cast<long double>(x)));
      ASSERT_LE(error, allowed) << "seed " << seed << " x " << x;
      worst = std::max(worst, error);
    }
  }
  RecordProperty("worst", std::to_string(worst * 1e15) + "e-15");
}

TEST(powers, log2_at_its_edges) {
  EXPECT_EQ(log2_positive(1.0), 0.0);
  for (int n = -1074; n <= 1023; ++n) {
    ASSERT_EQ(log2_positive(std::ldexp(1.0, n)), n);
  }
  for (const double x :
       {least, 3 * least, least_normal, std::nextafter(least_normal, 0.0), most,
        std::nextafter(1.0, 0.0), std::nextafter(1.0, 2.0), std::sqrt(0.5), std::sqrt(2.0),
        std::nextafter(std::sqrt(2.0), 0.0), std::nextafter(std::sqrt(2.0), 2.0)}) {
    EXPECT_LE(relative_error(log2_positive(x), std::log2(static_cast<long double>(x))), allowed)
        << x;
  }
}

TEST(powers, exp2_is_within_its_error) {
  for (const std::uint64_t seed : lithify::test::seeds(2, 2)) {
    for (int i = 0; i < points; ++i) {
      const double y =
          i % 2 == 0 ? 2046.0 * uniform(seed, i, 0) - 1022.0 : 4.0 * uniform(seed, i, 0) - 2.0;
      ASSERT_LE(relative_error(exp2_any(y), std::exp2(static_cast<long double>(y))), allowed)
          << "seed " << seed << " y " << y;
    }
  }
}

TEST(powers, exp2_at_its_edges) {
  for (int n = -1074; n <= 1023; ++n) {
    ASSERT_EQ(exp2_any(n), std::ldexp(1.0, n));
  }
  EXPECT_EQ(exp2_any(1024.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exp2_any(1e300), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exp2_any(std::numeric_limits<double>::infinity()),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(exp2_any(-1e300), 0.0);
  EXPECT_EQ(exp2_any(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_LE(relative_error(exp2_any(std::nextafter(1024.0, 0.0)),
                           std::exp2(static_cast<long double>(std::nextafter(1024.0, 0.0)))),
            allowed);
  // Subnormal results are rounded once: half a unit in the last place, and what the sum erred by.
  for (int i = 0; i < 1000; ++i) {
    const double y = -1022.0 - 54.0 * uniform(3, i, 0);
    const long double exact = std::exp2(static_cast<long double>(y));
    ASSERT_LE(std::abs(static_cast<long double>(exp2_any(y)) - exact),
              0.5L * least + 1e-15L * exact)
        << y;
  }
}

TEST(powers, pow_is_within_its_error) {
  for (const std::uint64_t seed : lithify::test::seeds(4, 4)) {
    for (int i = 0; i < points; ++i) {
      const double x = any_positive(seed, i);
      const double reach = 1000.0 / std::max(1.0, std::abs(std::log2(x)));
      const double e = (2.0 * uniform(seed, i, 2) - 1.0) * std::min(64.0, reach);
      const double found = pow_positive(x, e);
      ASSERT_LE(relative_error(found, std::pow(static_cast<long double>(x), e)), allowed)
          << "seed " << seed << " " << x << "^" << e;
    }
  }
}

TEST(powers, drainage_areas_to_the_usual_exponents) {
  for (const double e : {0.3, 0.4, 0.45, 0.5, 0.6, 1.0, 1.5, -0.45}) {
    for (int i = 0; i < 100'000; ++i) {
      const double area = std::floor(std::ldexp(1.0 + uniform(5, i, 0), i % 60));
      ASSERT_LE(relative_error(pow_positive(area, e), std::pow(static_cast<long double>(area), e)),
                2e-15)
          << area << "^" << e;
    }
  }
}

TEST(powers, pow_at_its_edges) {
  EXPECT_EQ(pow_positive(7.0, 0.0), 1.0);
  EXPECT_EQ(pow_positive(1.0, 12.5), 1.0);
  EXPECT_EQ(pow_positive(2.0, 10.0), 1024.0);
  EXPECT_EQ(pow_positive(4.0, 0.5), 2.0);
  EXPECT_EQ(pow_positive(most, 2.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(pow_positive(least, 2.0), 0.0);
  EXPECT_EQ(pow_positive(least, -2.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(pow_positive(least, 1.0), least);
  EXPECT_LE(relative_error(pow_positive(most, 1.0), most), allowed);
}

TEST(powers, pow_never_falls_where_it_must_rise) {
  double before = 0.0;
  for (int i = 1; i < 200'000; ++i) {
    const double now = pow_positive(static_cast<double>(i) * 900.0, 0.45);
    ASSERT_GT(now, before) << i;
    before = now;
  }
}

}  // namespace
