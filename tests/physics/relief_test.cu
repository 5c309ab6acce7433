/// A landscape that all passes shape does not show its voxels: the same relief at every voxel
/// height, and that of a program in metres and FP64 that knows no voxels at all.
///
/// Tolerance: 1 % of the relief (design), for the relief and for the mean difference of the
/// surfaces. Landlab, fastscapelib and goSPL have no voxels and no such test.
#include "passes_rig.cuh"
#include "routing_oracle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

constexpr int nx = 36, ny = 28, steps = 250, sweeps = 400;
constexpr double dx = 50.0, dt = 1000.0;
constexpr double uplift = 1e-3, k = 2e-5, m = 0.45;
constexpr double basement = 320.0, contact = 300.0;  // soft rock lies on hard rock from there

struct ground_kind {
  double erodibility, repose_deg, diffusivity, porosity;
};
constexpr ground_kind soft{2.0, 45.0, 0.01, 0.10}, hard{1.0, 55.0, 0.004, 0.02},
    grains{0.04, 33.7, 0.04, 0.30};

/// The surface at the start, metres: a few hills whose valleys are decided, and roughness.
double surface_at(int x, int y) {
  const double pi = std::acos(-1.0);
  const double u = x / (nx - 1.0);
  const double v = y / (ny - 1.0);
  const double rough = static_cast<double>(
      mix64(static_cast<std::uint64_t>(y) * 97 + static_cast<std::uint64_t>(x)) % 1000);
  return basement + 30.0 * std::sin(pi * u) * std::sin(pi * v) +
         6.0 * std::sin(5.0 * pi * u) * std::sin(4.0 * pi * v) + 0.002 * rough;
}

std::size_t cell_at(int x, int y) {
  return static_cast<std::size_t>(y) * nx + static_cast<std::size_t>(x);
}

bool on_side(int x, int y) { return x == 0 || y == 0 || x == nx - 1 || y == ny - 1; }

/// The passes again, from their docstrings: FP64 metres, no voxels, no quanta.
class plain_landscape {
 public:
  plain_landscape() : rock_(cells), loose_(cells, 0.0), side_(cells), start_(cells) {
    for (int y = 0; y < ny; ++y) {
      for (int x = 0; x < nx; ++x) {
        const std::size_t c = cell_at(x, y);
        rock_[c] = start_[c] = surface_at(x, y);
        side_[c] = on_side(x, y);
      }
    }
  }
  void step() {
    fallen_ += uplift * dt;
    cut_rivers();
    creep();
    slide();
  }
  /// Above the sides, as they stand.
  [[nodiscard]] double height(std::size_t c) const {
    return side_[c] ? start_[c] - fallen_ : rock_[c] + loose_[c];
  }
  [[nodiscard]] const std::vector<double>& loose() const { return loose_; }

 private:
  static constexpr std::size_t cells = static_cast<std::size_t>(nx) * ny;

  [[nodiscard]] const ground_kind& kind(std::size_t c) const {
    return rock_[c] > contact ? soft : hard;
  }

  void cut_rivers() {
    terrain t{nx, ny, {}};
    for (std::size_t c = 0; c < cells; ++c) {
      t.height.push_back(std::llround(std::ldexp(height(c), 24)));
    }
    const routing_oracle routes(t);
    std::vector<double> z(cells);
    for (std::size_t c = 0; c < cells; ++c) {
      z[c] = height(c);
    }
    for (auto at = routes.upstream_first.rbegin(); at != routes.upstream_first.rend(); ++at) {
      const auto c = static_cast<std::size_t>(*at);
      const auto r = static_cast<std::size_t>(routes.receiver[c]);
      if (c == r || z[c] <= z[r]) {
        continue;
      }
      const bool slant = c % nx != r % nx && c / nx != r / nx;
      double left = k * dt * std::pow(static_cast<double>(routes.area[c]) * dx * dx, m) / dx /
                    (slant ? std::sqrt(2.0) : 1.0);
      const std::array<ground_kind, 3> kinds = {grains, soft, hard};
      const std::array<double, 3> base = {rock_[c], contact, -1e9};
      for (std::size_t i = 0; i < 3 && left > 0.0 && z[c] > z[r]; ++i) {
        if (z[c] <= base[i]) {
          continue;
        }
        const double f = left * kinds[i].erodibility;
        const double end = (z[c] + f * z[r]) / (1.0 + f);
        // Of the step, what this layer takes to be cut through.
        left = end >= base[i] ? 0.0 : left * (1.0 - (z[c] - base[i]) / (base[i] - z[r]) / f);
        z[c] = std::max(end, base[i]);
      }
      loose_[c] = std::max(0.0, z[c] - rock_[c]);
      rock_[c] = std::min(rock_[c], z[c]);
    }
  }

  /// Solid to or from a column, metres: loose material first.
  void give(std::size_t c, double solid) {
    const double own = 1.0 - grains.porosity;
    loose_[c] += solid / own;
    while (loose_[c] < 0.0) {
      const double rock = 1.0 - kind(c).porosity;
      const double fall = -loose_[c] * own / rock;
      const bool through = rock_[c] > contact && rock_[c] - fall < contact;
      const double taken = through ? rock_[c] - contact : fall;
      rock_[c] -= taken;
      loose_[c] = through ? loose_[c] + taken * rock / own : 0.0;
    }
  }

  void creep() {
    const double own = 1.0 - grains.porosity;
    std::vector<double> kappa(cells);
    std::vector<double> moved(cells, 0.0);
    for (std::size_t c = 0; c < cells; ++c) {
      kappa[c] = loose_[c] >= creep_depth ? grains.diffusivity : kind(c).diffusivity;
    }
    const auto cross = [&](std::size_t a, std::size_t b) {
      if (!side_[a] || !side_[b]) {
        const double drop = height(a) - height(b);
        const double q = (drop < 0.0 ? kappa[b] : kappa[a]) * dt / dx / dx * drop * own;
        moved[a] -= q;
        moved[b] += q;
      }
    };
    for (std::size_t c = 0; c < cells; ++c) {
      if (c % nx + 1 < nx) {
        cross(c, c + 1);
      }
      if (c + nx < cells) {
        cross(c, c + nx);
      }
    }
    for (std::size_t c = 0; c < cells; ++c) {
      if (!side_[c]) {
        give(c, moved[c]);
      }
    }
  }

  /// Excesses of a cell of this height and repose over its neighbours; gives the largest.
  double excesses(std::size_t c, double h, double repose, std::array<double, 8>& over) const {
    const double stands = std::tan(repose * std::acos(-1.0) / 180.0) * dx;
    double largest = 0.0;
    std::size_t i = 0;
    for (const auto& [x, y] : around) {
      const std::size_t n = c + static_cast<std::size_t>(y * nx + x);
      const double slant = x != 0 && y != 0 ? std::sqrt(2.0) : 1.0;
      over[i] = std::max(0.0, h - before_[n] - stands * slant);
      largest = std::max(largest, over[i++]);
    }
    return largest;
  }

  void slide() {
    const double own = 1.0 - grains.porosity;
    before_.resize(cells);
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      for (std::size_t c = 0; c < cells; ++c) {
        before_[c] = height(c);
      }
      std::vector<double> came(cells, 0.0);
      std::vector<double> rock_gone(cells, 0.0);
      double worst = 0.0;
      for (std::size_t c = 0; c < cells; ++c) {
        if (side_[c]) {
          continue;
        }
        std::array<double, 8> over{};
        const auto hand = [&](double solid) {
          double sum = 0.0;
          for (const double e : over) {
            sum += e;
          }
          for (std::size_t i = 0; i < 8; ++i) {
            came[c + static_cast<std::size_t>(around[i][1] * nx + around[i][0])] +=
                solid * over[i] / sum;
          }
        };
        if (loose_[c] > 0.0) {
          const double e = excesses(c, before_[c], grains.repose_deg, over);
          const double gives = std::min(0.5 * e, loose_[c]) * own;
          if (e > 0.0) {
            worst = std::max(worst, gives);
            hand(gives);
            came[c] -= gives;
          }
          if (0.5 * e < loose_[c]) {
            continue;
          }
        }
        const double rock = 1.0 - kind(c).porosity;
        const double e = excesses(c, rock_[c], kind(c).repose_deg, over);
        if (e > 0.0) {
          worst = std::max(worst, e);
          rock_gone[c] = e * own / (rock + own);
          hand(e * rock * own / (rock + own));
        }
      }
      for (std::size_t c = 0; c < cells; ++c) {
        if (!side_[c]) {
          rock_[c] -= rock_gone[c];
          loose_[c] = std::max(0.0, loose_[c] + came[c] / own);
        }
      }
      if (worst < 1e-7) {
        return;
      }
    }
  }

  static constexpr double creep_depth = 0.5;
  static constexpr std::array<std::array<int, 2>, 8> around = {
      {{-1, -1}, {0, -1}, {1, -1}, {-1, 0}, {1, 0}, {-1, 1}, {0, 1}, {1, 1}}};

  std::vector<double> rock_, loose_;
  std::vector<bool> side_;
  std::vector<double> start_, before_;
  double fallen_ = 0.0;
};

/// Heights of every column in metres after the same steps over voxels of this height.
std::vector<double> voxel_landscape(double voxel_height) {
  material_table table;
  const auto set = [&](const char* name, const ground_kind& kind) {
    material of = table[table.find(name).value()];
    of.porosity = kind.porosity;
    of.erodibility = kind.erodibility;
    of.repose_deg = kind.repose_deg;
    of.diffusivity_m2_per_yr = kind.diffusivity;
    return table.set(of);
  };
  const material_id above = set("sandstone", soft), below = set("granite", hard);
  set("sediment", grains);
  const auto top = [&](int x, int y) {
    return static_cast<std::int32_t>(std::ceil(surface_at(x, y) / voxel_height)) - 1;
  };
  const auto boundary = static_cast<std::int32_t>(contact / voxel_height);
  const auto high = static_cast<std::int32_t>((basement + 60.0) / voxel_height);
  pass_world world({nx, ny, high}, [&](voxel v) {
    return v.z > top(v.x, v.y) ? air : v.z < boundary ? below : above;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(dx, voxel_height), table,
                         {uplift_parameters{uplift}, stream_power_parameters{k, m},
                          diffusion_parameters{0.01}, talus_parameters{sweeps}});
  sim.derive(world.ex());
  // The same surface at every voxel height: what the topmost voxel holds makes it exact.
  std::vector<field> fields = sim.fields(world.ex());
  for (int y = 0; y < ny; ++y) {
    for (int x = 0; x < nx; ++x) {
      const std::size_t c = cell_at(x, y);
      const double rest = surface_at(x, y) / voxel_height - top(x, y);
      const std::int32_t solid = table[above].solid_quanta();
      named(fields, "residual").as<std::int32_t>()[c] =
          std::max(1, static_cast<std::int32_t>(std::ceil(rest * solid)));
      if (on_side(x, y)) {
        named(fields, "boundary_height").as<std::int64_t>()[c] =
            std::llround(std::ldexp(surface_at(x, y) / voxel_height, 20));
      }
    }
  }
  sim.load(world.ex(), fields, {});
  std::array<std::int64_t, 3> at_work{};
  for (int i = 0; i < steps; ++i) {
    const step_report report = sim.step(world.ex(), dt, i);
    at_work[0] += report.passes[1].contacts;
    at_work[1] += report.passes[3].substeps;
    at_work[2] += report.passes[3].steep_faces;
    if (i % 50 == 0) {
      world.consolidate();
    }
  }
  EXPECT_GT(at_work[0], 100) << "rivers come to the hard rock";
  EXPECT_GT(at_work[1], steps) << "slopes slide";
  EXPECT_EQ(at_work[2], 0);
  std::vector<double> heights;
  for (const std::int64_t h : sim.surface(world.ex())) {
    heights.push_back(std::ldexp(static_cast<double>(h), -20) * voxel_height);
  }
  return heights;
}

double relief_of(const std::vector<double>& heights) {
  const auto [low, high] = std::minmax_element(heights.begin(), heights.end());
  return *high - *low;
}

/// With LITHIFY_TEST_FINE (scripts/nightly) also a quarter of a metre.
std::vector<double> voxel_heights() {
  std::vector<double> heights = {0.5, 1.0, 4.0};
  if (std::getenv("LITHIFY_TEST_FINE") != nullptr) {
    heights.push_back(0.25);
  }
  return heights;
}

TEST(relief, that_all_passes_shape_does_not_show_the_voxels) {
  plain_landscape plain;
  for (int i = 0; i < steps; ++i) {
    plain.step();
  }
  std::vector<double> expected;
  for (std::size_t c = 0; c < static_cast<std::size_t>(nx) * ny; ++c) {
    expected.push_back(plain.height(c));
  }
  const double whole = relief_of(expected);
  ASSERT_GT(whole, 200.0);
  ASSERT_GT(*std::max_element(plain.loose().begin(), plain.loose().end()), 0.5)
      << "somewhere creep sees soil";
  for (const double voxel_height : voxel_heights()) {
    SCOPED_TRACE(voxel_height);
    const std::vector<double> found = voxel_landscape(voxel_height);
    EXPECT_NEAR(relief_of(found), whole, 0.01 * whole);
    double off = 0.0;
    for (std::size_t c = 0; c < found.size(); ++c) {
      off += std::abs(found[c] - expected[c]) / static_cast<double>(found.size());
    }
    RecordProperty("mean_difference_m_at_" + std::to_string(voxel_height), std::to_string(off));
    EXPECT_LT(off, 0.01 * whole);
  }
}

// Soil two metres deep over hard rock creeps as soil, whether that is four voxels or half of one.
TEST(relief, of_a_mantle_that_creeps_does_not_show_the_voxels) {
  constexpr int cells = 61, half = cells / 2;
  std::vector<double> first;
  for (const double voxel_height : {0.5, 1.0, 4.0}) {
    SCOPED_TRACE(voxel_height);
    material_table table;
    for (const auto& [name, diffusivity] : {std::pair{"rock", 1e-4}, {"sediment", 0.05}}) {
      material of = table[table.find(name).value()];
      of.diffusivity_m2_per_yr = diffusivity;
      table.set(of);
    }
    const material_id rock = table.find("rock").value();
    const auto bare = [](int x) { return 20.0 + 10.0 * std::exp(-(x - half) * (x - half) / 60.0); };
    const auto top = [&](int x) {
      return static_cast<std::int32_t>(std::ceil(bare(x) / voxel_height)) - 1;
    };
    pass_world world({cells, 1, static_cast<std::int32_t>(40.0 / voxel_height)},
                     [&](voxel v) { return v.z <= top(v.x) ? rock : air; });
    passes::simulation sim(world.ex(), world.overlay(), geometry(10.0, voxel_height), table,
                           {diffusion_parameters{0.01}});
    sim.derive(world.ex());
    std::vector<field> fields = sim.fields(world.ex());
    const auto grain =
        static_cast<std::int64_t>(2.0 / voxel_height * table[sediment].solid_quanta());
    std::vector<voxel_edit> soil;
    for (int x = 0; x < cells; ++x) {
      const auto c = static_cast<std::size_t>(x);
      const double rest = bare(x) / voxel_height - top(x);
      named(fields, "residual").as<std::int32_t>()[c] =
          static_cast<std::int32_t>(std::ceil(rest * table[rock].solid_quanta()));
      std::int64_t ledger = grain;
      std::int32_t whole = 0;
      for (; 2 * ledger >= 3 * std::int64_t{table[sediment].solid_quanta()}; ++whole) {
        ledger -= table[sediment].solid_quanta();
        soil.push_back({{x, 0, top(x) + whole + 1}, sediment});
      }
      named(fields, "n_loose").as<std::int32_t>()[c] = whole;
      named(fields, "sediment").as<std::int64_t>()[c] = ledger;
      if (x == 0 || x == cells - 1) {
        named(fields, "boundary_height").as<std::int64_t>()[c] =
            std::llround(std::ldexp((bare(x) + 2.0) / voxel_height, 20));
      }
    }
    world.overlay().write(world.ex(), soil, 0);
    sim.load(world.ex(), fields, {});
    for (int i = 0; i < 60; ++i) {
      sim.step(world.ex(), 400.0, i);
    }
    std::vector<double> heights;
    for (const std::int64_t h : sim.surface(world.ex())) {
      heights.push_back(std::ldexp(static_cast<double>(h), -20) * voxel_height);
    }
    first = first.empty() ? heights : first;
    EXPECT_LT(relief_of(heights), 9.0) << "it does creep";
    for (int x = 0; x < cells; ++x) {
      const auto c = static_cast<std::size_t>(x);
      EXPECT_NEAR(heights[c], first[c], 0.01 * relief_of(first)) << "cell " << x;
    }
  }
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
