/// Hillslope diffusion and uplift against their analytic solutions.
#include "passes_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

double metres(std::int64_t height, double voxel_height_m) {
  return static_cast<double>(height) / static_cast<double>(one_voxel) * voxel_height_m;
}

// Steady relief under uniform uplift between two held ends: z = U / (2 kappa) x (L - x), peak
// U L^2 / (8 kappa). Parameters of goSPL's benchmark; 7 relaxation times L^2 / (pi^2 kappa). Within
// 1 % of the peak at every cell (design). goSPL asserts its peak within 5 % and R^2 > 0.99.
// Landlab asserts the steady profile under uplift of its depth-dependent Taylor diffuser, whose law
// is not linear, to 0.1 m of 12.6 m on 7 cells (test_4x7_grid_vs_analytical_solution); of its
// LinearDiffuser and of fastscapelib no such test is known to us.
TEST(diffusion, steady_profile_is_the_parabola) {
  constexpr double uplift = 5e-4, kappa = 0.1, length = 1000.0, dx = 10.0, voxel_height = 10.0;
  constexpr int cells = 101, depth = 360, steps = 1750;
  constexpr double dt = 4000.0;
  const material_table table = equal_porosity();
  const material_id rock = table.find("rock").value();
  pass_world world({cells, 1, 440}, [&](voxel v) { return v.z < depth ? rock : air; });
  passes::simulation sim(world.ex(), world.overlay(), geometry(dx, voxel_height), table,
                         {uplift_parameters{uplift}, diffusion_parameters{kappa}});
  sim.derive(world.ex());
  for (int i = 0; i < steps; ++i) {
    const step_report report = sim.step(world.ex(), dt, i);
    ASSERT_EQ(report.passes[1].capped, 0);
    if (i % 50 == 0) {
      world.consolidate();
    }
  }
  const std::vector<std::int64_t> surface = sim.surface(world.ex());
  const double peak = uplift * length * length / (8.0 * kappa);
  for (int x = 0; x < cells; ++x) {
    const double at = x * dx;
    const double exact = uplift / (2.0 * kappa) * at * (length - at);
    const double found = metres(surface[static_cast<std::size_t>(x)] - surface[0], voxel_height);
    EXPECT_NEAR(found, exact, 0.01 * peak) << "x = " << at;
  }
  EXPECT_NEAR(metres(*std::max_element(surface.begin(), surface.end()) - surface[0], voxel_height),
              peak, 0.005 * peak);
}

// Two rocks of unlike diffusivity side by side: at steady state the flux is U (x - divide), so that
// each half is a parabola of its own; they meet at the contact, and both ends stand at 0. 1 % as
// above; of Landlab, fastscapelib and goSPL no such test is known to us.
TEST(diffusion, steady_profile_over_two_diffusivities) {
  constexpr double uplift = 5e-4, length = 1000.0, dx = 10.0, voxel_height = 10.0;
  constexpr double hard = 0.05, soft = 0.2;  // west, east
  constexpr int cells = 101, depth = 640, steps = 3000;
  material_table table = equal_porosity();
  const auto with = [&](const char* name, double kappa) {
    material m = table[table.find(name).value()];
    m.porosity = 0.25;
    m.diffusivity_m2_per_yr = kappa;
    return table.set(m);
  };
  const material_id west = with("granite", hard), east = with("clay", soft);
  pass_world world({cells, 1, 760}, [&](voxel v) {
    return v.z >= depth ? air : v.x < cells / 2 ? west : east;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(dx, voxel_height), table,
                         {uplift_parameters{uplift}, diffusion_parameters{0.1}});
  sim.derive(world.ex());
  int128 stored = sim.stored(world.ex());
  for (int i = 0; i < steps; ++i) {
    const step_report report = sim.step(world.ex(), 4000.0, i);
    if (i == 0) {
      EXPECT_EQ(report.passes[1].substeps, 40) << "0.2 x 4000 / 100 = 8, at most 0.2 a substep";
      EXPECT_DOUBLE_EQ(report.passes[1].stable_dt_yr, dx * dx / (4.0 * soft));
    }
    const int128 now = sim.stored(world.ex());
    ASSERT_EQ(now - stored, net_of(report));
    stored = now;
    if (i % 100 == 0) {
      world.consolidate();
    }
  }
  // z' = U (divide - x) / kappa, continuous; z = 0 at both ends gives the divide.
  const double contact = (cells / 2 - 0.5) * dx;
  const double rest = length - contact;
  const double divide =
      (contact * contact / (2.0 * hard) + (length * length - contact * contact) / (2.0 * soft)) /
      (contact / hard + rest / soft);
  const auto exact = [&](double x) {
    const auto half = [&](double at) { return divide * at - 0.5 * at * at; };
    return x <= contact ? uplift / hard * half(x)
                        : uplift / hard * half(contact) + uplift / soft * (half(x) - half(contact));
  };
  const std::vector<std::int64_t> surface = sim.surface(world.ex());
  const double peak = exact(divide);
  for (int x = 0; x < cells; ++x) {
    const double found = metres(surface[static_cast<std::size_t>(x)] - surface[0], voxel_height);
    EXPECT_NEAR(found, exact(x * dx), 0.01 * peak) << "x = " << x * dx;
  }
}

// The heat kernel: h = M / (4 pi kappa t) exp(-r^2 / (4 kappa t)). Grid and times of fastscapelib's
// test, whose bound is a mean square error of 1e-9 m^2, ours too. (Of Landlab and goSPL no such
// test is known to us.)
TEST(diffusion, gaussian_hill_spreads_as_the_kernel) {
  constexpr double kappa = 1e-3, t0 = 2e3, dt = 1e3, dx = 0.4, voxel_height = 0.005;
  constexpr int n = 101;
  const material_table table = equal_porosity();
  const material_id rock = table.find("rock").value();
  const auto exact = [&](int x, int y, double t) {
    const double rx = (x - n / 2) * dx;
    const double ry = (y - n / 2) * dx;
    const double spread = 4.0 * kappa * t;
    return std::exp(-(rx * rx + ry * ry) / spread) / (spread * std::acos(-1.0));
  };
  constexpr int floor_voxels = 4;
  const auto whole = [&](voxel v) { return static_cast<int>(exact(v.x, v.y, t0) / voxel_height); };
  pass_world world({n, n, 32}, [&](voxel v) {
    return v.z < floor_voxels ? rock : v.z < floor_voxels + whole(v) ? sediment : air;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(dx, voxel_height), table,
                         {diffusion_parameters{kappa}});
  sim.derive(world.ex());
  std::vector<field> fields = sim.fields(world.ex());
  const double solid = table[sediment].solid_quanta();
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const double rest = exact(x, y, t0) / voxel_height - whole({x, y, 0});
      const bool side = x == 0 || y == 0 || x == n - 1 || y == n - 1;
      named(fields, "sediment").as<std::int64_t>()[static_cast<std::size_t>(y * n + x)] =
          side ? 0 : std::llround(rest * solid);
    }
  }
  sim.load(world.ex(), fields, {});
  const step_report report = sim.step(world.ex(), dt, 1);
  EXPECT_EQ(report.passes[0].substeps, 32) << "kappa dt / dx^2 = 6.25, at most 0.2 a substep";
  EXPECT_DOUBLE_EQ(report.passes[0].stable_dt_yr, dx * dx / (4.0 * kappa));

  const std::vector<std::int64_t> surface = sim.surface(world.ex());
  double squares = 0.0, mass = 0.0, second_moment = 0.0;
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const double h = metres(surface[static_cast<std::size_t>(y * n + x)], voxel_height) -
                       floor_voxels * voxel_height;
      const double error = h - exact(x, y, t0 + dt);
      squares += error * error;
      mass += h;
      second_moment += h * (x - n / 2) * (x - n / 2) * dx * dx;
    }
  }
  EXPECT_LT(squares / (n * n), 1e-9);
  EXPECT_NEAR(second_moment / mass, 2.0 * kappa * (t0 + dt), 1e-3) << "variance is 2 kappa t";
}

// 100 m of uplift carry a dipping contact up by 100 m exactly, whatever happens to the surface.
// (Landlab asserts the heights of ground and bedrock that a NormalFault lifts, exactly. That beds
// rise with the ground, as those of its LithoLayers do by `dz_advection`, neither it nor goSPL
// asserts as far as is known to us; fastscapelib has no beds.)
TEST(uplift, dipping_layer_rises_by_what_the_frame_rises) {
  const material_table table;
  const material_id rock = table.find("rock").value();
  const material_id shale = table.find("limestone").value();
  constexpr double voxel_height = 0.5;
  const auto contact = [](voxel v) { return 220 + v.x / 2 + v.y / 4; };
  pass_world world({24, 12, 320}, [&](voxel v) {
    return v.z < contact(v) ? rock : v.z < 300 ? shale : air;
  });
  passes::simulation sim(world.ex(), world.overlay(), geometry(10.0, voxel_height), table,
                         {uplift_parameters{1e-3}, diffusion_parameters{0.01}});
  sim.derive(world.ex());
  for (int i = 0; i < 100; ++i) {
    sim.step(world.ex(), 1000.0, i);  // 1 m, 2 voxels
  }
  EXPECT_EQ(sim.frame().offset, std::int64_t{200} << 20);
  EXPECT_EQ(sim.frame().remainder, 0);
  const std::vector<material_id> voxels = world.voxels();
  for (voxel v{8, 4, 0}; v.x < 16; ++v.x) {
    const auto at = [&](int z) {
      return voxels[static_cast<std::size_t>(v.x + 24 * (v.y + 12 * z))];
    };
    EXPECT_EQ(at(contact(v) - 1), rock);
    EXPECT_EQ(at(contact(v)), shale);
    const double elevation = (contact(v) + metres(sim.frame().offset, 1.0)) * voxel_height;
    EXPECT_EQ(elevation, contact(v) * voxel_height + 100.0);
  }
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
