#include "accounts.hpp"

#include "lithify/base/error.hpp"

#include <algorithm>

namespace lithify::engine {

namespace {

void add_line(pass_budget& to, const pass_budget& of_step) {
  to.in += of_step.in;
  to.out += of_step.out;
  to.exported += of_step.exported;
  to.raised_m += of_step.raised_m;
  to.deltas += of_step.deltas;
  to.substeps += of_step.substeps;
  to.capped += of_step.capped;
  to.uphill += of_step.uphill;
  to.contacts += of_step.contacts;
  to.stable_dt_yr = of_step.stable_dt_yr;
  to.steep_faces = of_step.steep_faces;
  to.largest_excess_m = of_step.largest_excess_m;
}

}  // namespace

void accounts::add(const step_report& report) {
  for (const pass_budget& line : report.passes) {
    totals_.in += line.in;
    totals_.out += line.out;
    totals_.exported += line.exported;
    auto at = std::find_if(passes_.begin(), passes_.end(),
                           [&](const pass_budget& p) { return p.pass == line.pass; });
    if (at == passes_.end()) {
      at = passes_.emplace(at);
      at->pass = line.pass;
      at->substeps = 0;
    }
    add_line(*at, line);
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
