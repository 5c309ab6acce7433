/// Grids by the CF conventions in an HDF5 file that NetCDF-4 reads.
///
/// Source: "NetCDF-4 file format" (Unidata, File Format and Dimension Scales appendices) and the
/// HDF5 Dimension Scale Specification: a scale has the attribute CLASS = DIMENSION_SCALE, a
/// variable has DIMENSION_LIST with a reference to the scale of each axis.
#pragma once

#include "hdf5_file.hpp"

#include <cstdint>
#include <string>

namespace lithify::io {

struct cf_grid {
  std::string group;  ///< "" is the root
  std::int64_t nx;
  std::int64_t ny;
  double cell_size_m;
  double origin_x_m;  ///< easting of the south-west corner
  double origin_y_m;
  std::string crs_wkt;  ///< empty: unknown
};

/// Writes `y`, `x` (centres of cells) and, where a coordinate system is known, `crs` into its
/// group. One grid a file.
void put_grid(h5_writer& file, const cf_grid& grid);

/// Says that a variable of the same group, of shape [ny, nx], lies on the grid.
void put_on_grid(h5_writer& file, const cf_grid& grid, const std::string& name);

}  // namespace lithify::io
