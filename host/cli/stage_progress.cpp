#include "stage_progress.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <system_error>

namespace lithify::cli {

stage_progress::stage_progress(progress_mode mode, int stages)
    : bar_(is_bar(mode)),
      stages_(stages),
      from_(mode == progress_mode::always ? start_ : start_ + patience),
      next_(from_) {
  if (mode != progress_mode::never) {
    try {
      ticker_ = std::thread([this] { tick(); });
    } catch (const std::system_error&) {
      // The work is what counts.
    }
  }
}

stage_progress::~stage_progress() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (ticker_.joinable()) {
    ticker_.join();
  }
  if (bar_ && shown_) {
    clear_bar_line();
  }
}

void stage_progress::begin(const std::string& what) {
  const std::lock_guard lock(mutex_);
  ++stage_;
  what_ = what;
  if (ticker_.joinable() && clock::now() >= from_) {
    show();
  }
}

void stage_progress::tick() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const clock::time_point at = next_;
    if (changed_.wait_until(lock, at, [this] { return ended_; })) {
      return;
    }
    if (clock::now() >= next_) {
      show();
    }
  }
}

void stage_progress::show() {
  next_ = clock::now() + (bar_ ? bar_interval : line_interval);
  if (stage_ == 0) {
    return;
  }
  const double seconds = std::chrono::duration<double>(clock::now() - start_).count();
  const std::string words =
      fmt::format("stage {}/{}, {}, {}", stage_, stages_, what_, duration_text(seconds));
  if (bar_) {
    put_bar(stage_ - 1, stages_, words);
  } else {
    (void)std::fputs((words + '\n').c_str(), stderr);
  }
  shown_ = true;
}

}  // namespace lithify::cli
