/// Hiding the latency of random accesses: how many a thread keeps in flight, and prefetches.
///
/// A GPU hides latency with other warps, so that one access at a time a thread is right there. A
/// CPU core has to be told early: work on a group of items first names the lines it will need.
#pragma once

#include "lithify/device/backend.cuh"

namespace lithify::device::inline LITHIFY_BACKEND {

/// Random accesses that one thread should have in flight. Chosen on the CPU: a core has 10 to 24
/// line-fill buffers, and 16 was the best of 4, 8, 16 and 32 on two Zen 5 cores.
inline constexpr int accesses_in_flight = LITHIFY_ON_CUDA ? 1 : 16;

/// Asks for the cache line at `p`. A hint: any address is allowed.
LITHIFY_HD inline void prefetch([[maybe_unused]] const void* p) {
#if !LITHIFY_ON_CUDA
  __builtin_prefetch(p);
#endif
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
