/// Runs: a scenario from its world to its last checkpoint, with exact accounts.
///
/// The library never prints: a `run_observer` hears what happens and may ask for a checkpoint or an
/// end. Run 2N steps, or N, a checkpoint, a new process and N more: the same bits.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/engine/scenario.hpp"
#include "lithify/io/checkpoint.hpp"
#include "lithify/passes/trace.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lithify::engine {

/// Values of one chunk of columns, after one pass of one step, into a file.
struct dump_request {
  std::int64_t step = 0;
  std::string pass;  ///< of the scenario; or start, boundary, end
  chunk_place chunk;
  std::filesystem::path file;
};

/// What the caller decides beside the scenario.
struct run_options {
  std::string device = "auto";
  std::filesystem::path out;          ///< wins over the scenario's folder
  std::optional<std::int64_t> steps;  ///< total, resumed steps included
  std::optional<std::int64_t> checkpoint_every;
  std::optional<std::int64_t> keep;
  /// A checkpoint, a folder (its newest valid one), or "auto": the newest valid one in `out`, or a
  /// fresh start where there is none.
  std::optional<std::string> resume;
  bool measure_every_step = false;  ///< a full sum of the solid after each step
  std::filesystem::path digests;    ///< digests after every pass go there; empty: nowhere
  std::optional<dump_request> dump;
  std::filesystem::path profile;  ///< a Chrome trace of every stage goes there; empty: nowhere
  std::string provenance;         ///< program version and command, for the checkpoints
};

/// How far a run is, after each step.
struct run_progress {
  std::int64_t step = 0;
  std::int64_t first_step = 0;  ///< where this process started
  std::int64_t steps = 0;
  double time_yr = 0.0;
  std::int64_t deltas = 0;  ///< emitted by this process
  std::int64_t overlay_slots = 0;
  std::int64_t overlay_threshold = 0;
  double seconds = 0.0;  ///< since the first step began
};

/// What an observer wants next.
enum class run_request : std::uint8_t { go_on, checkpoint, stop };

/// Hears of a run and steers it; called between steps, from the run's own thread.
class run_observer {
 public:
  virtual ~run_observer() = default;
  /// Something worth a line of a log.
  virtual void note(const std::string& text) = 0;
  /// Something that the user must know; the run then counts as done with recovery.
  virtual void warn(const std::string& text) = 0;
  /// After each step. `stop` ends the run with a checkpoint.
  virtual run_request after_step(const run_progress& progress) = 0;
};

struct run_summary {
  std::int64_t steps = 0;       ///< reached, resumed ones included
  std::int64_t first_step = 0;  ///< where this process started
  bool stopped = false;         ///< ended before its last step, as asked
  double time_yr = 0.0;
  std::string device;
  region_size size;
  std::int64_t deltas_emitted = 0;                      ///< by this process
  std::int64_t deltas_consolidated = 0;                 ///< by this process
  std::int64_t consolidations = 0;                      ///< by this process
  std::vector<std::pair<std::string, double>> seconds;  ///< by stage, `total` last
  std::size_t peak_host_bytes = 0;
  std::size_t peak_device_bytes = 0;
  memory_use device_memory;  ///< of each kind the most that there was between two steps
  io::budget_totals budget;  ///< since the world was made
  int128 stored = 0;         ///< measured at the end
  /// in - out - exported + edited - (stored - stored_at_start): always 0.
  int128 residual = 0;
  /// By pass, the held sides last: sums over this process' steps; `steep_faces` and
  /// `largest_excess_m` after the last of them.
  std::vector<pass_budget> passes;
  digest128 digest;
  std::vector<std::filesystem::path> files;  ///< that the run left
  std::vector<std::string> warnings;
};

/// Runs a scenario. Leaves checkpoints, `summary.json` and the pictures in the output folder.
/// Errors: as read_scenario and the readers of DEMs and checkpoints; invalid_argument (no output
/// folder, a checkpoint of another world); io_failure (the folder cannot be written: before any
/// work); out_of_range (a pass leaves the region: the state before that step is checkpointed
/// first); internal (a budget that does not close).
run_summary run(const scenario& s, const run_options& options, run_observer& observer);

/// Where a file is or would be made: absolute, links followed; the same for all of its names.
[[nodiscard]] std::filesystem::path place_of(const std::filesystem::path& file);

/// Whether a run into `folder` itself writes a file, sets it aside or removes it: by its name
/// there, whether it is there or not. The folder counts too.
[[nodiscard]] bool is_run_file(const std::filesystem::path& file,
                               const std::filesystem::path& folder);

/// The summary as one JSON object, 128-bit numbers as strings.
[[nodiscard]] std::string to_json(const run_summary& summary);

/// What gives a run more room below and above, in words: keys of the scenario, or options of import
/// where its world is a checkpoint.
[[nodiscard]] std::string room_below(const scenario& s);
[[nodiscard]] std::string room_above(const scenario& s);

/// What a pass did in words, without its name: amounts and counters that are not 0.
[[nodiscard]] std::string to_words(const pass_budget& line);

/// Where the moving frame takes a held column out of the region, whatever other passes do.
struct frame_exit {
  bool below = true;  ///< through the floor, as the frame rises; else through the top
  std::int64_t step = 0;
  std::int64_t x = 0, y = 0;
  double missing_m = 0.0;  ///< of ground below or air above, for the whole run
};

/// What a run of `s` would do, without a world. Asked as a run asks before its first step.
struct run_plan {
  region_size size;
  region_geometry geometry;
  std::int64_t columns = 0;  ///< with ground
  std::int64_t spans = 0;
  std::int64_t steps = 0;
  double time_yr = 0.0;
  std::vector<pass_budget> passes;   ///< of a step: names, substeps and stable steps
  std::optional<frame_exit> exit;    ///< that is certain before the last step
  std::size_t device_bytes = 0;      ///< estimate of the peak
  std::size_t checkpoint_bytes = 0;  ///< estimate of one file, before compression
};
/// Errors: as `run`, of the scenario's files and parameters.
[[nodiscard]] run_plan plan(const scenario& s);

}  // namespace lithify::engine
