/// NetCDF-4 is HDF5 with dimension scales: written through our own HDF5 layer.
#include "cf_grid.hpp"
#include "file_layer.hpp"
#include "hdf5_file.hpp"
#include "lithify/base/error.hpp"
#include "map_file.hpp"

#include <array>
#include <limits>

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

std::string write_netcdf(const std::filesystem::path& to, const map_file& map) {
  check_map(map);
  const hdf5_session session;
  h5_writer file;
  file.attribute("/", "Conventions", std::string("CF-1.8"));
  for (const auto& [name, text] : map.remarks) {
    file.attribute("/", name, text);
  }
  const cf_grid grid{"",         map.nx, map.ny, map.cell_size_m, map.origin_x_m, map.origin_y_m,
                     map.crs_wkt};
  put_grid(file, grid);
  for (const map_layer& layer : map.layers) {
    const field& f = layer.values;
    const std::string path = "/" + f.name;
    file.array(path, type_of(f.type), size_of(f.type), f.shape, f.bytes);
    put_on_grid(file, grid, f.name);
    file.attribute(path, "long_name", layer.long_name);
    file.attribute(path, "units", f.unit);
    put_missing(file, path, layer);
  }
  const std::array pieces = {file.finish()};
  return replace_file(to, pieces);
}

}  // namespace lithify::io
