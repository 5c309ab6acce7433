/// Uniform uplift as a moving frame.
///
/// Equation: dz/dt = U everywhere. No voxel moves: elevation = datum + (z + frame) voxel_height,
/// and the frame rises by U dt, so that strata rise with the rock. Discretisation: U dt /
/// voxel_height is rounded once, to 2^-52 voxel heights; whole 2^-20 go into the offset, the rest
/// is kept. Stability: none needed. U in m/yr, default 5e-4 (goSPL's hillslope benchmark); negative
/// is subsidence. Conserved: matter is not touched. The held sides do what uplift asks for
/// (boundary.cu).
#pragma once

#include "lithify/base/error.hpp"

#include <cmath>
#include <cstdint>

namespace lithify::passes {

/// U dt in 2^-52 voxel heights. Errors: invalid_argument from 2^10 voxels a step.
[[nodiscard]] inline std::int64_t uplift_increment(double rate_m_per_yr,
                                                   double voxel_height_m,
                                                   double dt_yr) {
  const double voxels = rate_m_per_yr * dt_yr / voxel_height_m;
  require(voxels > -1024.0 && voxels < 1024.0, errc::invalid_argument,
          "uplift: a step lifts or lowers the ground by 1024 voxels or more; shorten it");
  return std::llround(std::ldexp(voxels, 52));
}

/// Moves a frame (`offset` in 2^-20, `remainder` in 2^-52 voxel heights, 0 <= remainder < 2^32).
template <class Frame>
void raise(Frame& frame, std::int64_t increment) {
  const std::int64_t sum = frame.remainder + increment;
  frame.offset += sum >> 32;
  frame.remainder = sum & 0xffffffff;
}

}  // namespace lithify::passes
