/// Steepest descent among 8 neighbours, exactly.
///
/// Of the straight neighbours the lowest counts, and of the diagonal ones; the steeper of the two
/// is found by squares: a / 1 > b / sqrt(2) is 2 a^2 > b^2. The two are never equal, for sqrt(2) is
/// not rational, so that ties only arise among straight or among diagonal neighbours.
#include "routing_steps.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// The lowest neighbour of one kind so far.
struct lowest {
  std::int64_t height;
  std::int64_t cell = -1;
  std::int64_t direction = -1;
};

/// Whether a drop of `straight` over 1 is steeper than one of `slant` over sqrt(2). Both >= 0.
LITHIFY_HD bool steeper(std::int64_t straight, std::int64_t slant) {
  constexpr std::int64_t small = std::int64_t{1} << 31;
  return straight < small && slant < small
             ? 2 * straight * straight > slant * slant
             : 2 * static_cast<int128>(straight) * straight > static_cast<int128>(slant) * slant;
}

struct descent {
  grid_view grid;
  const std::int64_t* height;

  /// Takes neighbour n in direction d if it is lower than the one before. Outside nothing is lower.
  LITHIFY_HD void take(std::int64_t n, int d, lowest& best) const {
    // No branch: on rough ground nobody could foretell it.
    const std::int64_t h = height[n];
    const bool lower = h < best.height;
    best.height = lower ? h : best.height;
    best.direction = lower ? d : best.direction;
  }
  /// Neighbours by rising number, so that the first of several equal ones stays.
  LITHIFY_HD void look_around(std::int64_t c, lowest& straight, lowest& slant) const {
    const std::int64_t nx = grid.nx;
    take(c - nx - 1, 0, slant);
    take(c - nx, 1, straight);
    take(c - nx + 1, 2, slant);
    take(c - 1, 3, straight);
    take(c + 1, 4, straight);
    take(c + nx - 1, 5, slant);
    take(c + nx, 6, straight);
    take(c + nx + 1, 7, slant);
  }
  /// The same on a side, where neighbours may be missing or across a loop.
  LITHIFY_HD void look_around_side(std::int64_t c, lowest& straight, lowest& slant) const {
    for (int d = 0; d < directions; ++d) {
      const std::int64_t n = grid.neighbour(c, d);
      lowest& best = grid_view::diagonal(d) ? slant : straight;
      if (n >= 0 && (height[n] < best.height || (height[n] == best.height && n < best.cell))) {
        best = {height[n], n, d};
      }
    }
  }

  LITHIFY_HD std::uint8_t steepest(std::int64_t c) const {
    const std::int64_t here = height[c];
    lowest straight{here};
    lowest slant{here};
    if (grid.faces[c] & face::side) {
      look_around_side(c, straight, slant);
    } else {
      look_around(c, straight, slant);
    }
    if (straight.direction < 0 && slant.direction < 0) {
      return undecided;
    }
    return static_cast<std::uint8_t>(steeper(here - straight.height, here - slant.height)
                                         ? straight.direction
                                         : slant.direction);
  }

  LITHIFY_HD std::uint8_t operator()(std::int64_t c) const {
    const std::uint8_t f = grid.faces[c];
    return !(f & face::inside) ? flow::outside : f & face::held ? flow::outlet : steepest(c);
  }
};

}  // namespace

void find_directions(device::exec ex,
                     const grid_view& grid,
                     const std::int64_t* height,
                     std::uint8_t* direction) {
  const descent down{grid, height};
  device::for_each_n(ex, grid.cells(), [=] LITHIFY_HD(std::int64_t c) { direction[c] = down(c); });
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
