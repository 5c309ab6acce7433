// The real DEMs in tests/data: sizes, ranges and nodata counts as their origin states them.
#include "lithify/base/error.hpp"
#include "lithify/io/dem.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>

namespace lithify::io {
namespace {

std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(LITHIFY_TEST_SOURCE_DIR) / "tests" / "data" / name;
}

struct range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  std::ptrdiff_t missing = 0;
};

range range_of(const elevation_grid& grid) {
  range r;
  for (std::size_t i = 0; i < grid.valid.size(); ++i) {
    if (grid.valid[i] == 0) {
      ++r.missing;
    } else {
      r.low = std::min(r.low, grid.elevation_m[i]);
      r.high = std::max(r.high, grid.elevation_m[i]);
    }
  }
  return r;
}

// A build without GDAL refuses GeoTIFF with a message of its own: that is tested instead.
bool geotiff_is_refused(const std::filesystem::path& file) {
  try {
    (void)read_dem(file, {});
    return false;
  } catch (const error& e) {
    return std::string(e.what()).find("without GDAL") != std::string::npos;
  }
}

TEST(terrain, big_tujunga) {
  if (geotiff_is_refused(data("srtm_bigtujunga30m_utm11.tif"))) {
    GTEST_SKIP() << "this build has no GDAL";
  }
  const elevation_grid g = read_dem(data("srtm_bigtujunga30m_utm11.tif"), {});
  EXPECT_EQ(g.nx, 1197);
  EXPECT_EQ(g.ny, 643);
  EXPECT_EQ(g.cell_size_m, 30.0);
  EXPECT_NEAR(g.origin_x_m, 376313.655454, 1e-5);
  EXPECT_NEAR(g.origin_y_m, 3788627.827628, 1e-5);
  EXPECT_NE(g.crs_wkt.find("32611"), std::string::npos);
  const range r = range_of(g);
  EXPECT_EQ(r.low, 315.0);
  EXPECT_EQ(r.high, 2295.0);
  EXPECT_EQ(r.missing, 0);
  // Row order, seen independently with gdallocationinfo at pixel (10, 20) of the file.
  EXPECT_EQ(g.elevation_m[static_cast<std::size_t>((642 - 20) * 1197 + 10)], 938.0);
}

TEST(terrain, west_bijou_declares_zero_as_nodata) {
  const elevation_grid g = read_dem(data("west_bijou_gully.asc"), {});
  EXPECT_EQ(g.nx, 43);
  EXPECT_EQ(g.ny, 89);
  EXPECT_EQ(g.origin_x_m, 559705.0);
  const range r = range_of(g);
  EXPECT_EQ(r.missing, 2739);
  EXPECT_GT(r.low, 1600.0);
  dem_options fill;
  fill.nodata = nodata_policy::fill;
  const range filled = range_of(read_dem(data("west_bijou_gully.asc"), fill));
  EXPECT_EQ(filled.missing, 0);
  EXPECT_GE(filled.low, r.low);
  EXPECT_LE(filled.high, r.high);
}

TEST(terrain, bijou_subset_has_no_nodata_line) {
  const elevation_grid g = read_dem(data("bijou_gully_subset_5m_edit_dx_filled.asc"), {});
  EXPECT_EQ(g.nx, 105);
  EXPECT_EQ(g.ny, 77);
  EXPECT_EQ(g.cell_size_m, 4.988744589);
  const range r = range_of(g);
  EXPECT_EQ(r.missing, 0);
  EXPECT_GT(r.low, 1673.0);
  EXPECT_LT(r.high, 1731.0);
}

TEST(terrain, landslide_before_the_runout) {
  const elevation_grid g = read_dem(data("pre_runout_DEM.asc"), {});
  EXPECT_EQ(g.nx, 80);
  EXPECT_EQ(g.ny, 122);
  const range r = range_of(g);
  EXPECT_GT(r.low, 189.0);
  EXPECT_LT(r.high, 583.0);
  EXPECT_NEAR(g.elevation_m[static_cast<std::size_t>(121 * 80)], 479.9628, 1e-12);
}

}  // namespace
}  // namespace lithify::io
