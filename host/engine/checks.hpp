/// Checks of what users hand to worlds and snapshots: every refusal names what was refused.
#pragma once

#include "lithify/base/types.hpp"
#include "lithify/world.hpp"

#include <span>

namespace lithify::engine {

/// Errors: outside_region, naming the voxel and the region.
void require_inside(const region_size& size, voxel at);
/// Errors: invalid_argument unless 0 <= lod <= 21.
void require_lod(int lod);
/// Errors: invalid_argument (empty), outside_region.
void require_box(const region_size& size, const voxel_box& box);
/// Errors: invalid_argument, naming the value of the configuration that is out of range.
void require_config(const world_config& config);
/// Errors: invalid_argument, naming the first column that breaks the rules of `world::build`.
void require_columns(const world_config& config,
                     std::span<const std::int64_t> offset,
                     std::span<const std::int32_t> top,
                     std::span<const material_id> material);
/// Errors: invalid_argument unless the image fits the configuration.
void require_image(const world_config& config, const voxel_image& image);
/// Errors: invalid_argument, naming a material id that the table does not hold.
void require_material(const material_table& materials, material_id m);

}  // namespace lithify::engine
