/// The moving frame in fixed point.
#include "uplift.hpp"

#include "lithify/base/fixed_point.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace lithify::passes {
namespace {

struct frame {
  std::int64_t offset = 0;
  std::int64_t remainder = 0;
};

int128 in_full(const frame& f) { return (static_cast<int128>(f.offset) << 32) + f.remainder; }

TEST(uplift, a_frame_loses_nothing_over_many_steps) {
  for (const double rate : {5e-4, 1e-3, -7e-4, 3.3e-9}) {
    frame f;
    const std::int64_t increment = uplift_increment(rate, 0.3, 12.7);
    ASSERT_NE(increment, 0);
    for (int i = 0; i < 1000; ++i) {
      raise(f, increment);
      ASSERT_GE(f.remainder, 0);
      ASSERT_LT(f.remainder, std::int64_t{1} << 32);
      ASSERT_EQ(in_full(f), static_cast<int128>(increment) * (i + 1));
    }
    const double voxels = static_cast<double>(f.offset) / static_cast<double>(one_voxel);
    EXPECT_NEAR(voxels, 1000 * rate * 12.7 / 0.3, 1e-6);
  }
}

TEST(uplift, the_increment_is_rounded_once_to_2_to_the_minus_52) {
  EXPECT_EQ(uplift_increment(1e-3, 1.0, 1000.0), std::int64_t{1} << 52);
  EXPECT_EQ(uplift_increment(0.5, 1.0, std::ldexp(1.0, -52)), 1) << "half rounds away from zero";
  EXPECT_EQ(uplift_increment(0.25, 1.0, std::ldexp(1.0, -52)), 0);
}

TEST(uplift, a_step_beyond_1024_voxels_is_refused) {
  EXPECT_THROW((void)uplift_increment(1.0, 1.0, 1024.0), error);
  EXPECT_THROW((void)uplift_increment(-1.0, 0.5, 512.0), error);
  EXPECT_THROW((void)uplift_increment(std::numeric_limits<double>::infinity(), 1.0, 1.0), error);
  EXPECT_NO_THROW((void)uplift_increment(1.0, 1.0, 1023.9));
}

}  // namespace
}  // namespace lithify::passes
