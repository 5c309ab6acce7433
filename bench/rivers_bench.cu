// Rivers: routing, stream power and diffusion in cell-steps a second, on noise and as relief grows
// out of it, beside a sequential program that does the same in the same run; fastscapelib_rivers.py
// does it once more.
#include "bare_ground.cuh"
#include "device_bench.cuh"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/passes/detail/simulation.cuh"
#include "sequential_rivers.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

/// Steps from noise, all of them measured together.
void from_noise(benchmark::State& state, std::int64_t full, int steps) {
  if (!usable(state)) {
    return;
  }
  const auto n = static_cast<std::int32_t>(size_of_run(full, 64));
  device_place place;
  for (auto _ : state) {
    bare_ground ground(place.ex(), n);
    state.SetIterationTime(device_seconds(place, [&] {
      for (int i = 0; i < steps; ++i) {
        ground.step(place.ex());
      }
    }));
  }
  state.SetItemsProcessed(state.iterations() * steps * n * n);
}

#if !LITHIFY_ON_CUDA
double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What came out: peers that solve the same problem come to nearly the same.
void say_heights(benchmark::State& state, const std::vector<double>& z) {
  const auto [least, most] = std::minmax_element(z.begin(), z.end());
  state.counters["mean_height_m"] =
      std::accumulate(z.begin(), z.end(), 0.0) / static_cast<double>(z.size());
  state.counters["relief_m"] = *most - *least;
}

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
    state.SetIterationTime(seconds_since(start));
    say_heights(state, ground.z);
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
      seconds += device_seconds(place, [&] { deltas += sim.step(place.ex(), dt, i).deltas; });
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
  const std::int64_t size_alone = LITHIFY_ON_CUDA ? 4096 : 1024;
  add("route/noise/" + std::to_string(size_alone),
      [=](benchmark::State& s) { alone(s, part::route, size_alone, 0); });
  add("route/settled/" + std::to_string(size_alone),
      [=](benchmark::State& s) { alone(s, part::route, size_alone, 60); });
  add("stream_power/settled/" + std::to_string(size_alone),
      [=](benchmark::State& s) { alone(s, part::stream_power, size_alone, 60); });
  for (const std::int64_t n : {512, 1024, 2048, 4096}) {
    if (!LITHIFY_ON_CUDA && n > (large_sizes() ? 2048 : 1024)) {
      continue;  // minutes a repetition
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
