/// The books of a run: what its passes say they moved against what is there.
#pragma once

#include "lithify/io/checkpoint.hpp"
#include "lithify/world.hpp"

#include <cstdint>
#include <vector>

namespace lithify::engine {

class accounts {
 public:
  /// The books of a new run over this much solid, or those that a checkpoint carried.
  explicit accounts(int128 stored_at_start) { totals_.stored_at_start = stored_at_start; }
  explicit accounts(const io::budget_totals& carried) : totals_(carried) {}

  void add(const step_report& report);

  /// What each pass did in the steps added here, in the passes' order: amounts and counters summed,
  /// `stable_dt_yr`, `steep_faces` and `largest_excess_m` those of the last step.
  [[nodiscard]] const std::vector<pass_budget>& passes() const { return passes_; }

  /// in - out - exported + edited - (stored - stored at the start), for a measured `stored`.
  [[nodiscard]] int128 residual(int128 stored) const;
  /// Errors: internal unless the residual is 0.
  void require_balance(int128 stored, std::int64_t step) const;

  [[nodiscard]] const io::budget_totals& totals() const { return totals_; }
  [[nodiscard]] std::int64_t deltas() const { return deltas_; }

 private:
  io::budget_totals totals_;
  std::int64_t deltas_ = 0;
  std::vector<pass_budget> passes_;
};

}  // namespace lithify::engine
