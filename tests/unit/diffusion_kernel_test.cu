/// The arithmetic of a diffusion step on bare columns, against a face-by-face oracle.
#include "lithify/base/error.hpp"
#include "step.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {
namespace {

constexpr std::int32_t grain = 734003;   // solid of sediment
constexpr std::int32_t stone = 1048576;  // and of the rock
constexpr material_id rock = 5;

/// Columns on the host.
struct plain_columns {
  std::int64_t nx, ny;
  bool loop_x, loop_y;
  std::vector<std::int32_t> rock_top, n_loose, residual;
  std::vector<std::int64_t> sediment, east, north, boundary;
  std::vector<std::uint8_t> faces;

  plain_columns(std::int64_t width,
                std::int64_t depth,
                std::int32_t top,
                bool looped_x = false,
                bool looped_y = false)
      : nx(width),
        ny(depth),
        loop_x(looped_x),
        loop_y(looped_y),
        rock_top(cells(), top),
        n_loose(cells(), 0),
        residual(cells(), stone),
        sediment(cells(), 0),
        east(cells(), 0),
        north(cells(), 0),
        boundary(cells(), not_held),
        faces(cells(), face::inside) {
    for (std::int64_t y = 0; y < ny; ++y) {
      for (std::int64_t x = 0; x < nx; ++x) {
        open(x, y, loop_x || x + 1 < nx, loop_y || y + 1 < ny);
        const bool on_side = x == 0 || x == nx - 1 || y == 0 || y == ny - 1;
        faces[at(x, y)] |= on_side ? face::side : std::uint8_t{0};
      }
    }
  }
  [[nodiscard]] std::size_t cells() const { return static_cast<std::size_t>(nx * ny); }
  [[nodiscard]] std::size_t at(std::int64_t x, std::int64_t y) const {
    return static_cast<std::size_t>(x + nx * y);
  }
  void open(std::int64_t x, std::int64_t y, bool to_east, bool to_north) {
    faces[at(x, y)] = static_cast<std::uint8_t>(face::inside | (to_east ? face::east : 0) |
                                                (to_north ? face::north : 0));
  }
  /// Makes a column one that is outside: nothing crosses its faces.
  void close(std::int64_t x, std::int64_t y) {
    faces[at(x, y)] &= face::side;
    faces[at((x + nx - 1) % nx, y)] &= static_cast<std::uint8_t>(~face::east);
    faces[at(x, (y + ny - 1) % ny)] &= static_cast<std::uint8_t>(~face::north);
  }
  void hold(std::int64_t x, std::int64_t y, std::int64_t height) {
    faces[at(x, y)] |= face::held;
    boundary[at(x, y)] = height;
  }
  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const std::int64_t q : sediment) {
      sum += q;
    }
    return sum;
  }
};

template <class T>
device::buffer<T> put(device::exec ex, const std::vector<T>& values) {
  device::buffer<T> made(ex, static_cast<std::int64_t>(values.size()));
  device::copy_to_device(ex, made.data(), values.data(), made.size());
  return made;
}

/// Runs `diffuse` on the columns; gives the step's words.
step_words run(plain_columns& c,
               const diffusion_plan& plan,
               std::int64_t frame_offset = 0,
               bool halted = false) {
  device::memory_pool pool;
  const device::stream stream;
  const device::exec ex{stream.ref(), &pool};
  column_arrays columns(ex, static_cast<std::int64_t>(c.cells()), false);
  columns.rock_top = put(ex, c.rock_top);
  columns.n_loose = put(ex, c.n_loose);
  columns.residual = put(ex, c.residual);
  columns.rock_material = put(ex, std::vector<material_id>(c.cells(), rock));
  columns.sediment = put(ex, c.sediment);
  columns.remainder_east = put(ex, c.east);
  columns.remainder_north = put(ex, c.north);
  columns.boundary_height = put(ex, c.boundary);
  std::vector<std::int32_t> solids(all_materials, 0);
  solids[rock] = stone;
  solids[::lithify::sediment] = grain;
  const auto solid = put(ex, solids);
  const auto faces = put(ex, c.faces);
  deltas::staging_words flags;
  flags.overflow = halted ? 1 : 0;
  const auto batch = put(ex, std::vector<deltas::staging_words>{flags});
  const auto words = put(ex, std::vector<step_words>(1));

  step_view step;
  step.columns = columns.view();
  step.faces = faces.data();
  step.nx = c.nx;
  step.cells = c.nx * c.ny;
  step.loop_x = c.loop_x;
  step.loop_y = c.loop_y;
  step.solid = solid.data();
  step.sediment_solid = grain;
  step.batch = batch.data();
  step.words = words.data();
  diffuse(ex, step, 2, plan, frame_offset);
  device::copy_to_host(ex, c.sediment.data(), columns.sediment.data(), columns.sediment.size());
  device::copy_to_host(ex, c.east.data(), columns.remainder_east.data(), columns.sediment.size());
  device::copy_to_host(ex, c.north.data(), columns.remainder_north.data(), columns.sediment.size());
  return device::read(ex, words.data());
}

/// One substep written out from its definition: exact quanta of every face as a fraction over 2^80,
/// cut to 2^-52 towards zero, whole quanta moved, the rest kept. Nothing is capped.
void oracle_substep(plain_columns& c, std::int64_t coefficient) {
  std::vector<std::int64_t> height(c.cells());
  for (std::size_t i = 0; i < c.cells(); ++i) {
    const std::int64_t loose = std::int64_t{c.n_loose[i]} * grain + c.sediment[i];
    const std::int64_t rock_height = (std::int64_t{c.rock_top[i]} << 20) + c.residual[i];
    height[i] = c.faces[i] & face::held ? c.boundary[i]
                : loose >= 0            ? rock_height + (loose << 20) / grain
                                        : rock_height + loose;
  }
  const auto move = [&](std::size_t i, std::size_t j, std::int64_t& rest) {
    int128 exact = static_cast<int128>(height[i] - height[j]) * grain * coefficient;
    exact /= static_cast<int128>(1) << 28;  // 2^-80 to 2^-52; C++ truncates
    exact += rest;
    const int128 whole = exact / (static_cast<int128>(1) << 52);
    rest = static_cast<std::int64_t>(exact % (static_cast<int128>(1) << 52));
    c.sediment[i] -= static_cast<std::int64_t>(whole);
    c.sediment[j] += static_cast<std::int64_t>(whole);
  };
  for (std::int64_t y = c.ny; y-- > 0;) {
    for (std::int64_t x = c.nx; x-- > 0;) {
      const std::size_t i = c.at(x, y);
      if (c.faces[i] & face::north) {
        move(i, c.at(x, (y + 1) % c.ny), c.north[i]);
      }
      if (c.faces[i] & face::east) {
        move(i, c.at((x + 1) % c.nx, y), c.east[i]);
      }
    }
  }
}

plain_columns random_columns(std::uint64_t seed, plain_columns c = {13, 9, 100}) {
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < c.cells(); ++i) {
    c.rock_top[i] += static_cast<std::int32_t>(random() % 9);
    c.n_loose[i] = static_cast<std::int32_t>(random() % 3);
    c.residual[i] = 1 + static_cast<std::int32_t>(random() % stone);
    c.sediment[i] = static_cast<std::int64_t>(random() % (grain + grain / 2));
    c.east[i] = static_cast<std::int64_t>(random() >> 12) - (std::int64_t{1} << 51);
    c.north[i] = static_cast<std::int64_t>(random() >> 12) - (std::int64_t{1} << 51);
  }
  c.hold(0, 4, 103 << 20);
  c.hold(12, 8, 99 << 20);
  return c;
}

/// The oracle's columns and the program's are the same after a step.
void expect_same_step(plain_columns found, double diffusivity) {
  plain_columns expected = found;
  const diffusion_plan plan = plan_diffusion(diffusivity, 3.0, 700.0);
  const step_words words = run(found, plan);
  for (std::int64_t i = 0; i < plan.substeps; ++i) {
    oracle_substep(expected, plan.coefficient);
  }
  EXPECT_EQ(words.stage[2].capped, 0);
  for (std::int64_t y = 0; y < found.ny; ++y) {
    for (std::int64_t x = 0; x < found.nx; ++x) {
      const std::size_t i = found.at(x, y);
      ASSERT_EQ(found.sediment[i], expected.sediment[i]) << x << ", " << y;
      ASSERT_EQ(found.east[i], expected.east[i]) << x << ", " << y;
      ASSERT_EQ(found.north[i], expected.north[i]) << x << ", " << y;
    }
  }
}

// Large enough for several runs of columns: whole ones, and the last rows, whose neighbours in the
// north lie beyond the arrays' end.
TEST(diffusion_kernel, moves_what_the_oracle_moves_in_runs_and_across_looped_sides) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const bool loop_x = seed % 2 == 0;
    const bool loop_y = seed % 4 >= 2;
    plain_columns c = random_columns(seed, {61, 23, 100, loop_x, loop_y});
    for (const auto& [x, y] : {std::pair{60, 0}, {0, 11}, {30, 22}, {17, 5}, {60, 12}}) {
      c.close(x, y);
    }
    if (seed % 3 == 0) {
      c.sediment[c.at(40, 7)] = -1000;  // more was taken than lay there: not a settled column
    }
    expect_same_step(c, 0.01 * static_cast<double>(seed));
  }
}

TEST(diffusion_kernel, moves_what_the_oracle_moves) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_same_step(random_columns(seed), 0.01 * static_cast<double>(seed));
  }
}

TEST(diffusion_kernel, a_mirrored_relief_gives_a_mirrored_result) {
  plain_columns a = random_columns(3);
  std::fill(a.east.begin(), a.east.end(), 0);
  std::fill(a.north.begin(), a.north.end(), 0);
  plain_columns b = a;
  for (std::int64_t y = 0; y < a.ny; ++y) {
    for (std::int64_t x = 0; x < a.nx; ++x) {
      const std::size_t to = b.at(a.nx - 1 - x, y), from = a.at(x, y);
      b.rock_top[to] = a.rock_top[from];
      b.n_loose[to] = a.n_loose[from];
      b.residual[to] = a.residual[from];
      b.sediment[to] = a.sediment[from];
      b.boundary[to] = a.boundary[from];
      b.open(a.nx - 1 - x, y, x > 0, y + 1 < a.ny);
      b.faces[to] = static_cast<std::uint8_t>(b.faces[to] | (a.faces[from] & face::held));
    }
  }
  const diffusion_plan plan = plan_diffusion(0.02, 3.0, 700.0);
  run(a, plan);
  run(b, plan);
  for (std::int64_t y = 0; y < a.ny; ++y) {
    for (std::int64_t x = 0; x < a.nx; ++x) {
      ASSERT_EQ(a.sediment[a.at(x, y)], b.sediment[b.at(a.nx - 1 - x, y)]) << x << ", " << y;
    }
  }
}

TEST(diffusion_kernel, a_donor_gives_no_more_than_it_has) {
  // One quantum and a half high, beside two columns that are held far below the floor.
  plain_columns c(3, 1, 0);
  c.residual[1] = 1000;
  c.hold(0, 0, -(std::int64_t{1} << 30));
  c.hold(2, 0, -(std::int64_t{1} << 30));
  const diffusion_plan plan = plan_diffusion(0.2, 1.0, 1.0);
  ASSERT_EQ(plan.substeps, 1);
  const step_words words = run(c, plan);
  const std::int64_t has = (std::int64_t{1000} * grain) >> 20;  // 1000 units of bulk
  EXPECT_EQ(c.sediment[1], -has);
  EXPECT_EQ(c.sediment[0] + c.sediment[2], has);
  EXPECT_LE(std::abs(c.sediment[0] - c.sediment[2]), 1) << "equal claims, equal shares";
  EXPECT_EQ(c.total(), 0);
  EXPECT_EQ(words.stage[2].capped, 2);
}

TEST(diffusion_kernel, a_halted_step_moves_nothing) {
  plain_columns c = random_columns(5);
  const plain_columns before = c;
  run(c, plan_diffusion(0.02, 3.0, 700.0), 0, true);
  EXPECT_EQ(c.sediment, before.sediment);
  EXPECT_EQ(c.east, before.east);
  EXPECT_EQ(c.north, before.north);
}

TEST(diffusion_kernel, substeps_stay_below_the_bound) {
  for (const double kappa : {1e-9, 0.01, 0.2, 0.2000001, 1.0, 123.45}) {
    const diffusion_plan plan = plan_diffusion(kappa, 1.0, 1.0);
    const double share = static_cast<double>(plan.coefficient) / static_cast<double>(1LL << 60);
    EXPECT_LE(share, 0.2 * (1 + 1e-12));
    EXPECT_NEAR(share * static_cast<double>(plan.substeps) / kappa, 1.0, 1e-9) << kappa;
    EXPECT_TRUE(plan.substeps == 1 || share > 0.1) << "more substeps than needed";
    EXPECT_DOUBLE_EQ(plan.stable_dt_yr, 0.25 / kappa);
  }
  EXPECT_EQ(plan_diffusion(0.0, 1.0, 1.0).coefficient, 0);
  EXPECT_EQ(plan_diffusion(200.0, 1.0, 1.0).substeps, 1000);
  EXPECT_THROW((void)plan_diffusion(200.1, 1.0, 1.0), error);
  EXPECT_THROW((void)plan_diffusion(1e300, 1.0, 1.0), error);
}

}  // namespace
}  // namespace lithify::passes::inline LITHIFY_BACKEND
