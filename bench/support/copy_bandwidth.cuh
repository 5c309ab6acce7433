/// What a plain copy moves on this machine: the measure for what kernels move.
#pragma once

#include "device_bench.cuh"
#include "lithify/device/verbs.cuh"

#include <algorithm>
#include <cstdint>

namespace lithify::bench::inline LITHIFY_BACKEND {

/// Bytes read and written a second by the verb that copies, best of 5.
inline double copy_bandwidth(device_place& place) {
  const std::int64_t n = size_of_run(LITHIFY_ON_CUDA ? 1 << 28 : 1 << 24, 1 << 14);
  const device::buffer<double> from(place.ex(), n);
  const device::buffer<double> to(place.ex(), n);
  device::fill(place.ex(), from.data(), n, 1.0);
  double best = 0.0;
  for (int i = 0; i < 5; ++i) {
    const double took =
        device_seconds(place, [&] { device::copy(place.ex(), to.data(), from.data(), n); });
    best = std::max(best, 2.0 * static_cast<double>(from.bytes()) / took);
  }
  return best;
}

}  // namespace lithify::bench::inline LITHIFY_BACKEND
