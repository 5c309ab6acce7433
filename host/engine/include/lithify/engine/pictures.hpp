/// Pictures of worlds: relief, surface materials, cuts and change, ready for `io::write_png`.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/geometry.hpp"
#include "lithify/base/material.hpp"
#include "lithify/base/types.hpp"
#include "lithify/io/png.hpp"
#include "lithify/world.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace lithify::engine {

/// The surface of a region at one moment.
struct relief {
  region_size size;
  region_geometry geometry;
  std::int64_t frame_offset = 0;     ///< 2^-20 voxel heights
  std::vector<std::int64_t> height;  ///< as `world::surface` gives it
};

/// Shaded relief, coloured by elevation.
[[nodiscard]] io::image draw_hillshade(const relief& surface);
/// The same with colours that span the elevations of both: two pictures of one scale.
[[nodiscard]] io::image draw_hillshade(const relief& surface, const relief& other);

/// Ground gained and lost. Heights are compared inside the moving frame: uplift, which carries the
/// ground without adding any, does not show. Columns that are held sink in that frame by as much as
/// the rest rises: they are marked as held, and their change is not shown.
/// Errors: invalid_argument if the two, or the columns, are not of one size.
[[nodiscard]] io::image draw_difference(const relief& before,
                                        const relief& after,
                                        std::span<const field> columns);

/// Materials at the surface.
[[nodiscard]] io::image draw_materials(const relief& surface,
                                       const snapshot& voxels,
                                       const material_table& materials);

/// Where a region is cut: the plane of columns with x = `at`, or y = `at`.
struct cut {
  enum class axis : std::uint8_t { x, y } normal = axis::y;
  std::int32_t at = 0;
};
/// The vertical cut. Errors: outside_region.
[[nodiscard]] io::image draw_section(const relief& surface,
                                     const snapshot& voxels,
                                     const material_table& materials,
                                     const cut& where);

}  // namespace lithify::engine
