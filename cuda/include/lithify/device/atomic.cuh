/// Atomics on plain device memory, relaxed: kernels only need the final value, streams order the
/// rest.
#pragma once

#include "lithify/device/backend.cuh"

#include <atomic>

#if LITHIFY_ON_CUDA
#include <cuda/atomic>
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

#if LITHIFY_ON_CUDA
template <class T>
using atomic_ref = ::cuda::atomic_ref<T, ::cuda::thread_scope_device>;
inline constexpr auto relaxed = ::cuda::std::memory_order_relaxed;
#else
template <class T>
using atomic_ref = std::atomic_ref<T>;
inline constexpr auto relaxed = std::memory_order_relaxed;
#endif

template <class T>
LITHIFY_HD T atomic_load(T* p) {
  return atomic_ref<T>(*p).load(relaxed);
}

template <class T>
LITHIFY_HD void atomic_store(T* p, T value) {
  atomic_ref<T>(*p).store(value, relaxed);
}

/// Stores `desired` if *p == expected; gives what *p held before.
template <class T>
LITHIFY_HD T atomic_cas(T* p, T expected, T desired) {
  atomic_ref<T>(*p).compare_exchange_strong(expected, desired, relaxed, relaxed);
  return expected;
}

template <class T>
LITHIFY_HD T atomic_add(T* p, T value) {
  return atomic_ref<T>(*p).fetch_add(value, relaxed);
}

template <class T>
LITHIFY_HD void atomic_or(T* p, T value) {
  atomic_ref<T>(*p).fetch_or(value, relaxed);
}

template <class T>
LITHIFY_HD void atomic_max(T* p, T value) {
#if LITHIFY_ON_CUDA
  atomic_ref<T>(*p).fetch_max(value, relaxed);
#else
  atomic_ref<T> ref(*p);
  T seen = ref.load(relaxed);
  while (seen < value && !ref.compare_exchange_weak(seen, value, relaxed, relaxed)) {
  }
#endif
}

template <class T>
LITHIFY_HD void atomic_min(T* p, T value) {
#if LITHIFY_ON_CUDA
  atomic_ref<T>(*p).fetch_min(value, relaxed);
#else
  atomic_ref<T> ref(*p);
  T seen = ref.load(relaxed);
  while (value < seen && !ref.compare_exchange_weak(seen, value, relaxed, relaxed)) {
  }
#endif
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
