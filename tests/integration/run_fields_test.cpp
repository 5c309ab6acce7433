// The maps and the series that a run leaves, against the law worked out here: signs, units, values.
#include "program.hpp"

#include <gdal.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <sstream>

namespace {

using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;

constexpr std::size_t nx = 6, ny = 3, cells = nx * ny;
constexpr double cell_m = 50.0, uplift = 1e-3, k = 1e-4, dt_yr = 400.0;

/// A ramp that falls by 8 m a cell to its one open side, in the west.
constexpr const char* scenario = R"([world]
dem = "ramp.asc"
voxel_height_m = 0.5
basement_m = 20
headroom_m = 20

[world.sides]
east = "closed"
south = "closed"
north = "closed"

[[world.layer]]
material = "rock"

[[material]]
name = "rock"
erodibility = 2

[run]
steps = 2
step_yr = 400

[passes]
order = ["uplift", "stream_power"]

[passes.uplift]
rate_m_per_yr = 1e-3

[passes.stream_power]
k = 1e-4
m = 0.5

[output]
series_every = 1
fields_every = 1
field_formats = ["netcdf", "geotiff"]
)";

using row = std::array<double, nx>;

/// A row of the ramp after a step of dz/dt = U - K A^m S, K = 2 k; the western end stays.
row stepped(row z) {
  for (std::size_t x = 1; x < nx; ++x) {
    const double area = static_cast<double>(nx - x) * cell_m * cell_m;
    const double f = 2.0 * k * dt_yr * std::sqrt(area) / cell_m;
    z[x] = (z[x] + uplift * dt_yr + f * z[x - 1]) / (1.0 + f);
  }
  return z;
}

std::vector<double> read_netcdf(const std::filesystem::path& name, const std::string& layer) {
  std::vector<double> values(cells, -1.0);
  const hid_t file = H5Fopen(name.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t set = H5Dopen2(file, layer.c_str(), H5P_DEFAULT);
  EXPECT_GE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(set);
  H5Fclose(file);
  return values;
}

/// South-west cell first, as NetCDF has it.
std::vector<double> read_geotiff(const std::filesystem::path& name, const std::string& layer) {
  GDALAllRegister();
  constexpr int columns = nx, rows = ny;
  std::vector<double> values;
  GDALDatasetH data = GDALOpen(name.c_str(), GA_ReadOnly);
  for (int b = 1; data != nullptr && b <= GDALGetRasterCount(data); ++b) {
    GDALRasterBandH band = GDALGetRasterBand(data, b);
    for (int y = rows - 1; y >= 0 && GDALGetDescription(band) == layer; --y) {
      std::array<double, nx> line{};
      EXPECT_EQ(
          GDALRasterIO(band, GF_Read, 0, y, columns, 1, line.data(), columns, 1, GDT_Float64, 0, 0),
          CE_None);
      values.insert(values.end(), line.begin(), line.end());
    }
  }
  if (data != nullptr) {
    GDALClose(data);
  }
  return values;
}

/// Every row of the map is this one.
void expect_rows(const std::vector<double>& found, const row& wanted, double tolerance) {
  ASSERT_EQ(found.size(), cells);
  for (std::size_t c = 0; c < cells; ++c) {
    EXPECT_NEAR(found[c], wanted[c % nx], tolerance) << "cell " << c;
  }
}

/// Value of the series in the row of this step.
double of_series(const std::string& text, const std::string& name, std::size_t step) {
  std::istringstream lines(text);
  std::vector<std::vector<std::string>> table;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    table.emplace_back();
    for (std::string word; std::getline(words, word, ',');) {
      table.back().push_back(word);
    }
  }
  const auto at = std::find(table.at(0).begin(), table.at(0).end(), name);
  return std::stod(table.at(step).at(static_cast<std::size_t>(at - table.at(0).begin())));
}

// Elevations are whole 2^-20 voxels of solid, half a micrometre: 1e-6 m, and as much over 400
// years.
TEST(run_fields, rates_areas_and_slopes_are_the_laws) {
  const temporary_folder folder;
  std::ostringstream dem;
  dem << "ncols 6\nnrows 3\nxllcorner 0\nyllcorner 0\ncellsize 50\n";
  row z{};
  for (std::size_t y = 0; y < ny; ++y) {
    for (std::size_t x = 0; x < nx; ++x) {
      z[x] = 100.0 + 8.0 * static_cast<double>(x);
      dem << z[x] << ' ';
    }
    dem << '\n';
  }
  lithify::test::write_file(folder / "ramp.asc", dem.str());
  lithify::test::write_file(folder / "s.toml", scenario);
  const outcome done =
      lithify({"run", (folder / "s.toml").string(), "--out", (folder / "out").string(), "--device",
               "cpu", "--progress", "never"});
  ASSERT_EQ(done.code, 0) << done.err;
  const std::string series = read_file(folder / "out" / "series.csv");
  for (std::size_t step = 1; step <= 2; ++step) {
    const row before = z;
    z = stepped(z);
    // What rises by U dt and ends where it does was lowered against the rock by the rest.
    row rate{}, area{}, slope{};
    for (std::size_t x = 0; x < nx; ++x) {
      rate[x] = (before[x] + uplift * dt_yr - z[x]) / dt_yr;
      area[x] = static_cast<double>(nx - x) * cell_m * cell_m;
      slope[x] = x == 0 ? 0.0 : (z[x] - z[x - 1]) / cell_m;
    }
    ASSERT_GT(rate[nx / 2], 2.0 * uplift) << "rivers cut more than what rises, here";
    for (const char* kind : {".nc", ".tif"}) {
      SCOPED_TRACE(testing::Message() << "step " << step << ", " << kind);
      const auto file = folder / "out" / "fields" / ("0000000" + std::to_string(step) + kind);
      const auto layer = [&](const std::string& name) {
        return kind == std::string(".nc") ? read_netcdf(file, name) : read_geotiff(file, name);
      };
      expect_rows(layer("elevation"), z, 2e-6);
      expect_rows(layer("erosion_rate"), rate, 4e-6 / dt_yr);
      expect_rows(layer("drainage_area"), area, 0.0);
      expect_rows(layer("slope"), slope, 4e-6 / cell_m);
    }
    EXPECT_NEAR(of_series(series, "mean_erosion_m_per_yr", step),
                std::accumulate(rate.begin(), rate.end(), 0.0) / nx, 4e-6 / dt_yr);
    EXPECT_NEAR(of_series(series, "mean_m", step), std::accumulate(z.begin(), z.end(), 0.0) / nx,
                2e-6);
    EXPECT_NEAR(of_series(series, "relief_m", step), z[nx - 1] - z[0], 4e-6);
  }
}

}  // namespace
