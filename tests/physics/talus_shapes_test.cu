/// Scree against shapes that are known: piles, cliffs, films, and plain sweeps cell by cell.
///
/// Tolerances beside others': libtopotoolbox compares two solvers of excess topography to 1e-4 of
/// the relief; Landlab has no test of a repose angle to a tolerance, fastscapelib no such process,
/// and of goSPL no such test is known to us. Where no other says so, a tolerance is what quanta and
/// heights of 2^-20 voxels round.
#include "lithify/base/angles.hpp"
#include "passes_rig.cuh"
#include "plain_scree.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

constexpr std::int64_t many_sweeps = 1'000'000;

/// A pile of sediment on a floor of rock of 4 voxels, slid until it stands.
struct pile {
  static constexpr int floor_voxels = 4;
  static constexpr double cell_m = 1.0, voxel_m = 0.25;

  material_table table;
  pass_world world;
  passes::simulation sim;
  step_report report;

  pile(region_size size, const std::function<int(int, int)>& voxels)
      : world(size,
              [&](voxel v) {
                return v.z < floor_voxels                      ? table.find("rock").value()
                       : v.z < floor_voxels + voxels(v.x, v.y) ? sediment
                                                               : air;
              }),
        sim(world.ex(),
            world.overlay(),
            geometry(cell_m, voxel_m),
            table,
            {talus_parameters{many_sweeps}}) {
    sim.derive(world.ex());
    report = sim.step(world.ex(), 1.0, 1);
  }

  /// Largest drop over a face that stands, voxels, by libm.
  [[nodiscard]] double stands() const {
    return std::tan(table[sediment].repose_deg * std::acos(-1.0) / 180.0) * cell_m / voxel_m;
  }
  /// A quantum of sediment in voxels of height.
  [[nodiscard]] double quantum() const { return 1.0 / table[sediment].solid_quanta(); }
  /// Thickness of the sediment, voxels.
  [[nodiscard]] std::vector<double> thickness() {
    std::vector<double> out;
    for (const std::int64_t h : sim.surface(world.ex())) {
      out.push_back(std::ldexp(static_cast<double>(h), -20) - floor_voxels);
    }
    return out;
  }
};

// A block slides into a triangle whose faces all drop by tan(repose): within a quantum a face.
TEST(talus, profile_of_a_pile_is_the_triangle) {
  constexpr int n = 121, middle = n / 2, half = 5, height = 80;
  pile p({n, 1, 100}, [&](int x, int) { return std::abs(x - middle) <= half ? height : 0; });
  EXPECT_EQ(p.report.passes[0].steep_faces, 0);
  EXPECT_EQ(p.report.passes[0].capped, 0);
  EXPECT_GT(p.report.passes[0].substeps, 100);
  const std::vector<double> h = p.thickness();
  const double drop = p.stands();
  // The triangle: `reach` whole faces on each side, whose drops and volume give the peak.
  const double volume = (2 * half + 1) * height;
  int reach = 0;
  double peak = 0.0;
  for (int k = 1; k < middle; ++k) {
    // Columns 0 .. k - 1 stand on the floor: (2k - 1) peak - k (k - 1) drop = volume.
    const double tried = (volume + k * (k - 1) * drop) / (2 * k - 1);
    if (tried - (k - 1) * drop >= 0.0 && tried - k * drop <= 0.0) {
      reach = k - 1;
      peak = tried;
    }
  }
  ASSERT_GT(reach, 15);
  double sum = 0.0;
  for (int x = 0; x < n; ++x) {
    sum += h[static_cast<std::size_t>(x)];
    const int k = std::abs(x - middle);
    const double exact = std::max(0.0, peak - k * drop);
    EXPECT_NEAR(h[static_cast<std::size_t>(x)], exact, (reach + 1) * p.quantum()) << "cell " << x;
    if (x > middle && x <= middle + reach) {
      const double here = h[static_cast<std::size_t>(x - 1)] - h[static_cast<std::size_t>(x)];
      // No face exceeds its threshold by a quantum. Below it: a sweep moves whole quanta, each of
      // which changes the drop by two, so that one too many leaves less than a quantum missing; and
      // both heights are cut off at 2^-20 voxels, 0.7 of a quantum of sediment between them.
      EXPECT_LT(here - drop, p.quantum()) << "face " << x;
      EXPECT_GT(here - drop, -p.quantum() - 0x1p-20) << "face " << x;
    }
  }
  EXPECT_NEAR(sum, volume, n * p.quantum());
}

/// Volume of a cone of slope `drop` a cell in the chamfer metric (1, root of 2), and its heights.
double chamfer_cone(int n, double peak, double drop, std::vector<double>& h) {
  double volume = 0.0;
  h.clear();
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const double a = std::abs(x - n / 2), b = std::abs(y - n / 2);
      const double distance = std::max(a, b) + (std::sqrt(2.0) - 1.0) * std::min(a, b);
      h.push_back(std::max(0.0, peak - drop * distance));
      volume += h.back();
    }
  }
  return volume;
}

// A block slides into the cone that eight faces can make: within 5 % of its volume.
TEST(talus, pile_is_the_chamfer_cone) {
  constexpr int n = 61, half = 4, height = 160;
  const auto block = [&](int x, int y) {
    return std::abs(x - n / 2) <= half && std::abs(y - n / 2) <= half ? height : 0;
  };
  pile p({n, n, 180}, block);
  EXPECT_EQ(p.report.passes[0].steep_faces, 0);
  const double volume = (2 * half + 1) * (2 * half + 1) * height;
  std::vector<double> cone;
  double low = 0.0, high = height;
  for (int i = 0; i < 60; ++i) {
    const double peak = 0.5 * (low + high);
    (chamfer_cone(n, peak, p.stands(), cone) < volume ? low : high) = peak;
  }
  const std::vector<double> h = p.thickness();
  double off = 0.0;
  for (std::size_t i = 0; i < h.size(); ++i) {
    off += std::abs(h[i] - cone[i]);
  }
  RecordProperty("L1_per_cent", std::to_string(100.0 * off / volume));
  EXPECT_LT(off, 0.05 * volume);
  // The same from every side: the fixed order of neighbours costs a quantum a face at most.
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const auto at = [&](int i, int j) {
        return h[static_cast<std::size_t>(j) * n + static_cast<std::size_t>(i)];
      };
      EXPECT_NEAR(at(x, y), at(y, x), 0.01);
      EXPECT_NEAR(at(x, y), at(n - 1 - x, y), 0.01);
    }
  }
}

/// Faces of free columns that drop by a quantum or more beyond what stands, told from the fields.
std::int64_t steep_faces(pass_world& world,
                         const passes::simulation& sim,
                         const material_table& table,
                         const region_geometry& g) {
  const std::vector<field> fields = sim.fields(world.ex());
  const std::vector<std::int64_t> h = sim.surface(world.ex());
  const std::int64_t nx = world.size().x, ny = world.size().y;
  constexpr auto none = std::numeric_limits<std::int64_t>::min();
  std::int64_t steep = 0;
  for (std::int64_t y = 0; y < ny; ++y) {
    for (std::int64_t x = 0; x < nx; ++x) {
      const std::int64_t c = y * nx + x;
      if (value_at<std::int32_t>(fields, "rock_top", c) < 0 ||
          value_at<std::int64_t>(fields, "boundary_height", c) != none) {
        continue;
      }
      const bool loose = value_at<std::int32_t>(fields, "n_loose", c) > 0 ||
                         value_at<std::int64_t>(fields, "sediment", c) > 0;
      const material& m =
          table[loose ? sediment : value_at<std::uint16_t>(fields, "rock_material", c)];
      for (std::int64_t dy = -1; dy <= 1; ++dy) {
        for (std::int64_t dx = -1; dx <= 1; ++dx) {
          if (x + dx < 0 || x + dx >= nx || y + dy < 0 || y + dy >= ny) {
            continue;
          }
          const std::size_t i = static_cast<std::size_t>(c);
          const std::size_t j = static_cast<std::size_t>(c + dy * nx + dx);
          if (h[j] == none || i == j) {
            continue;
          }
          const double length = std::hypot(static_cast<double>(dx), static_cast<double>(dy));
          const double stands = std::tan(m.repose_deg * std::acos(-1.0) / 180.0) * length *
                                g.cell_size_m / g.voxel_height_m;
          const double quantum = 1.0 / m.solid_quanta();
          const double over = std::ldexp(static_cast<double>(h[i] - h[j]), -20) - stands;
          steep += over > quantum + 2e-6 ? 1 : 0;  // 2e-6: both surfaces are floored
        }
      }
    }
  }
  return steep;
}

TEST(talus, no_face_is_over_its_threshold_by_more_than_a_quantum) {
  for (const std::uint64_t seed : seeds(1, 6)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rough_ground ground;
    ground.seed = seed;
    ground.holes = seed % 2 == 0;
    rough_run run(ground, false, {talus_parameters{many_sweeps}});
    // A step reckons what lies below the top voxel with that voxel's solid: the next one mends it.
    step_report report;
    int steps = 0;
    do {
      ASSERT_LT(++steps, 60);
      report = run.step(steps);
      ASSERT_EQ(report.passes[0].steep_faces, 0);
      ASSERT_EQ(report.passes[0].largest_excess_m, 0.0);
    } while (report.passes[0].substeps > 0);
    EXPECT_GT(steps, 1);
    EXPECT_EQ(steep_faces(run.world, run.sim, run.table, geometry(5.0, 0.5)), 0);
  }
}

TEST(talus, reports_what_too_few_sweeps_leave) {
  const material_table table;
  const material_id rock = table.find("rock").value();
  // A tower of one column on a plain, 12 voxels of 1 m high over cells of 2 m; tan(60) = 1.732.
  pass_world world({7, 7, 32},
                   [&](voxel v) { return v.z < 8 + (v.x == 3 && v.y == 3 ? 12 : 0) ? rock : air; });
  for (const std::int64_t sweeps : {0, 1, 2, 5}) {
    passes::simulation sim(world.ex(), world.overlay(), geometry(2.0, 1.0), table,
                           {talus_parameters{sweeps}});
    sim.derive(world.ex());
    if (sweeps == 0) {
      const step_report none = sim.step(world.ex(), 1.0, 1);
      EXPECT_EQ(none.passes[0].pass, "talus");
      EXPECT_EQ(none.passes[0].substeps, 0);
      EXPECT_EQ(none.passes[0].deltas, 0);
      EXPECT_EQ(none.passes[0].steep_faces, 8);
      EXPECT_NEAR(none.passes[0].largest_excess_m, 12.0 - 2.0 * std::sqrt(3.0), 1e-5);
    }
  }
  passes::simulation sim(world.ex(), world.overlay(), geometry(2.0, 1.0), table,
                         {talus_parameters{1}});
  sim.derive(world.ex());
  const step_report one = sim.step(world.ex(), 1.0, 1);
  EXPECT_EQ(one.passes[0].substeps, 1);
  EXPECT_EQ(one.passes[0].steep_faces, 8);
  EXPECT_LT(one.passes[0].largest_excess_m, 6.0);
  EXPECT_GT(one.passes[0].deltas, 0);
}

/// Columns of rock in a row, the first and the last one held.
struct rock_row {
  material_table table;
  pass_world world;
  passes::simulation sim;

  rock_row(const std::vector<int>& tops, std::int64_t sweeps)
      : world({static_cast<std::int32_t>(tops.size()), 1, 64},
              [&](voxel v) {
                return v.z < tops[static_cast<std::size_t>(v.x)] ? material_id{4} : air;
              }),
        sim(world.ex(), world.overlay(), geometry(1.0, 1.0), table, {talus_parameters{sweeps}}) {
    sim.derive(world.ex());
  }
};

// One face too steep, nothing else moves: a sweep leaves it at its threshold, though a quantum of
// sediment is higher than one of rock.
TEST(talus, a_sweep_brings_a_lone_face_of_rock_to_its_threshold) {
  rock_row row({30, 30, 20, 20}, 1);
  EXPECT_EQ(row.sim.step(row.world.ex(), 1.0, 1).passes[0].substeps, 1);
  const std::vector<std::int64_t> h = row.sim.surface(row.world.ex());
  const double stands = std::sqrt(3.0) * (1 << 20);  // rock: 60 degrees
  EXPECT_NEAR(static_cast<double>(h[1] - h[2]), stands, 4.0);
}

// A film goes, and in the same sweep the rock under it: a trickle does not hold a cliff.
TEST(talus, a_trickle_of_grains_holds_no_cliff) {
  rock_row row({30, 30, 20, 20}, 1);
  std::vector<field> fields = row.sim.fields(row.world.ex());
  named(fields, "sediment").as<std::int64_t>()[1] = 10;
  row.sim.load(row.world.ex(), fields, {});
  row.sim.step(row.world.ex(), 1.0, 1);
  EXPECT_LT(row.sim.surface(row.world.ex())[1], (std::int64_t{30} << 20) - (1 << 20));
}

// A long slope that stands loses its toe: the scarp climbs it, through ground that slept until
// then.
TEST(talus, a_scarp_climbs_the_slope_whose_toe_is_gone) {
  constexpr int n = 170, scarp = 60;
  pile p({n, 1, 420}, [](int x, int y) { return x < 3 ? y : 60 + 2 * std::min(x, 150); });
  EXPECT_EQ(p.report.passes[0].steep_faces, 0);
  EXPECT_EQ(steep_faces(p.world, p.sim, p.table, geometry(pile::cell_m, pile::voxel_m)), 0);
  const std::vector<double> h = p.thickness();
  // From the held foot the steepest line that stands, until it comes out on the slope.
  const int out = static_cast<int>(scarp / (p.stands() - 2.0));
  ASSERT_GT(out, 64) << "beyond a block";
  for (int x = 1; x < out - 2; ++x) {
    EXPECT_NEAR(h[static_cast<std::size_t>(x)], x * p.stands(), 0.01) << "cell " << x;
  }
  EXPECT_EQ(h[static_cast<std::size_t>(out) + 2], scarp + 2 * (out + 2));
}

/// Lets sediment slide for that many sweeps, and holds every free column against plain ones.
void expect_plain_sweeps(region_size size,
                         const std::function<int(int, int)>& voxels,
                         std::int64_t sweeps,
                         std::size_t block = 1) {
  SCOPED_TRACE(std::to_string(sweeps) + " sweeps");
  const material_table table;
  constexpr double cell_m = 1.0, voxel_m = 0.25;
  const double drop = tangent_of_degrees(table[sediment].repose_deg) * cell_m / voxel_m * 0x1p20;
  plain_scree plain;
  plain.nx = size.x;
  plain.ny = size.y;
  plain.solid = table[sediment].solid_quanta();
  plain.straight = static_cast<std::int64_t>(drop);
  plain.slant = static_cast<std::int64_t>(drop * 0x1.6a09e667f3bcdp+0);
  plain.block = block;
  for (int y = 0; y < size.y; ++y) {
    for (int x = 0; x < size.x; ++x) {
      plain.loose.push_back(voxels(x, y) * plain.solid);
    }
  }
  for (std::int64_t i = 0; i < sweeps; ++i) {
    plain.sweep();
  }
  pass_world world(size, [&](voxel v) {
    return v.z < 1 ? table.find("rock").value() : v.z < 1 + voxels(v.x, v.y) ? sediment : air;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(cell_m, voxel_m), table,
                         {talus_parameters{sweeps}});
  sim.derive(world.ex());
  const step_report report = sim.step(world.ex(), 1.0, 1);
  EXPECT_EQ(report.passes[0].substeps, sweeps);
  EXPECT_EQ(report.passes[0].steep_faces, plain.steep_faces());
  const std::vector<field> fields = sim.fields(world.ex());
  for (std::int64_t c = 0; c < size.columns(); ++c) {
    if (!plain.held(static_cast<int>(c % size.x), static_cast<int>(c / size.x))) {
      ASSERT_EQ(value_at<std::int32_t>(fields, "n_loose", c) * plain.solid +
                    value_at<std::int64_t>(fields, "sediment", c),
                plain.loose[static_cast<std::size_t>(c)])
          << "cell " << c;
    }
  }
}

// Cells that are left alone are those that plain sweeps would not move.
TEST(talus, sweeps_move_what_sweeps_over_all_cells_would) {
  for (const std::uint64_t seed : seeds(1, 3)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    // A plain that stands, with heaps and holes here and there: most cells are left alone.
    const auto heaps = [&](int x, int y) {
      const std::uint64_t draw =
          mix64(seed * 1'000'003 + static_cast<std::uint64_t>(y) * 1000 + static_cast<unsigned>(x));
      return 40 + (draw % 97 == 0 ? static_cast<int>((draw >> 32) % 40) - 6 : 0);
    };
    for (const std::int64_t sweeps : {1, 2, 3, 10}) {
      expect_plain_sweeps({131, 37, 100}, heaps, sweeps);
    }
  }
}

// Between walls nothing but the cell beside it wakes one, also where a block of 64 ends: cell 42 of
// the row is the first of its block, cell 105 the last.
TEST(talus, a_scarp_climbs_through_the_blocks_of_a_gully) {
  constexpr int n = 150, wall = 300;
  for (const bool eastward : {true, false}) {
    SCOPED_TRACE(eastward ? "eastward" : "westward");
    const auto gully = [=](int x, int y) {
      const int climbed = eastward ? x - 38 : 109 - x;
      return y != 1 ? wall : climbed < 0 ? 20 : 80 + 2 * climbed;
    };
    expect_plain_sweeps({n, 3, wall + 20}, gully, 100);
  }
}

TEST(talus, a_lone_column_slides_on_by_itself) {
  for (const std::int64_t sweeps : {1, 2, 9}) {
    expect_plain_sweeps(
        {3, 1, 100}, [](int x, int) { return x == 2 ? 20 : 60; }, sweeps);
  }
}

// On an even slope all but the first and the last cell get what they give.
TEST(talus, cells_that_get_what_they_give_wait_for_their_block) {
  const auto slope = [](int x, int y) { return y != 1 ? 640 : 20 + 3 * x; };
  for (const std::int64_t sweeps : {1, 2, 3, 10, 100}) {
    expect_plain_sweeps({200, 3, 660}, slope, sweeps, 64);
  }
}

// Too steep is what can fall: a film of grains on rock that stands by itself is no cliff of grains.
TEST(talus, reports_a_film_on_standing_rock_with_its_own_thickness) {
  const material_table table;
  const material_id rock = table.find("rock").value();
  const double grain = table[sediment].solid_quanta();
  // A tower on a plain, cells of 2 m and voxels of 1 m: rock stands 3.46 m high, grains 1.33 m.
  const auto excess = [&](int tower, double film_m) {
    pass_world world({7, 7, 32}, [&](voxel v) {
      return v.z < 8 + (v.x == 3 && v.y == 3 ? tower : 0) ? rock : air;
    });
    passes::simulation sim(world.ex(), world.overlay(), geometry(2.0, 1.0), table,
                           {talus_parameters{0}});
    sim.derive(world.ex());
    std::vector<field> fields = sim.fields(world.ex());
    named(fields, "sediment").as<std::int64_t>()[24] = std::llround(film_m * grain);
    sim.load(world.ex(), fields, {});
    const step_report report = sim.step(world.ex(), 1.0, 1);
    EXPECT_EQ(report.passes[0].steep_faces, film_m > 0.0 ? 8 : 0);
    return report.passes[0].largest_excess_m;
  };
  const double rock_stands = 2.0 * std::sqrt(3.0);
  const double grains_stand = 2.0 * std::tan(table[sediment].repose_deg * std::acos(-1.0) / 180.0);
  EXPECT_EQ(excess(3, 0.0), 0.0);
  EXPECT_NEAR(excess(3, 1e-5), 1e-5, 2e-6) << "the film alone";
  EXPECT_NEAR(excess(3, 0.2), 0.2, 2e-6);
  EXPECT_NEAR(excess(1, 1.2), 2.2 - grains_stand, 2e-6) << "grains that may stand in part";
  EXPECT_NEAR(excess(5, 1e-5), 5.0 - rock_stands + 1e-5, 3e-6) << "and the rock under it";
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
