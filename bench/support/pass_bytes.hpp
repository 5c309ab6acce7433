/// Bytes a column that the passes' kernels read and write, each array once a kernel (neighbours
/// from cache): the floor that their times are held against.
#pragma once

namespace lithify::bench {

/// Routing: directions 10; flats 3; basins and passes, without what lies at borders alone, 30;
/// counting donors 11; areas and their order 28.
inline constexpr double route_bytes = 82;
/// Rivers: routing; heights 31; what a sweep reads of a cell 71; the sweep 75; what leaves 48, and
/// what waits of it 8.
inline constexpr double rivers_bytes = route_bytes + 233;
/// A substep of creep: faces, heights, two remainders and two fluxes 57; ledger, base, two fluxes
/// and the height 49.
inline constexpr double substep_bytes = 57 + 49;
/// Creep in one substep: heights 39 before it.
inline constexpr double creep_bytes = 39 + substep_bytes;
/// A talus sweep over ground that stands: faces, height, sediment and material.
inline constexpr double sweep_bytes = 19;
/// Scree that stands: heights 48, and one sweep.
inline constexpr double scree_bytes = 48 + sweep_bytes;

/// The rest of a step: the copy of the columns, heights at the start, settling and its count and
/// fill.
inline constexpr double step_bytes = 2 * 46 + 39 + 3 * 9;
/// A delta on its way into the overlay: read and write of its bucket's line, twice (claim, value).
inline constexpr double delta_bytes = 80;

}  // namespace lithify::bench
