#include "lithify/io/dem.hpp"

#include "dem_formats.hpp"
#include "file_layer.hpp"
#include "lithify/base/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace lithify::io {

namespace {

// As many as resampling may make; and to read a cell, fill it and resample takes up to 32 bytes.
constexpr std::int64_t most_cells = std::int64_t{1} << 33;
constexpr std::uint64_t bytes_a_cell = 32;

enum class format : std::uint8_t { tiff, ascii, unknown };

format detect(const input_file& input) {
  std::array<char, 512> head{};
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(head.size(), input.size()));
  input.read_at(0, std::as_writable_bytes(std::span(head).first(size)));
  const std::string text(head.data(), size);
  // Classic TIFF and BigTIFF, either byte order.
  for (const auto& magic : {std::string("II*\0", 4), std::string("MM\0*", 4),
                            std::string("II+\0", 4), std::string("MM\0+", 4)}) {
    if (text.starts_with(magic)) {
      return format::tiff;
    }
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const char c = first == std::string::npos ? '\0' : text[first];
  const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return word && text.find('\0') == std::string::npos ? format::ascii : format::unknown;
}

// Files without a coordinate system still show degrees by tiny cells at a place on the globe.
void refuse_degrees(const elevation_grid& grid, const std::string& name) {
  constexpr double widest_cell_deg = 0.02;
  const bool wkt_degrees = grid.crs_wkt.starts_with("GEOGCS") ||
                           grid.crs_wkt.starts_with("GEOGCRS") ||
                           grid.crs_wkt.starts_with("GEODCRS");
  const bool looks_like = grid.crs_wkt.empty() && grid.cell_size_m < widest_cell_deg &&
                          (grid.origin_x_m != 0.0 || grid.origin_y_m != 0.0) &&
                          std::abs(grid.origin_x_m) <= 360.0 && std::abs(grid.origin_y_m) <= 90.0;
  require(!wkt_degrees && !looks_like, errc::invalid_argument,
          "'" + name + "': its coordinates " + (wkt_degrees ? "are" : "look like") +
              " degrees (cell size " + std::to_string(grid.cell_size_m) +
              "): reproject it to metres first (gdalwarp -t_srs EPSG:326xx)");
}

// Files often hold one of these where there is no data and do not say so: as ground they would be a
// pit of kilometres. No land is that low; a sea floor may be, but hardly to the last digit.
constexpr std::array<double, 4> customary_nodata = {-9999.0, -32767.0, -32768.0, -99999.0};

// What to do about cells of `number`, which the file does not declare. A file has room for one
// value that means "no data": to declare another makes ground of the cells that have the first.
std::string advice(const dem_content& content, const std::string& number, const std::string& name) {
  if (content.nodata) {
    return "give them " + shortest(*content.nodata) + ", which the file has for it";
  }
  if (content.scaled) {
    return "declare the value that they have in it before its scale and offset (gdal_edit.py "
           "-a_nodata)";
  }
  return "declare it (gdal_edit.py -a_nodata " + number + " " + name + ")";
}

// `left`, `bottom`: the grid's place in the file.
void refuse_undeclared_nodata(const dem_content& content,
                              std::int64_t left,
                              std::int64_t bottom,
                              const std::string& name) {
  const elevation_grid& grid = content.grid;
  for (const double value : customary_nodata) {
    std::int64_t found = 0;
    std::int64_t first = 0;
    for (std::size_t c = 0; c < grid.valid.size(); ++c) {
      if (grid.valid[c] != 0 && grid.elevation_m[c] == value) {
        first = found == 0 ? static_cast<std::int64_t>(c) : first;
        ++found;
      }
    }
    const std::string number = shortest(value);
    require(found == 0, errc::invalid_argument,
            "'" + name + "': " + std::to_string(found) + (found == 1 ? " cell is" : " cells are") +
                " exactly " + number + ", the first at " + std::to_string(left + first % grid.nx) +
                "," + std::to_string(bottom + first / grid.nx) +
                " from the south-west corner: 'no data' that the file does not declare; " +
                advice(content, number, name) + "; where ground is that deep, change it by a hair");
  }
}

// One round of filling: every cell without data that sees valid cells along the 8 directions gets
// their mean, weighted by 1 / distance. Sums run in a fixed order, so that the result is one.
void fill_visible(elevation_grid& grid) {
  constexpr double diagonal = 1.4142135623730951;
  struct sight {
    double weight = 0.0;
    double sum = 0.0;
  };
  const std::int64_t nx = grid.nx;
  const std::int64_t ny = grid.ny;
  std::vector<sight> seen(grid.valid.size());
  std::vector<std::int64_t> steps(grid.valid.size());  // to the nearest valid cell; 0: none
  for (std::int64_t dy = -1; dy <= 1; ++dy) {
    for (std::int64_t dx = -1; dx <= 1; ++dx) {
      if (dx == 0 && dy == 0) {
        continue;
      }
      // Sweep so that the neighbour one step along (dx, dy) is always done first.
      for (std::int64_t i = 0; i < nx * ny; ++i) {
        const std::int64_t y = dy < 0 ? i / nx : ny - 1 - i / nx;
        const std::int64_t x = dx < 0 ? i % nx : nx - 1 - i % nx;
        const auto cell = static_cast<std::size_t>(y * nx + x);
        const std::int64_t px = x + dx;
        const std::int64_t py = y + dy;
        steps[cell] = 0;
        if (px < 0 || py < 0 || px >= nx || py >= ny) {
          continue;
        }
        const auto previous = static_cast<std::size_t>(py * nx + px);
        if (grid.valid[previous] != 0) {
          steps[cell] = 1;
        } else if (steps[previous] != 0) {
          steps[cell] = steps[previous] + 1;
        }
        if (grid.valid[cell] == 0 && steps[cell] != 0) {
          const std::int64_t n = steps[cell];
          const auto source = static_cast<std::size_t>((y + n * dy) * nx + x + n * dx);
          const double weight =
              1.0 / (static_cast<double>(n) * (dx != 0 && dy != 0 ? diagonal : 1.0));
          seen[cell].weight += weight;
          seen[cell].sum += weight * grid.elevation_m[source];
        }
      }
    }
  }
  for (std::size_t cell = 0; cell < seen.size(); ++cell) {
    if (seen[cell].weight > 0.0) {
      grid.elevation_m[cell] = seen[cell].sum / seen[cell].weight;
      grid.valid[cell] = 1;
    }
  }
}

void apply_nodata(elevation_grid& grid, nodata_policy policy, const std::string& name) {
  const auto missing = std::count(grid.valid.begin(), grid.valid.end(), std::uint8_t{0});
  require(missing < static_cast<std::ptrdiff_t>(grid.valid.size()), errc::invalid_argument,
          "'" + name + "': no cell holds an elevation");
  if (missing == 0 || policy == nodata_policy::clip) {
    return;
  }
  require(policy != nodata_policy::error, errc::invalid_argument,
          "'" + name + "': " + std::to_string(missing) + " of " +
              std::to_string(grid.valid.size()) +
              " cells hold no data (choose fill or clip: --nodata of import, world.nodata of a "
              "scenario)");
  // The first round fills every row that holds a valid cell, the second the rest by columns.
  while (std::find(grid.valid.begin(), grid.valid.end(), 0) != grid.valid.end()) {
    fill_visible(grid);
  }
}

// The product of two sides of a file can pass 64 bits.
bool too_many(std::int64_t width, std::int64_t height) {
  const auto memory = static_cast<std::int64_t>(machine_memory() / bytes_a_cell);
  return width > std::min(most_cells, memory) / height;
}

// Bilinear between cell centres, held at the edge; a cell is valid where its nearest source is, and
// takes the mean of the valid ones of its four sources.
elevation_grid resample(const elevation_grid& grid, double cell_m, const std::string& name) {
  require(std::isfinite(cell_m) && cell_m > 0.0, errc::invalid_argument,
          "the cell size to resample to must be positive");
  const double ratio = cell_m / grid.cell_size_m;
  constexpr double longest_side = 2'097'152.0;  // of a region
  const double width = std::floor(static_cast<double>(grid.nx) / ratio + 1e-9);
  const double height = std::floor(static_cast<double>(grid.ny) / ratio + 1e-9);
  const std::string result = "'" + name + "' resampled to " + shortest(cell_m) + " m ";
  require(width <= longest_side && height <= longest_side, errc::invalid_argument,
          result + "would have too many cells");
  elevation_grid out = grid;
  out.nx = std::max<std::int64_t>(1, static_cast<std::int64_t>(width));
  out.ny = std::max<std::int64_t>(1, static_cast<std::int64_t>(height));
  require(!too_many(out.nx, out.ny), errc::out_of_memory,
          result +
              "would have more cells than this machine has memory for; take larger ones, or a "
              "crop");
  out.cell_size_m = cell_m;
  out.elevation_m.assign(static_cast<std::size_t>(out.nx * out.ny), 0.0);
  out.valid.assign(out.elevation_m.size(), 0);

  struct tap {
    std::int64_t low, high;
    double share;  // of `high`
  };
  const auto taps = [ratio](std::int64_t i, std::int64_t n) -> tap {
    const double at = (static_cast<double>(i) + 0.5) * ratio - 0.5;
    const double held = std::clamp(at, 0.0, static_cast<double>(n - 1));
    const auto low = static_cast<std::int64_t>(held);
    return {low, std::min(low + 1, n - 1), held - static_cast<double>(low)};
  };
  for (std::int64_t y = 0; y < out.ny; ++y) {
    const tap v = taps(y, grid.ny);
    for (std::int64_t x = 0; x < out.nx; ++x) {
      const tap u = taps(x, grid.nx);
      const std::int64_t nearest_x = u.share < 0.5 ? u.low : u.high;
      const std::int64_t nearest_y = v.share < 0.5 ? v.low : v.high;
      if (grid.valid[static_cast<std::size_t>(nearest_y * grid.nx + nearest_x)] == 0) {
        continue;
      }
      double sum = 0.0;
      double weight = 0.0;
      const auto add = [&](std::int64_t sx, std::int64_t sy, double share) {
        const auto source = static_cast<std::size_t>(sy * grid.nx + sx);
        if (grid.valid[source] != 0) {
          sum += share * grid.elevation_m[source];
          weight += share;
        }
      };
      add(u.low, v.low, (1.0 - u.share) * (1.0 - v.share));
      add(u.high, v.low, u.share * (1.0 - v.share));
      add(u.low, v.high, (1.0 - u.share) * v.share);
      add(u.high, v.high, u.share * v.share);
      const auto cell = static_cast<std::size_t>(y * out.nx + x);
      out.elevation_m[cell] = sum / weight;
      out.valid[cell] = 1;
    }
  }
  require(std::find(out.valid.begin(), out.valid.end(), 1) != out.valid.end(),
          errc::invalid_argument,
          "'" + name + "' resampled to " + shortest(cell_m) + " m: no cell holds an elevation");
  return out;
}

}  // namespace

std::string shortest(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::uint64_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long bytes = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0
             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(bytes)
             : std::uint64_t{1} << 62;
}

dem_options::window narrow(elevation_grid& grid,
                           const std::optional<dem_options::window>& crop,
                           const std::string& name) {
  const dem_options::window w = crop.value_or(dem_options::window{0, 0, grid.nx, grid.ny});
  require(w.x >= 0 && w.y >= 0 && w.width > 0 && w.height > 0 && w.x < grid.nx && w.y < grid.ny &&
              w.width <= grid.nx - w.x && w.height <= grid.ny - w.y,
          errc::invalid_argument,
          "'" + name + "' has " + std::to_string(grid.nx) + " x " + std::to_string(grid.ny) +
              " cells; the window " + std::to_string(w.x) + "," + std::to_string(w.y) + "," +
              std::to_string(w.width) + "," + std::to_string(w.height) + " does not fit");
  require(!too_many(w.width, w.height), errc::invalid_argument,
          "'" + name + "': " + std::to_string(w.width) + " x " + std::to_string(w.height) +
              " cells are more than can be read here: crop the file to a smaller window (--crop " +
              "X,Y,W,H of import, world.crop of a scenario), or resample it to larger cells first "
              "(gdalwarp -tr S S)");
  grid.origin_x_m += static_cast<double>(w.x) * grid.cell_size_m;
  grid.origin_y_m += static_cast<double>(w.y) * grid.cell_size_m;
  grid.nx = w.width;
  grid.ny = w.height;
  return w;
}

elevation_grid read_dem(const std::filesystem::path& file, const dem_options& options) {
  const std::string name = file.string();
  format kind = format::unknown;
  {
    const input_file input(file);
    require(input.size() > 0, errc::corrupt_file, "'" + name + "' is empty");
    kind = detect(input);
  }
  require(
      kind != format::unknown, errc::corrupt_file,
      "'" + name + "' is neither a GeoTIFF nor an ESRI ASCII grid: convert it with gdal_translate");
  dem_content content =
      kind == format::tiff ? read_dem_gdal(file, options.crop) : read_dem_ascii(file, options.crop);
  refuse_degrees(content.grid, name);
  const dem_options::window from = options.crop.value_or(dem_options::window{});
  refuse_undeclared_nodata(content, from.x, from.y, name);
  elevation_grid grid = std::move(content.grid);
  apply_nodata(grid, options.nodata, name);
  if (options.resample_m && *options.resample_m != grid.cell_size_m) {
    grid = resample(grid, *options.resample_m, name);
  }
  return grid;
}

}  // namespace lithify::io
