/// How long the stages of a stream's work take, measured where the work runs.
///
/// A stage's time is taken by its stream (events on CUDA, a steady clock in the queue on the CPU),
/// so that asynchronous work counts in the stage that submitted it, and measuring waits for
/// nothing. On CUDA each stage is an NVTX range too, which profilers show by name.
#pragma once

#include "lithify/device/memory.cuh"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {

struct stage_log;
struct stage_run;

/// Seconds by stage. Thread-safe. May end before work that it times.
class stage_clock {
 public:
  struct total {
    std::string name;
    double seconds = 0.0;
    std::uint64_t runs = 0;
  };

  /// One run of a stage on the time line that `record` began, in seconds. On CUDA `begin` is a
  /// 32-bit float of milliseconds: a microsecond fine in the first seconds, a quarter of a
  /// millisecond after an hour.
  struct run {
    std::string name;
    double begin = 0.0;
    double seconds = 0.0;
  };

  stage_clock();
  /// Every stage so far, in the order of their first runs. Sync: waits for stages still running.
  [[nodiscard]] std::vector<total> totals() const;

  /// Begins a time line, now; from here on every run is kept. Requires: no stage is running.
  /// Sync: waits for `s`.
  /// Cost: 24 bytes a run.
  void record(stream_ref s);
  /// Runs that began and ended since, in the order in which they were seen to end; none without
  /// `record`. Sync: waits for stages still running.
  [[nodiscard]] std::vector<run> runs() const;

 private:
  friend class stage_scope;
  std::shared_ptr<stage_log> log_;
};

/// One run of a stage: the work submitted to `ex` in the scope's life, timed by `ex.clock`; nothing
/// where that is null. Scopes on one stream nest; an inner stage's time counts in the outer one
/// too.
class stage_scope {
 public:
  stage_scope(exec ex, const std::string& name);
  ~stage_scope();
  stage_scope(const stage_scope&) = delete;
  stage_scope& operator=(const stage_scope&) = delete;

 private:
  std::shared_ptr<stage_log> log_;  // null: nothing is timed
  std::shared_ptr<stage_run> run_;
  stream_ref stream_;
};

/// Gives what `work` gives, as one run of a stage.
template <class F>
auto timed(exec ex, const std::string& name, F&& work) {
  const stage_scope scope(ex, name);
  return work();
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
