// Rivers: routing, stream power and diffusion in cell-steps a second, on noise and as relief grows
// out of it, beside a sequential program that does the same in the same run.
#include "columns.cuh"
#include "device_bench.cuh"
#include "lithify/base/hash128.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/passes/detail/simulation.cuh"
#include "routing.cuh"
#include "sequential_rivers.hpp"
#include "step.cuh"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

constexpr double dx = 100.0;     // m
constexpr double voxel_m = 1.0;  // height
constexpr double k = 2e-5;       // m^0.1 / yr
constexpr double kappa = 0.05;   // m^2 / yr
constexpr double dt = 1000.0;    // yr
constexpr double m_exponent = 0.45;
constexpr double uplift_m = 1e-3 * dt;  // m a step
constexpr double ground_m = 400.0;

double noise_m(std::int64_t c) {
  return static_cast<double>(mix64(static_cast<std::uint64_t>(c)) >> 44) * 0x1p-20;
}

/// Columns whose height lies in their ledgers alone, so that the passes run without voxels.
class bare_ground {
 public:
  bare_ground(device::exec ex, std::int32_t n)
      : n_(n),
        columns_(ex, std::int64_t{n} * n, true),
        solid_(ex, passes::all_materials),
        erodibility_(ex, passes::all_materials),
        batch_(ex, 1),
        words_(ex, 1) {
    const auto cells = static_cast<std::size_t>(std::int64_t{n} * n);
    std::vector<std::int64_t> ledger(cells);
    for (std::size_t c = 0; c < cells; ++c) {
      ledger[c] =
          std::llround(std::ldexp(ground_m + noise_m(static_cast<std::int64_t>(c)), 20) / voxel_m);
    }
    device::fill(ex, columns_.rock_top.data(), columns_.rock_top.size(), 0);
    device::fill(ex, columns_.n_loose.data(), columns_.rock_top.size(), 0);
    device::fill(ex, columns_.residual.data(), columns_.rock_top.size(), 1 << 20);
    device::fill(ex, columns_.rock_material.data(), columns_.rock_top.size(), material_id{4});
    for (auto* const zero :
         {&columns_.remainder_east, &columns_.remainder_north, &columns_.exported}) {
      device::fill(ex, zero->data(), zero->size(), std::int64_t{0});
    }
    device::fill(ex, columns_.boundary_height.data(), columns_.rock_top.size(), passes::not_held);
    device::copy_to_device(ex, columns_.sediment.data(), ledger.data(), columns_.sediment.size());
    device::fill(ex, solid_.data(), solid_.size(), 1 << 20);
    device::fill(ex, erodibility_.data(), erodibility_.size(), 1.0);
    device::fill(ex, batch_.data(), 1, deltas::staging_words{});
    device::fill(ex, words_.data(), 1, passes::step_words{});
    powers_ = passes::area_powers(ex, dx, m_exponent);
    layout_ = passes::make_layout(ex, columns_.view(), {n, n, 4096}, {});
    passes::set_boundary(ex, columns_.view(), layout_, solid_.data(), 0);
  }

  [[nodiscard]] std::int64_t cells() const { return std::int64_t{n_} * n_; }
  [[nodiscard]] passes::step_view view() const {
    passes::step_view step;
    step.columns = columns_.view();
    step.faces = layout_.faces.data();
    step.nx = n_;
    step.cells = cells();
    step.solid = solid_.data();
    step.sediment_solid = 1 << 20;
    step.batch = batch_.data();
    step.words = words_.data();
    return step;
  }
  void cut(device::exec ex) {
    passes::stream_power_plan plan = passes::plan_stream_power(k, m_exponent, dx, dt);
    plan.powers = powers_.data();
    plan.erodibility = erodibility_.data();
    passes::cut_rivers(ex, view(), 0, plan, frame_);
  }
  void step(device::exec ex) {
    frame_ += std::llround(std::ldexp(uplift_m / voxel_m, 20));
    cut(ex);
    passes::diffuse(ex, view(), 1, passes::plan_diffusion(kappa, dx, dt), frame_);
  }
  /// Heights as routing gets them.
  void read_heights(device::exec ex, std::int64_t* height) {
    const passes::step_view step = view();
    const std::int64_t frame = frame_;
    device::for_each_n(ex, cells(), [=] LITHIFY_HD(std::int64_t c) {
      height[c] = step.faces[c] & passes::face::held ? step.columns.boundary_height[c] - frame
                                                     : step.columns.height(c, step.solid);
    });
  }

 private:
  std::int32_t n_;
  passes::column_arrays columns_;
  device::buffer<std::int32_t> solid_;
  device::buffer<double> erodibility_;
  device::buffer<double> powers_;
  device::buffer<deltas::staging_words> batch_;
  device::buffer<passes::step_words> words_;
  passes::column_layout layout_;
  std::int64_t frame_ = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Steps from noise, all of them measured together.
void from_noise(benchmark::State& state, std::int64_t full, int steps) {
  if (!usable(state)) {
    return;
  }
  const auto n = static_cast<std::int32_t>(size_of_run(full, 64));
  device_place place;
  for (auto _ : state) {
    bare_ground ground(place.ex(), n);
    place.ex().stream.synchronize();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) {
      ground.step(place.ex());
    }
    place.ex().stream.synchronize();
    state.SetIterationTime(seconds_since(start));
  }
  state.SetItemsProcessed(state.iterations() * steps * n * n);
}

#if !LITHIFY_ON_CUDA
void from_noise_sequentially(benchmark::State& state, std::int64_t full, int steps) {
  const std::int64_t n = size_of_run(full, 64);
  for (auto _ : state) {
    std::vector<double> height;
    for (std::int64_t c = 0; c < n * n; ++c) {
      height.push_back(ground_m + noise_m(c));
    }
    sequential_rivers ground(n, std::move(height));
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) {
      for (std::int64_t y = 1; y + 1 < n; ++y) {
        for (std::int64_t x = 1; x + 1 < n; ++x) {
          ground.z[static_cast<std::size_t>(x + n * y)] += uplift_m;
        }
      }
      ground.step(k * dt, m_exponent, dx, kappa * dt / (dx * dx));
    }
    benchmark::DoNotOptimize(ground.z.data());
    state.SetIterationTime(seconds_since(start));
  }
  state.SetItemsProcessed(state.iterations() * steps * n * n);
}
#endif

enum class part { route, stream_power };

/// One part alone, on the ground after `steps` steps.
void alone(benchmark::State& state, part what, std::int64_t full, int steps) {
  if (!usable(state)) {
    return;
  }
  const auto n = static_cast<std::int32_t>(size_of_run(full, 64));
  device_place place;
  bare_ground ground(place.ex(), n);
  for (int i = 0; i < steps; ++i) {
    ground.step(place.ex());
  }
  const device::buffer<std::int64_t> height(place.ex(), ground.cells());
  ground.read_heights(place.ex(), height.data());
  measure(
      state, place, [] {},
      [&] {
        if (what == part::route) {
          (void)passes::route(place.ex(), ground.view().grid(), height.data());
        } else {
          ground.cut(place.ex());
        }
      });
  state.SetItemsProcessed(state.iterations() * ground.cells());
}

/// Whole steps of a simulation: the passes, and what they change in the voxels.
void simulated(benchmark::State& state, std::int64_t full, int steps) {
  if (!usable(state)) {
    return;
  }
  const auto n = static_cast<std::int32_t>(size_of_run(full, 64));
  device_place place;
  std::vector<std::int64_t> offset = {0};
  std::vector<std::int32_t> top;
  std::vector<material_id> material;
  for (std::int64_t c = 0; c < std::int64_t{n} * n; ++c) {
    top.push_back(400 + static_cast<std::int32_t>(8.0 * noise_m(c)));
    material.push_back(4);
    offset.push_back(static_cast<std::int64_t>(top.size()));
  }
  region_geometry geometry;
  geometry.cell_size_m = dx;
  geometry.voxel_height_m = voxel_m;
  std::int64_t deltas = 0;
  for (auto _ : state) {
    octree::index index(place.ex(), {n, n, 512});
    deltas::overlay overlay(place.ex(), index);
    overlay.reset(place.ex(),
                  index.bulk_build(place.ex(), {offset.data(), top.data(), material.data()}), 0);
    passes::simulation sim(place.ex(), overlay, geometry, material_table(),
                           {uplift_parameters{uplift_m / dt},
                            stream_power_parameters{k, m_exponent}, diffusion_parameters{kappa}});
    sim.derive(place.ex());
    double seconds = 0.0;
    for (int i = 0; i < steps; ++i) {
      place.ex().stream.synchronize();
      const auto start = std::chrono::steady_clock::now();
      deltas += sim.step(place.ex(), dt, i).deltas;
      place.ex().stream.synchronize();
      seconds += seconds_since(start);
      if (i % 20 == 19) {
        overlay.consolidate(place.ex(), consolidation_strategy::all);
      }
    }
    state.SetIterationTime(seconds);
  }
  state.SetItemsProcessed(state.iterations() * steps * n * n);
  state.counters["deltas/step"] =
      static_cast<double>(deltas) / static_cast<double>(state.iterations() * steps);
}

template <class Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(named("rivers/" + name).c_str(), run)
      ->UseManualTime()
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  for (const std::int64_t n : {512, 1024, 2048, 4096}) {
    const std::string size = std::to_string(n);
    add("route/noise/" + size, [=](benchmark::State& s) { alone(s, part::route, n, 0); });
    add("route/settled/" + size, [=](benchmark::State& s) { alone(s, part::route, n, 60); });
    add("stream_power/settled/" + size,
        [=](benchmark::State& s) { alone(s, part::stream_power, n, 60); });
  }
  for (const std::int64_t n : {512, 1024, 2048, 4096}) {
    if (n == 4096 && !LITHIFY_ON_CUDA) {
      continue;  // minutes
    }
    const std::string size = std::to_string(n);
    add("from_noise_100_steps/" + size, [=](benchmark::State& s) { from_noise(s, n, 100); });
#if !LITHIFY_ON_CUDA
    add("from_noise_100_steps/" + size + "/sequential",
        [=](benchmark::State& s) { from_noise_sequentially(s, n, 100); });
#endif
  }
  add("simulation_100_steps/1024", [](benchmark::State& s) { simulated(s, 1024, 100); });
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
