/// x^e written out from the description of host/base's powers.hpp, as tests/golden/powers_reference
/// does it in Python: series term by term, no table of ours. The order of terms is the contract.
#pragma once

#include <cmath>

namespace lithify::test {

/// Requires: x > 0 and normal.
inline double plain_power(double x, double e) {
  int exponent = 0;
  double mantissa = 2.0 * std::frexp(x, &exponent);
  --exponent;
  if (mantissa >= 0x1.6a09e667f3bcdp+0) {
    mantissa *= 0.5;
    ++exponent;
  }
  // log2 of the mantissa: 2 / ln 2 (s + s^3 / 3 + s^5 / 5 + ... + s^23 / 23).
  constexpr double two_over_ln2 = 0x1.71547652b82fep+1;
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  double series = 0.0;
  for (int k = 23; k > 1; k -= 2) {
    series = (series + 1.0 / k) * (s * s);
  }
  const double log2_mantissa = s * two_over_ln2 + s * two_over_ln2 * series;
  // e times the logarithm, its whole part exactly.
  const double scaled = (0x1p27 + 1.0) * e;
  const double high = scaled - (scaled - e);
  const double exact = exponent * high;
  const double rest = exponent * (e - high) + e * log2_mantissa;
  const double sum = exact + rest;
  const int n = static_cast<int>(sum < 0.0 ? sum - 0.5 : sum + 0.5);
  // 2^f: 1 + t + t^2 / 2 + ... + t^14 / 14!, t = f ln 2.
  const double t = ((exact - n) + rest) * 0x1.62e42fefa39efp-1;
  double above = 0.0;
  for (int k = 14; k > 1; --k) {
    above = (above + 1.0 / std::round(std::tgamma(k + 1.0))) * t;
  }
  return std::ldexp(1.0 + (t + t * above), n);
}

}  // namespace lithify::test
