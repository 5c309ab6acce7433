/// What benchmarks of device code share. A benchmark is compiled for each backend; its name begins
/// with the backend ("cpu/", "cuda/"), and where no GPU can be used the CUDA rows end as skipped.
#pragma once

#include "bench_size.hpp"
#include "core_time.hpp"
#include "lithify/device/memory.cuh"
#include "lithify/device/stage_timer.cuh"

#include <benchmark/benchmark.h>

#include <string>

namespace lithify::bench::inline LITHIFY_BACKEND {

inline std::string named(const std::string& name) {
  return (LITHIFY_ON_CUDA ? "cuda/" : "cpu/") + name;
}

/// Whether this backend can run here; says why not in the benchmark's row.
inline bool usable(benchmark::State& state) {
#if LITHIFY_ON_CUDA
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    state.SkipWithError("skipped: no GPU");
    return false;
  }
#endif
  (void)state;
  return true;
}

/// A stream and a pool for one benchmark.
class device_place {
 public:
  [[nodiscard]] device::exec ex() { return {stream_.ref(), &pool_}; }
  [[nodiscard]] device::memory_pool& pool() { return pool_; }

 private:
  device::memory_pool pool_;
  device::stream stream_;
};

/// Seconds from an idle stream's coming to `work` until it is done with it, taken by the stream:
/// with events on CUDA.
template <class Work>
double device_seconds(device_place& place, Work work) {
  place.ex().stream.synchronize();
  const device::stage_clock clock;
  {
    const device::stage_scope timed({place.ex().stream, place.ex().memory, &clock}, "work");
    work();
  }
  return clock.totals().front().seconds;
}

/// Runs `work` in each iteration of a benchmark with manual time, until the stream is done with it;
/// `prepare` runs before it and is not measured. `core_ms`: time of all CPU threads an iteration.
/// One round before the first warms caches and pools.
template <class Prepare, class Work>
void measure(benchmark::State& state, device_place& place, Prepare prepare, Work work) {
  prepare();
  work();
  double core_time = 0.0;
  for (auto _ : state) {
    prepare();
    place.ex().stream.synchronize();
    const double cores_before = core_seconds();
    state.SetIterationTime(device_seconds(place, work));
    core_time += core_seconds() - cores_before;
  }
  state.counters["core_ms"] = 1e3 * core_time / static_cast<double>(state.iterations());
}

}  // namespace lithify::bench::inline LITHIFY_BACKEND
