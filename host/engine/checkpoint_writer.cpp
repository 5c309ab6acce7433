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

void checkpoint_writer::save(world& w, const accounts& books) {
  w.consolidate(consolidation_strategy::all);
  auto data = std::make_shared<io::checkpoint>(
      times_.timed("checkpoint", [&] { return take_checkpoint(w); }));
  data->state.budget = books.totals();
  data->scenario = scenario_.text;
  data->provenance = options_.provenance;
  saved_step_ = data->state.step;
  saving_ = std::async(std::launch::async, [this, data] {
    const double begin = times_.now();
    auto unreadable = folder_.set_aside_unreadable(data->state.step);
    std::string remark = io::write_checkpoint(folder_.name(data->state.step), *data);
    std::vector<set_aside_outcome> earlier = folder_.set_aside_beyond(data->state.step);
    folder_.prune(data->state.step, keep_, scenario_.checkpoint_keep_every);
    return written{begin, times_.now(), std::move(unreadable), std::move(remark),
                   std::move(earlier)};
  });
}

void checkpoint_writer::finish() {
  if (!saving_.valid()) {
    return;
  }
  const auto [begin, end, unreadable, remark, earlier] =
      times_.timed("checkpoint.wait", [&] { return saving_.get(); });
  times_.add(run_profile::track::checkpoints, "checkpoint.write", begin, end);
  messages_.note("checkpoint '" + folder_.name(saved_step_).string() + "' written");
  if (unreadable) {
    messages_.warn(unreadable->line);
  }
  if (!remark.empty()) {
    messages_.warn(remark);
  }
  messages_.tell(earlier);
}

void checkpoint_writer::finish_if_ended() {
  if (saving_.valid() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    finish();
  }
}

}  // namespace lithify::engine
