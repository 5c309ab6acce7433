// How the cost of the passes grows with the grid, from 512 x 512 to 8192 x 8192 columns: each pass
// in cells a second, and the bytes that it must move beside what a plain copy moves in the same
// run.
#include "bare_ground.cuh"
#include "copy_bandwidth.cuh"
#include "device_bench.cuh"
#include "lithify/base/error.hpp"
#include "pass_bytes.hpp"

#include <cstdint>
#include <string>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

/// Steps from noise before the first that is measured: the ground has depressions of all sizes.
constexpr int steps_before = 3;

/// Seconds that one pass took, in all iterations.
class pass_clock {
 public:
  explicit pass_clock(device_place& place) : place_(place) {}
  template <class Work>
  void measure(Work work) {
    last_ = device_seconds(place_, work);
    total_ += last_;
  }
  [[nodiscard]] double last() const { return last_; }
  void report(benchmark::State& state,
              const std::string& pass,
              double cells,
              double bytes_a_cell,
              double bandwidth) const {
    const double rate = cells * static_cast<double>(state.iterations()) / total_;
    state.counters[pass + "_cells/s"] = rate;
    state.counters[pass + "_bytes/s"] = rate * bytes_a_cell;
    state.counters[pass + "_of_copy"] = rate * bytes_a_cell / bandwidth;
  }

 private:
  device_place& place_;
  double last_ = 0.0;
  double total_ = 0.0;
};

void grow(benchmark::State& state, std::int64_t full) {
  if (!usable(state)) {
    return;
  }
  const auto n = static_cast<std::int32_t>(size_of_run(full, 64));
  device_place place;
  const device::exec ex = place.ex();
  double bandwidth = 0.0;
  {
    device_place apart;  // its blocks are none of the passes'
    bandwidth = copy_bandwidth(apart);
  }
  bare_ground ground(ex, n);
  for (int i = 0; i < steps_before; ++i) {
    ground.step(ex);
  }
  pass_clock route(place), rivers(place), creep(place), scree(place);
  for (auto _ : state) {
    ground.raise();
    {
      const device::buffer<std::int64_t> height(ex, ground.cells());
      ground.read_heights(ex, height.data());
      route.measure([&] { (void)passes::route(ex, ground.view().grid(), height.data()); });
    }
    rivers.measure([&] { ground.cut(ex); });
    creep.measure([&] { ground.creep(ex); });
    scree.measure([&] { ground.slide(ex); });
    state.SetIterationTime(rivers.last() + creep.last() + scree.last());
  }
  const auto cells = static_cast<double>(ground.cells());
  state.SetItemsProcessed(state.iterations() * ground.cells());
  route.report(state, "route", cells, route_bytes, bandwidth);
  rivers.report(state, "rivers", cells, rivers_bytes, bandwidth);
  creep.report(state, "creep", cells, creep_bytes, bandwidth);
  scree.report(state, "scree", cells, scree_bytes, bandwidth);
  state.counters["copy_bytes/s"] = bandwidth;
  state.counters["peak_bytes"] = static_cast<double>(place.pool().peak_bytes());
}

const bool registered = [] {
  for (const std::int64_t n : {512, 1024, 2048, 4096, 8192}) {
    if (small_sizes() && n > 512) {
      break;
    }
    // 10 GB on a CPU.
    if (n == 8192 && !LITHIFY_ON_CUDA && !large_sizes()) {
      break;
    }
    benchmark::RegisterBenchmark(named("growth/" + std::to_string(n)).c_str(),
                                 [=](benchmark::State& state) { grow(state, n); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
