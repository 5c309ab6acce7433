/// The arithmetic of a river's cut in one cell, at its edges.
#include "incision.cuh"

#include "lithify/base/hash128.hpp"
#include "lithify/base/material.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

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

constexpr std::int64_t full = 1 << 20;
constexpr material_id shale = 4, marble = 5;

/// One column of voxels, bottom to top, solid ones of `full` quanta.
struct bed_list {
  std::vector<material_id> voxels;
  [[nodiscard]] std::int64_t solid(material_id m) const { return m == air ? 0 : full; }
  [[nodiscard]] material_id old(voxel v) const { return voxels.at(static_cast<std::size_t>(v.z)); }
};

/// Contacts of a cut from the top of these voxels down into the lowest one, `film` quanta of
/// sediment on them.
std::int32_t contacts_of(const std::vector<material_id>& voxels, std::int64_t film) {
  const bed_list ground{voxels};
  column c;
  c.rock_top = static_cast<std::int32_t>(voxels.size()) - 1;
  c.rock = voxels.back();
  c.residual = full;
  c.ledger = film;
  const std::vector<double> erodibility(sediment + 1, 1.0);
  const double height = static_cast<double>(static_cast<std::int64_t>(voxels.size()) * full + film);
  const incision cut = incise(ground, c, height, 0.0, 1000.0, erodibility.data());
  EXPECT_TRUE(cut.in_range);
  EXPECT_LT(cut.height, full) << "it came to the lowest voxel";
  return cut.contacts;
}

TEST(incision, contacts_are_of_two_rocks) {
  constexpr std::int64_t film = 100;
  EXPECT_EQ(contacts_of({shale, shale, shale}, 0), 0);
  EXPECT_EQ(contacts_of({shale, shale, shale}, film), 0) << "a film of sediment is no bed";
  EXPECT_EQ(contacts_of({shale, marble, marble}, 0), 1);
  EXPECT_EQ(contacts_of({shale, marble, marble}, film), 1);
  EXPECT_EQ(contacts_of({marble, shale, marble, shale}, film), 3);
  EXPECT_EQ(contacts_of({shale, sediment, marble}, 0), 1) << "sediment between two rocks";
  EXPECT_EQ(contacts_of({shale, air, shale}, 0), 0) << "a cave in one rock";
  EXPECT_EQ(contacts_of({shale, air, marble}, 0), 1);
}

}  // namespace
}  // namespace lithify::passes::inline LITHIFY_BACKEND
