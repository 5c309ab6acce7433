/// Exact arithmetic of state: 128-bit products and floor division.
///
/// Heights are int64 in units of 2^-20 of a voxel height; matter is int64 quanta, 2^20 of solid in
/// a full voxel without pores. Nothing here rounds unless its name says how.
#pragma once

#include <cstdint>
#include <string>

namespace lithify {

__extension__ using int128 = __int128;
__extension__ using uint128 = unsigned __int128;

inline constexpr int fraction_bits = 20;
/// One voxel height in units of surface height; quanta of solid in a voxel without pores.
inline constexpr std::int64_t one_voxel = std::int64_t{1} << fraction_bits;

/// floor(a / b) for b > 0, also for negative a.
[[nodiscard]] constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t q = a / b;
  return q - ((a % b != 0 && a < 0) ? 1 : 0);
}

/// trunc(a * b / c) for c > 0, through a 128-bit product.
/// Requires: the result fits int64.
[[nodiscard]] constexpr std::int64_t mul_div_trunc(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::int64_t>(static_cast<int128>(a) * b / c);
}

/// High 64 bits of the product of two unsigned 64-bit numbers.
[[nodiscard]] constexpr std::uint64_t mul_high(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>((static_cast<uint128>(a) * b) >> 64);
}

/// Decimal digits of a 128-bit number: JSON has no integers that large.
[[nodiscard]] inline std::string to_decimal(int128 value) {
  if (value == 0) {
    return "0";
  }
  const bool negative = value < 0;
  uint128 rest = negative ? -static_cast<uint128>(value) : static_cast<uint128>(value);
  std::string digits;
  while (rest != 0) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  return negative ? "-" + digits : digits;
}

}  // namespace lithify
