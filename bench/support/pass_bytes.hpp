/// Bytes a column that the passes' kernels read and write, each array once a kernel (neighbours
/// from cache): the floor that their times are held against.
#pragma once

namespace lithify::bench {

/// Routing: directions 10; flats 3; basins and passes, without what lies at borders alone, 30;
/// counting donors 11; areas and their order 28.
inline constexpr double route_bytes = 82;
/// Rivers: routing; heights 31; what a sweep reads of a cell 71; the sweep 75; what leaves 48.
inline constexpr double rivers_bytes = route_bytes + 225;
/// Creep in one substep: heights 39; faces and fluxes 57; ledgers and heights 49.
inline constexpr double creep_bytes = 145;
/// Scree that stands: heights 48; a sweep 19.
inline constexpr double scree_bytes = 67;

/// The rest of a step: the copy of the columns, heights at the start, settling and its count and
/// fill.
inline constexpr double step_bytes = 2 * 46 + 39 + 3 * 9;
/// A delta on its way into the overlay: read and write of its bucket's line, twice (claim, value).
inline constexpr double delta_bytes = 80;

}  // namespace lithify::bench
