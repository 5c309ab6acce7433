/// Steepest descent among 8 neighbours, exactly.
///
/// Of the straight neighbours the lowest counts, and of the diagonal ones; the steeper of the two
/// is found by squares: a / 1 > b / sqrt(2) is 2 a^2 > b^2. The two are never equal, for sqrt(2) is
/// not rational, so that ties only arise among straight or among diagonal neighbours.
#include "lithify/device/runs.cuh"
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
  std::uint8_t* direction;

  /// Neighbours that may be missing or across a loop.
  LITHIFY_HD void look_around(std::int64_t c, lowest& straight, lowest& slant) const {
    for (int d = 0; d < directions; ++d) {
      const std::int64_t n = grid.neighbour(c, d);
      lowest& best = grid_view::diagonal(d) ? slant : straight;
      if (n >= 0 && (height[n] < best.height || (height[n] == best.height && n < best.cell))) {
        best = {height[n], n, d};
      }
    }
  }

  /// Any cell, on a side or not.
  LITHIFY_HD std::uint8_t steepest(std::int64_t c) const {
    const std::uint8_t f = grid.faces[c];
    if ((f & (face::inside | face::held)) != face::inside) {
      return f & face::inside ? flow::outlet : flow::outside;
    }
    const std::int64_t here = height[c];
    lowest straight{here};
    lowest slant{here};
    look_around(c, straight, slant);
    if (straight.direction < 0 && slant.direction < 0) {
      return undecided;
    }
    return static_cast<std::uint8_t>(steeper(here - straight.height, here - slant.height)
                                         ? straight.direction
                                         : slant.direction);
  }

  /// A run of cells that all have eight neighbours in the arrays; gives whether the directions hold
  /// good: a drop of 2^31 and more needs wider products.
  LITHIFY_INLINE bool find_narrow(std::int64_t first, std::int64_t last) const {
    std::int64_t found[device::items_a_run];
    const std::int64_t nx = grid.nx;
    const std::int64_t* const at = height + first;
    const std::uint8_t* const faces = grid.faces + first;
    const int count = static_cast<int>(last - first);
    std::uint64_t drops = 0;
    for (int k = 0; k < count; ++k) {
      const std::int64_t here = at[k];
      std::int64_t straight = here, slant = here, along = 0, across = 0;
      // Neighbours by rising number, so that the first of several equal ones stays.
      take(at[k - nx - 1], 0, slant, across);
      take(at[k - nx], 1, straight, along);
      take(at[k - nx + 1], 2, slant, across);
      take(at[k - 1], 3, straight, along);
      take(at[k + 1], 4, straight, along);
      take(at[k + nx - 1], 5, slant, across);
      take(at[k + nx], 6, straight, along);
      take(at[k + nx + 1], 7, slant, across);
      // Unsigned: from a cell outside, which stands above all, a drop has no value.
      const auto drop = static_cast<std::uint64_t>(here) - static_cast<std::uint64_t>(straight);
      const auto slant_drop = static_cast<std::uint64_t>(here) - static_cast<std::uint64_t>(slant);
      const std::uint64_t a = static_cast<std::uint32_t>(drop);
      const std::uint64_t b = static_cast<std::uint32_t>(slant_drop);
      // Signed, below 2^63: vector units compare signed numbers.
      const std::int64_t way =
          static_cast<std::int64_t>(2 * a * a) > static_cast<std::int64_t>(b * b) ? along : across;
      found[k] = (drop | slant_drop) == 0 ? std::int64_t{undecided} : way;
      drops |= here == no_ground ? 0 : drop | slant_drop;
    }
    std::uint8_t* const to = direction + first;
    for (int k = 0; k < count; ++k) {
      const int f = faces[k];
      to[k] = static_cast<std::uint8_t>((f & face::inside) == 0 ? flow::outside
                                        : (f & face::held) != 0 ? flow::outlet
                                                                : found[k]);
    }
    return drops >> 31 == 0;
  }

  LITHIFY_INLINE void operator()(std::int64_t first, std::int64_t last) const {
    const bool surrounded = first > grid.nx && last + grid.nx < grid.cells();
    const bool narrow = surrounded && find_narrow(first, last);
    for (std::int64_t c = first; c < last; ++c) {
      if (!narrow || (grid.faces[c] & face::side) != 0) {
        direction[c] = steepest(c);
      }
    }
  }

 private:
  /// Takes the neighbour in direction d, of height h, if it is lower than the one before.
  LITHIFY_INLINE static void take(std::int64_t h,
                                  std::int64_t d,
                                  std::int64_t& best,
                                  std::int64_t& way) {
    const bool lower = h < best;
    best = lower ? h : best;
    way = lower ? d : way;
  }
};

}  // namespace

void find_directions(device::exec ex,
                     const grid_view& grid,
                     const std::int64_t* height,
                     std::uint8_t* direction) {
  device::for_each_run(ex, grid.cells(), descent{grid, height, direction});
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
