/// Whether uplift alone takes ground out of the region, told before a run.
///
/// A held column keeps its elevation while the frame moves (boundary.cu), so that inside the frame
/// it sinks or rises by what the frame does. Where no column is held nothing is certain.
#pragma once

#include "lithify/engine/run.hpp"
#include "lithify/io/checkpoint.hpp"
#include "lithify/io/column_model.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace lithify::engine {

/// Heights that held columns keep, in the frame that the run starts with, 2^-20 voxels; the least
/// int64 for the others.
[[nodiscard]] std::vector<std::int64_t> held_heights(const io::column_model& model,
                                                     const scenario& s);
/// Errors: invalid_argument (a held column's height is one that no column of the region has).
[[nodiscard]] std::vector<std::int64_t> held_heights(const io::checkpoint& from);

/// The first column that leaves the region, if one does within the run's steps.
[[nodiscard]] std::optional<frame_exit> find_frame_exit(const scenario& s,
                                                        const region_size& size,
                                                        const region_geometry& geometry,
                                                        const std::vector<std::int64_t>& held);

}  // namespace lithify::engine
