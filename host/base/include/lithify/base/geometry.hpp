/// Where a region lies and how large its voxels are.
#pragma once

#include <cstdint>
#include <string>

namespace lithify {

/// Metres and georeference of a region. Elevation of a height h (2^-20 voxel heights, from the
/// region's floor) is datum_m + (h 2^-20 + frame offset) voxel_height_m.
struct region_geometry {
  double cell_size_m = 1.0;     ///< width of a cell in x and y
  double voxel_height_m = 1.0;  ///< height of a voxel
  double datum_m = 0.0;         ///< elevation of the region's floor at the start of the run
  double origin_x_m = 0.0;      ///< easting of the south-west corner
  double origin_y_m = 0.0;      ///< northing of the south-west corner
  std::string crs_wkt;          ///< coordinate system as WKT, empty when unknown
};

/// What lies beyond a side of a region.
enum class side_kind : std::uint8_t {
  open,    ///< its columns are held at their height; what comes there leaves
  closed,  ///< nothing crosses it
  looped,  ///< the opposite side, which is looped too
};

struct region_sides {
  side_kind west = side_kind::open;
  side_kind east = side_kind::open;
  side_kind south = side_kind::open;
  side_kind north = side_kind::open;

  friend constexpr bool operator==(const region_sides&, const region_sides&) = default;
  [[nodiscard]] constexpr bool loop_x() const { return west == side_kind::looped; }
  [[nodiscard]] constexpr bool loop_y() const { return south == side_kind::looped; }
};

}  // namespace lithify
