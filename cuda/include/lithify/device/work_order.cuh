/// Test instrument: the order in which the CPU backend runs independent work.
///
/// Off (seed 0), work runs in index order. With a seed every loop runs in a permutation that seed
/// and length decide, in blocks of a random size: results that depend on the order then differ.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/device/backend.cuh"

#include <atomic>
#include <cstdint>
#include <numeric>

namespace lithify::device::inline LITHIFY_BACKEND {

/// The order in which the n iterations of one loop run.
class work_order {
 public:
  /// The order for a loop over `n` under the seed in force.
  [[nodiscard]] static work_order of(std::int64_t n) { return {seed().load(), n}; }
  /// Changes the seed for the whole process; 0 = index order. Tests only.
  static void set_seed(std::uint64_t value) { seed().store(value); }
  [[nodiscard]] static bool shuffled() { return seed().load() != 0; }
  /// A number that seed and `n` decide, for work that draws its order as it goes.
  [[nodiscard]] static std::uint64_t drawn(std::uint64_t n) { return mix64(seed().load() ^ n); }

  /// Index of the iteration that runs as number `i`: an affine permutation of [0, n).
  [[nodiscard]] std::int64_t operator()(std::int64_t i) const {
    return stride_ == 0
               ? i
               : static_cast<std::int64_t>(static_cast<std::uint64_t>(
                     (static_cast<uint128>(stride_) * static_cast<std::uint64_t>(i) + shift_) %
                     n_));
  }
  /// Iterations that a task takes at a time, 1..64.
  [[nodiscard]] std::int64_t block_size() const {
    return 1 + static_cast<std::int64_t>(shift_ % 64);
  }

 private:
  work_order(std::uint64_t seed, std::int64_t n) : n_(static_cast<std::uint64_t>(n)) {
    if (seed == 0 || n < 2) {
      return;
    }
    shift_ = mix64(seed ^ (n_ << 20)) % n_;
    stride_ = 1 + mix64(seed + n_) % (n_ - 1);
    while (std::gcd(stride_, n_) != 1) {
      stride_ = 1 + stride_ % (n_ - 1);
    }
  }
  static std::atomic<std::uint64_t>& seed() {
    static std::atomic<std::uint64_t> value{0};
    return value;
  }

  std::uint64_t n_;
  std::uint64_t stride_ = 0;
  std::uint64_t shift_ = 0;
};

}  // namespace lithify::device::inline LITHIFY_BACKEND
