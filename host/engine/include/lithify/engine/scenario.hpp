/// Scenarios: what a run starts from, which passes it takes, how long it goes and what it leaves.
///
/// A scenario is a TOML file (README.md of host/engine lists every key). It is read strictly: an
/// unknown key, a wrong type or a value out of range is an error that names file, line and key.
#pragma once

#include "lithify/base/material.hpp"
#include "lithify/base/names.hpp"
#include "lithify/io/column_model.hpp"
#include "lithify/io/dem.hpp"
#include "lithify/io/strata.hpp"
#include "lithify/passes/pass_types.hpp"
#include "lithify/world.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace lithify::engine {

/// Where a world comes from: exactly one of the two files is named.
struct world_source {
  std::filesystem::path dem;
  std::filesystem::path checkpoint;
  io::dem_options import;      ///< of the DEM
  io::column_options columns;  ///< of the DEM
  io::strata strata;           ///< of the DEM
  region_sides sides;          ///< of the DEM
};

/// Pictures that a run leaves beside its summary.
enum class picture : std::uint8_t {
  before,
  after,
  difference,
  section,
  drainage,
  exported,
  slope_area,
  series,
  material,
};
/// Their words in scenarios, in the order of `picture`; a run writes `<word>.png`.
inline constexpr std::array<const char*, 9> picture_words = {"before",     "after",    "difference",
                                                             "section",    "drainage", "export",
                                                             "slope_area", "series",   "material"};

/// Files that maps of the flow are written as.
enum class map_format : std::uint8_t { netcdf, geotiff };

struct scenario {
  std::filesystem::path file;
  std::string text;  ///< verbatim, overrides as comments at its end; for checkpoints
  world_source world;
  material_table materials;
  std::int64_t steps = 0;
  double step_yr = 0.0;
  std::uint64_t seed = 0;
  overlay_policy overlay{std::int64_t{1} << 22, consolidation_strategy::lazy_threshold};
  std::int64_t checkpoint_every = 0;  ///< steps; 0 = only at the start and the end
  std::int64_t checkpoint_keep = 3;
  std::int64_t checkpoint_keep_every = 0;  ///< those of every M-th step stay as well; 0: none
  std::vector<pass_config> passes;
  /// By name of a pass: deltas of its own after which the overlay is consolidated, and how.
  std::map<std::string, overlay_policy> pass_overlays;
  std::filesystem::path out;  ///< empty: the caller says
  std::vector<picture> pictures;
  std::int64_t series_every = 0;  ///< steps between rows of series.csv; 0 = no series
  std::int64_t fields_every = 0;  ///< steps between maps in fields/; 0 = none
  std::vector<map_format> field_formats = {map_format::netcdf};
};

/// Reads a scenario. `overrides` are "key.path=value" texts that win over the file; a value is
/// TOML, or a bare word that stands for a string. Relative paths are relative to the scenario's
/// folder. Errors: not_found, io_failure, invalid_argument (file, line, key, what is allowed).
[[nodiscard]] scenario read_scenario(const std::filesystem::path& file,
                                     std::span<const std::string> overrides = {});

/// Every key that a scenario may have, dotted: "run.steps", "material.name", "world.layer".
[[nodiscard]] std::set<std::string> scenario_keys();

}  // namespace lithify::engine
