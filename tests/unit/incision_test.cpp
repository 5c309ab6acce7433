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

TEST(incision, quanta_of_a_depth) {
  EXPECT_EQ(quanta_of(0.0, 1 << 20), 0.0);
  EXPECT_EQ(quanta_of(-5.0, 1 << 20), 0.0);
  EXPECT_EQ(quanta_of(7.75, 1 << 20), 7.75);
  EXPECT_EQ(quanta_of(0x1p20, 734003), 734003.0);
  EXPECT_EQ(quanta_of(0x1p41, 1 << 20), 0x1p41);
}

TEST(incision, whole_quanta_go_and_the_rest_waits) {
  const auto expect = [](double cut, std::int32_t waited, std::int64_t quanta, std::int32_t waits) {
    const whole_cut found = take_whole(cut, waited);
    EXPECT_EQ(found.quanta, quanta) << cut << " and " << waited;
    EXPECT_EQ(found.waiting, waits) << cut << " and " << waited;
  };
  constexpr std::int32_t half = 1 << 30, most = std::numeric_limits<std::int32_t>::max();
  expect(0.0, 0, 0, 0);
  expect(0.0, most, 0, most);
  expect(0x1p-31, most, 1, 0);
  expect(0.5, 0, 0, half);
  expect(0.5, half, 1, 0);
  expect(7.75, half, 8, half / 2);
  expect(0x1p-40, 0, 0, 0);  // finer than what is kept
  expect(0x1p50 - 0.5, half, std::int64_t{1} << 50, 0);
  // Nothing is lost over many small cuts, and nothing gained.
  double asked = 0.0;
  std::int64_t moved = 0;
  std::int32_t waiting = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const double cut = std::ldexp(std::floor(unit(i) * 0x1p31), -31) * 0.01;
    const whole_cut now = take_whole(cut, waiting);
    asked += cut;
    moved += now.quanta;
    waiting = now.waiting;
  }
  EXPECT_NEAR(static_cast<double>(moved) + std::ldexp(waiting, -31), asked, 1e-4);
}

}  // namespace
}  // namespace lithify::passes::inline LITHIFY_BACKEND
