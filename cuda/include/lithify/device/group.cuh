/// A group of lanes that works on one item together: a warp on CUDA, one thread on the CPU.
///
/// Code written against it has phases: `each`, `each_bit` and `count` spread a loop over the lanes,
/// `once` is one lane's. A phase begins when all lanes have come to it and ends with a barrier:
/// what it writes to the group's scratch may be read after it, and what all lanes read before it
/// may be written in it. Within a phase iterations are independent; the CPU's random mode runs them
/// in any order. Between phases every lane runs the same code: it reads scratch and writes none.
#pragma once

#include "lithify/device/backend.cuh"
#include "lithify/device/bits.cuh"
#include "lithify/device/work_order.cuh"

#include <cstdint>

namespace lithify::device::inline LITHIFY_BACKEND {

class lane_group {
 public:
#if LITHIFY_ON_CUDA
  LITHIFY_HD lane_group() {}
  static constexpr int lanes = 32;

  /// f(i) for i in [0, n), a phase.
  template <class F>
  __device__ void each(int n, F f) const {
    __syncwarp();
    for (int i = static_cast<int>(threadIdx.x) % lanes; i < n; i += lanes) {
      f(i);
    }
    __syncwarp();
  }
  /// f(i) for every bit i of `bits` that is set, a phase. Requires: all lanes have the same bits.
  template <class F>
  __device__ void each_bit(std::uint64_t bits, F f) const {
    __syncwarp();
    // Two bits a lane, and no turn for those that are not set.
    const int lane = static_cast<int>(threadIdx.x) % lanes;
    for (std::uint64_t mine = bits >> lane & 0x100000001; mine != 0; mine &= mine - 1) {
      f(lane + lowest_bit(mine));
    }
    __syncwarp();
  }
  /// Number of i in [0, n) for which pred(i) holds, a phase; every lane gets it.
  template <class Pred>
  __device__ int count(int n, Pred pred) const {
    __syncwarp();
    int mine = 0;
    for (int i = static_cast<int>(threadIdx.x) % lanes; i < n; i += lanes) {
      mine += pred(i) ? 1 : 0;
    }
    __syncwarp();
    return __reduce_add_sync(0xffffffffU, mine);
  }
  /// f() once, a phase.
  template <class F>
  __device__ void once(F f) const {
    __syncwarp();
    if (threadIdx.x % lanes == 0) {
      f();
    }
    __syncwarp();
  }
#else
  template <class F>
  void each(int n, F f) const {
    if (!work_order::shuffled()) {
      for (int i = 0; i < n; ++i) {
        f(i);
      }
      return;
    }
    const work_order order = work_order::of(n);
    for (int i = 0; i < n; ++i) {
      f(static_cast<int>(order(i)));
    }
  }
  template <class F>
  void each_bit(std::uint64_t bits, F f) const {
    if (!work_order::shuffled()) {
      for (; bits != 0; bits &= bits - 1) {
        f(lowest_bit(bits));
      }
      return;
    }
    each(64, [&](int i) {
      if ((bits >> i & 1) != 0) {
        f(i);
      }
    });
  }
  template <class Pred>
  int count(int n, Pred pred) const {
    int total = 0;
    each(n, [&](int i) { total += pred(i) ? 1 : 0; });
    return total;
  }
  template <class F>
  void once(F f) const {
    f();
  }
#endif
};

}  // namespace lithify::device::inline LITHIFY_BACKEND
