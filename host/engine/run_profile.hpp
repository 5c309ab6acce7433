/// When what a run does happened, as a Chrome trace: for chrome://tracing and ui.perfetto.dev.
#pragma once

#include "lithify/world.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace lithify::engine {

/// Spans of time by track. A profile is short: it is in memory until it is written.
class run_profile {
 public:
  enum class track : int { run = 1, checkpoints = 2, device = 3 };

  /// Seconds since the run began. What there is no memory for is left out.
  void add(track on, const char* name, double begin, double seconds) noexcept;
  /// What a world recorded since `origin`, seconds since the run began.
  void add(const std::vector<stage_run>& stages, double origin);

  /// Times are written in microseconds. Gives what `io::write_text` gives.
  /// Errors: io_failure, out_of_space.
  std::string write(const std::filesystem::path& file, const std::string& device) const;

 private:
  struct span {
    track on;
    std::string name;
    double begin;
    double seconds;
  };
  std::vector<span> spans_;
};

}  // namespace lithify::engine
