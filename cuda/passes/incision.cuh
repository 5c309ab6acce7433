/// How deep a river cuts in one step, and through what: pure functions of a column and its
/// receiver's height.
///
/// Heights are FP64 in 2^-20 voxels. `Ground` is the one of column_walk.cuh.
#pragma once

#include "column_walk.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// z after a step from z0 towards a receiver that ends at `receiver`: (z0 + F zr) / (1 + F).
/// From F = 2^60 on the quotient is zr in every bit that a height has.
LITHIFY_HD inline double implicit_height(double z0, double receiver, double f) {
  const double bounded = f < 0x1p60 ? f : 0x1p60;
  const double z = (z0 + bounded * receiver) / (1.0 + bounded);
  return z < receiver ? receiver : z;
}

/// Quanta in a layer `depth` high, of a material of this solid: not whole ones.
LITHIFY_HD inline double quanta_of(double depth, std::int32_t solid) {
  return depth > 0.0 ? depth * solid * 0x1p-20 : 0.0;
}

/// The whole quanta of a cut and what waited, and what waits now, 2^-31 quanta.
struct whole_cut {
  std::int64_t quanta;
  std::int32_t waiting;
};
LITHIFY_HD inline whole_cut take_whole(double cut, std::int32_t waiting) {
  const double all = cut + waiting * 0x1p-31;
  const auto whole = static_cast<std::int64_t>(all);
  return {whole, static_cast<std::int32_t>((all - static_cast<double>(whole)) * 0x1p31)};
}

struct incision {
  double height = 0.0;        ///< of the surface when the step is done
  double quanta = 0.0;        ///< of solid that the column loses, not whole ones
  std::int32_t contacts = 0;  ///< of one rock with another that the cut went through
  bool in_range = true;       ///< false: it went through all ground there is
};

/// Cuts a settled column whose surface is at `height` > `receiver`. `f`: F of a material of
/// erodibility 1.
///
/// A layer that the step would cut through takes the share of the step that its own cut needs,
/// (z0 - base) / ((base - zr) F) of it, and the rest goes to the layer below, so that hard rock
/// under soft is not cut at the soft rock's rate. Voxels of one material are one layer.
template <class Ground>
LITHIFY_HD incision incise(const Ground& ground,
                           column c,
                           double height,
                           double receiver,
                           double f,
                           const double* erodibility) {
  const std::int64_t s = ground.solid(sediment);
  incision cut{height};
  double left = f;
  for (;;) {
    const std::int64_t loose = c.n_loose * s + c.ledger;
    const bool rock = loose <= 0;
    const std::int32_t solid = rock ? ground.solid(c.rock) : static_cast<std::int32_t>(s);
    std::int64_t have = rock ? c.residual : loose;
    std::int64_t base = std::int64_t{c.rock_top} << fraction_bits;
    base += rock ? 0 : (c.residual << fraction_bits) / ground.solid(c.rock);
    const double here = left * erodibility[rock ? c.rock : sediment];
    const double z = implicit_height(cut.height, receiver, here);
    while (rock && z < static_cast<double>(base) && c.rock_top > 0 &&
           ground.old({c.x, c.y, c.rock_top - 1}) == c.rock) {
      --c.rock_top;
      base -= one_voxel;
      have += solid;
    }
    if (z >= static_cast<double>(base)) {
      const double asked = quanta_of(cut.height - z, solid);
      const auto most = static_cast<double>(have);
      cut.quanta += asked < most ? asked : most;
      cut.height = z;
      return cut;
    }
    const double floor = static_cast<double>(base);
    const double share = (cut.height - floor) / ((floor - receiver) * here);
    left = share < 1.0 ? left * (1.0 - share) : 0.0;
    cut.quanta += static_cast<double>(have);
    cut.height = floor;
    c.n_loose = 0;
    c.ledger = 0;
    if (rock) {
      const material_id above = c.rock;
      if (!descend(ground, c)) {
        cut.in_range = false;
        return cut;
      }
      cut.contacts += c.rock != above ? 1 : 0;
      // Above a cave the surface falls to its floor.
      cut.height = static_cast<double>((std::int64_t{c.top()} + 1) << fraction_bits);
    }
    if (!(receiver < cut.height) || left == 0.0) {
      return cut;
    }
  }
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
