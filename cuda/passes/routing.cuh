/// Flow routing: which neighbour every cell drains to, and how many cells drain through it.
///
/// Receiver: the steepest drop per distance among 8 neighbours, cells being square; compared
/// exactly in integers, ties to the lower cell number. Open cells (held sides, beside a column that
/// is outside) have none. Flats: breadth first from their lower edge, ties to the lower number; a
/// flat without one is a basin whose pit is its lowest number. Depressions are carved: basins are
/// joined to the outside by the minimum spanning tree of their passes, ordered by (higher cell's
/// height, lower cell's height, lower number, higher number), and in every basin the path from its
/// pass to its pit is turned round. Where no two cells are equally high, no number decides
/// anything: turned and mirrored ground drains turned and mirrored. So every cell drains to an open
/// cell, if its part of the region has one; where it has none, to that part's lowest pit (ties to
/// the lower number), a sink.
///
/// Receivers are neighbours always, so that one byte a cell holds them. Everything is a function of
/// the heights alone: order and number of threads change nothing.
/// Parameters: none. Stability: no bound, nothing moves and no time passes. Conserved: cells; areas
/// are whole numbers, and those of outlets and sinks sum to the number of cells inside. Budget: no
/// line of its own, for no matter moves; that of stream power holds what a pass does along it.
/// Source: Barnes et al. 2014 (flats); Cordonnier et al. 2019 (basin graph); Boruvka 1926.
#pragma once

#include "grid.cuh"
#include "lithify/device/tree_sweep.cuh"

#include <cstdint>
#include <limits>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Height of cells outside, for `route`.
inline constexpr std::int64_t no_ground = std::numeric_limits<std::int64_t>::max();

/// What `route` gives.
struct flow_routes {
  device::buffer<std::uint8_t> direction;  ///< 0..7 or a code of `flow`
  device::buffer<std::int64_t> area;       ///< cells that drain through a cell, itself included
  device::tree_order order;                ///< swept up already
};

/// Receivers as sweeps over the tree ask for them.
struct receiver_of {
  grid_view grid;
  const std::uint8_t* direction;
  /// -1 at outlets, sinks and cells outside.
  LITHIFY_HD std::int64_t operator()(std::int64_t c) const {
    const std::uint8_t d = direction[c];
    return d < directions ? grid.known(c, d) : -1;
  }
};

/// Routes over `height` (2^-20 voxels; `no_ground` in cells outside). Sync: a few words, their
/// number grows with the logarithm of the number of pits. Errors: out_of_memory.
[[nodiscard]] flow_routes route(device::exec ex, const grid_view& grid, const std::int64_t* height);

/// Receivers by cell number: the cell itself at outlets and sinks, -1 outside.
void read_receivers(device::exec ex,
                    const grid_view& grid,
                    const flow_routes& routes,
                    std::int64_t* receiver);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
