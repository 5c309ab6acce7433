/// Whether a checkpoint is of the world that a scenario describes: asked before the first step.
#pragma once

#include "lithify/engine/scenario.hpp"
#include "lithify/io/checkpoint.hpp"

#include <filesystem>
#include <optional>

namespace lithify::engine {

/// A length of two regions that is not the same in both, metres.
struct differing_length {
  const char* what;
  double a, b;
};
[[nodiscard]] std::optional<differing_length> first_differing_length(const region_geometry& a,
                                                                     const region_geometry& b);

/// Errors: invalid_argument, naming the first material that differs in what the state holds of it.
void require_same_materials(const scenario& s,
                            const io::checkpoint& from,
                            const std::filesystem::path& file);

/// Compares extent, cell size, voxel height, place and floor with those of the scenario's DEM or
/// checkpoint. The name of the coordinate system is not compared: it is worded anew by every
/// version of the library that reads it.
/// Errors: invalid_argument, naming what differs; as the readers of the scenario's world.
void require_same_region(const scenario& s,
                         const io::checkpoint& from,
                         const std::filesystem::path& file);

}  // namespace lithify::engine
