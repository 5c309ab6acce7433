// DEM import: header variants, strict counts and numbers, nodata policies, cropping, resampling.
#include "io_test_support.hpp"
#include "lithify/io/dem.hpp"

#include <cmath>

namespace lithify::io {
namespace {

using test::error_of;

class dem : public ::testing::Test {
 protected:
  elevation_grid read(const std::string& text, const dem_options& options = {}) {
    test::write_all(folder / "dem.asc", text);
    return read_dem(folder / "dem.asc", options);
  }

  // The call must fail with `code`, in one line that names the file and holds `words`.
  void refused(const std::string& text,
               errc code,
               const std::string& words,
               const dem_options& options = {}) {
    const auto e = error_of([&] { (void)read(text, options); });
    ASSERT_TRUE(e.has_value()) << text;
    EXPECT_EQ(e->code(), code) << e->what();
    EXPECT_NE(std::string(e->what()).find(words), std::string::npos) << e->what();
    test::expect_one_line(*e, "dem.asc");
  }

  test::scratch_folder folder;
};

const std::string plain =
    "ncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ncellsize 10\nNODATA_value -9999\n"
    "1 2 3\n4 -9999 6\n";

TEST_F(dem, ascii_rows_come_south_first) {
  const elevation_grid g = read(plain);
  EXPECT_EQ(g.nx, 3);
  EXPECT_EQ(g.ny, 2);
  EXPECT_EQ(g.cell_size_m, 10.0);
  EXPECT_EQ(g.origin_x_m, 100.0);
  EXPECT_EQ(g.origin_y_m, 200.0);
  EXPECT_EQ(g.valid, (std::vector<std::uint8_t>{1, 0, 1, 1, 1, 1}));
  EXPECT_EQ(g.elevation_m[0], 4.0);
  EXPECT_EQ(g.elevation_m[3], 1.0);
  EXPECT_EQ(g.elevation_m[5], 3.0);
}

TEST_F(dem, ascii_header_variants) {
  EXPECT_EQ(
      read("NCOLS 1\r\nNROWS 1\r\nXLLCENTER 5\r\nYLLCENTER 5\r\nCELLSIZE 10\r\n7\r\n").origin_x_m,
      0.0);
  EXPECT_EQ(read("  nrows 1 ncols 1\tcellsize 2.5e0 +7.5").elevation_m[0], 7.5);
  EXPECT_EQ(read("ncols 1 nrows 1 dx 4 dy 4 7").cell_size_m, 4.0);
  EXPECT_EQ(read("ncols 2 nrows 1 cellsize 4 nodata 0 0 1").valid,
            (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(read("ncols 2 nrows 1 cellsize 4 0 1").valid, (std::vector<std::uint8_t>{1, 1}));
  EXPECT_EQ(read("ncols 2 nrows 1 cellsize 4 -9999 1").valid, (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(read("ncols 2 nrows 1 cellsize 4 nodata 0 -9998.9 1").valid,
            (std::vector<std::uint8_t>{1, 1}));
  EXPECT_EQ(read("ncols 2 nrows 1 cellsize 4 nodata_value nan nan 1").valid,
            (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(
      read("ncols 2 nrows 1 cellsize 4 nodata_value -3.4028235e+38 -3.402823466385289e+38 1").valid,
      (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(read("ncols 2 nrows 1 cellsize 4 nodata_value 1e20 1 2").valid,
            (std::vector<std::uint8_t>{1, 1}));
  EXPECT_EQ(read("ncols 2 nrows 2 cellsize 4 1\n2\n3\n4").elevation_m,
            (std::vector<double>{3, 4, 1, 2}));
}

TEST_F(dem, ascii_grids_of_one_row_column_or_cell) {
  EXPECT_EQ(read("ncols 1 nrows 1 cellsize 1 5").elevation_m, std::vector<double>{5});
  EXPECT_EQ(read("ncols 3 nrows 1 cellsize 1 5 6 7").elevation_m, (std::vector<double>{5, 6, 7}));
  EXPECT_EQ(read("ncols 1 nrows 3 cellsize 1 5 6 7").elevation_m, (std::vector<double>{7, 6, 5}));
}

TEST_F(dem, ascii_refuses_what_contradicts_itself) {
  refused("", errc::corrupt_file, "empty");
  refused("\x89PNG....", errc::corrupt_file, "neither");
  refused(std::string("ncols\0 3", 8), errc::corrupt_file, "neither");
  refused("ncols", errc::corrupt_file, "missing");
  refused("ncols 3 nrows", errc::corrupt_file, "missing");
  refused("ncols 3 cellsize 1 1 2 3", errc::corrupt_file, "nrows is missing");
  refused("ncols 3 nrows 1 1 2 3", errc::corrupt_file, "cellsize");
  refused("ncols 3 nrows 1 cellsize 0 1 2 3", errc::corrupt_file, "positive");
  refused("ncols 3 nrows 1 cellsize -1 1 2 3", errc::corrupt_file, "positive");
  refused("ncols 3 nrows 1 cellsize nan 1 2 3", errc::corrupt_file, "not a number");
  refused("ncols 3.5 nrows 1 cellsize 1 1 2 3", errc::corrupt_file, "whole number");
  refused("ncols 0 nrows 1 cellsize 1", errc::corrupt_file, "whole number");
  refused("ncols -3 nrows 1 cellsize 1 1 2 3", errc::corrupt_file, "whole number");
  refused("ncols 3 ncols 3 nrows 1 cellsize 1 1 2 3", errc::corrupt_file, "twice");
  refused("ncols 3 nrows 1 cellsze 1 1 2 3", errc::corrupt_file, "'cellsze' is not a key");
  refused("ncols 1 nrows 1 cellsize 1 xllcorner 0 xllcenter 0 5", errc::corrupt_file, "both");
  refused("ncols 1 nrows 1 dx 1 dy 2 5", errc::invalid_argument, "square");
  refused("ncols 3 nrows 2 cellsize 1\n10 20 30\n40 50\n", errc::corrupt_file, "line 4");
  refused("ncols 3 nrows 2 cellsize 1\n10 20 30\n40 50\n", errc::corrupt_file, "5 of 6");
  refused("ncols 3 nrows 1 cellsize 1\n1 2 3\n4", errc::corrupt_file, "follows the last");
  refused("ncols 3 nrows 1 cellsize 1\n1 2,5 3", errc::corrupt_file, "line 2: '2,5'");
  refused("ncols 3 nrows 1 cellsize 1\n1 2x 3", errc::corrupt_file, "not a number");
  refused("ncols 3 nrows 1 cellsize 1\n1 nan 3", errc::corrupt_file, "NODATA_value");
  refused("ncols 3 nrows 1 cellsize 1\nnan 2 3", errc::corrupt_file, "NODATA_value");
  refused("ncols 3 nrows 1 cellsize 1\n1 inf 3", errc::corrupt_file, "NODATA_value");
  refused("ncols 3 nrows 1 cellsize 1\n1 -1e38 3", errc::corrupt_file, "NODATA_value");
  refused("ncols 3 nrows 1 cellsize 1\n1 1e999 3", errc::corrupt_file, "not a number");
  // A header that promises more than memory holds is refused by the size of the file.
  refused("ncols 2000000000 nrows 2000000000 cellsize 1\n1 2 3", errc::corrupt_file, "promises");
}

TEST_F(dem, cells_and_places_of_no_planet_are_refused) {
  for (const std::string cell : {"1e300", "1e160", "1e7", "1e-300", "5e-324", "1e-7", "0"}) {
    for (const std::string& header :
         {"cellsize " + cell, "dx " + cell + " dy " + cell, "dy 1 dx " + cell}) {
      refused("ncols 1 nrows 1 " + header + " 5", errc::corrupt_file,
              "must be positive: from 1e-6 to 1e6 m, not '" + cell + "'");
    }
  }
  EXPECT_EQ(read("ncols 1 nrows 1 cellsize 1e6 5").cell_size_m, 1e6);
  EXPECT_EQ(read("ncols 1 nrows 1 cellsize 1e-6 5").cell_size_m, 1e-6);
  for (const std::string key : {"xllcorner", "yllcorner", "xllcenter", "yllcenter"}) {
    for (const std::string place : {"1e300", "-1e300", "1.1e9", "-1.1e9"}) {
      refused("ncols 1 nrows 1 cellsize 1 " + key + " " + place + " 5", errc::corrupt_file,
              key + " must be within 1e9 m of 0, not '" + place + "'");
    }
  }
  EXPECT_EQ(read("ncols 1 nrows 1 cellsize 1 xllcorner -1e9 yllcorner 1e9 5").origin_x_m, -1e9);
}

TEST_F(dem, the_line_named_is_that_of_the_value) {
  const std::string lines[] = {"ncols 1", "nrows 1", "xllcorner 0", "yllcorner 0", "cellsize 1"};
  const std::string wrong[] = {"ncols 0", "nrows\n\n1.5", "xllcorner 1e10", "yllcorner 1e10",
                               "cellsize 0"};
  const int expected[] = {1, 4, 3, 4, 5};
  for (std::size_t i = 0; i < 5; ++i) {
    std::string text;
    for (std::size_t k = 0; k < 5; ++k) {
      text += (k == i ? wrong[k] : lines[k]) + "\n";
    }
    refused(text + "nodata_value 0\n\n7", errc::corrupt_file,
            "line " + std::to_string(expected[i]) + ": ");
  }
  refused("dx 1\ndy 2\nncols 1\nnrows 1\n7", errc::invalid_argument, "line 2: cells are");
  refused("xllcenter 0\nxllcorner 0\ncellsize 1\nncols 1\nnrows 1\n7", errc::corrupt_file,
          "line 2: the header has both");
}

TEST_F(dem, every_truncation_of_a_grid_is_refused) {
  const std::string text =
      "ncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ncellsize 10\n"
      "NODATA_value -9999\n100 200 300\n400 500 600\n";
  const std::size_t whole = text.size() - 3;  // "60" and "6" are numbers too
  for (std::size_t size = 0; size < whole; ++size) {
    EXPECT_TRUE(error_of([&] { (void)read(text.substr(0, size)); }).has_value()) << size;
  }
}

TEST_F(dem, missing_and_unreadable_files) {
  auto e = error_of([&] { (void)read_dem(folder / "nothing.asc", {}); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::not_found);
  e = error_of([&] { (void)read_dem(folder.path(), {}); });
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->code(), errc::io_failure);
}

TEST_F(dem, degrees_are_refused) {
  refused("ncols 1 nrows 1 xllcorner -118.3 yllcorner 34.2 cellsize 0.000277778 5",
          errc::invalid_argument, "degrees");
  EXPECT_EQ(read("ncols 1 nrows 1 xllcorner 0 yllcorner 0 cellsize 0.01 5").nx, 1) << "a flume";
  test::write_all(folder / "dem.prj", "GEOGCS[\"GCS_WGS_1984\"]\n");
  refused("ncols 1 nrows 1 cellsize 1 5", errc::invalid_argument, "degrees");
  test::write_all(folder / "dem.prj", "PROJCS[\"UTM\"]\n");
  EXPECT_EQ(read("ncols 1 nrows 1 cellsize 1 5").crs_wkt, "PROJCS[\"UTM\"]");
}

TEST_F(dem, customary_nodata_that_is_not_declared) {
  const std::string head = "ncols 3 nrows 2 cellsize 4 nodata ";
  refused(head + "-1\n7 -9999 5\n-9999 4 2", errc::invalid_argument,
          "2 cells are exactly -9999, the first at 0,0 from the south-west corner");
  for (const std::string value : {"-9999", "-32767", "-32768", "-99999"}) {
    refused(head + "-1\n7 " + value + " 5\n6 4 2", errc::invalid_argument,
            "1 cell is exactly " + value + ", the first at 1,1 from the south-west corner: 'no " +
                "data' that the file does not declare; give them -1, which the file has for it; "
                "where ground is that deep, change it by a hair");
    EXPECT_EQ(read(head + value + "\n7 " + value + " 5\n6 4 2").valid,
              (std::vector<std::uint8_t>{1, 1, 1, 1, 0, 1}));
    EXPECT_EQ(read(head + "-1\n7 " + value + ".5 5\n6 4 2").elevation_m[4],
              std::stod(value + ".5"));
  }
  // A header that declares nothing means -9999: to declare another would make ground of that.
  refused("ncols 3 nrows 1 cellsize 4 -9999 -32768 5", errc::invalid_argument,
          "; give them -9999,");
  EXPECT_EQ(read("ncols 3 nrows 1 cellsize 4 -9999 -9999 5").valid,
            (std::vector<std::uint8_t>{0, 0, 1}));
  // Only the window counts, and its cells are told as the file's.
  dem_options options;
  options.crop = dem_options::window{1, 1, 2, 1};
  refused(head + "-1\n7 6 -9999\n-9999 4 2", errc::invalid_argument, "1 cell is exactly", options);
  refused(head + "-1\n7 6 -9999\n-9999 4 2", errc::invalid_argument, "at 2,1 from", options);
}

TEST_F(dem, nodata_policies) {
  dem_options options;
  options.nodata = nodata_policy::error;
  refused(plain, errc::invalid_argument, "1 of 6", options);
  refused(plain, errc::invalid_argument, "--nodata of import, world.nodata of a scenario", options);
  refused("ncols 2 nrows 1 cellsize 1 nodata 0 0 0", errc::invalid_argument, "no cell");

  options.nodata = nodata_policy::fill;
  refused("ncols 2 nrows 1 cellsize 1 nodata 0 0 0", errc::invalid_argument, "no cell", options);
  const elevation_grid g = read(plain, options);
  EXPECT_EQ(g.valid, std::vector<std::uint8_t>(6, 1));
  // Neighbours 4 and 6 beside, 2 above at distance 1; 1 and 3 at the diagonals.
  const double diagonal = 1 / std::sqrt(2.0);
  EXPECT_NEAR(g.elevation_m[1], (4 + 6 + 2 + diagonal * (1 + 3)) / (3 + 2 * diagonal), 1e-12);
}

TEST_F(dem, fill_reaches_every_cell_from_one) {
  dem_options options;
  options.nodata = nodata_policy::fill;
  std::string text = "ncols 7 nrows 5 cellsize 1 nodata 0\n";
  for (int i = 0; i < 35; ++i) {
    text += i == 16 ? "12.5 " : "0 ";
  }
  for (const double z : read(text, options).elevation_m) {
    EXPECT_DOUBLE_EQ(z, 12.5);
  }
}

TEST_F(dem, crop_counts_from_the_south_west) {
  dem_options options;
  options.crop = {1, 0, 2, 1};
  const elevation_grid g = read(plain, options);
  EXPECT_EQ(g.nx, 2);
  EXPECT_EQ(g.ny, 1);
  EXPECT_EQ(g.origin_x_m, 110.0);
  EXPECT_EQ(g.origin_y_m, 200.0);
  EXPECT_EQ(g.valid, (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(g.elevation_m[1], 6.0);
  for (const dem_options::window w : {dem_options::window{0, 0, 4, 1},
                                      {-1, 0, 1, 1},
                                      {0, 0, 0, 1},
                                      {3, 0, 1, 1},
                                      {0, 1, 1, INT64_MAX}}) {
    options.crop = w;
    refused(plain, errc::invalid_argument, "does not fit", options);
  }
}

TEST_F(dem, values_outside_the_window_are_checked_too) {
  dem_options options;
  options.crop = {0, 0, 1, 1};
  refused("ncols 3 nrows 2 cellsize 10\n1 2 stone\n4 5 6\n", errc::corrupt_file, "'stone'",
          options);
}

TEST_F(dem, bilinear_resampling_keeps_a_plane) {
  std::string text = "ncols 8 nrows 6 cellsize 2\n";
  for (int row = 0; row < 6; ++row) {
    for (int x = 0; x < 8; ++x) {
      text += std::to_string(10 + 3 * x - 2 * (5 - row)) + " ";
    }
  }
  dem_options options;
  for (const double cell : {1.0, 0.5, 4.0, 3.0}) {
    options.resample_m = cell;
    const elevation_grid g = read(text, options);
    EXPECT_EQ(g.nx, static_cast<std::int64_t>(16 / cell));
    EXPECT_EQ(g.ny, static_cast<std::int64_t>(12 / cell));
    for (std::int64_t y = 0; y < g.ny; ++y) {
      for (std::int64_t x = 0; x < g.nx; ++x) {
        const double sx = std::clamp((static_cast<double>(x) + 0.5) * cell / 2 - 0.5, 0.0, 7.0);
        const double sy = std::clamp((static_cast<double>(y) + 0.5) * cell / 2 - 0.5, 0.0, 5.0);
        EXPECT_NEAR(g.elevation_m[static_cast<std::size_t>(y * g.nx + x)], 10 + 3 * sx - 2 * sy,
                    1e-9);
      }
    }
  }
  options.resample_m = 1e-9;
  refused(text, errc::invalid_argument, "too many", options);
  options.resample_m = 16.0 / 2e6;  // 2e6 x 1.5e6 cells
  refused(text, errc::out_of_memory, "memory", options);
  options.resample_m = 100.0;
  EXPECT_EQ(read(text, options).nx, 1);
}

TEST_F(dem, resampling_keeps_nodata_out_of_the_mean) {
  dem_options options;
  options.resample_m = 0.5;
  const elevation_grid g = read("ncols 2 nrows 1 cellsize 1 nodata -9999 -9999 8", options);
  EXPECT_EQ(g.valid, (std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(g.elevation_m[2], 8.0);
}

}  // namespace
}  // namespace lithify::io
