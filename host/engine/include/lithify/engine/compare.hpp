/// In what two checkpoints differ.
#pragma once

#include "lithify/io/checkpoint.hpp"

#include <string>
#include <vector>

namespace lithify::engine {

/// A line for each part of the state that differs, in the state's order: step, time, frame, random
/// numbers, materials, each column field (its first cell), voxels (the first one, bottom to top in
/// the first column); then the budget, which is not state. Empty: they are equal. Of the scenario,
/// the provenance and what else says where the files come from, nothing is compared.
/// Errors: invalid_argument if they are of two regions.
[[nodiscard]] std::vector<std::string> differences(const io::checkpoint& a,
                                                   const io::checkpoint& b);

}  // namespace lithify::engine
