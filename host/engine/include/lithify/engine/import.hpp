/// Worlds from files: DEMs with strata, and checkpoints.
#pragma once

#include "lithify/engine/scenario.hpp"
#include "lithify/io/checkpoint.hpp"
#include "lithify/world.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lithify::engine {

/// Reads the DEM of a source and lays its strata under it.
[[nodiscard]] io::column_model read_columns(const world_source& source,
                                            const material_table& materials);

/// A world of these columns that simulates `passes`: voxels by bulk build, and column fields whose
/// surfaces are the model's, exact to one quantum. `seed` is the random key of its state.
[[nodiscard]] world make_world(const io::column_model& model,
                               const material_table& materials,
                               const overlay_policy& overlay,
                               std::vector<pass_config> passes,
                               const std::string& device,
                               const region_sides& sides = {},
                               std::uint64_t seed = 0);

/// A world with a checkpoint's voxels, not simulating: for queries and pictures.
[[nodiscard]] world make_world(const io::checkpoint& from, const std::string& device);

/// A world as a checkpoint left it, ready to step.
/// Errors: invalid_argument if the column fields do not fit the passes.
[[nodiscard]] world make_world(const io::checkpoint& from,
                               const overlay_policy& overlay,
                               std::vector<pass_config> passes,
                               const std::string& device);

/// The state digest of a checkpoint's content, computed anew on `device`, by the version of its
/// definition that the file's format has.
[[nodiscard]] digest128 digest_of(const io::checkpoint& data, const std::string& device);

/// Errors: corrupt_file unless the world, made from the checkpoint, has the digest that it says.
/// Column fields count as they were read: a pass that is new to the run has added some since.
void require_said_digest(const world& w, const io::checkpoint& data);

/// A named part of the state and its digest: each column field, then `voxels`.
struct part_digest {
  std::string name;
  digest128 digest;
};
[[nodiscard]] std::vector<part_digest> part_digests(const io::checkpoint& data,
                                                    const std::string& device);

/// A checkpoint of a world, pending deltas consolidated first. The caller fills in budget, scenario
/// and provenance.
[[nodiscard]] io::checkpoint take_checkpoint(world& w);

/// Elevations of a surface in metres, cell order; NaN where a column is outside.
/// `height`: surface heights above the region's floor, 2^-20 voxel heights, least int64 = outside.
[[nodiscard]] std::vector<double> elevations(std::span<const std::int64_t> height,
                                             const region_geometry& geometry,
                                             std::int64_t frame_offset);
/// Surface heights of a column model, as `world::surface` gives them.
[[nodiscard]] std::vector<std::int64_t> surface_of(const io::column_model& model,
                                                   const material_table& materials);
/// Surface heights of a checkpoint's columns.
/// Errors: invalid_argument if it holds no column fields.
[[nodiscard]] std::vector<std::int64_t> surface_of(const io::checkpoint& data);

}  // namespace lithify::engine
