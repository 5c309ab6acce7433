#include "records.hpp"

#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/drainage.hpp"
#include "lithify/io/chart.hpp"
#include "lithify/io/map_file.hpp"
#include "lithify/io/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

// Totals are since the start of the run, in quanta of solid, whole: other programs can check them.
constexpr const char* header =
    "step,time_yr,lowest_m,mean_m,highest_m,relief_m,mean_erosion_m_per_yr,in_quanta,out_quanta,"
    "exported_quanta,edited_quanta,stored_quanta,residual_quanta";
constexpr std::size_t columns_of_series = 13;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ',') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

/// The rows of an earlier process up to `first` that are due: where it stopped, it wrote one more.
template <class Due>
std::vector<std::string> rows_until(const fs::path& file, std::int64_t first, Due due) {
  std::vector<std::string> rows;
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line)) {
    return rows;
  }
  require(line == header, errc::corrupt_file,
          "'" + file.string() + "' is not a series of this program: move it away to go on");
  while (std::getline(in, line)) {
    std::int64_t step = 0;
    const auto [end, bad] = std::from_chars(line.data(), line.data() + line.size(), step);
    require(bad == std::errc() && split(line).size() == columns_of_series, errc::corrupt_file,
            "'" + file.string() + "' holds a line that is no row: move it away to go on");
    if (step <= first && due(step)) {
      rows.push_back(line);
    }
  }
  return rows;
}

std::string number(const char* format, double value) {
  char text[400];  // the longest number has 309 digits before its point
  const int length = std::snprintf(text, sizeof(text), format, value);
  return {text, static_cast<std::size_t>(length)};
}

struct extent {
  double lowest = 0.0;
  double mean = 0.0;
  double highest = 0.0;
};

/// Voxels, above the region's floor; all 0 without a column inside.
extent extent_of(std::span<const std::int64_t> height) {
  extent e;
  double sum = 0.0, count = 0.0;
  for (const std::int64_t h : height) {
    if (h != outside_height) {
      const double v = static_cast<double>(h) / one_voxel;
      e.lowest = count == 0.0 ? v : std::min(e.lowest, v);
      e.highest = count == 0.0 ? v : std::max(e.highest, v);
      sum += v;
      count += 1.0;
    }
  }
  e.mean = count > 0.0 ? sum / count : 0.0;
  return e;
}

}  // namespace

run_records::run_records(const scenario& s,
                         const fs::path& folder,
                         std::int64_t first,
                         std::int64_t last,
                         run_messages& messages)
    : folder_(folder),
      messages_(messages),
      last_(last),
      series_every_(s.series_every),
      fields_every_(s.fields_every),
      formats_(s.field_formats) {
  if (has_series() && first > 0) {
    rows_ = rows_until(folder_ / "series.csv", first,
                       [this](std::int64_t step) { return in_series(step); });
  }
  if (fields_every_ > 0) {
    std::error_code failed;
    fs::create_directories(folder_ / "fields", failed);
    require(!failed, errc::io_failure,
            "folder '" + (folder_ / "fields").string() + "' cannot be made: " + failed.message());
  }
}

bool run_records::in_series(std::int64_t step) const {
  return series_every_ > 0 && (step % series_every_ == 0 || step == last_);
}

bool run_records::in_fields(std::int64_t step) const {
  return fields_every_ > 0 && (step % fields_every_ == 0 || step == last_);
}

void run_records::before_step(const world& w) {
  const std::int64_t step = w.simulation().step + 1;
  if (in_series(step) || in_fields(step)) {
    before_ = w.surface();
  }
}

void run_records::after_step(const world& w, const accounts& books, double dt_yr) {
  const std::int64_t step = w.simulation().step;
  if (in_series(step)) {
    add_row(w, books, dt_yr);
  }
  if (in_fields(step)) {
    write_fields(w, dt_yr);
  }
}

void run_records::add_row(const world& w, const accounts& books, double dt_yr) {
  const region_geometry& g = w.config().geometry;
  const simulation_state now = w.simulation();
  const extent before = extent_of(before_);
  const extent after = extent_of(w.surface());
  const auto metres = [&](double voxels) {
    return g.datum_m +
           (voxels + static_cast<double>(now.frame_offset) / one_voxel) * g.voxel_height_m;
  };
  const int128 stored = w.stored();
  const io::budget_totals& total = books.totals();
  std::string row = std::to_string(now.step) + "," + number("%.17g", now.time_yr);
  for (const double v : {metres(after.lowest), metres(after.mean), metres(after.highest),
                         (after.highest - after.lowest) * g.voxel_height_m}) {
    row += "," + number("%.6f", v);
  }
  row += "," + number("%.9g", (before.mean - after.mean) * g.voxel_height_m / dt_yr);
  for (const int128 quanta :
       {total.in, total.out, total.exported, total.edited, stored, books.residual(stored)}) {
    row += "," + to_decimal(quanta);
  }
  rows_.push_back(std::move(row));
}

void run_records::write_fields(const world& w, double dt_yr) {
  const simulation_state now = w.simulation();
  const relief surface{w.config().size, w.config().geometry, now.frame_offset, w.surface()};
  io::map_file map = flow_map(surface, w.drainage(), before_, dt_yr);
  map.remarks = {{"title", "Lithify: surface and flow"},
                 {"step", std::to_string(now.step)},
                 {"time_yr", number("%.17g", now.time_yr)}};
  for (const map_format format : formats_) {
    const bool netcdf = format == map_format::netcdf;
    std::string name = std::to_string(now.step);
    name.insert(0, name.size() < 8 ? 8 - name.size() : 0, '0');
    files_.push_back(folder_ / "fields" / (name + (netcdf ? ".nc" : ".tif")));
    messages_.tell(netcdf ? io::write_netcdf(files_.back(), map)
                          : io::write_geotiff(files_.back(), map));
  }
}

void run_records::write_series() const {
  if (has_series()) {
    std::string text = std::string(header) + "\n";
    for (const std::string& row : rows_) {
      text += row + "\n";
    }
    messages_.tell(io::write_text(folder_ / "series.csv", text));
  }
}

io::image run_records::draw_series() const {
  std::vector<std::vector<double>> values(columns_of_series);
  for (const std::string& row : rows_) {
    const std::vector<std::string> words = split(row);
    for (std::size_t i = 0; i < columns_of_series; ++i) {
      values[i].push_back(std::strtod(words[i].c_str(), nullptr));
    }
  }
  const auto line = [&](std::string name, io::rgba color, std::size_t column, double unit = 1.0) {
    io::chart_series s{std::move(name), color, io::chart_series::kind::line, values[1],
                       values[column]};
    for (double& y : s.y) {
      y /= unit;
    }
    return s;
  };
  // Elevations a thousand metres apart would be three flat lines.
  const auto change = [&](const char* name, io::rgba color, std::size_t column) {
    io::chart_series s = line(name, color, column);
    if (!s.y.empty()) {
      const double first = s.y.front();
      s.name += number(" from %.1f m", first);
      for (double& y : s.y) {
        y -= first;
      }
    }
    return s;
  };
  constexpr io::rgba blue = {40, 90, 160, 255}, red = {176, 32, 48, 255},
                     brown = {150, 104, 40, 255}, grey = {110, 116, 126, 255};
  std::vector<io::chart> charts;
  const auto add = [&](const std::string& title, const char* unit,
                       std::vector<io::chart_series> lines) {
    io::chart& c = charts.emplace_back();
    c.title = title;
    c.x.label = "years";
    c.y.label = unit;
    c.series = std::move(lines);
  };
  std::string since = "Change of elevation";
  if (!rows_.empty()) {
    since += number(" since year %.0f", values[1].front());
  }
  add(since, "m",
      {change("highest", brown, 4), change("mean", grey, 3), change("lowest", blue, 2)});
  add("Relief", "m", {line("", brown, 5)});
  add("Mean erosion rate", "mm / yr", {line("", red, 6, 1e-3)});
  add("Budget since the start", "full voxels of solid",
      {line("exported", red, 9, one_voxel), line("in", blue, 7, one_voxel)});
  return io::draw_charts(charts);
}

}  // namespace lithify::engine
