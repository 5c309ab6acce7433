/// What a run writes into its output folder beside checkpoints, and what an earlier one left there.
#pragma once

#include "checkpoint_folder.hpp"
#include "lithify/engine/scenario.hpp"

#include <filesystem>
#include <span>
#include <vector>

namespace lithify::engine {

/// Refuses a world.checkpoint that a run into this folder would replace, remove or set aside.
/// Errors: invalid_argument.
void require_spared(const scenario& s, const std::filesystem::path& folder);

/// Refuses a folder in which something is in the way of the run's summary, series or maps.
/// Errors: invalid_argument, naming it.
void require_places(const scenario& s, const std::filesystem::path& folder);

/// Sets aside what a run writes under names of its own, so that a new one is not taken for its
/// maker: `summary.json`, `series.csv`, pictures, maps in `fields`. Files of other names stay, and
/// so do `inputs`. Gives what came of each.
[[nodiscard]] std::vector<set_aside_outcome> set_aside_records(
    const std::filesystem::path& folder, std::span<const std::filesystem::path> inputs);

}  // namespace lithify::engine
