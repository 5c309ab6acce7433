// Sorting the keys of a consolidation, against what one would use otherwise: std::sort and Thrust
// on the CPU, CUB over all 64 bits on the GPU. Keys have 27 bits (a brick's place in its region)
// or 39.
#include "device_bench.cuh"
#include "lithify/base/philox.hpp"
#include "lithify/device/radix_sort.cuh"
#include "lithify/device/verbs.cuh"

#include <thrust/execution_policy.h>
#include <thrust/sort.h>

#include <algorithm>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

void random_keys(device::exec ex, std::uint64_t* key, std::int64_t n, int bits) {
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    key[i] = random_bits(1, 0, static_cast<std::uint64_t>(i), 0) & mask;
  });
}

/// Measures `sort(place, keys on the device, n)` on fresh random keys.
template <class Sort>
void run(benchmark::State& state, int bits, std::int64_t n, Sort sort) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  const device::buffer<std::uint64_t> source(place.ex(), n);
  const device::buffer<std::uint64_t> sorted(place.ex(), n);
  random_keys(place.ex(), source.data(), n, bits);
  measure(
      state, place, [&] { device::copy(place.ex(), sorted.data(), source.data(), n); },
      [&] { sort(place, sorted.data(), n); });
  state.SetItemsProcessed(state.iterations() * n);
}

void ours(benchmark::State& state, int bits, std::int64_t n) {
  run(state, bits, n, [bits](device_place& place, std::uint64_t* keys, std::int64_t size) {
    device::sort_keys(place.ex(), keys, size, 0, bits);
  });
}

/// On the CPU a parallel merge sort, on the GPU CUB's radix sort over all 64 bits.
void thrust_sort(benchmark::State& state, int bits, std::int64_t n) {
  run(state, bits, n, [](device_place& place, std::uint64_t* keys, std::int64_t size) {
#if LITHIFY_ON_CUDA
    thrust::sort(thrust::cuda::par_nosync.on(place.ex().stream.native()), keys, keys + size);
#else
    (void)place;
    thrust::sort(thrust::device, keys, keys + size);
#endif
  });
}

void add(const char* who,
         int bits,
         std::int64_t n,
         void (*body)(benchmark::State&, int, std::int64_t)) {
  const std::string name =
      named("sort/") + std::to_string(bits) + "_bits/" + std::to_string(n) + "/" + who;
  benchmark::RegisterBenchmark(name.c_str(), body, bits, n)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

#if !LITHIFY_ON_CUDA
void std_sort(benchmark::State& state, int bits, std::int64_t n) {
  run(state, bits, n,
      [](device_place&, std::uint64_t* keys, std::int64_t size) { std::sort(keys, keys + size); });
}
#endif

const bool registered = [] {
  const std::int64_t full = size_of_run(LITHIFY_ON_CUDA ? 1 << 27 : 1 << 24, 1 << 12);
  for (const int bits : {27, 39}) {
    for (const std::int64_t n : {full, size_of_run(1 << 20, 1 << 10)}) {
      add("ours", bits, n, ours);
      add("thrust", bits, n, thrust_sort);
#if !LITHIFY_ON_CUDA
      add("std", bits, n, std_sort);
#endif
    }
  }
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
