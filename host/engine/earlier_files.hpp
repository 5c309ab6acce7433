/// What an earlier run left in an output folder beside its checkpoints.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lithify::engine {

/// Sets aside what a run writes under names of its own, so that a new one is not taken for its
/// maker: `summary.json`, `series.csv`, pictures, maps in `fields`. Files of other names stay, and
/// so do `inputs`. Gives a line of what was done to each.
[[nodiscard]] std::vector<std::string> set_aside_records(
    const std::filesystem::path& folder, std::span<const std::filesystem::path> inputs);

}  // namespace lithify::engine
