/// The world that a run starts from: fresh, of another run, or resumed.
#pragma once

#include "accounts.hpp"
#include "first_surface.hpp"
#include "lithify/engine/run.hpp"
#include "lithify/world.hpp"
#include "run_messages.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace lithify::engine {

/// A world about to run, and what it brings along.
struct run_start {
  world at;
  accounts books;
  std::optional<resumed_run> resumed;
  std::vector<std::int64_t> passed_over;  ///< steps of newer checkpoints that could not be read
};

/// `folder`: where the run writes. `messages` hear which checkpoint is resumed, and in what the
/// scenario differs from the one that made it.
/// Errors: as `run`, of the scenario's world and of checkpoints.
[[nodiscard]] run_start begin_run(const scenario& s,
                                  const run_options& options,
                                  const std::filesystem::path& folder,
                                  run_messages& messages);

}  // namespace lithify::engine
