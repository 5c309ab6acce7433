/// GeoTIFF through GDAL, which stays silent and is asked for the GeoTIFF driver only.
#include "dem_formats.hpp"
#include "lithify/base/error.hpp"

#include <cmath>
#include <memory>
#include <mutex>
#include <string>

#if LITHIFY_HAS_GDAL

#include <cpl_conv.h>
#include <cpl_error.h>
#include <gdal.h>
#include <ogr_srs_api.h>

namespace lithify::io {

namespace {

// The caller's error handler comes back when the scope ends.
class gdal_silence {
 public:
  gdal_silence() { CPLPushErrorHandler(CPLQuietErrorHandler); }
  ~gdal_silence() { CPLPopErrorHandler(); }
  gdal_silence(const gdal_silence&) = delete;
  gdal_silence& operator=(const gdal_silence&) = delete;
};

using dataset = std::unique_ptr<void, void (*)(void*)>;

class gdal_reader {
 public:
  explicit gdal_reader(const std::filesystem::path& file)
      : name_(file.string()), data_(open(), [](void* d) { GDALClose(d); }) {
    if (!data_) {
      fail(errc::corrupt_file, "GDAL cannot open it" + reason());
    }
  }

  dem_content read(const std::optional<dem_options::window>& crop) {
    dem_content content;
    elevation_grid& grid = content.grid;
    grid.nx = GDALGetRasterXSize(data_.get());
    grid.ny = GDALGetRasterYSize(data_.get());
    const bool north_up = place(grid);
    coordinate_system(grid);
    values(content, narrow(grid, crop, name_), north_up);
    return content;
  }

 private:
  [[noreturn]] void fail(errc code, const std::string& why) const {
    throw error(code, "'" + name_ + "': " + why);
  }

  static std::string reason() {
    std::string text = CPLGetLastErrorMsg();
    for (char& c : text) {
      c = c == '\n' || c == '\r' ? ' ' : c;
    }
    return text.empty() ? "" : " (" + text + ")";
  }

  void* open() const {
    static std::once_flag once;
    std::call_once(once, GDALAllRegister);
    CPLErrorReset();
    const char* const drivers[] = {"GTiff", nullptr};
    return GDALOpenEx(name_.c_str(), GDAL_OF_RASTER | GDAL_OF_READONLY, drivers, nullptr, nullptr);
  }

  // Gives whether the first row is the northernmost.
  bool place(elevation_grid& grid) const {
    double t[6] = {};
    if (GDALGetGeoTransform(data_.get(), t) != CE_None) {
      fail(errc::invalid_argument,
           "it has no georeference, so its cell size is unknown: add one (gdal_edit.py -a_ullr)");
    }
    for (const double value : t) {
      if (!std::isfinite(value)) {
        fail(errc::corrupt_file, "its georeference is not finite");
      }
    }
    if (t[2] != 0.0 || t[4] != 0.0 || !(t[1] > 0.0) || t[5] == 0.0) {
      fail(errc::invalid_argument, "it is rotated: warp it to north up first (gdalwarp)");
    }
    for (const double cell : {t[1], std::abs(t[5])}) {
      if (!is_cell_size(cell)) {
        fail(errc::corrupt_file,
             "its cell size must be " + std::string(cell_range) + ", not " + shortest(cell));
      }
    }
    for (const double place : {t[0], t[3]}) {
      if (!is_place(place)) {
        fail(errc::corrupt_file,
             "its origin must be " + std::string(place_range) + ", not " + shortest(place));
      }
    }
    if (std::abs(t[1] - std::abs(t[5])) > 1e-6 * t[1]) {
      fail(errc::invalid_argument, "its cells are " + std::to_string(t[1]) + " x " +
                                       std::to_string(std::abs(t[5])) +
                                       " m: resample it to square cells first (gdalwarp -tr S S)");
    }
    grid.cell_size_m = t[1];
    grid.origin_x_m = t[0];
    grid.origin_y_m = t[5] < 0.0 ? t[3] + static_cast<double>(grid.ny) * t[5] : t[3];
    return t[5] < 0.0;
  }

  void coordinate_system(elevation_grid& grid) const {
    OGRSpatialReferenceH system = GDALGetSpatialRef(data_.get());
    if (system == nullptr) {
      return;
    }
    if (OSRIsGeographic(system) != 0) {
      fail(
          errc::invalid_argument,
          "its coordinates are degrees: reproject it to metres first (gdalwarp -t_srs EPSG:326xx)");
    }
    const double unit_m = OSRGetLinearUnits(system, nullptr);
    if (OSRIsProjected(system) != 0 && std::abs(unit_m - 1.0) > 1e-9) {
      fail(errc::invalid_argument, "its coordinates are units of " + std::to_string(unit_m) +
                                       " m: reproject it to metres first (gdalwarp -t_srs)");
    }
    char* wkt = nullptr;
    const char* const options[] = {"FORMAT=WKT1", nullptr};
    if (OSRExportToWktEx(system, &wkt, options) == OGRERR_NONE && wkt != nullptr) {
      grid.crs_wkt = wkt;
    }
    CPLFree(wkt);
  }

  void check_band(GDALRasterBandH band) const {
    if (GDALDataTypeIsComplex(GDALGetRasterDataType(band)) != 0) {
      fail(errc::invalid_argument, "it holds complex numbers, not elevations");
    }
    const std::string unit = GDALGetRasterUnitType(band);
    if (!unit.empty() && unit != "m" && unit != "metre" && unit != "meter" && unit != "metres" &&
        unit != "meters") {
      fail(errc::invalid_argument, "its elevations are in '" + unit + "': convert them to metres");
    }
  }

  void values(dem_content& content, const dem_options::window& w, bool north_up) const {
    elevation_grid& grid = content.grid;
    if (GDALGetRasterCount(data_.get()) != 1) {
      fail(errc::invalid_argument, "it has " + std::to_string(GDALGetRasterCount(data_.get())) +
                                       " bands, a DEM has one: extract it (gdal_translate -b 1)");
    }
    GDALRasterBandH band = GDALGetRasterBand(data_.get(), 1);
    check_band(band);
    int has_nodata = 0;
    const double nodata = GDALGetRasterNoDataValue(band, &has_nodata);
    int has_factor = 0;
    int has_offset = 0;
    const double factor = GDALGetRasterScale(band, &has_factor);
    const double offset = GDALGetRasterOffset(band, &has_offset);
    if (has_nodata != 0) {
      content.nodata = nodata;
    }
    content.scaled = (has_factor != 0 && factor != 1.0) || (has_offset != 0 && offset != 0.0);
    GDALRasterBandH mask =
        GDALGetMaskFlags(band) == GMF_PER_DATASET ? GDALGetMaskBand(band) : nullptr;

    // Row by row, and memory grows with what was really read: a header may promise anything.
    std::vector<double> row(static_cast<std::size_t>(grid.nx));
    std::vector<std::uint8_t> seen(row.size(), 255);
    const int rows = GDALGetRasterYSize(data_.get());
    const int left = static_cast<int>(w.x);
    const int width = static_cast<int>(w.width);
    for (std::int64_t y = w.y; y < w.y + w.height; ++y) {
      const int line = static_cast<int>(north_up ? rows - 1 - y : y);
      CPLErrorReset();
      if (GDALRasterIO(band, GF_Read, left, line, width, 1, row.data(), width, 1, GDT_Float64, 0,
                       0) != CE_None ||
          (mask != nullptr && GDALRasterIO(mask, GF_Read, left, line, width, 1, seen.data(), width,
                                           1, GDT_Byte, 0, 0) != CE_None)) {
        fail(errc::corrupt_file, "row " + std::to_string(line) + " cannot be read" + reason());
      }
      for (std::size_t x = 0; x < row.size(); ++x) {
        const bool missing =
            std::isnan(row[x]) || seen[x] == 0 || (has_nodata != 0 && is_nodata(row[x], nodata));
        double value = has_factor != 0 ? row[x] * factor : row[x];
        value = has_offset != 0 ? value + offset : value;
        if (!missing && !(std::abs(value) <= largest_elevation_m)) {
          fail(errc::corrupt_file,
               "row " + std::to_string(line) + ", column " +
                   std::to_string(static_cast<std::size_t>(left) + x) + " holds " +
                   std::to_string(value) +
                   ", no elevation in metres; if it means 'no data', declare it "
                   "(gdal_edit.py -a_nodata)");
        }
        grid.elevation_m.push_back(missing ? 0.0 : value);
        grid.valid.push_back(missing ? 0 : 1);
      }
    }
  }

  std::string name_;
  dataset data_;
};

}  // namespace

dem_content read_dem_gdal(const std::filesystem::path& file,
                          const std::optional<dem_options::window>& crop) {
  const gdal_silence silence;
  return gdal_reader(file).read(crop);
}

}  // namespace lithify::io

#else

namespace lithify::io {

dem_content read_dem_gdal(const std::filesystem::path& file,
                          const std::optional<dem_options::window>& /*crop*/) {
  throw error(errc::invalid_argument,
              "'" + file.string() +
                  "' is a GeoTIFF and this program was built without GDAL: convert it with "
                  "gdal_translate -of AAIGrid");
}

}  // namespace lithify::io

#endif
