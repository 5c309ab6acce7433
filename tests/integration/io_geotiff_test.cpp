// GeoTIFF through GDAL: types, nodata, masks, orientation, and what is refused.
#include "../unit/io_test_support.hpp"
#include "lithify/io/dem.hpp"

#include <cpl_conv.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace lithify::io {
namespace {

using test::error_of;

struct tiff {
  GDALDataType type = GDT_Float32;
  std::vector<double> values = {1, 2, 3, 4, 5, 6};  // 3 x 2, northern row first
  std::array<double, 6> transform = {500000, 10, 0, 4000000, 0, -10};
  std::string system = "EPSG:32611";
  std::function<void(GDALDatasetH)> more = [](GDALDatasetH) {};
  int bands = 1;
  bool place = true;
};

class geotiff : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    GDALAllRegister();
    CPLSetErrorHandler(CPLQuietErrorHandler);
  }

  void write(const tiff& t) {
    GDALDatasetH data = GDALCreate(GDALGetDriverByName("GTiff"), file.c_str(), 3,
                                   static_cast<int>(t.values.size() / 3), t.bands, t.type, nullptr);
    ASSERT_NE(data, nullptr);
    auto transform = t.transform;
    if (t.place) {
      GDALSetGeoTransform(data, transform.data());
    }
    if (!t.system.empty()) {
      OGRSpatialReferenceH system = OSRNewSpatialReference(nullptr);
      ASSERT_EQ(OSRSetFromUserInput(system, t.system.c_str()), OGRERR_NONE);
      OSRSetAxisMappingStrategy(system, OAMS_TRADITIONAL_GIS_ORDER);
      GDALSetSpatialRef(data, system);
      OSRDestroySpatialReference(system);
    }
    t.more(data);
    auto values = t.values;
    ASSERT_EQ(GDALRasterIO(GDALGetRasterBand(data, 1), GF_Write, 0, 0, 3,
                           static_cast<int>(t.values.size() / 3), values.data(), 3,
                           static_cast<int>(t.values.size() / 3), GDT_Float64, 0, 0),
              CE_None);
    GDALClose(data);
  }

  elevation_grid read(const tiff& t) {
    write(t);
    return read_dem(file, {});
  }

  void refused(const tiff& t, errc code, const std::string& words) {
    write(t);
    const auto e = error_of([&] { (void)read_dem(file, {}); });
    ASSERT_TRUE(e.has_value()) << words;
    EXPECT_EQ(e->code(), code) << e->what();
    EXPECT_NE(std::string(e->what()).find(words), std::string::npos) << e->what();
    test::expect_one_line(*e, "dem.tif");
  }

  static std::function<void(GDALDatasetH)> nodata(double value) {
    return
        [value](GDALDatasetH data) { GDALSetRasterNoDataValue(GDALGetRasterBand(data, 1), value); };
  }

  test::scratch_folder folder;
  std::filesystem::path file = folder / "dem.tif";
};

TEST_F(geotiff, every_type_is_read_south_first) {
  for (const GDALDataType type :
       {GDT_Byte, GDT_UInt16, GDT_Int16, GDT_UInt32, GDT_Int32, GDT_Float32, GDT_Float64}) {
    tiff t;
    t.type = type;
    const elevation_grid g = read(t);
    EXPECT_EQ(g.elevation_m, (std::vector<double>{4, 5, 6, 1, 2, 3}));
    EXPECT_EQ(g.valid, std::vector<std::uint8_t>(6, 1));
    EXPECT_EQ(g.origin_x_m, 500000.0);
    EXPECT_EQ(g.origin_y_m, 4000000.0 - 20.0);
    EXPECT_EQ(g.cell_size_m, 10.0);
    EXPECT_NE(g.crs_wkt.find("UTM"), std::string::npos);
  }
}

TEST_F(geotiff, south_up_files_are_turned) {
  tiff t;
  t.transform = {500000, 10, 0, 4000000, 0, 10};
  const elevation_grid g = read(t);
  EXPECT_EQ(g.elevation_m, t.values);
  EXPECT_EQ(g.origin_y_m, 4000000.0);
}

TEST_F(geotiff, a_window_is_what_it_is_in_the_whole) {
  tiff t;
  t.more = nodata(5);
  for (const double down : {-10.0, 10.0}) {
    t.transform[5] = down;
    const elevation_grid whole = read(t);
    for (std::int64_t y = 0; y < 2; ++y) {
      for (std::int64_t x = 0; x < 2; ++x) {
        dem_options options;
        options.crop = {x, y, 2, 1};
        const elevation_grid part = read_dem(file, options);
        ASSERT_EQ(part.nx, 2);
        ASSERT_EQ(part.ny, 1);
        EXPECT_EQ(part.origin_x_m, whole.origin_x_m + 10.0 * static_cast<double>(x));
        EXPECT_EQ(part.origin_y_m, whole.origin_y_m + 10.0 * static_cast<double>(y));
        for (std::size_t i = 0; i < 2; ++i) {
          const std::size_t cell = static_cast<std::size_t>(3 * y + x) + i;
          EXPECT_EQ(part.elevation_m[i], whole.elevation_m[cell]);
          EXPECT_EQ(part.valid[i], whole.valid[cell]);
        }
      }
    }
  }
}

// A few kilobytes that declare 90 billion cells.
TEST_F(geotiff, only_the_window_of_a_vast_sparse_file_is_read) {
  const char* const sparse[] = {"SPARSE_OK=TRUE", "BLOCKYSIZE=64", nullptr};
  GDALDatasetH data = GDALCreate(GDALGetDriverByName("GTiff"), file.c_str(), 300'000, 300'000, 1,
                                 GDT_Byte, const_cast<char**>(sparse));
  ASSERT_NE(data, nullptr);
  std::array<double, 6> transform = {500000, 10, 0, 4000000, 0, -10};
  GDALSetGeoTransform(data, transform.data());
  std::uint8_t corner = 7;
  ASSERT_EQ(GDALRasterIO(GDALGetRasterBand(data, 1), GF_Write, 2, 299'999, 1, 1, &corner, 1, 1,
                         GDT_Byte, 0, 0),
            CE_None);
  GDALClose(data);
  for (const std::optional<dem_options::window>& all :
       {std::optional<dem_options::window>(), {{0, 0, 299'999, 300'000}}}) {
    dem_options options;
    options.crop = all;
    const auto e = error_of([&] { (void)read_dem(file, options); });
    ASSERT_TRUE(e.has_value());
    EXPECT_EQ(e->code(), errc::invalid_argument);
    EXPECT_NE(std::string(e->what()).find("--crop"), std::string::npos) << e->what();
    test::expect_one_line(*e, "dem.tif");
  }
  dem_options options;
  options.crop = {0, 0, 10, 10};
  const elevation_grid g = read_dem(file, options);
  EXPECT_EQ(g.elevation_m.size(), 100u);
  EXPECT_EQ(g.elevation_m[2], 7.0);
  EXPECT_EQ(g.elevation_m[3], 0.0);
}

TEST_F(geotiff, nodata_of_every_kind) {
  const std::vector<std::uint8_t> expected = {1, 1, 1, 1, 0, 1};
  tiff t;
  t.type = GDT_Int16;
  t.values[1] = -32768;
  t.more = nodata(-32768);
  EXPECT_EQ(read(t).valid, expected);

  t.type = GDT_Float32;
  t.values[1] = -std::numeric_limits<float>::max();
  t.more = nodata(-3.4028234663852886e+38);
  EXPECT_EQ(read(t).valid, expected);
  t.more = nodata(-3.40282e+38);  // as some programs shorten it
  EXPECT_EQ(read(t).valid, expected);

  t.values[1] = std::nan("");
  t.more = nodata(std::nan(""));
  EXPECT_EQ(read(t).valid, expected);
  t.more = nodata(-9999);  // NaN is no elevation, declared or not
  EXPECT_EQ(read(t).valid, expected);

  t.type = GDT_Float64;
  t.values[1] = 0;
  t.more = nodata(0);
  EXPECT_EQ(read(t).valid, expected);
}

TEST_F(geotiff, customary_nodata_must_be_declared) {
  tiff t;
  t.type = GDT_Int16;
  t.values[0] = t.values[1] = -32768;
  refused(t, errc::invalid_argument, "2 cells are exactly -32768, the first at 0,1 from the");
  refused(t, errc::invalid_argument, "gdal_edit.py -a_nodata -32768 " + file.string());
  t.more = nodata(-32768);
  EXPECT_EQ(read(t).valid, (std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1}));
  // A file has one such value: to declare another makes ground of the cells that have the first.
  t.values[0] = -9999;
  refused(t, errc::invalid_argument, "declare; give them -32768, which the file has for it");
  // What is declared is the value before scale and offset, which is none that we could say.
  t.type = GDT_Float64;
  t.values[0] = t.values[1] = -99990;
  t.more = [](GDALDatasetH data) { GDALSetRasterScale(GDALGetRasterBand(data, 1), 0.1); };
  refused(t, errc::invalid_argument, "exactly -9999, ");
  refused(t, errc::invalid_argument, "declare the value that they have in it before its scale");
}

TEST_F(geotiff, a_mask_band_is_nodata_too) {
  tiff t;
  t.more = [](GDALDatasetH data) {
    CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    ASSERT_EQ(GDALCreateDatasetMaskBand(data, GMF_PER_DATASET), CE_None);
    std::array<std::uint8_t, 6> seen = {255, 0, 255, 255, 255, 255};
    ASSERT_EQ(GDALRasterIO(GDALGetMaskBand(GDALGetRasterBand(data, 1)), GF_Write, 0, 0, 3, 2,
                           seen.data(), 3, 2, GDT_Byte, 0, 0),
              CE_None);
  };
  EXPECT_EQ(read(t).valid, (std::vector<std::uint8_t>{1, 1, 1, 1, 0, 1}));
}

TEST_F(geotiff, nodata_outside_the_types_range_matches_nothing) {
  tiff t;
  t.type = GDT_Int16;
  t.more = nodata(-99999);
  EXPECT_EQ(read(t).valid, std::vector<std::uint8_t>(6, 1));
}

TEST_F(geotiff, scale_and_offset_are_applied) {
  tiff t;
  t.type = GDT_Int16;
  t.more = [](GDALDatasetH data) {
    GDALSetRasterScale(GDALGetRasterBand(data, 1), 0.1);
    GDALSetRasterOffset(GDALGetRasterBand(data, 1), 100.0);
  };
  EXPECT_DOUBLE_EQ(read(t).elevation_m[3], 100.1);
}

TEST_F(geotiff, what_has_no_metres_is_refused) {
  tiff t;
  t.system = "EPSG:4326";
  t.transform = {-118.3, 0.000277778, 0, 34.2, 0, -0.000277778};
  refused(t, errc::invalid_argument, "degrees");
  t.system = "";
  refused(t, errc::invalid_argument, "degrees");
  t = {};
  t.system = "EPSG:2229";  // California zone 5, US survey feet
  refused(t, errc::invalid_argument, "units of 0.3048");
  t = {};
  t.more = [](GDALDatasetH data) { GDALSetRasterUnitType(GDALGetRasterBand(data, 1), "ft"); };
  refused(t, errc::invalid_argument, "'ft'");
}

TEST_F(geotiff, grids_that_are_not_square_to_north_are_refused) {
  tiff t;
  t.transform = {500000, 10, 0, 4000000, 0, -20};
  refused(t, errc::invalid_argument, "square");
  t.transform = {500000, 10, 3, 4000000, 3, -10};
  refused(t, errc::invalid_argument, "rotated");
  t.transform = {500000, -10, 0, 4000000, 0, -10};
  refused(t, errc::invalid_argument, "rotated");
  for (const double cell : {1e300, 1e160, 1e-300, 5e-324}) {
    t.transform = {0, cell, 0, 0, 0, -cell};
    refused(t, errc::corrupt_file, "cell size must be positive: from 1e-6 to 1e6 m, not ");
  }
  t.transform = {0, 1e300, 0, 0, 0, -10};
  refused(t, errc::corrupt_file, "not 1e+300");
  t.transform = {1e300, 10, 0, 0, 0, -10};
  refused(t, errc::corrupt_file, "origin must be within 1e9 m of 0, not 1e+300");
  t.transform = {0, 10, 0, -1e300, 0, -10};
  refused(t, errc::corrupt_file, "not -1e+300");
  t = {};
  t.place = false;
  refused(t, errc::invalid_argument, "georeference");
}

TEST_F(geotiff, other_content_is_refused) {
  tiff t;
  t.bands = 3;
  refused(t, errc::invalid_argument, "3 bands");
  t = {};
  t.type = GDT_CFloat32;
  refused(t, errc::invalid_argument, "complex");
  t = {};
  t.values[2] = 1e30;
  refused(t, errc::corrupt_file, "no data");
  t.values[2] = std::numeric_limits<double>::infinity();
  refused(t, errc::corrupt_file, "no data");
  t = {};
  t.values.assign(6, -9999);
  t.more = nodata(-9999);
  refused(t, errc::invalid_argument, "no cell");
}

TEST_F(geotiff, truncated_and_garbled_files_are_refused) {
  tiff t;
  t.values.assign(3 * 4000, 7.0);
  write(t);
  const std::string whole = test::read_all(file);
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 97) {
    test::write_all(file, whole.substr(0, size));
    const auto e = error_of([&] { (void)read_dem(file, {}); });
    ASSERT_TRUE(e.has_value()) << size << " of " << whole.size();
    EXPECT_EQ(e->code(), errc::corrupt_file) << e->what();
    test::expect_one_line(*e, "dem.tif");
  }
  test::write_all(file, std::string("II*\0", 4) + std::string(500, 'x'));
  const auto e = error_of([&] { (void)read_dem(file, {}); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::corrupt_file);
}

}  // namespace
}  // namespace lithify::io
