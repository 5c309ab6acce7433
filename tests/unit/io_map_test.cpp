// Maps: what other programs read of them is what was written.
#include "io_test_support.hpp"
#include "lithify/engine/drainage.hpp"
#include "lithify/io/map_file.hpp"

#include <gdal.h>
#include <hdf5.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace lithify::io {
namespace {

using test::error_of;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
// UTM zone 11 north, as GDAL writes it into a DEM's checkpoint; shortened.
constexpr const char* utm =
    "PROJCS[\"WGS 84 / UTM zone 11N\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS "
    "84\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],"
    "PROJECTION[\"Transverse_Mercator\"],PARAMETER[\"latitude_of_origin\",0],"
    "PARAMETER[\"central_meridian\",-117],PARAMETER[\"scale_factor\",0.9996],"
    "PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],UNIT[\"metre\",1]]";

template <class T>
map_layer layer(const std::string& name, const std::string& unit, std::vector<T> values) {
  return {field::make<T>(name, unit, {3, 4}, values), "what " + name + " is", std::nullopt};
}

/// 4 x 3 cells of 30 m.
map_file sample_map() {
  map_file map;
  map.nx = 4;
  map.ny = 3;
  map.cell_size_m = 30.0;
  map.origin_x_m = 376313.65;
  map.origin_y_m = 3788627.8;
  map.crs_wkt = utm;
  map.remarks = {{"title", "three by four"}, {"step", "7"}};
  std::vector<double> slope(12);
  std::iota(slope.begin(), slope.end(), 0.25);
  slope[5] = nan;
  std::vector<std::int64_t> receiver(12);
  std::iota(receiver.begin(), receiver.end(), std::int64_t{1} << 40);
  receiver[2] = -1;
  map.layers = {layer("slope", "1", slope), layer("receiver", "1", receiver),
                layer("rock_top", "voxel", std::vector<std::int32_t>(12, 6))};
  map.layers[1].missing = -1;
  return map;
}

/// A band as GDAL reads it, south-west cell first.
std::vector<double> band_of(GDALDatasetH data, int number) {
  const int nx = GDALGetRasterXSize(data), ny = GDALGetRasterYSize(data);
  std::vector<double> rows(static_cast<std::size_t>(nx) * static_cast<std::size_t>(ny));
  EXPECT_EQ(GDALRasterIO(GDALGetRasterBand(data, number), GF_Read, 0, 0, nx, ny, rows.data(), nx,
                         ny, GDT_Float64, 0, 0),
            CE_None);
  std::vector<double> cells;
  for (int y = ny - 1; y >= 0; --y) {
    cells.insert(cells.end(), rows.begin() + y * nx, rows.begin() + (y + 1) * nx);
  }
  return cells;
}

void expect_placed(GDALDatasetH data) {
  double place[6];
  ASSERT_EQ(GDALGetGeoTransform(data, place), CE_None);
  EXPECT_NEAR(place[0], 376313.65, 1e-6);
  EXPECT_NEAR(place[1], 30.0, 1e-9);
  EXPECT_NEAR(place[3], 3788627.8 + 90.0, 1e-6);
  EXPECT_NEAR(place[5], -30.0, 1e-9);
  EXPECT_NE(std::string(GDALGetProjectionRef(data)).find("UTM zone 11N"), std::string::npos);
}

class map_files : public ::testing::Test {
 protected:
  void SetUp() override { GDALAllRegister(); }
  test::scratch_folder folder_;
};

TEST_F(map_files, geotiff_reads_back_in_gdal) {
  const auto file = folder_ / "a.tif";
  write_geotiff(file, sample_map());
  GDALDatasetH data = GDALOpen(file.c_str(), GA_ReadOnly);
  ASSERT_NE(data, nullptr);
  ASSERT_EQ(GDALGetRasterCount(data), 3);
  expect_placed(data);
  EXPECT_STREQ(GDALGetDescription(GDALGetRasterBand(data, 2)), "receiver");
  EXPECT_STREQ(GDALGetRasterUnitType(GDALGetRasterBand(data, 3)), "voxel");
  EXPECT_STREQ(GDALGetMetadataItem(data, "step", nullptr), "7");
  const std::vector<double> slope = band_of(data, 1), receiver = band_of(data, 2);
  for (std::size_t i = 0; i < 12; ++i) {
    if (i == 5) {
      EXPECT_TRUE(std::isnan(slope[i]));
    } else {
      EXPECT_EQ(slope[i], 0.25 + static_cast<double>(i));
    }
    if (i == 2) {
      EXPECT_TRUE(std::isnan(receiver[i]));
    } else {
      EXPECT_EQ(receiver[i], std::ldexp(1.0, 40) + static_cast<double>(i));
    }
  }
  GDALClose(data);
}

// Numbers of cells point to the same cells in both orders of rows.
TEST_F(map_files, numbers_of_cells_are_those_of_the_file) {
  map_file map = sample_map();
  map.layers = {
      layer("receiver", "1", std::vector<std::int64_t>{4, 1, -1, 2, 8, 4, 6, 3, 8, 0, 9, 11})};
  map.layers[0].missing = -1;
  map.layers[0].numbers_cells = true;
  const auto read = [&](const std::string& name) {
    GDALDatasetH data = GDALOpen(name.c_str(), GA_ReadOnly);
    EXPECT_NE(data, nullptr);
    std::vector<double> rows(12);
    EXPECT_EQ(GDALRasterIO(GDALGetRasterBand(data, 1), GF_Read, 0, 0, 4, 3, rows.data(), 4, 3,
                           GDT_Float64, 0, 0),
              CE_None);
    GDALClose(data);
    return rows;
  };
  write_geotiff(folder_ / "r.tif", map);
  const std::vector<double> raster = read(folder_ / "r.tif");
  // From the north: the cell (x, y) of above stands at 4 (2 - y) + x.
  const std::vector<double> expected = {0, 8, 1, 3, 0, 4, 6, 11, 4, 9, nan, 10};
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_TRUE(raster[i] == expected[i] || (i == 10 && std::isnan(raster[i]))) << i;
  }
  write_netcdf(folder_ / "r.nc", map);
  const hid_t file = H5Fopen((folder_ / "r.nc").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t set = H5Dopen2(file, "/receiver", H5P_DEFAULT);
  std::vector<std::int64_t> stored(12);
  EXPECT_GE(H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, stored.data()), 0);
  H5Dclose(set);
  H5Fclose(file);
  const auto values = map.layers[0].values.as<std::int64_t>();
  EXPECT_EQ(stored, std::vector<std::int64_t>(values.begin(), values.end()));
}

// A slope that falls to the north: in the raster every cell's receiver is the one in the row above.
TEST_F(map_files, receivers_of_a_flow_map_are_cells_of_the_raster) {
  engine::relief surface;
  surface.size = {2, 3, 8};
  surface.height = {5, 5, 4, 4, 3, 3};
  for (std::int64_t& h : surface.height) {
    h *= one_voxel;
  }
  const drainage_map water{{2, 3, 4, 5, 4, 5}, {1, 1, 2, 2, 3, 3}};
  write_geotiff(folder_ / "f.tif", engine::flow_map(surface, water, {}, 1.0));
  GDALDatasetH data = GDALOpen((folder_ / "f.tif").c_str(), GA_ReadOnly);
  ASSERT_NE(data, nullptr);
  std::vector<double> rows(6);
  EXPECT_EQ(GDALRasterIO(GDALGetRasterBand(data, 3), GF_Read, 0, 0, 2, 3, rows.data(), 2, 3,
                         GDT_Float64, 0, 0),
            CE_None);
  EXPECT_STREQ(GDALGetDescription(GDALGetRasterBand(data, 3)), "receiver");
  EXPECT_NE(std::string(GDALGetMetadataItem(GDALGetRasterBand(data, 3), "long_name", nullptr))
                .find("this file's order of rows"),
            std::string::npos);
  EXPECT_EQ(rows, (std::vector<double>{0, 1, 0, 1, 2, 3}));
  GDALClose(data);
}

// Read by libnetcdf, through GDAL.
TEST_F(map_files, netcdf_reads_back_in_libnetcdf) {
  if (GDALGetDriverByName("netCDF") == nullptr) {
    GTEST_SKIP() << "this GDAL has no netCDF";
  }
  const auto file = folder_ / "a.nc";
  write_netcdf(file, sample_map());
  for (const char* name : {"slope", "receiver", "rock_top"}) {
    GDALDatasetH data = GDALOpen(("NETCDF:\"" + file.string() + "\":" + name).c_str(), GA_ReadOnly);
    ASSERT_NE(data, nullptr) << name;
    ASSERT_EQ(GDALGetRasterCount(data), 1);
    expect_placed(data);
    const std::vector<double> values = band_of(data, 1);
    for (std::size_t i = 0; i < 12; ++i) {
      if (std::string(name) == "rock_top") {
        EXPECT_EQ(values[i], 6.0);
      } else if (std::string(name) == "receiver") {
        EXPECT_EQ(values[i], i == 2 ? -1.0 : std::ldexp(1.0, 40) + static_cast<double>(i));
      } else if (i != 5) {
        EXPECT_EQ(values[i], 0.25 + static_cast<double>(i));
      }
    }
    int has_nodata = 0;
    const double nodata = GDALGetRasterNoDataValue(GDALGetRasterBand(data, 1), &has_nodata);
    EXPECT_EQ(has_nodata != 0, std::string(name) != "rock_top");
    EXPECT_EQ(nodata == -1.0, std::string(name) == "receiver");
    EXPECT_STREQ(GDALGetMetadataItem(data, "NC_GLOBAL#Conventions", nullptr), "CF-1.8");
    EXPECT_STREQ(GDALGetMetadataItem(data, "NC_GLOBAL#title", nullptr), "three by four");
    GDALClose(data);
  }
}

TEST_F(map_files, the_same_map_gives_the_same_bytes) {
  for (const char* name : {"a.nc", "a.tif"}) {
    const auto write = [&](const std::filesystem::path& to) {
      name[2] == 'n' ? write_netcdf(to, sample_map()) : write_geotiff(to, sample_map());
    };
    write(folder_ / name);
    const std::string first = test::read_all(folder_ / name);
    write(folder_ / name);
    EXPECT_EQ(test::read_all(folder_ / name), first) << name;
  }
}

TEST_F(map_files, one_cell_and_no_coordinate_system) {
  map_file map;
  map.nx = map.ny = 1;
  map.layers = {{field::make<double>("h", "m", {1, 1}, std::vector<double>{2.5}), "height", {}}};
  write_netcdf(folder_ / "b.nc", map);
  write_geotiff(folder_ / "b.tif", map);
  GDALDatasetH data = GDALOpen((folder_ / "b.tif").c_str(), GA_ReadOnly);
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(band_of(data, 1), std::vector<double>{2.5});
  GDALClose(data);
}

TEST_F(map_files, what_does_not_fit_is_refused) {
  const auto refused = [&](const map_file& map, const char* what) {
    for (const bool nc : {false, true}) {
      const auto e = error_of([&] {
        nc ? write_netcdf(folder_ / "c.nc", map) : write_geotiff(folder_ / "c.tif", map);
      });
      ASSERT_TRUE(e.has_value()) << what;
      EXPECT_EQ(e->code(), errc::invalid_argument) << what;
      EXPECT_FALSE(std::filesystem::exists(folder_ / (nc ? "c.nc" : "c.tif")));
    }
  };
  map_file map = sample_map();
  map.ny = 4;
  refused(map, "another shape");
  map = sample_map();
  map.layers.clear();
  refused(map, "no layer");
  map = sample_map();
  map.cell_size_m = nan;
  refused(map, "no cell size");
  map = sample_map();
  map.layers.push_back(layer("id", "1", std::vector<std::uint16_t>(12, 1)));
  refused(map, "16-bit numbers");
  const auto e = error_of([&] { write_netcdf(folder_ / "none" / "c.nc", sample_map()); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
}

}  // namespace
}  // namespace lithify::io
