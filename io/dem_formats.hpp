/// The readers behind `read_dem`, one per file format. Each gives the whole grid as the file has
/// it, checked against its own promises; cropping, nodata and resampling come afterwards.
#pragma once

#include "lithify/io/dem.hpp"

#include <filesystem>

namespace lithify::io {

/// Elevations beyond this are a missing nodata value, not ground: Earth spans -11 to 9 km.
inline constexpr double largest_elevation_m = 100'000.0;

/// An ESRI ASCII grid, with the coordinate system of a .prj file beside it when there is one.
[[nodiscard]] elevation_grid read_dem_ascii(const std::filesystem::path& file);

/// A GeoTIFF through GDAL; without GDAL an error that says so.
[[nodiscard]] elevation_grid read_dem_gdal(const std::filesystem::path& file);

}  // namespace lithify::io
