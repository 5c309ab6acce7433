#include "checkpoint_writer.hpp"

#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"

#include <chrono>
#include <memory>

namespace lithify::engine {

checkpoint_writer::checkpoint_writer(const scenario& s,
                                     const run_options& options,
                                     const std::filesystem::path& folder,
                                     run_messages& messages,
                                     run_times& times)
    : scenario_(s),
      options_(options),
      folder_(folder),
      messages_(messages),
      times_(times),
      every_(options.checkpoint_every.value_or(s.checkpoint_every)),
      keep_(options.keep.value_or(s.checkpoint_keep)) {
  require(every_ >= 0 && keep_ >= 1, errc::invalid_argument,
          "checkpoint-every must not be negative, keep must be at least 1");
  folder_.remove_unfinished();
}

void checkpoint_writer::begin(world& w, const accounts& books) {
  begins_ = true;
  save(w, books);
  finish();
  begins_ = false;
}

void checkpoint_writer::save(world& w, const accounts& books) {
  w.consolidate(consolidation_strategy::all);
  auto data = std::make_shared<io::checkpoint>(
      times_.timed("checkpoint", [&] { return take_checkpoint(w); }));
  data->state.budget = books.totals();
  data->scenario = scenario_.text;
  data->provenance = options_.provenance;
  if (saving_.valid()) {
    saving_.wait();  // a `finish` that memory ended may not have
  }
  written_ = {};
  saving_ = std::async(std::launch::async, [this, data] { write(*data); });
  saved_step_ = data->state.step;
}

void checkpoint_writer::write(const io::checkpoint& data) {
  const std::int64_t step = data.state.step;
  written_.begin = times_.now();
  written_.remarks.push_back(folder_.set_aside_unreadable(step));
  written_.remarks.push_back(io::write_checkpoint(folder_.name(step), data));
  std::erase(spared_, step);
  written_.earlier = folder_.set_aside_checkpoints(step, begins_, spared_);
  folder_.prune(step, keep_, scenario_.checkpoint_keep_every, spared_);
  written_.end = times_.now();
}

void checkpoint_writer::finish() {
  if (!saving_.valid()) {
    return;
  }
  times_.timed("checkpoint.wait", [&] { saving_.wait(); });
  // Said also of a write that was refused: files have other names now.
  for (const std::string& remark : written_.remarks) {
    messages_.tell(remark);
  }
  messages_.tell(written_.earlier);
  try {
    saving_.get();
  } catch (...) {
    saved_step_ = -1;
    throw;
  }
  times_.add(run_profile::track::checkpoints, "checkpoint.write", written_.begin, written_.end);
  messages_.note("checkpoint '" + folder_.name(saved_step_).string() + "' written");
}

void checkpoint_writer::finish_if_ended() {
  if (saving_.valid() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    finish();
  }
}

}  // namespace lithify::engine
