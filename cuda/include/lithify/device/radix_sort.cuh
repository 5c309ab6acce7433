/// Stable radix sorts of device arrays by a range of key bits.
#pragma once

#include <cstdint>

#include "lithify/device/memory.cuh"

namespace lithify::device::inline LITHIFY_BACKEND {

/// Sorts n 64-bit keys in place by bits [from_bit, to_bit); equal bits keep their order.
/// Cost: CUDA: CUB onesweep; CPU: LSD passes of 8 bits over n words and as many scratch words.
void sort_keys(exec ex, std::uint64_t* keys, std::int64_t n, int from_bit, int to_bit);

/// The same, carrying a 64-bit value along with every key.
void sort_pairs(exec ex, std::uint64_t* keys, std::uint64_t* values, std::int64_t n, int from_bit,
                int to_bit);

}  // namespace lithify::device::inline LITHIFY_BACKEND
