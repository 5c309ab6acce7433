/// Sine, cosine and tangent of angles with the same bits everywhere: + - x / alone, no libm.
#pragma once

namespace lithify {

struct sine_and_cosine {
  double sine;
  double cosine;
};

/// Of an angle in degrees, by their series, whose first terms left out are below 2^-58; relative
/// errors below 1e-15. Requires: 0 <= degrees <= 45.
[[nodiscard]] constexpr sine_and_cosine small_angle(double degrees) {
  constexpr double radian = 0x1.1df46a2529d39p-6;  // pi / 180
  const double x = degrees * radian;
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
  return {sine, 1.0 - cosine};
}

/// Tangent of an angle in degrees, relative error below 2e-15. Requires: 0 <= degrees < 90.
[[nodiscard]] constexpr double tangent_of_degrees(double degrees) {
  const bool steep = degrees > 45.0;
  const auto [sine, cosine] = small_angle(steep ? 90.0 - degrees : degrees);
  return steep ? cosine / sine : sine / cosine;
}

/// Of an angle in degrees, relative errors below 1e-15, exact where one of them is 0. Requires:
/// 0 <= degrees < 360.
[[nodiscard]] constexpr sine_and_cosine sine_and_cosine_of_degrees(double degrees) {
  const int quadrant = static_cast<int>(degrees / 90.0);
  const double beyond = degrees - 90.0 * quadrant;  // exact
  const bool steep = beyond > 45.0;
  const sine_and_cosine small = small_angle(steep ? 90.0 - beyond : beyond);
  const double sine = steep ? small.cosine : small.sine;
  const double cosine = steep ? small.sine : small.cosine;
  switch (quadrant) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace lithify
