/// GeoTIFF through GDAL, made in memory so that the file layer writes it.
#include "file_layer.hpp"
#include "lithify/base/error.hpp"
#include "map_file.hpp"

#if LITHIFY_HAS_GDAL

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_vsi.h>
#include <gdal.h>

#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lithify::io {

namespace {

class gdal_silence {
 public:
  gdal_silence() { CPLPushErrorHandler(CPLQuietErrorHandler); }
  ~gdal_silence() { CPLPopErrorHandler(); }
  gdal_silence(const gdal_silence&) = delete;
  gdal_silence& operator=(const gdal_silence&) = delete;
};

/// A name in GDAL's memory that goes with the scope.
class memory_name {
 public:
  memory_name() {
    static std::atomic<int> count{0};
    name_ = "/vsimem/lithify-" + std::to_string(++count) + ".tif";
  }
  ~memory_name() { VSIUnlink(name_.c_str()); }
  memory_name(const memory_name&) = delete;
  memory_name& operator=(const memory_name&) = delete;
  [[nodiscard]] const char* get() const { return name_.c_str(); }

 private:
  std::string name_;
};

void check(bool good, const std::string& what) {
  require(good, errc::internal, "GDAL cannot " + what + ": " + CPLGetLastErrorMsg());
}

/// The number that a cell has where rows run from the north.
double from_north(double cell, const map_file& map) {
  const auto y = std::floor(cell / static_cast<double>(map.nx));
  return cell + (static_cast<double>(map.ny - 1) - 2.0 * y) * static_cast<double>(map.nx);
}

/// Row y as floating point numbers, NaN where there is no value.
void read_row(const map_file& map, const map_layer& layer, std::int64_t y, std::span<double> row) {
  const auto convert = [&](auto values) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto v = static_cast<double>(values[static_cast<std::size_t>(y * map.nx) + i]);
      row[i] = layer.missing && v == static_cast<double>(*layer.missing)
                   ? std::numeric_limits<double>::quiet_NaN()
               : layer.numbers_cells ? from_north(v, map)
                                     : v;
    }
  };
  switch (layer.values.type) {
    case field_type::int32:
      return convert(layer.values.as<std::int32_t>());
    case field_type::int64:
      return convert(layer.values.as<std::int64_t>());
    default:
      return convert(layer.values.as<double>());
  }
}

void put_band(GDALRasterBandH band, const map_file& map, const map_layer& layer) {
  GDALSetDescription(band, layer.values.name.c_str());
  GDALSetMetadataItem(band, "long_name", layer.long_name.c_str(), nullptr);
  GDALSetRasterUnitType(band, layer.values.unit.c_str());
  GDALSetRasterNoDataValue(band, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> row(static_cast<std::size_t>(map.nx));
  const int width = static_cast<int>(map.nx);
  for (std::int64_t y = 0; y < map.ny; ++y) {
    read_row(map, layer, y, row);
    check(GDALRasterIO(band, GF_Write, 0, static_cast<int>(map.ny - 1 - y), width, 1, row.data(),
                       width, 1, GDT_Float64, 0, 0) == CE_None,
          "write a row");
  }
}

}  // namespace

std::string write_geotiff(const std::filesystem::path& to, const map_file& map) {
  check_map(map);
  require(map.nx <= std::numeric_limits<int>::max() && map.ny <= std::numeric_limits<int>::max(),
          errc::invalid_argument, "a GeoTIFF has at most 2^31 - 1 rows and columns");
  static std::once_flag once;
  std::call_once(once, GDALAllRegister);
  const gdal_silence silence;
  const memory_name name;
  GDALDriverH driver = GDALGetDriverByName("GTiff");
  require(driver != nullptr, errc::invalid_argument, "this GDAL cannot write GeoTIFF");
  const char* const options[] = {"COMPRESS=DEFLATE", "PREDICTOR=3", "BIGTIFF=IF_SAFER",
                                 "INTERLEAVE=BAND", nullptr};
  {
    const std::unique_ptr<void, void (*)(void*)> data(
        GDALCreate(driver, name.get(), static_cast<int>(map.nx), static_cast<int>(map.ny),
                   static_cast<int>(map.layers.size()), GDT_Float64, const_cast<char**>(options)),
        [](void* d) { GDALClose(d); });
    check(data != nullptr, "make a GeoTIFF");
    double place[] = {map.origin_x_m,
                      map.cell_size_m,
                      0.0,
                      map.origin_y_m + static_cast<double>(map.ny) * map.cell_size_m,
                      0.0,
                      -map.cell_size_m};
    check(GDALSetGeoTransform(data.get(), place) == CE_None, "place a GeoTIFF");
    if (!map.crs_wkt.empty()) {
      GDALSetProjection(data.get(), map.crs_wkt.c_str());  // an odd text stays out of the file
    }
    for (const auto& [key, text] : map.remarks) {
      GDALSetMetadataItem(data.get(), key.c_str(), text.c_str(), nullptr);
    }
    for (std::size_t i = 0; i < map.layers.size(); ++i) {
      put_band(GDALGetRasterBand(data.get(), static_cast<int>(i) + 1), map, map.layers[i]);
    }
    CPLErrorReset();
    GDALFlushCache(data.get());
    check(CPLGetLastErrorType() < CE_Failure, "finish a GeoTIFF");
  }
  vsi_l_offset size = 0;
  const GByte* const bytes = VSIGetMemFileBuffer(name.get(), &size, FALSE);
  check(bytes != nullptr && size > 0, "finish a GeoTIFF");
  const std::array pieces = {std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)))};
  return replace_file(to, pieces);
}

}  // namespace lithify::io

#else

namespace lithify::io {

std::string write_geotiff(const std::filesystem::path& to, const map_file&) {
  throw error(errc::invalid_argument,
              "'" + to.string() +
                  "': this program was built without GDAL and writes no GeoTIFF; take NetCDF");
}

}  // namespace lithify::io

#endif
