#include "pass_overlays.hpp"

#include "lithify/base/error.hpp"

namespace lithify::engine {

void pass_overlays::before_step(const world& w) {
  const std::int64_t now = w.statistics().consolidations;
  if (now != consolidations_) {
    consolidations_ = now;
    emitted_.clear();
  }
}

void pass_overlays::after_step(world& w, const step_report& report) {
  for (const pass_budget& pass : report.passes) {
    emitted_[pass.pass] += pass.deltas;
  }
  before_step(w);  // the world's own threshold may have been passed
  for (const pass_budget& pass : report.passes) {
    const auto policy = policies_.find(pass.pass);
    if (policy != policies_.end() && emitted_[pass.pass] >= policy->second.threshold) {
      try {
        w.consolidate(policy->second.strategy);
      } catch (const error& e) {
        if (e.code() != errc::out_of_memory) {
          throw;
        }
      }
      return;
    }
  }
}

}  // namespace lithify::engine
