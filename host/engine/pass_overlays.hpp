/// Consolidations that single passes ask for, beside the world's own threshold.
///
/// A step is one batch, so a pass cannot consolidate inside one: after a step, the first pass, in
/// their order, that has emitted its threshold of deltas since the last consolidation, whoever
/// asked for that one, starts one with its strategy. When deltas move changes no result.
#pragma once

#include "lithify/engine/scenario.hpp"
#include "lithify/world.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace lithify::engine {

class pass_overlays {
 public:
  /// Requires: `s` outlives this.
  explicit pass_overlays(const scenario& s) : policies_(s.pass_overlays) {}

  /// Before each step: forgets what a consolidation since the last step has moved.
  void before_step(const world& w);
  /// After it. A lack of memory is left to the next step, for the step itself is done.
  void after_step(world& w, const step_report& report);

 private:
  const std::map<std::string, overlay_policy>& policies_;
  std::map<std::string, std::int64_t> emitted_;  // by each pass since the last consolidation
  std::int64_t consolidations_ = 0;              // of the world, as last seen
};

}  // namespace lithify::engine
