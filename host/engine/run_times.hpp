/// How long the stages of a run took, and its profile where one is asked for.
#pragma once

#include "lithify/world.hpp"
#include "run_profile.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <utility>

namespace lithify::engine {

class stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Runs from when it is made. Only `now` may be asked from several threads.
class run_times {
 public:
  /// `profile`: the file that it goes to; empty: none is kept.
  explicit run_times(std::filesystem::path profile) : file_(std::move(profile)) {}

  /// Seconds of the run.
  [[nodiscard]] double now() const { return clock_.seconds(); }

  /// Does some work of the run's own thread and adds its time to a stage, whatever comes of it.
  template <class F>
  std::invoke_result_t<F> timed(const char* stage, F&& work) {
    struct at_end {
      run_times& of;
      double& total;
      const char* stage;
      double begin;
      ~at_end() {
        const double taken = of.now() - begin;
        total += taken;
        of.profile(run_profile::track::run, stage, begin, taken);
      }
    } const noted{*this, seconds_[stage], stage, now()};
    return std::forward<F>(work)();
  }
  /// What another thread did between two times of the run.
  void add(run_profile::track on, const char* stage, double begin, double end) {
    seconds_[stage] += end - begin;
    profile(on, stage, begin, end - begin);
  }

  /// The profile holds the stages of a world from now on.
  void record(world& w) {
    if (profiled()) {
      w.record_stages();
      recorded_since_ = now();  // what was still running is over
    }
  }
  [[nodiscard]] bool profiled() const { return !file_.empty(); }
  /// Gives what `io::write_text` gives. Errors: io_failure, out_of_space.
  std::string write_profile(const world& w) {
    profile_.add(w.stage_runs(), recorded_since_);
    return profile_.write(file_, w.device());
  }

  /// By stage.
  [[nodiscard]] const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  void profile(run_profile::track on, const char* stage, double begin, double seconds) noexcept {
    if (profiled()) {
      profile_.add(on, stage, begin, seconds);
    }
  }

  std::filesystem::path file_;
  stopwatch clock_;
  std::map<std::string, double> seconds_;
  run_profile profile_;
  double recorded_since_ = 0.0;  // when the world's stages were first kept
};

}  // namespace lithify::engine
