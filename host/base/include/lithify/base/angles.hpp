/// The tangent of an angle with the same bits everywhere: + - x / alone, no libm.
#pragma once

namespace lithify {

/// Tangent of an angle in degrees, relative error below 2e-15: sine over cosine by their series,
/// whose first terms left out are below 2^-58 up to 45 degrees. Requires: 0 <= degrees < 90.
[[nodiscard]] constexpr double tangent_of_degrees(double degrees) {
  constexpr double radian = 0x1.1df46a2529d39p-6;  // pi / 180
  const bool steep = degrees > 45.0;
  const double x = (steep ? 90.0 - degrees : degrees) * radian;
  const double z = x * x;
  double sine = 0.0;
  for (int n = 18; n >= 2; n -= 2) {
    sine = (1.0 - sine) * z / static_cast<double>(n * (n + 1));
  }
  sine = x * (1.0 - sine);
  double cosine = 0.0;
  for (int n = 18; n >= 2; n -= 2) {
    cosine = (1.0 - cosine) * z / static_cast<double>(n * (n - 1));
  }
  cosine = 1.0 - cosine;
  return steep ? cosine / sine : sine / cosine;
}

}  // namespace lithify
