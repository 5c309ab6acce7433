/// The state of a column and its surface height: one function for passes, renderers and tests.
///
/// A column is, from below: consolidated ground whose highest voxel is `rock_top`, with `residual`
/// quanta of solid left in that voxel (0 < residual <= s(rock material)); `n_loose` whole voxels of
/// sediment on it; and a ledger of sediment that does not fill a voxel yet. All of it is state: it
/// is in the digest and in the checkpoint.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/types.hpp"

#include <cstdint>
#include <limits>

namespace lithify {

/// `rock_top` of a column outside the world (nodata): open, empty, never material.
inline constexpr std::int32_t outside_column = -1;
/// Surface height of such a column.
inline constexpr std::int64_t outside_height = std::numeric_limits<std::int64_t>::min();
/// `boundary_height` of a column that no boundary holds.
inline constexpr std::int64_t not_held = std::numeric_limits<std::int64_t>::min();

/// floor(a / b) for b > 0, in less time where doubles do it: below 2^53 a true quotient that is no
/// whole number lies further below the next one, 1 / b, than half a unit in its last place, so that
/// rounding never reaches that one.
[[nodiscard]] constexpr std::int64_t floor_div_fast(std::int64_t a, std::int32_t b) {
  constexpr std::int64_t exact = std::int64_t{1} << 53;
  return a >= 0 && a < exact
             ? static_cast<std::int64_t>(static_cast<double>(a) / static_cast<double>(b))
             : floor_div(a, b);
}

/// Surface height of a column above the region's floor, in units of 2^-20 voxel height.
///
/// h = (rock_top + n_loose) 2^20 + floor(residual 2^20 / s(rock)) + floor(ledger 2^20 /
/// s(sediment)). A column whose rock voxel is whole and that carries nothing has h = (rock_top + 1)
/// 2^20. Requires: rock_top >= 0; both solids > 0 (quanta of solid in a full voxel).
[[nodiscard]] constexpr std::int64_t surface_height(std::int32_t rock_top,
                                                    std::int32_t n_loose,
                                                    std::int32_t residual,
                                                    std::int64_t ledger,
                                                    std::int32_t rock_solid,
                                                    std::int32_t sediment_solid) {
  return ((std::int64_t{rock_top} + n_loose) << fraction_bits) +
         floor_div_fast(std::int64_t{residual} << fraction_bits, rock_solid) +
         floor_div_fast(ledger << fraction_bits, sediment_solid);
}

}  // namespace lithify
