/// A world from a DEM and strata: for every column its spans of material and its exact surface.
///
/// Always: spans of a column are not empty, rise, start at the floor and end right above
/// `rock_top`; neighbours differ in material; the topmost is `rock_material`. Only + - * / and
/// comparisons touch elevations (the tangent and azimuth of a dip are computed once a layer), so
/// that every machine gives the same columns.
#pragma once

#include "lithify/base/geometry.hpp"
#include "lithify/base/types.hpp"
#include "lithify/io/dem.hpp"
#include "lithify/io/strata.hpp"

#include <cstdint>
#include <vector>

namespace lithify::io {

struct column_options {
  double voxel_height_m = 1.0;
  double basement_m = 500.0;  ///< ground kept under the lowest surface
  double headroom_m = 500.0;  ///< air kept above the highest surface
};

/// How large a region is and where it lies.
struct region_place {
  region_size size;
  region_geometry geometry;
};

/// The region of a DEM: datum = floor((lowest - basement) / voxel height) * voxel height, and
/// ceil((highest + headroom - datum) / voxel height) voxels of height.
/// Errors: invalid_argument, as build_columns.
[[nodiscard]] region_place place_region(const elevation_grid& grid, const column_options& options);

/// Columns in cell order (x fastest, then y northwards); a column without data has no span.
struct column_model {
  region_size size;
  region_geometry geometry;

  // Spans of column c from the floor up: [span_offset[c], span_offset[c + 1]).
  std::vector<std::int64_t> span_offset;  ///< columns + 1 entries
  std::vector<std::int32_t> span_top;     ///< first voxel above the span
  std::vector<material_id> span_material;

  std::vector<std::int32_t> rock_top;  ///< highest voxel that holds solid; -1: outside
  std::vector<std::int32_t> residual;  ///< quanta of solid in it, 1..s(rock_material); outside: 0
  std::vector<material_id> rock_material;  ///< outside: air
};

/// Voxelises a DEM.
///
/// The region is that of place_region. A voxel takes the layer at its centre, the topmost voxel
/// that of the surface. `residual` is the least solid whose surface
/// height reaches the elevation in whole 2^-20 voxel heights: it is exact for a material without
/// pores and otherwise high by less than one quantum. Requires: grid arrays of nx * ny entries, at
/// least one valid cell. Errors: invalid_argument for an extent above 2^21, a height or layer out
/// of range. Cost: O(columns * layers); about 40 bytes a column and 6 a span.
[[nodiscard]] column_model build_columns(const elevation_grid& grid,
                                         const strata& layers,
                                         const material_table& materials,
                                         const column_options& options);

}  // namespace lithify::io
