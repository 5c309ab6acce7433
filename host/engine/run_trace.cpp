#include "run_trace.hpp"

#include "checks.hpp"
#include "lithify/base/error.hpp"
#include "lithify/base/names.hpp"
#include "state_digest.hpp"

#include <algorithm>

namespace lithify::engine {

namespace {

traced_run identity(const scenario& s, const world& w) {
  return {w.config().size, w.config().geometry.cell_size_m, w.config().geometry.voxel_height_m,
          digest_of(s.text), w.device()};
}

void require_place(const dump_request& asked,
                   const scenario& s,
                   const world& w,
                   std::int64_t steps) {
  const std::int64_t first = w.simulation().step + 1;
  require(asked.step >= first && asked.step <= steps, errc::invalid_argument,
          "--dump: this run takes the steps " + std::to_string(first) + " to " +
              std::to_string(steps) + ", not step " + std::to_string(asked.step));
  std::vector<std::string> passes = {"start"};
  for (const pass_config& pass : s.passes) {
    passes.emplace_back(pass_name(pass));
  }
  passes.insert(passes.end(), {"boundary", end_pass});
  require(std::find(passes.begin(), passes.end(), asked.pass) != passes.end(),
          errc::invalid_argument,
          "--dump: a step has no pass '" + asked.pass + "'" + name_hint(asked.pass, passes));
  require_chunk(w.config().size, asked.chunk);
}

}  // namespace

run_trace::run_trace(const scenario& s,
                     const run_options& options,
                     const world& w,
                     std::int64_t steps)
    : run_(identity(s, w)), dump_(options.dump) {
  if (dump_) {
    require_place(*dump_, s, w, steps);
  }
  if (!options.digests.empty()) {
    digests_.emplace(options.digests, run_);
    files_.push_back(options.digests);
    write_digests(w);
  }
}

step_report run_trace::step(world& w, double dt_yr) {
  noted_ = {};
  trace_request asked;
  asked.digests = digests_.has_value();
  if (dump_ && dump_->step == w.simulation().step + 1) {
    asked.values = {dump_->pass, dump_->chunk};
  }
  return w.step(dt_yr, asked, noted_);
}

void run_trace::after_step(const world& w, run_messages& messages) {
  if (digests_) {
    write_digests(w);
  }
  if (dump_ && dump_->step == w.simulation().step) {
    write_dump_of(w, messages);
  }
}

void run_trace::give_up() {
  digests_.reset();
  dump_.reset();
}

void run_trace::write_digests(const world& w) {
  const simulation_state now = w.simulation();
  noted_.digests.push_back(
      {end_pass, now.frame_offset, now.frame_remainder, {w.current().chunk_digests()}});
  digests_->add(now.step, noted_.digests);
}

void run_trace::write_dump_of(const world& w, run_messages& messages) {
  const simulation_state now = w.simulation();
  dump d;
  if (noted_.values) {
    d = dump_of(run_, now.step, *noted_.values);
  } else {  // the only one that is not a stage of the step
    d = dump_of(run_, now.step, dump_->chunk,
                w.current().columns(box_of(dump_->chunk, w.config().size)));
    d.frame_offset = now.frame_offset;
    d.frame_remainder = now.frame_remainder;
  }
  messages.tell(write_dump(dump_->file, d));
  files_.push_back(dump_->file);
  dump_.reset();
}

}  // namespace lithify::engine
