/// The arithmetic of a river's cut in one cell, at its edges.
#include "incision.cuh"

#include "lithify/base/hash128.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace lithify::passes::inline LITHIFY_BACKEND {
namespace {

double unit(std::uint64_t draw) { return std::ldexp(static_cast<double>(mix64(draw) >> 11), -53); }

// A cell ends between its receiver and where it was, whatever F is: rounding must not take it
// below.
TEST(incision, a_cell_stays_between_its_receiver_and_itself) {
  std::int64_t below = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    const double receiver = std::floor((unit(5 * i) - 0.3) * 0x1p41);
    const double z0 = receiver + std::ldexp(1.0 + unit(5 * i + 1), static_cast<int>(i % 40));
    const double f = std::exp2(140.0 * unit(5 * i + 2) - 40.0);
    const double z = implicit_height(z0, receiver, f);
    ASSERT_GE(z, receiver) << "F = " << f;
    ASSERT_LE(z, z0 * (z0 > 0.0 ? 1.0 + 0x1p-50 : 1.0 - 0x1p-50)) << "F = " << f;
    below += (z0 + f * receiver) / (1.0 + f) < receiver ? 1 : 0;
  }
  EXPECT_GT(below, 100) << "the bound is needed";
}

TEST(incision, a_boundless_factor_ends_at_the_receiver) {
  for (const double f : {0x1p60, 0x1p61, 1e300, std::numeric_limits<double>::infinity()}) {
    for (const double receiver : {12345.0, 0.0, -0x1p40}) {
      EXPECT_NEAR(implicit_height(0x1p41, receiver, f), receiver, 1e-5) << "F = " << f;
    }
  }
  EXPECT_EQ(implicit_height(77.0, 12.0, 0.0), 77.0);
}

TEST(incision, quanta_are_whole_and_rounded_down) {
  EXPECT_EQ(quanta_of(0.0, 1 << 20), 0);
  EXPECT_EQ(quanta_of(-5.0, 1 << 20), 0);
  EXPECT_EQ(quanta_of(0.9999, 1 << 20), 0);
  EXPECT_EQ(quanta_of(7.9999, 1 << 20), 7);
  EXPECT_EQ(quanta_of(0x1p20, 734003), 734003);
  EXPECT_EQ(quanta_of(0x1p41, 1 << 20), std::int64_t{1} << 41);
}

}  // namespace
}  // namespace lithify::passes::inline LITHIFY_BACKEND
