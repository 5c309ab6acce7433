/// Atomics on plain device memory, relaxed, as wide as the device: kernels only need the final
/// value, streams order the rest. For whole numbers of 4 and 8 bytes.
///
/// In kernels these are CUDA's own functions. <cuda/atomic> gives the same instructions, but half
/// of what nvcc read for a source was that header.
#pragma once

#include "lithify/device/backend.cuh"

#include <atomic>
#include <type_traits>

namespace lithify::device::inline LITHIFY_BACKEND {

#ifdef __CUDA_ARCH__
namespace detail {

/// T as CUDA's atomics name it: they know int and long long, not long.
template <class T>
using signed_word = std::conditional_t<sizeof(T) == 8, long long, int>;
template <class T>
using word_of =
    std::conditional_t<std::is_signed_v<T>, signed_word<T>, std::make_unsigned_t<signed_word<T>>>;
template <class T>
using bits_of = std::make_unsigned_t<signed_word<T>>;

template <class T>
__device__ word_of<T>* as_word(T* p) {
  static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  return reinterpret_cast<word_of<T>*>(p);
}
template <class T>
__device__ bits_of<T>* as_bits(T* p) {
  return reinterpret_cast<bits_of<T>*>(as_word(p));
}

}  // namespace detail
#endif

template <class T>
LITHIFY_HD T atomic_load(T* p) {
#ifdef __CUDA_ARCH__
  detail::bits_of<T> bits;
  if constexpr (sizeof(T) == 8) {
    asm volatile("ld.relaxed.gpu.b64 %0, [%1];" : "=l"(bits) : "l"(detail::as_bits(p)) : "memory");
  } else {
    asm volatile("ld.relaxed.gpu.b32 %0, [%1];" : "=r"(bits) : "l"(detail::as_bits(p)) : "memory");
  }
  return static_cast<T>(bits);
#else
  return std::atomic_ref<T>(*p).load(std::memory_order_relaxed);
#endif
}

template <class T>
LITHIFY_HD void atomic_store(T* p, T value) {
#ifdef __CUDA_ARCH__
  const auto bits = static_cast<detail::bits_of<T>>(value);
  if constexpr (sizeof(T) == 8) {
    asm volatile("st.relaxed.gpu.b64 [%0], %1;" ::"l"(detail::as_bits(p)), "l"(bits) : "memory");
  } else {
    asm volatile("st.relaxed.gpu.b32 [%0], %1;" ::"l"(detail::as_bits(p)), "r"(bits) : "memory");
  }
#else
  std::atomic_ref<T>(*p).store(value, std::memory_order_relaxed);
#endif
}

/// Stores `desired` if *p == expected; gives what *p held before.
template <class T>
LITHIFY_HD T atomic_cas(T* p, T expected, T desired) {
#ifdef __CUDA_ARCH__
  using bits = detail::bits_of<T>;
  return static_cast<T>(
      atomicCAS(detail::as_bits(p), static_cast<bits>(expected), static_cast<bits>(desired)));
#else
  std::atomic_ref<T>(*p).compare_exchange_strong(expected, desired, std::memory_order_relaxed,
                                                 std::memory_order_relaxed);
  return expected;
#endif
}

template <class T>
LITHIFY_HD T atomic_add(T* p, T value) {
#ifdef __CUDA_ARCH__
  return static_cast<T>(atomicAdd(detail::as_bits(p), static_cast<detail::bits_of<T>>(value)));
#else
  return std::atomic_ref<T>(*p).fetch_add(value, std::memory_order_relaxed);
#endif
}

template <class T>
LITHIFY_HD void atomic_or(T* p, T value) {
#ifdef __CUDA_ARCH__
  atomicOr(detail::as_bits(p), static_cast<detail::bits_of<T>>(value));
#else
  std::atomic_ref<T>(*p).fetch_or(value, std::memory_order_relaxed);
#endif
}

template <class T>
LITHIFY_HD void atomic_max(T* p, T value) {
#ifdef __CUDA_ARCH__
  atomicMax(detail::as_word(p), static_cast<detail::word_of<T>>(value));
#else
  std::atomic_ref<T> ref(*p);
  T seen = ref.load(std::memory_order_relaxed);
  while (seen < value && !ref.compare_exchange_weak(seen, value, std::memory_order_relaxed,
                                                    std::memory_order_relaxed)) {
  }
#endif
}

template <class T>
LITHIFY_HD void atomic_min(T* p, T value) {
#ifdef __CUDA_ARCH__
  atomicMin(detail::as_word(p), static_cast<detail::word_of<T>>(value));
#else
  std::atomic_ref<T> ref(*p);
  T seen = ref.load(std::memory_order_relaxed);
  while (value < seen && !ref.compare_exchange_weak(seen, value, std::memory_order_relaxed,
                                                    std::memory_order_relaxed)) {
  }
#endif
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
