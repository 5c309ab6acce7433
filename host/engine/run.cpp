#include "lithify/engine/run.hpp"

#include "checkpoint_writer.hpp"
#include "earlier_files.hpp"
#include "lithify/base/error.hpp"
#include "lithify/io/text_file.hpp"
#include "output_folder.hpp"
#include "pass_overlays.hpp"
#include "plan_passes.hpp"
#include "records.hpp"
#include "run_messages.hpp"
#include "run_pictures.hpp"
#include "run_start.hpp"
#include "run_times.hpp"
#include "run_trace.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

class runner {
 public:
  runner(const scenario& s, const run_options& options, run_observer& observer)
      : scenario_(s),
        options_(options),
        observer_(observer),
        messages_(observer),
        times_(options.profile),
        folder_(out_folder(s, options)),
        steps_(steps_of(s, options)),
        checkpoints_(s, options, folder_.path(), messages_, times_),
        pictures_(s, folder_.path(), messages_),
        overlays_(s) {}

  run_summary run() {
    require_places(scenario_, folder_.path());
    run_start from = times_.timed(
        "start", [&] { return begin_run(scenario_, options_, folder_.path(), messages_); });
    world& w = from.at;
    accounts& books = from.books;
    const bool goes_on_here = from.resumed && from.resumed->here;
    if (goes_on_here) {
      checkpoints_.spare(std::move(from.passed_over));
    }
    const std::int64_t first = w.simulation().step;
    require(first <= steps_, errc::invalid_argument,
            "the checkpoint is at step " + std::to_string(first) + ", beyond the " +
                std::to_string(steps_) + " steps of the run: raise --steps");
    times_.record(w);
    books.require_balance(measure(w), first);
    (void)plan_passes(scenario_, w.config().geometry);  // refuses what the first step would
    trace_.emplace(scenario_, options_, w, steps_);
    if (!goes_on_here) {
      checkpoints_.begin(w, books);  // a run that leaves nothing takes nothing away
      set_aside_earlier_run();
    }
    records_.emplace(scenario_, folder_.path(), first, steps_, messages_);
    pictures_.keep_start(from);
    const bool stopped = loop(w, books, first);
    if (trace_->misses_dump()) {
      messages_.warn("the run ended before step " + std::to_string(options_.dump->step) +
                     ": nothing was dumped");
    }
    if (w.simulation().step != checkpoints_.saved_step()) {
      save(w, books);
    }
    const int128 stored = measure(w);
    books.require_balance(stored, w.simulation().step);
    checkpoints_.finish();
    records_->write_series();
    times_.timed("pictures", [&] { pictures_.draw(w, *records_); });
    const bool profile_written = times_.profiled() && write_profile(w);
    run_summary summary = summarise(w, books, stored);
    if (profile_written) {
      summary.files.push_back(options_.profile);
    }
    summary.files.push_back(folder_.path() / "summary.json");
    summary.first_step = first;
    summary.stopped = stopped;
    messages_.tell(io::write_text(folder_.path() / "summary.json", to_json(summary) + "\n"));
    summary.warnings = messages_.warnings();
    return summary;
  }

 private:
  static fs::path out_folder(const scenario& s, const run_options& options) {
    const fs::path folder = options.out.empty() ? s.out : options.out;
    require(!folder.empty(), errc::invalid_argument,
            "no output folder: give --out DIR, or [output] folder in the scenario");
    require_spared(s, folder);
    return folder;
  }

  static std::int64_t steps_of(const scenario& s, const run_options& options) {
    const std::int64_t steps = options.steps.value_or(s.steps);
    require(steps >= 0, errc::invalid_argument, "steps must not be negative");
    return steps;
  }

  int128 measure(world& w) {
    return times_.timed("measure", [&] { return w.stored(); });
  }

  /// The run is done: a profile that cannot be written is a warning. Gives whether it was.
  bool write_profile(const world& w) {
    try {
      messages_.tell(times_.write_profile(w));
      return true;
    } catch (const error& e) {
      messages_.warn(e.what());
      return false;
    }
  }

  /// A run that ends early must not leave another one's records as its own.
  void set_aside_earlier_run() {
    const fs::path inputs[] = {scenario_.world.dem, scenario_.world.checkpoint};
    messages_.tell(set_aside_records(folder_.path(), inputs));
  }

  /// Steps until the end, or until the observer wants to stop. Gives whether it wanted to.
  bool loop(world& w, accounts& books, std::int64_t first) {
    const stopwatch clock;
    while (w.simulation().step < steps_) {
      step(w, books);
      const simulation_state now = w.simulation();
      const world_statistics seen = w.statistics();
      note_memory(seen.memory);
      if (options_.measure_every_step) {
        books.require_balance(measure(w), now.step);
      }
      const run_request request =
          observer_.after_step({now.step, first, steps_, now.time_yr, books.deltas(),
                                seen.overlay_slots, scenario_.overlay.threshold, clock.seconds()});
      checkpoints_.finish_if_ended();
      if (checkpoints_.due(now.step) || request == run_request::checkpoint) {
        save(w, books);
      }
      if (request == run_request::stop) {
        return now.step < steps_;
      }
    }
    return false;
  }

  void note_memory(const memory_use& now) {
    most_memory_ = {std::max(most_memory_.index, now.index),
                    std::max(most_memory_.overlay, now.overlay),
                    std::max(most_memory_.columns, now.columns)};
  }

  /// One step. If it is refused, the state before it is saved first: hours of work are not lost.
  void step(world& w, accounts& books) {
    times_.timed("records", [&] { records_->before_step(w); });
    overlays_.before_step(w);
    step_report report;
    try {
      report = trace_->step(w, scenario_.step_yr);
    } catch (const error& refused) {
      const std::string kept = keep(w, books);
      // The checkpoint that is named next tempts to go on from it.
      const std::string help = refused.code() == errc::out_of_range
                                   ? "; raise " + room_below(scenario_) +
                                         " where ground is lost through the floor, " +
                                         room_above(scenario_) +
                                         " where it has no room above, and start afresh, for a "
                                         "checkpoint keeps its region"
                                   : "";
      throw error(refused.code(), refused.what() + help + "; " + kept);
    }
    books.add(report);
    if (options_.measure_every_step) {
      note_passes(w.simulation().step, report);
    }
    overlays_.after_step(w, report);
    times_.timed("records", [&] { records_->after_step(w, books, scenario_.step_yr); });
    if (trace_->active()) {
      times_.timed("trace", [&] { write_trace(w); });
    }
  }

  /// Saves the state before a step that was refused, and says where it is. What ended the step,
  /// such as memory, may refuse that too: it is what the user has to hear of first.
  std::string keep(world& w, const accounts& books) {
    const std::int64_t last = w.simulation().step;
    const std::string state = "the state after step " + std::to_string(last);
    // The write before it may be refused for itself, and so may the rows of the series.
    const std::string before = refused([&] { checkpoints_.finish(); });
    const std::string why = refused([&] {
      if (last != checkpoints_.saved_step()) {
        checkpoints_.save(w, books);
      }
      checkpoints_.finish();
    });
    const std::string series = refused([&] { records_->write_series(); });
    (void)refused([&] {
      messages_.tell(before);
      messages_.tell(series);
    });
    return why.empty() ? state + " is kept in '" + checkpoints_.folder().name(last).string() + "'"
                       : state + " could not be kept (" + why + "): go on from an older checkpoint";
  }

  /// Why some work was refused; nothing where it is done.
  template <class F>
  static std::string refused(F&& work) {
    try {
      std::forward<F>(work)();
      return "";
    } catch (const std::bad_alloc&) {
      return "out of memory";  // short enough to need none
    } catch (const std::exception& e) {
      return e.what();
    }
  }

  /// What a step noted down is no part of the run: that it cannot be written is a warning.
  void write_trace(const world& w) {
    try {
      trace_->after_step(w, messages_);
    } catch (const error& e) {
      trace_->give_up();
      messages_.warn(std::string(e.what()) + "; the run goes on and notes down no more");
    }
  }

  void note_passes(std::int64_t step, const step_report& report) {
    std::string text = "step " + std::to_string(step) + ":";
    for (const pass_budget& line : report.passes) {
      text += " " + line.pass + " (" + to_words(line) + ")";
    }
    messages_.note(text);
  }

  void save(world& w, const accounts& books) {
    checkpoints_.finish();
    if (records_) {
      records_->write_series();
    }
    checkpoints_.save(w, books);
  }

  run_summary summarise(const world& w, const accounts& books, int128 stored) {
    run_summary s;
    const world_statistics statistics = w.statistics();
    const simulation_state now = w.simulation();
    s.steps = now.step;
    s.time_yr = now.time_yr;
    s.device = w.device();
    s.size = w.config().size;
    s.deltas_emitted = books.deltas();
    s.deltas_consolidated = statistics.deltas_consolidated;
    s.consolidations = statistics.consolidations;
    std::map<std::string, double> seconds = times_.seconds();
    for (const auto& [stage, taken] : w.stage_seconds()) {
      seconds["world." + stage] = taken;
    }
    s.seconds.assign(seconds.begin(), seconds.end());
    s.seconds.emplace_back("total", times_.now());
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    s.peak_host_bytes = static_cast<std::size_t>(used.ru_maxrss) * 1024;
    s.peak_device_bytes = statistics.peak_device_bytes;
    note_memory(statistics.memory);
    s.device_memory = most_memory_;
    s.budget = books.totals();
    s.stored = stored;
    s.residual = books.residual(stored);
    s.passes = books.passes();
    s.digest = w.state_digest();
    for (const auto& entry : checkpoints_.folder().list()) {
      s.files.push_back(entry.file);
    }
    s.files.insert(s.files.end(), pictures_.files().begin(), pictures_.files().end());
    if (records_->has_series()) {
      s.files.push_back(folder_.path() / "series.csv");
    }
    s.files.insert(s.files.end(), records_->files().begin(), records_->files().end());
    for (const fs::path& file : trace_->files()) {
      s.files.push_back(file);
    }
    s.warnings = messages_.warnings();
    return s;
  }

  const scenario& scenario_;
  const run_options& options_;
  run_observer& observer_;
  run_messages messages_;
  run_times times_;
  output_folder folder_;
  std::int64_t steps_;
  std::optional<run_records> records_;
  std::optional<run_trace> trace_;
  checkpoint_writer checkpoints_;
  run_pictures pictures_;
  pass_overlays overlays_;
  memory_use most_memory_;
};

}  // namespace

run_summary run(const scenario& s, const run_options& options, run_observer& observer) {
  return runner(s, options, observer).run();
}

}  // namespace lithify::engine
