/// Elevation grids from GeoTIFF (through GDAL) and ESRI ASCII (without it).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lithify::io {

/// Elevations in metres, south-west cell first, x fastest (north is up: y grows northwards).
struct elevation_grid {
  std::int64_t nx = 0;
  std::int64_t ny = 0;
  double cell_size_m = 1.0;
  double origin_x_m = 0.0;  ///< easting of the south-west corner of the south-west cell
  double origin_y_m = 0.0;
  std::string crs_wkt;
  std::vector<double> elevation_m;  ///< nx * ny; meaningless where not valid
  std::vector<std::uint8_t> valid;  ///< nx * ny; 0 = nodata
};

/// What to do with cells that hold no data.
enum class nodata_policy : std::uint8_t {
  fill,   ///< the inverse-distance mean of the nearest valid cells
  clip,   ///< an empty column: outside, open, never material
  error,  ///< refuse the file
};

struct dem_options {
  nodata_policy nodata = nodata_policy::clip;
  std::optional<double> resample_m;  ///< new cell size, bilinear
  struct window {
    std::int64_t x = 0, y = 0, width = 0, height = 0;  ///< cells from the south-west corner
  };
  std::optional<window> crop;
};

/// Reads a DEM. The format is told by the content, not by the file's name.
/// Cell sizes are from 1e-6 to 1e6 m, the south-west corner lies within 1e9 m of 0.
/// Errors: not_found, corrupt_file (file, line or byte, reason), invalid_argument (non-square
/// cells, degrees instead of metres, a window outside the grid, no valid cell, nodata under policy
/// `error`, elevations of exactly -9999, -32767, -32768 or -99999 m: undeclared nodata).
[[nodiscard]] elevation_grid read_dem(const std::filesystem::path& file,
                                      const dem_options& options);

}  // namespace lithify::io
