/// NetCDF-4 is HDF5 with dimension scales: written through our own HDF5 layer.
///
/// Source: "NetCDF-4 file format" (Unidata, File Format and Dimension Scales appendices) and the
/// HDF5 Dimension Scale Specification: a scale has the attribute CLASS = DIMENSION_SCALE, a
/// variable has DIMENSION_LIST with a reference to the scale of each axis.
#include "file_layer.hpp"
#include "hdf5_file.hpp"
#include "lithify/base/error.hpp"
#include "map_file.hpp"

#include <array>
#include <limits>
#include <vector>

namespace lithify::io {

namespace {

h5_type type_of(field_type type) {
  switch (type) {
    case field_type::int32:
      return h5_type_of<std::int32_t>();
    case field_type::int64:
      return h5_type_of<std::int64_t>();
    default:
      return h5_type_of<double>();
  }
}

/// Coordinates of cell centres along one axis.
void put_axis(h5_writer& file,
              const std::string& name,
              std::int64_t cells,
              double origin,
              double cell_size_m,
              int number) {
  std::vector<double> centre;
  for (std::int64_t i = 0; i < cells; ++i) {
    centre.push_back(origin + (static_cast<double>(i) + 0.5) * cell_size_m);
  }
  const std::string path = "/" + name;
  file.array<double>(path, centre);
  file.dimension(path, name, number);
  file.attribute(path, "standard_name", "projection_" + name + "_coordinate");
  file.attribute(path, "long_name",
                 name == "x" ? std::string("easting of the cell's centre")
                             : std::string("northing of the cell's centre"));
  file.attribute(path, "units", std::string("m"));
}

void put_missing(h5_writer& file, const std::string& path, const map_layer& layer) {
  if (layer.values.type == field_type::float64) {
    file.attribute(path, "_FillValue", std::numeric_limits<double>::quiet_NaN());
  } else if (layer.missing && layer.values.type == field_type::int64) {
    file.attribute(path, "_FillValue", *layer.missing);
  } else if (layer.missing) {
    file.attribute(path, "_FillValue", static_cast<std::int32_t>(*layer.missing));
  }
}

}  // namespace

void write_netcdf(const std::filesystem::path& to, const map_file& map) {
  check_map(map);
  const hdf5_session session;
  h5_writer file;
  file.attribute("/", "Conventions", std::string("CF-1.8"));
  for (const auto& [name, text] : map.remarks) {
    file.attribute("/", name, text);
  }
  put_axis(file, "y", map.ny, map.origin_y_m, map.cell_size_m, 0);
  put_axis(file, "x", map.nx, map.origin_x_m, map.cell_size_m, 1);
  if (!map.crs_wkt.empty()) {
    file.scalar("/crs", std::int32_t{0});
    file.attribute("/crs", "crs_wkt", map.crs_wkt);
    file.attribute("/crs", "spatial_ref", map.crs_wkt);  // what GDAL reads
  }
  for (const map_layer& layer : map.layers) {
    const field& f = layer.values;
    const std::string path = "/" + f.name;
    file.array(path, type_of(f.type), size_of(f.type), f.shape, f.bytes);
    file.over_dimensions(path, std::array<std::string, 2>{"/y", "/x"});
    file.attribute(path, "long_name", layer.long_name);
    file.attribute(path, "units", f.unit);
    if (!map.crs_wkt.empty()) {
      file.attribute(path, "grid_mapping", std::string("crs"));
    }
    put_missing(file, path, layer);
  }
  const std::array pieces = {file.finish()};
  replace_file(to, pieces);
}

}  // namespace lithify::io
