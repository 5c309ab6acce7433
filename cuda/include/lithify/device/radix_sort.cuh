/// Stable radix sorts of device arrays by a range of key bits.
#pragma once

#include "lithify/device/extent.cuh"
#include "lithify/device/memory.cuh"

#include <cstdint>

namespace lithify::device::inline LITHIFY_BACKEND {

/// Sorts n 64-bit keys in place by bits [from_bit, to_bit); equal bits keep their order.
/// A count on the device: what lies between it and the bound is scratch.
/// Errors: invalid_argument for bits outside [0, 64]; out_of_memory, the keys are unchanged.
/// Cost: n words of scratch. CUDA: CUB's passes over the bits of the range, up to the bound. CPU:
/// one pass that spreads the keys over parts of L2 size, then passes inside the parts, over the
/// bits that vary.
void sort_keys(exec ex, std::uint64_t* keys, extent n, int from_bit, int to_bit);

/// The same, carrying a 64-bit value along with every key. Cost: 2n words of scratch.
void sort_pairs(
    exec ex, std::uint64_t* keys, std::uint64_t* values, extent n, int from_bit, int to_bit);

}  // namespace lithify::device::inline LITHIFY_BACKEND
