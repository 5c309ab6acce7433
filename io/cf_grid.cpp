#include "cf_grid.hpp"

#include <array>
#include <vector>

namespace lithify::io {

namespace {

/// Coordinates of cell centres along one axis.
void put_axis(h5_writer& file,
              const std::string& group,
              const std::string& name,
              std::int64_t cells,
              double origin,
              double cell_size_m,
              int number) {
  std::vector<double> centre;
  for (std::int64_t i = 0; i < cells; ++i) {
    centre.push_back(origin + (static_cast<double>(i) + 0.5) * cell_size_m);
  }
  const std::string path = group + "/" + name;
  file.array<double>(path, centre);
  file.dimension(path, name, number);
  file.attribute(path, "standard_name", "projection_" + name + "_coordinate");
  file.attribute(path, "long_name",
                 name == "x" ? std::string("easting of the cell's centre")
                             : std::string("northing of the cell's centre"));
  file.attribute(path, "units", std::string("m"));
}

}  // namespace

void put_grid(h5_writer& file, const cf_grid& grid) {
  put_axis(file, grid.group, "y", grid.ny, grid.origin_y_m, grid.cell_size_m, 0);
  put_axis(file, grid.group, "x", grid.nx, grid.origin_x_m, grid.cell_size_m, 1);
  if (!grid.crs_wkt.empty()) {
    const std::string path = grid.group + "/crs";
    file.scalar(path, std::int32_t{0});
    file.attribute(path, "crs_wkt", grid.crs_wkt);
    file.attribute(path, "spatial_ref", grid.crs_wkt);  // what GDAL reads
  }
}

void put_on_grid(h5_writer& file, const cf_grid& grid, const std::string& name) {
  const std::string path = grid.group + "/" + name;
  file.over_dimensions(path, std::array<std::string, 2>{grid.group + "/y", grid.group + "/x"});
  if (!grid.crs_wkt.empty()) {
    file.attribute(path, "grid_mapping", std::string("crs"));
  }
}

}  // namespace lithify::io
