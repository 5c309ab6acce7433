/// What a step of a scenario takes of each pass, asked without a world.
#pragma once

#include "lithify/base/geometry.hpp"
#include "lithify/engine/scenario.hpp"

#include <vector>

namespace lithify::engine {

/// A line a pass, in order: its name, substeps and stable step; the rest is zero.
/// Errors: invalid_argument, as the first step would throw it.
[[nodiscard]] std::vector<pass_budget> plan_passes(const scenario& s,
                                                   const region_geometry& geometry);

}  // namespace lithify::engine
