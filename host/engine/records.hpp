/// What a run writes down as it goes: the time series, and maps of the flow.
///
/// `series.csv` has a row every `output.series_every` steps and one for the last; `fields/` holds
/// `<step, 8 digits>.nc` and `.tif`. Rates are those of the step that a row or map ends with, so
/// that a resumed run writes the same. A resumed run keeps the rows up to its first step that are
/// due.
#pragma once

#include "accounts.hpp"
#include "lithify/engine/scenario.hpp"
#include "lithify/io/png.hpp"
#include "lithify/world.hpp"
#include "run_messages.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lithify::engine {

class run_records {
 public:
  /// `last`: the run's last step; `first`: where this process starts; `messages` outlive it.
  /// Errors: io_failure (a folder that cannot be made), corrupt_file (a series that is not one).
  run_records(const scenario& s,
              const std::filesystem::path& folder,
              std::int64_t first,
              std::int64_t last,
              run_messages& messages);

  /// Before a step: keeps the surface if the step is to be written down.
  void before_step(const world& w);
  /// After it: a row, maps. Errors: io_failure.
  void after_step(const world& w, const accounts& books, double dt_yr);
  /// Brings `series.csv` up to date. Errors: io_failure.
  void write_series() const;

  /// Relief, erosion rate and budget over time.
  [[nodiscard]] io::image draw_series() const;
  [[nodiscard]] bool has_series() const { return series_every_ > 0; }
  /// Files that were written.
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  [[nodiscard]] bool in_series(std::int64_t step) const;
  [[nodiscard]] bool in_fields(std::int64_t step) const;
  void add_row(const world& w, const accounts& books, double dt_yr);
  void write_fields(const world& w, double dt_yr);

  std::filesystem::path folder_;
  run_messages& messages_;
  std::int64_t last_;
  std::int64_t series_every_;
  std::int64_t fields_every_;
  std::vector<map_format> formats_;
  std::vector<std::int64_t> before_;  // surface before the step, where that is needed
  std::vector<std::string> rows_;     // of the series, without the header
  std::vector<std::filesystem::path> files_;
};

}  // namespace lithify::engine
