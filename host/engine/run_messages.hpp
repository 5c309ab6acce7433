/// What a run tells its observer, and what of that its summary repeats.
#pragma once

#include "checkpoint_folder.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/run.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace lithify::engine {

class run_messages {
 public:
  explicit run_messages(run_observer& observer) : observer_(observer) {}

  void note(const std::string& text) { observer_.note(text); }
  void warn(const std::string& text) {
    warnings_.push_back(text);
    observer_.warn(text);
  }
  /// What a writer of files gave: a line, or nothing to be said.
  void tell(const std::string& remark) {
    if (!remark.empty()) {
      warn(remark);
    }
  }
  /// What came of setting files of an earlier run aside: one that stays is a warning, said once.
  void tell(const std::vector<set_aside_outcome>& outcomes) {
    for (const set_aside_outcome& o : outcomes) {
      if (o.done) {
        note(o.line);
      } else if (std::find(warnings_.begin(), warnings_.end(), o.line) == warnings_.end()) {
        warn(o.line);
      }
    }
  }
  /// Work for a picture: what it lacks is a warning, for the run itself is done.
  template <class F>
  void drawing(const std::string& name, F&& work) {
    try {
      std::forward<F>(work)();
    } catch (const error& e) {
      warn("cannot draw " + name + ": " + e.what());
    } catch (const std::bad_alloc&) {
      warn("cannot draw " + name + ": out of host memory");
    }
  }

  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  run_observer& observer_;
  std::vector<std::string> warnings_;
};

}  // namespace lithify::engine
