/// The steps of `route`, one file each.
#pragma once

#include "routing.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// A cell that drops to no neighbour and is not open, while routing is under way.
inline constexpr std::uint8_t undecided = 11;

/// Steepest descent; `undecided` where nothing is lower.
void find_directions(device::exec ex,
                     const grid_view& grid,
                     const std::int64_t* height,
                     std::uint8_t* direction);

/// Decides the undecided: flats drain towards their lower edge, and what is left are the pits of
/// basins, `flow::sink`. Gives the pits, rising. Sync. Errors: out_of_memory.
[[nodiscard]] device::buffer<std::int64_t> drain_flats(device::exec ex,
                                                       const grid_view& grid,
                                                       const std::int64_t* height,
                                                       std::uint8_t* direction);

/// Basin of every cell: 0 if it drains to an open cell, 1 + the pit's place in `pits` otherwise,
/// -1 outside.
void label_basins(device::exec ex,
                  const receiver_of& receiver,
                  const device::buffer<std::int64_t>& pits,
                  std::int32_t* basin);

/// A pass between two cells of different basins: number of the higher cell (of two equally high
/// ones the higher number) times 8 plus the direction to the other one; -1: none.
using pass_code = std::int64_t;

/// The way out of each basin, by basin: the pass to the basin that it drains to, -1 for those that
/// keep their pit. Sync. Errors: out_of_memory.
[[nodiscard]] device::buffer<pass_code> spanning_passes(device::exec ex,
                                                        const grid_view& grid,
                                                        const std::int64_t* height,
                                                        const device::buffer<std::int64_t>& pits,
                                                        const std::int32_t* basin);

/// Turns round the paths from the basins' passes to their pits.
void carve(device::exec ex,
           const grid_view& grid,
           const std::int32_t* basin,
           const device::buffer<pass_code>& passes,
           std::uint8_t* direction);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
