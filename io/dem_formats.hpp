/// The readers behind `read_dem`, one per file format. Each gives the window that is asked for, or
/// the whole grid, checked against the file's own promises; nodata and resampling come afterwards.
/// What a header promises costs no memory: the size of the window is judged before values are read.
#pragma once

#include "lithify/io/dem.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace lithify::io {

/// Elevations beyond this are a missing nodata value, not ground: Earth spans -11 to 9 km.
inline constexpr double largest_elevation_m = 100'000.0;

/// Cell sizes and distances of a grid from the origin of its coordinates, metres. Chosen wide
/// enough for any planet and any flume, narrow enough that a slip of units is refused.
inline constexpr double smallest_cell_m = 1e-6;
inline constexpr double largest_cell_m = 1e6;
inline constexpr double farthest_place_m = 1e9;
inline constexpr const char* cell_range = "positive: from 1e-6 to 1e6 m";
inline constexpr const char* place_range = "within 1e9 m of 0";

[[nodiscard]] inline bool is_cell_size(double m) {
  return m >= smallest_cell_m && m <= largest_cell_m;
}
[[nodiscard]] inline bool is_place(double m) { return std::abs(m) <= farthest_place_m; }

/// Whether a value means "no data". Files print a float32 nodata with fewer or more digits in the
/// header than in the data: beyond any elevation, five digits decide.
[[nodiscard]] inline bool is_nodata(double value, double nodata) {
  return value == nodata || (std::isnan(value) && std::isnan(nodata)) ||
         (std::abs(nodata) > largest_elevation_m && value * nodata > 0.0 &&
          std::abs(value - nodata) <= 1e-5 * std::abs(nodata));
}

/// The fewest digits that give a number again: 1e+300, not 301 digits.
[[nodiscard]] std::string shortest(double value);

/// Bytes of this machine's memory.
[[nodiscard]] std::uint64_t machine_memory();

/// What of a grid is to be read: `crop`, or all of it. Moves the grid's size and origin there, so
/// that only values are missing. `name` is the file's.
/// Errors: invalid_argument (the window does not fit, or has more cells than can be read here).
[[nodiscard]] dem_options::window narrow(elevation_grid& grid,
                                         const std::optional<dem_options::window>& crop,
                                         const std::string& name);

/// A grid, and what its file says of values.
struct dem_content {
  elevation_grid grid;
  std::optional<double> nodata;  ///< what means "no data", in the file's own values
  bool scaled = false;           ///< elevations are the file's values times a scale, plus an offset
};

/// An ESRI ASCII grid, with the coordinate system of a .prj file beside it when there is one.
[[nodiscard]] dem_content read_dem_ascii(const std::filesystem::path& file,
                                         const std::optional<dem_options::window>& crop);

/// A GeoTIFF through GDAL; without GDAL an error that says so.
[[nodiscard]] dem_content read_dem_gdal(const std::filesystem::path& file,
                                        const std::optional<dem_options::window>& crop);

}  // namespace lithify::io
