/// The verbs: the only way in which Lithify runs work on a device. Nothing else names Thrust or
/// CUB.
///
/// Every verb is asynchronous, but one that gives a value to the host waits for its stream, where n
/// is 0 too. Iterations are independent and may run in any order. Functors are copied: they hold
/// values and raw pointers, no references, and never throw; they write defects to a flag word.
///
/// `n` of the verbs marked * is an `extent` (extent.cuh): a number, or a count on the device with a
/// bound. Then only items below the count are looked at, and what stands below for n is the count.
///
/// * for_each_n(ex, n, f)                     f(i) for i in [0, n)
/// * for_each_group<Scratch>(ex, n, f)        f(group, i, scratch): lanes together on one item;
///                                            scratch: that many bytes, aligned to 64
///   fill(ex, p, n, value)                    p[0..n) = value
///   copy(ex, to, from, n)                    device to device
///   copy_to_device(ex, to, from, n)          host to device; `from` may be changed on return
///   copy_to_host(ex, to, from, n)            device to host. Sync
///   read(ex, p)                              one value to the host. Sync
///   reduce<T>(ex, n, init, op, f)            init op f(0) op f(1) ..., op associative and
///                                            commutative. Sync
/// * exclusive_scan(ex, n, count, out)        out[i] = count(0) + ... + count(i - 1), i in [0, n];
///                                            `out` has room for bound + 1, undefined past n.
///                                            Where count has a member `come_nearer`, a CPU calls
///                                            it for items to come, so that it may prefetch
/// * select_if(ex, n, pred, emit, total)      emit(i, position) for each i with pred(i), positions
///                                            0, 1, ... in order of i; *total (device) = how many.
///                                            `emit` changes nothing that `pred` reads
/// * sort_keys(ex, keys, n, from, to)         by bits [from, to), stable (radix_sort.cuh)
/// * sort_pairs(ex, keys, values, n, from, to)
#pragma once

#include "lithify/device/buffer.cuh"
#include "lithify/device/extent.cuh"

#if LITHIFY_ON_CUDA
#include "lithify/device/detail/verbs_cuda.cuh"
#else
#include "lithify/device/detail/verbs_cpu.cuh"
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

/// One value from the device. Sync.
template <class T>
[[nodiscard]] T read(exec ex, const T* p) {
  T value{};
  copy_to_host(ex, &value, p, 1);
  return value;
}

/// Like `select_if`, with the number of selected items on the host. Sync.
template <class Pred, class Emit>
std::int64_t select_if(exec ex, extent n, Pred pred, Emit emit) {
  buffer<std::int64_t> total(ex, 1);
  select_if(ex, n, pred, emit, total.data());
  return read(ex, total.data());
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
