// The tangent against 80-bit arithmetic of the C library.
#include "lithify/base/angles.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace {

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

}  // namespace
