#include "accounts.hpp"

#include "lithify/base/error.hpp"

namespace lithify::engine {

void accounts::add(const step_report& report) {
  for (const pass_budget& pass : report.passes) {
    totals_.in += pass.in;
    totals_.out += pass.out;
    totals_.exported += pass.exported;
    capped_ += pass.capped;
    if (pass.pass == "talus") {
      steep_faces_ = pass.steep_faces;
      largest_excess_m_ = pass.largest_excess_m;
    }
  }
  totals_.edited += report.edited;
  deltas_ += report.deltas;
}

int128 accounts::residual(int128 stored) const {
  return totals_.in - totals_.out - totals_.exported + totals_.edited -
         (stored - totals_.stored_at_start);
}

void accounts::require_balance(int128 stored, std::int64_t step) const {
  const int128 rest = residual(stored);
  require(rest == 0, errc::internal,
          "matter is not conserved: residual of " + to_decimal(rest) + " quanta at step " +
              std::to_string(step) + "; this is a defect of Lithify, please report it");
}

}  // namespace lithify::engine
