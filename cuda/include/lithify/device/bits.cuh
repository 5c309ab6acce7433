/// Bits of 64-bit words, in kernels and on the host.
///
/// Not <bit>: nvcc 13.0 with g++ 12 drops the compiler's builtins inside std::popcount,
/// std::countr_zero and their like from device code and says nothing; a kernel then works with
/// constants. scripts/check_includes.py forbids them in device sources.
#pragma once

#include "lithify/device/backend.cuh"

#include <cstdint>

namespace lithify::device::inline LITHIFY_BACKEND {

/// Number of bits set.
LITHIFY_HD inline int bits_set(std::uint64_t word) {
#ifdef __CUDA_ARCH__
  return __popcll(word);
#else
  return __builtin_popcountll(word);
#endif
}

/// Place of the lowest bit set. Requires: word != 0.
LITHIFY_HD inline int lowest_bit(std::uint64_t word) {
#ifdef __CUDA_ARCH__
  return __ffsll(static_cast<long long>(word)) - 1;
#else
  return __builtin_ctzll(word);
#endif
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
