/// The readers behind `read_dem`, one per file format. Each gives the whole grid as the file has
/// it, checked against its own promises; cropping, nodata and resampling come afterwards.
#pragma once

#include "lithify/io/dem.hpp"

#include <cmath>
#include <filesystem>

namespace lithify::io {

/// Elevations beyond this are a missing nodata value, not ground: Earth spans -11 to 9 km.
inline constexpr double largest_elevation_m = 100'000.0;

/// Whether a value means "no data". Files print a float32 nodata with fewer or more digits in the
/// header than in the data: beyond any elevation, five digits decide.
[[nodiscard]] inline bool is_nodata(double value, double nodata) {
  return value == nodata || (std::isnan(value) && std::isnan(nodata)) ||
         (std::abs(nodata) > largest_elevation_m && value * nodata > 0.0 &&
          std::abs(value - nodata) <= 1e-5 * std::abs(nodata));
}

/// An ESRI ASCII grid, with the coordinate system of a .prj file beside it when there is one.
[[nodiscard]] elevation_grid read_dem_ascii(const std::filesystem::path& file);

/// A GeoTIFF through GDAL; without GDAL an error that says so.
[[nodiscard]] elevation_grid read_dem_gdal(const std::filesystem::path& file);

}  // namespace lithify::io
