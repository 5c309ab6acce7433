// A build without GDAL: ESRI ASCII grids are read as ever, a GeoTIFF is refused in one clear line.
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using lithify::test::lithify;
using lithify::test::outcome;
using testing::HasSubstr;

TEST(no_gdal, reads_ascii_and_says_what_to_do_with_a_geotiff) {
  const lithify::test::temporary_folder folder;
  lithify::test::write_small_world(folder);
  const std::string world = (folder / "w.h5").string();
  const std::string data = std::string(LITHIFY_TEST_SOURCE_DIR) + "/tests/data/";
  const outcome tiff = lithify({"import", data + "srtm_bigtujunga30m_utm11.tif", "-o", world});
  EXPECT_EQ(tiff.code, 2);
  EXPECT_EQ(std::count(tiff.err.begin(), tiff.err.end(), '\n'), 1) << tiff.err;
  EXPECT_THAT(tiff.err, HasSubstr("built without GDAL: convert it with gdal_translate"));
  EXPECT_FALSE(std::filesystem::exists(world));
  for (const std::string& dem : {(folder / "dem.asc").string(), data + "pre_runout_DEM.asc"}) {
    EXPECT_EQ(lithify({"import", dem, "-o", world}).code, 0) << dem;
    EXPECT_EQ(lithify({"verify", world}).code, 0) << dem;
  }
}

}  // namespace
