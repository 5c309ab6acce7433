/// Maps of a region as files that other programs read: NetCDF and GeoTIFF.
#pragma once

#include "lithify/base/field.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lithify::io {

/// One layer of a map: values by cell, shape (ny, nx), south-west cell first.
struct map_layer {
  field values;           ///< int32, int64 or float64
  std::string long_name;  ///< what it is, in words
  /// Stands for "no value" where a cell has none; NaN does so in float64 without being named.
  std::optional<std::int64_t> missing = std::nullopt;
  /// Its values are numbers of cells, y nx + x; a file whose rows run the other way numbers them in
  /// the order that it has.
  bool numbers_cells = false;
};

struct map_file {
  std::int64_t nx = 0;
  std::int64_t ny = 0;
  double cell_size_m = 1.0;
  double origin_x_m = 0.0;  ///< easting of the south-west corner
  double origin_y_m = 0.0;
  std::string crs_wkt;                                       ///< empty: unknown
  std::vector<std::pair<std::string, std::string>> remarks;  ///< name, text; for the whole file
  std::vector<map_layer> layers;
};

/// NetCDF-4 with the conventions CF-1.8: a variable a layer over (y, x), coordinates of cell
/// centres in metres, `crs` where a coordinate system is known. The same map gives the same bytes.
/// Gives what `write_checkpoint` gives of a refused sync.
/// Errors: invalid_argument (a layer that does not fit the grid, or of another type), io_failure.
std::string write_netcdf(const std::filesystem::path& file, const map_file& map);

/// GeoTIFF, north up, a 64-bit floating point band a layer, named after it; whole numbers are exact
/// up to 2^53. Numbers of cells are row nx + column with row 0 in the north, as the raster's. NaN
/// is nodata, also where a layer's values are `missing`. Gives what `write_netcdf` gives.
/// Errors: as write_netcdf; invalid_argument in a program without GDAL.
std::string write_geotiff(const std::filesystem::path& file, const map_file& map);

}  // namespace lithify::io
