/// How a command other than `run` shows where it is: the stage that goes on, of how many, and for
/// how long the command has worked.
#pragma once

#include "progress_text.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace lithify::cli {

/// Shows stages until its end, which takes the bar off: print after that. Work of less than a
/// second shows nothing, unless it is `always` wanted. Without a thread to spare it shows
/// nothing.
class stage_progress {
 public:
  stage_progress(progress_mode mode, int stages);
  ~stage_progress();
  stage_progress(const stage_progress&) = delete;
  stage_progress& operator=(const stage_progress&) = delete;

  /// The next stage begins. `what`: "reading the DEM", with counts where they are known.
  void begin(const std::string& what);

 private:
  using clock = std::chrono::steady_clock;

  void tick();
  void show();

  const bool bar_;
  const int stages_;
  const clock::time_point start_ = clock::now();
  const clock::time_point from_;  ///< when there is something to show

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  clock::time_point next_;  ///< when to show something again
  bool ended_ = false;
  bool shown_ = false;
  int stage_ = 0;
  std::string what_;

  std::thread ticker_;  // last: it uses what is above
};

}  // namespace lithify::cli
