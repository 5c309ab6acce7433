/// How a run shows where it is: a bar on a terminal, plain lines elsewhere; notes and warnings; and
/// the same as lines with times in a log file.
#pragma once

#include "lithify/engine/run.hpp"
#include "progress_text.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace lithify::cli {

struct reporter_options {
  progress_mode progress = progress_mode::automatic;
  bool quiet = false;
  bool verbose = false;
  std::string log_file;
  bool log_later = false;     ///< the run makes the log's folder: the first line opens it
  std::filesystem::path out;  ///< the run's folder
  std::optional<std::chrono::seconds> wall_limit;
};

/// Reports on stderr and steers by signals and the wall limit.
///
/// As long as the run has left nothing in its folder it may be refused: lines of the log wait until
/// then, so that a refused run leaves neither a log nor, where that lies in it, the folder.
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
  [[nodiscard]] bool has_begun();
  void write_log(const std::string& line);

  reporter_options options_;
  bool bar_;
  bool bar_shown_ = false;
  bool warned_ = false;
  std::ofstream log_;
  bool made_log_ = false;             ///< it was not there before
  bool begun_ = false;                ///< something lies in the run's folder
  std::vector<std::string> waiting_;  ///< lines of the log until then
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace lithify::cli
