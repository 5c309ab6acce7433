/// How a run shows where it is: a bar on a terminal, plain lines elsewhere; notes and warnings; and
/// the same as lines with times in a log file.
#pragma once

#include "lithify/engine/run.hpp"
#include "progress_text.hpp"

#include <chrono>
#include <fstream>
#include <optional>
#include <string>

namespace lithify::cli {

struct reporter_options {
  progress_mode progress = progress_mode::automatic;
  bool quiet = false;
  bool verbose = false;
  std::string log_file;
  bool log_later = false;  ///< the run makes the log's folder: the first line opens it
  std::optional<std::chrono::seconds> wall_limit;
};

/// Reports on stderr and steers by signals and the wall limit.
class reporter final : public engine::run_observer {
 public:
  /// Errors: io_failure (the log file cannot be written).
  explicit reporter(const reporter_options& options);
  ~reporter() override;
  reporter(const reporter&) = delete;
  reporter& operator=(const reporter&) = delete;

  void note(const std::string& text) override;
  void warn(const std::string& text) override;
  engine::run_request after_step(const engine::run_progress& progress) override;
  /// Takes the bar off the terminal: before anything else is printed there.
  void clear_bar();
  /// Whether there was anything to warn of.
  [[nodiscard]] bool warned() const { return warned_; }

 private:
  void show(const engine::run_progress& progress);
  void log(const std::string& text);

  reporter_options options_;
  bool bar_;
  bool bar_shown_ = false;
  bool warned_ = false;
  std::ofstream log_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace lithify::cli
