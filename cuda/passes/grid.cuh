/// The grid as routing sees it: eight neighbours of a cell, across looped sides too.
///
/// Directions 0..7 go to neighbours of rising number (south-west, south, south-east, west, east,
/// north-west, north, north-east), so that the opposite of d is 7 - d, and the first of several is
/// the one with the lowest number, except across a looped side.
#pragma once

#include "lithify/device/backend.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// What a column may do, one byte each; follows from the size, from the kinds of sides and from
/// which columns are outside.
namespace face {
inline constexpr std::uint8_t east = 1;    ///< matter may cross to (x + 1, y)
inline constexpr std::uint8_t north = 2;   ///< matter may cross to (x, y + 1)
inline constexpr std::uint8_t held = 4;    ///< on an open side, or beside a column that is outside
inline constexpr std::uint8_t inside = 8;  ///< has ground
inline constexpr std::uint8_t side = 16;   ///< in the first or last row or column of the grid
}  // namespace face

inline constexpr int directions = 8;

/// What a cell's direction byte says beside 0..7.
namespace flow {
inline constexpr std::uint8_t outlet = 8;  ///< open: what comes here leaves the region
inline constexpr std::uint8_t sink = 9;    ///< lowest of a part of the region without an open cell
inline constexpr std::uint8_t outside = 10;
}  // namespace flow

/// Looped sides need at least 3 cells between them.
struct grid_view {
  std::int64_t nx = 0;
  std::int64_t ny = 0;
  bool loop_x = false;
  bool loop_y = false;
  const std::uint8_t* faces = nullptr;  ///< face::inside, held (that is: open) and side count

  LITHIFY_HD std::int64_t cells() const { return nx * ny; }
  LITHIFY_HD bool inside(std::int64_t c) const { return (faces[c] & face::inside) != 0; }
  LITHIFY_HD bool open(std::int64_t c) const { return (faces[c] & face::held) != 0; }

  /// Steps to the neighbour in direction d, two bits each: a shift is cheaper than a table.
  LITHIFY_HD static constexpr int step_x(int d) { return (0x9224 >> (2 * d) & 3) - 1; }
  LITHIFY_HD static constexpr int step_y(int d) { return (0xa940 >> (2 * d) & 3) - 1; }
  LITHIFY_HD static constexpr bool diagonal(int d) { return step_x(d) != 0 && step_y(d) != 0; }

  /// The neighbour in direction d, -1 where there is none inside.
  LITHIFY_HD std::int64_t neighbour(std::int64_t c, int d) const {
    const std::int64_t n = to(c, d);
    return n >= 0 && inside(n) ? n : -1;
  }
  /// The neighbour in direction d, which is known to be there.
  LITHIFY_HD std::int64_t known(std::int64_t c, int d) const {
    return loop_x || loop_y ? to(c, d) : c + step_y(d) * nx + step_x(d);
  }
  /// The cell in direction d, inside or not; -1 beyond a side.
  LITHIFY_HD std::int64_t to(std::int64_t c, int d) const {
    return faces[c] & face::side ? across(c, d) : c + step_y(d) * nx + step_x(d);
  }

 private:
  LITHIFY_HD std::int64_t across(std::int64_t c, int d) const {
    std::int64_t x = c % nx + step_x(d);
    std::int64_t y = c / nx + step_y(d);
    if (loop_x) {
      x = x < 0 ? nx - 1 : x == nx ? 0 : x;
    }
    if (loop_y) {
      y = y < 0 ? ny - 1 : y == ny ? 0 : y;
    }
    return x < 0 || x >= nx || y < 0 || y >= ny ? -1 : x + y * nx;
  }
};

}  // namespace lithify::passes::inline LITHIFY_BACKEND
