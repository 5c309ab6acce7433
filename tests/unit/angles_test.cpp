// Sine, cosine and tangent against 80-bit arithmetic of the C library.
#include "lithify/base/angles.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using lithify::sine_and_cosine_of_degrees;
using lithify::tangent_of_degrees;

TEST(angles, tangent_is_within_its_error) {
  const long double pi = std::acos(-1.0L);
  for (int i = 1; i <= 89'000; ++i) {
    const double degrees = i * 1e-3;
    const long double exact = std::tan(static_cast<long double>(degrees) * pi / 180.0L);
    const double error =
        static_cast<double>(std::abs((tangent_of_degrees(degrees) - exact) / exact));
    ASSERT_LT(error, 2e-15) << degrees;
  }
}

TEST(angles, tangent_at_its_edges) {
  EXPECT_EQ(tangent_of_degrees(0.0), 0.0);
  EXPECT_NEAR(tangent_of_degrees(45.0), 1.0, 2e-16);
  EXPECT_NEAR(tangent_of_degrees(60.0), std::sqrt(3.0), 5e-16);
  EXPECT_GT(tangent_of_degrees(std::nextafter(90.0, 0.0)), 1e14);
  EXPECT_LE(tangent_of_degrees(std::nextafter(45.0, 0.0)),
            tangent_of_degrees(std::nextafter(45.0, 90.0)));
}

TEST(angles, sine_and_cosine_are_within_their_error) {
  const long double pi = std::acos(-1.0L);
  const auto expect_near = [](double found, long double exact, double degrees) {
    EXPECT_LT(static_cast<double>(std::abs((found - exact) / exact)), 1e-15) << degrees;
  };
  for (int i = 1; i < 360'000; ++i) {
    const double degrees = i * 1e-3;
    const auto [sine, cosine] = sine_and_cosine_of_degrees(degrees);
    // From the nearest axis, or the angle's own rounding to 80 bits would show beside a zero.
    const double axis = 90.0 * std::round(degrees / 90.0);
    const long double off = (static_cast<long double>(degrees) - axis) * pi / 180.0L;
    if (off == 0.0L) {
      continue;
    }
    const long double s = std::sin(off);
    const long double c = std::cos(off);
    const int turns = static_cast<int>(axis / 90.0) % 4;
    expect_near(sine, turns == 0 ? s : turns == 1 ? c : turns == 2 ? -s : -c, degrees);
    expect_near(cosine, turns == 0 ? c : turns == 1 ? -s : turns == 2 ? -c : s, degrees);
  }
}

TEST(angles, sine_and_cosine_on_the_axes) {
  const double expected[4][2] = {{0.0, 1.0}, {1.0, 0.0}, {0.0, -1.0}, {-1.0, 0.0}};
  for (int i = 0; i < 4; ++i) {
    const auto [sine, cosine] = sine_and_cosine_of_degrees(90.0 * i);
    EXPECT_EQ(sine, expected[i][0]) << 90 * i;
    EXPECT_EQ(cosine, expected[i][1]) << 90 * i;
  }
  const auto [sine, cosine] = sine_and_cosine_of_degrees(std::nextafter(360.0, 0.0));
  EXPECT_LT(sine, 0.0);
  EXPECT_EQ(cosine, 1.0);
}

}  // namespace
