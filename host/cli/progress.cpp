#include "progress.hpp"

#include "command.hpp"
#include "signals.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <utility>

namespace lithify::cli {

namespace {

using std::chrono::steady_clock;

std::string rate_text(double per_second) {
  return per_second >= 1e6   ? fmt::format("{:.1f} M", per_second / 1e6)
         : per_second >= 1e3 ? fmt::format("{:.1f} k", per_second / 1e3)
                             : fmt::format("{:.0f} ", per_second);
}

std::string line_of(const engine::run_progress& p) {
  const double done = static_cast<double>(p.step - p.first_step);
  const double left = static_cast<double>(p.steps - p.step);
  return fmt::format(
      "step {}/{}, {} yr, {}deltas/s, overlay {:.0f} %, ETA {}", p.step, p.steps,
      grouped(static_cast<std::int64_t>(p.time_yr)),
      rate_text(static_cast<double>(p.deltas) / std::max(p.seconds, 1e-9)),
      100.0 * static_cast<double>(p.overlay_slots) / static_cast<double>(p.overlay_threshold),
      duration_text(done > 0 ? p.seconds / done * left : 0.0));
}

/// Whether a file begins as a line of a log does: with a time.
bool is_log(const std::filesystem::path& file) {
  constexpr std::string_view shape = "0000-00-00T00:00:00Z ";
  std::string start = start_of(file, shape.size());
  std::replace_if(
      start.begin(), start.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
  return start == shape;
}

}  // namespace

reporter::reporter(const reporter_options& options)
    : options_(options), bar_(is_bar(options.progress)) {
  if (!options.log_file.empty() && !options.log_later) {
    require_own_kind(options.log_file, "log of lithify", is_log);
    std::error_code ignored;
    made_log_ = !exists(std::filesystem::symlink_status(options.log_file, ignored));
    log_.open(options.log_file, std::ios::app);
    require(log_.is_open(), errc::io_failure,
            "log file '" + options.log_file + "' cannot be written; choose another");
  }
}

reporter::~reporter() {
  clear_bar();
  std::error_code ignored;
  if (made_log_ && std::filesystem::is_empty(options_.log_file, ignored)) {
    std::filesystem::remove(options_.log_file, ignored);
  }
}

void reporter::clear_bar() {
  if (bar_shown_) {
    clear_bar_line();
    bar_shown_ = false;
  }
}

bool reporter::has_begun() {
  namespace fs = std::filesystem;
  std::error_code failed;
  for (fs::directory_iterator at(options_.out, failed), end; !begun_ && !failed && at != end;
       at.increment(failed)) {
    std::error_code ignored;
    begun_ = !fs::equivalent(at->path(), options_.log_file, ignored);
  }
  return begun_;
}

void reporter::log(const std::string& text) {
  if (options_.log_file.empty()) {
    return;
  }
  const std::time_t now = std::time(nullptr);
  waiting_.push_back(fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {}", fmt::gmtime(now), text));
  if (has_begun()) {
    for (const std::string& line : std::exchange(waiting_, {})) {
      write_log(line);
    }
  }
}

void reporter::write_log(const std::string& line) {
  if (std::exchange(options_.log_later, false)) {
    log_.open(options_.log_file, std::ios::app);
    if (!log_.is_open()) {
      warn("log file '" + options_.log_file + "' cannot be written; the run goes on");
    }
  }
  if (log_.is_open()) {
    log_ << line << std::endl;
    if (!log_) {
      log_.close();
      warn("log file '" + options_.log_file + "' cannot be written any more; the run goes on");
    }
  }
}

void reporter::note(const std::string& text) {
  log(text);
  if (options_.verbose && !options_.quiet) {
    clear_bar();
    say(text);
  }
}

void reporter::warn(const std::string& text) {
  warned_ = true;
  log("warning: " + text);
  clear_bar();
  say("lithify: warning: " + text);
}

void reporter::show(const engine::run_progress& progress) {
  const steady_clock::time_point now = steady_clock::now();
  const bool late = options_.progress == progress_mode::always || now - start_ >= patience;
  const bool wanted = options_.progress != progress_mode::never && !options_.quiet && late;
  const auto interval = bar_ ? bar_interval : line_interval;
  const bool last = progress.step == progress.steps;
  if (!wanted || (!last && now - shown_ < interval)) {
    return;
  }
  shown_ = now;
  if (bar_) {
    put_bar(progress.step, progress.steps, line_of(progress));
    bar_shown_ = true;
  } else {
    say(line_of(progress));
  }
}

engine::run_request reporter::after_step(const engine::run_progress& progress) {
  show(progress);
  log(line_of(progress));
  if (stop_asked()) {
    note("asked to stop: writing a checkpoint");
    return engine::run_request::stop;
  }
  if (options_.wall_limit && steady_clock::now() - start_ >= *options_.wall_limit) {
    note("wall limit reached: writing a checkpoint");
    return engine::run_request::stop;
  }
  return take_checkpoint_asked() ? engine::run_request::checkpoint : engine::run_request::go_on;
}

}  // namespace lithify::cli
