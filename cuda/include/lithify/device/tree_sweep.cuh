/// Work that spreads: waves over a graph, sums up a forest, and sweeps down it. Verbs like those of
/// verbs.cuh, apart because few need them.
///
///   for_each_wave(ex, items, count, f)       f(item, wave, push) for items[0 .. *count), wave 0,
///                                            then for what they pushed, wave 1, and so on until a
///                                            wave pushed nothing. `push(item)` appends to `items`,
///                                            so that it holds every item in the end, and *count
///                                            (device) their number. The order in a wave is any.
///                                            f is LITHIFY_DEVICE: `const auto& push`
///   tree_sum_up(ex, order, parent, children, own, sum)
///                                            sum[i] = own(i) + the sums of i's children.
///                                            parent(i): -1 at a root; children(b, e, to):
///                                            how many items, at most 254, have parent i,
///                                            for the few i in [b, e), into to[0 .. e - b).
///                                            own(i) >= 0, and no sum reaches 2^56. Leaves
///                                            the order behind for sweeps down
///   tree_sweep_down(ex, order, parent, f)    f(i, p): parents before their children. Where f has a
///                                            member `nearby`, an array of which f(i, p) reads
///                                            element i, a CPU prefetches from it
///
/// What f(i) wrote is seen by the f of a child that follows it. Results must not depend on anything
/// else of the order: the CPU's random mode draws any that respects the tree. On a CPU threads walk
/// down from the leaves, each as far as it comes last, and a sweep down runs what each has walked
/// in reverse; on CUDA one launch goes level by level.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/device/verbs.cuh"

#include <cstdint>
#include <limits>

namespace lithify::device::inline LITHIFY_BACKEND {

/// The number of items of an order, if it can be one.
inline std::int64_t sweepable(std::int64_t n) {
  require(n <= std::numeric_limits<std::int32_t>::max(), errc::out_of_memory,
          "tree sweep: more than 2^31 - 1 items");
  return n;
}

}  // namespace lithify::device::inline LITHIFY_BACKEND

#if LITHIFY_ON_CUDA
#include "lithify/device/detail/tree_sweep_cuda.cuh"
#else
#include "lithify/device/detail/tree_sweep_cpu.cuh"
#endif
