/// Splits of a whole into parts that add up to it exactly.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/device/backend.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// What a division gives.
struct quotient_and_rest {
  std::int64_t quotient;
  std::int64_t rest;
};

/// a b / c, exactly. Requires: a >= 0, b >= 0, c > 0, and the quotient fits.
LITHIFY_HD inline quotient_and_rest multiply_divide(std::int64_t a,
                                                    std::int64_t b,
                                                    std::int64_t c) {
  const auto product = static_cast<uint128>(a) * static_cast<std::uint64_t>(b);
  const auto by = static_cast<std::uint64_t>(c);
  if ((product >> 64) == 0) {  // nearly always, and 128 bits take several times as long
    const auto low = static_cast<std::uint64_t>(product);
    return {static_cast<std::int64_t>(low / by), static_cast<std::int64_t>(low % by)};
  }
  return {static_cast<std::int64_t>(product / by), static_cast<std::int64_t>(product % by)};
}

/// Shares `have` in proportion to `part`, whose sum is `sum`, by largest remainder, ties in the
/// order given; the parts become the shares. Requires: have >= 0, parts >= 0, sum > 0.
template <int N>
LITHIFY_HD void share(std::int64_t have, std::int64_t sum, std::int64_t (&part)[N]) {
  std::int64_t rest[N];
  std::int64_t left = have;
  for (int i = 0; i < N; ++i) {
    const quotient_and_rest exact = multiply_divide(part[i], have, sum);
    part[i] = exact.quotient;
    rest[i] = exact.rest;
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
