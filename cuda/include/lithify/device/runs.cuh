/// Loops over runs of consecutive items: where a CPU should use its vector units.
///
///   for_each_run(ex, n, f)   f(first, last) for runs that together are [0, n); on CUDA of one item
///
/// On x86 f is compiled three times, for any processor, for those with AVX2 and for those with
/// AVX-512, as far as everything that it calls is inlined (LITHIFY_INLINE says so). A vector loop
/// asks for: no branch in its body, one width of numbers, and nothing stored that could alias what
/// is read; so f works on a run through local arrays of `items_a_run`.
#pragma once

#include "lithify/device/verbs.cuh"

#include <cstdint>

#if defined(__GNUC__)
#define LITHIFY_INLINE LITHIFY_HD __attribute__((always_inline)) inline
#else
#define LITHIFY_INLINE LITHIFY_HD inline
#endif

#if !LITHIFY_ON_CUDA && defined(__GNUC__) && defined(__x86_64__)
#define LITHIFY_WITH_AVX 1
#else
#define LITHIFY_WITH_AVX 0
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

/// Items of a run, at most. Chosen on the CPU: local arrays of them stay in the first cache, and a
/// grid of a million cells is still a thousand tasks.
inline constexpr std::int64_t items_a_run = LITHIFY_ON_CUDA ? 1 : 512;

namespace detail {

#if LITHIFY_WITH_AVX
// The parts of AVX-512 with products of 64 bits, and conversions between them and doubles.
inline bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

template <class F>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void run_with_avx512(const F& f,
                                                                           std::int64_t first,
                                                                           std::int64_t last) {
  f(first, last);
}

template <class F>
[[gnu::target("avx2")]] void run_with_avx2(const F& f, std::int64_t first, std::int64_t last) {
  f(first, last);
}
#endif

template <class F>
struct run_of {
  std::int64_t n;
  F f;
  LITHIFY_HD void operator()(std::int64_t k) const {
    const std::int64_t first = k * items_a_run;
    // Of one item, the compiler knows: its loops unroll, its local arrays are registers.
    const std::int64_t last = items_a_run == 1 || first + items_a_run < n ? first + items_a_run : n;
#if LITHIFY_WITH_AVX
    if (has_avx512()) {
      run_with_avx512(f, first, last);
      return;
    }
    if (__builtin_cpu_supports("avx2")) {
      run_with_avx2(f, first, last);
      return;
    }
#endif
    f(first, last);
  }
};

}  // namespace detail

template <class F>
void for_each_run(exec ex, std::int64_t n, F f) {
  device::for_each_n(ex, (n + items_a_run - 1) / items_a_run, detail::run_of<F>{n, f});
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
