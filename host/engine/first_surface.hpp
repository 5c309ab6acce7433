/// The surface that a run started from, for who goes on with it from a later checkpoint.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/geometry.hpp"
#include "lithify/engine/pictures.hpp"
#include "lithify/engine/scenario.hpp"

#include <filesystem>
#include <string>

namespace lithify::engine {

/// A run that is gone on with, as the checkpoint knows it.
struct resumed_run {
  std::filesystem::path folder;  ///< of the checkpoint
  bool here = false;             ///< that is the folder which the run writes into
  std::string scenario;          ///< that it was made with
  region_geometry geometry;
  int128 stored_at_start = 0;  ///< solid of the run's first state
};

/// From the run's first checkpoint where that lies beside the later one, else from the scenario's
/// world where that is the same ground.
/// Errors: not_found (neither is so); as the readers of the scenario's world.
[[nodiscard]] relief first_surface(const scenario& s,
                                   const resumed_run& run,
                                   const region_size& size);

}  // namespace lithify::engine
