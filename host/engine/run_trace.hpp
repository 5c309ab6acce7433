/// What a run notes down so that it can be compared with another: digests after every pass, and a
/// dump. A run that is asked for neither steps as if this were not here.
#pragma once

#include "lithify/engine/run.hpp"
#include "lithify/engine/trace_files.hpp"
#include "run_messages.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace lithify::engine {

class run_trace {
 public:
  /// Checks what is asked, and begins the file of digests with the world as it is: the end of its
  /// last step. `steps`: total of the run.
  /// Errors: invalid_argument, outside_region (a step, pass or chunk that the run does not have);
  /// io_failure, out_of_space.
  run_trace(const scenario& s, const run_options& options, const world& w, std::int64_t steps);

  /// A step of the world that is noted down. Errors: as world::step.
  step_report step(world& w, double dt_yr);
  /// Whether anything is still asked for.
  [[nodiscard]] bool active() const { return digests_.has_value() || dump_.has_value(); }
  /// Writes what the step noted down. Errors: io_failure, out_of_space, out_of_memory.
  void after_step(const world& w, run_messages& messages);
  /// Notes down no more: after an error.
  void give_up();

  /// Whether a dump is asked for and has not been written.
  [[nodiscard]] bool misses_dump() const { return dump_.has_value(); }
  /// Files that were written.
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  void write_digests(const world& w);
  void write_dump_of(const world& w, run_messages& messages);

  traced_run run_;
  std::optional<digest_writer> digests_;
  std::optional<dump_request> dump_;  ///< while it is still to be written
  step_trace noted_;                  ///< of the last step
  std::vector<std::filesystem::path> files_;
};

}  // namespace lithify::engine
