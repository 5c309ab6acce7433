// The demo's step as users run it: every pass, emission and the consolidations that fall due, on
// the real terrain, beside the floor of its stages (the bytes that they must move over what a plain
// copy moves in the same run).
#include "copy_bandwidth.cuh"
#include "device_bench.cuh"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "pass_bytes.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

/// Steps before the first that is measured: the first ones find the terrain as surveyed, with
/// slopes that no landscape keeps.
constexpr int steps_before = 5;

engine::scenario demo() {
  const std::vector<std::string> crop = {"world.crop=[0,0,64,64]"};
  return engine::read_scenario(LITHIFY_SOURCE_DIR "/scripts/scenarios/demo.toml",
                               small_sizes() ? crop : std::vector<std::string>{});
}

/// Seconds of a stage so far; 0 for one that has not run.
double seconds_of(const world& w, const std::string& stage) {
  const auto all = w.stage_seconds();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.first == stage; });
  return found == all.end() ? 0.0 : found->second;
}

void step(benchmark::State& state) {
  if (!usable(state)) {
    return;
  }
  device_place apart;
  const double bandwidth = copy_bandwidth(apart);
  const engine::scenario s = demo();
  try {
    world w = engine::make_world(engine::read_columns(s.world, s.materials), s.materials, s.overlay,
                                 s.passes, LITHIFY_ON_CUDA ? "cuda" : "cpu", s.world.sides, s.seed);
    for (int i = 0; i < steps_before; ++i) {
      w.step(s.step_yr);
    }
    const double cells = static_cast<double>(w.config().size.columns());
    double bytes = 0.0, deltas = 0.0;
    for (auto _ : state) {
      const double before = seconds_of(w, "step") + seconds_of(w, "consolidate");
      const step_report report = w.step(s.step_yr);
      state.SetIterationTime(seconds_of(w, "step") + seconds_of(w, "consolidate") - before);
      deltas += static_cast<double>(report.deltas);
      bytes += cells * (step_bytes + rivers_bytes + scree_bytes + creep_bytes) +
               delta_bytes * static_cast<double>(report.deltas);
    }
    const auto runs = static_cast<double>(state.iterations());
    state.SetItemsProcessed(state.iterations() * w.config().size.columns());
    using benchmark::Counter;
    // Seconds at the copy's rate over seconds taken: 1 would be a step at the floor.
    state.counters["of_floor"] = Counter(bytes / bandwidth, Counter::kIsRate);
    state.counters["copy_bytes/s"] = bandwidth;
    state.counters["deltas/step"] = deltas / runs;
    for (const char* const pass : {"stream_power", "talus", "diffusion"}) {
      state.counters[std::string(pass) + "_ms"] =
          1e3 * seconds_of(w, std::string("step.") + pass) / (runs + steps_before);
    }
  } catch (const error& e) {
    state.SkipWithError((std::string("skipped: ") + e.what()).c_str());  // no GDAL, no memory
  }
}

const bool registered = [] {
  benchmark::RegisterBenchmark(named("demo/step").c_str(), step)
      ->UseManualTime()
      ->Iterations(small_sizes() ? 1 : 20)
      ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
