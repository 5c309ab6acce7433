/// Splits of a whole into parts that add up to it exactly.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/device/backend.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Shares `have` in proportion to `part`, whose sum is `sum`, by largest remainder, ties in the
/// order given; the parts become the shares. Requires: have >= 0, parts >= 0, sum > 0.
template <int N>
LITHIFY_HD void share(std::int64_t have, std::int64_t sum, std::int64_t (&part)[N]) {
  std::int64_t rest[N];
  std::int64_t left = have;
  for (int i = 0; i < N; ++i) {
    const int128 exact = static_cast<int128>(part[i]) * have;
    part[i] = static_cast<std::int64_t>(exact / sum);
    rest[i] = static_cast<std::int64_t>(exact % sum);
    left -= part[i];
  }
  for (; left > 0; --left) {
    int largest = 0;
    for (int i = 1; i < N; ++i) {
      largest = rest[i] > rest[largest] ? i : largest;
    }
    ++part[largest];
    rest[largest] = -1;
  }
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
