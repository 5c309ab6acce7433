#include "lithify/engine/run.hpp"

#include "accounts.hpp"
#include "checkpoint_folder.hpp"
#include "earlier_files.hpp"
#include "first_surface.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/drainage.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/pictures.hpp"
#include "lithify/io/text_file.hpp"
#include "pass_overlays.hpp"
#include "plan_passes.hpp"
#include "records.hpp"
#include "run_profile.hpp"
#include "run_trace.hpp"
#include "same_scenario.hpp"
#include "same_world.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <new>
#include <type_traits>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

class stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A world about to run, and what it brings along.
struct start {
  world at;
  accounts books;
  std::optional<resumed_run> resumed;
};

/// How the write of a checkpoint went.
struct written {
  double begin;  // in seconds of the run
  double end;
  std::vector<std::string> notes;
};

class runner {
 public:
  runner(const scenario& s, const run_options& options, run_observer& observer)
      : scenario_(s),
        options_(options),
        observer_(observer),
        folder_(out_folder(s, options)),
        checkpoints_(folder_.path()),
        overlays_(s),
        steps_(options.steps.value_or(s.steps)),
        every_(options.checkpoint_every.value_or(s.checkpoint_every)),
        keep_(options.keep.value_or(s.checkpoint_keep)) {
    require(steps_ >= 0 && every_ >= 0 && keep_ >= 1, errc::invalid_argument,
            "steps and checkpoint-every must not be negative, keep must be at least 1");
    checkpoints_.remove_unfinished();
  }

  run_summary run() {
    start from = timed("start", [&] { return begin(); });
    world& w = from.at;
    accounts& books = from.books;
    const std::int64_t first = w.simulation().step;
    require(first <= steps_, errc::invalid_argument,
            "the checkpoint is at step " + std::to_string(first) + ", beyond the " +
                std::to_string(steps_) + " steps of the run: raise --steps");
    if (profiled()) {
      w.record_stages();
      recorded_since_ = clock_.seconds();  // what was still running is over
    }
    books.require_balance(timed("measure", [&] { return w.stored(); }), first);
    (void)plan_passes(scenario_, w.config().geometry);  // refuses what the first step would
    trace_.emplace(scenario_, options_, w, steps_);
    if (!from.resumed) {
      set_aside_earlier_run();
      save(w, books);
    }
    records_.emplace(scenario_, folder_.path(), first, steps_);
    relief before;
    if (wants_before()) {
      drawing("the surface of the start", [&] { before = starting_relief(from); });
    }
    const bool stopped = loop(w, books, first);
    if (trace_->misses_dump()) {
      warn("the run ended before step " + std::to_string(options_.dump->step) +
           ": nothing was dumped");
    }
    if (w.simulation().step != saved_step_) {
      save(w, books);
    }
    const int128 stored = timed("measure", [&] { return w.stored(); });
    books.require_balance(stored, w.simulation().step);
    finish_saving();
    records_->write_series();
    timed("pictures", [&] { draw(w, before); });
    if (profiled()) {
      write_profile(w);
    }
    run_summary summary = summarise(w, books, stored);
    summary.first_step = first;
    summary.stopped = stopped;
    io::write_text(folder_.path() / "summary.json", to_json(summary) + "\n");
    return summary;
  }

 private:
  static fs::path out_folder(const scenario& s, const run_options& options) {
    const fs::path folder = options.out.empty() ? s.out : options.out;
    require(!folder.empty(), errc::invalid_argument,
            "no output folder: give --out DIR, or [output] folder in the scenario");
    checkpoint_folder(folder).require_spared(s.world.checkpoint, "world.checkpoint");
    return folder;
  }

  template <class F>
  std::invoke_result_t<F> timed(const char* stage, F&& work) {
    struct at_end {
      runner& of;
      double& total;
      const char* stage;
      double begin;
      ~at_end() {
        const double taken = of.clock_.seconds() - begin;
        total += taken;
        of.profile(run_profile::track::run, stage, begin, taken);
      }
    } const noted{*this, seconds_[stage], stage, clock_.seconds()};
    return work();
  }
  void profile(run_profile::track on, const char* stage, double begin, double seconds) noexcept {
    if (profiled()) {
      profile_.add(on, stage, begin, seconds);
    }
  }
  [[nodiscard]] bool profiled() const { return !options_.profile.empty(); }

  /// The run is done: a profile that cannot be written is a warning.
  void write_profile(const world& w) {
    profile_.add(w.stage_runs(), recorded_since_);
    try {
      profile_.write(options_.profile, w.device());
      profile_written_ = true;
    } catch (const error& e) {
      warn(e.what());
    }
  }

  void warn(const std::string& text) {
    warnings_.push_back(text);
    observer_.warn(text);
  }

  start begin() {
    if (options_.resume) {
      if (auto loaded = find_resumed()) {
        return resume(*loaded);
      }
      observer_.note("no checkpoint in '" + folder_.path().string() + "' yet: starting afresh");
    }
    world w = fresh_world();
    const int128 stored = w.stored();
    return {std::move(w), accounts(stored), std::nullopt};
  }

  /// A run that ends early must not leave another one's records as its own.
  void set_aside_earlier_run() {
    const fs::path inputs[] = {scenario_.world.dem, scenario_.world.checkpoint};
    for (const std::string& note : set_aside_records(folder_.path(), inputs)) {
      observer_.note(note);
    }
  }

  std::optional<checkpoint_folder::loaded> find_resumed() {
    const auto heard = [this](const std::string& text) { warn(text); };
    if (*options_.resume == "auto") {
      return checkpoints_.newest(heard);
    }
    const fs::path from(*options_.resume);
    if (!fs::is_directory(from)) {
      return checkpoint_folder::loaded{io::read_checkpoint(from), from};
    }
    auto found = checkpoint_folder(from).newest(heard);
    require(found.has_value(), errc::not_found,
            "folder '" + from.string() + "' holds no checkpoint to resume from");
    return found;
  }

  start resume(checkpoint_folder::loaded& from) {
    require_same_materials(scenario_, from.data, from.file);
    compare_region(from);
    compare_values(from);
    compare_fields(from);
    from.data.materials = scenario_.materials;  // what passes read of them may change
    world w = world_of(from.data, from.file);
    try {
      require_said_digest(w, from.data);
    } catch (const error& e) {
      throw error(e.code(), "checkpoint '" + from.file.string() + "': " + e.what() +
                                "; resume from an older one");
    }
    observer_.note("resumed from '" + from.file.string() + "' at step " +
                   std::to_string(from.data.state.step));
    const io::budget_totals& budget = from.data.state.budget;
    return {std::move(w), accounts(budget),
            resumed_run{from.file.parent_path(), from.data.scenario, budget.stored_at_start}};
  }

  /// What the scenario's world was made from may be gone by now: the checkpoint holds all of it.
  void compare_region(const checkpoint_folder::loaded& from) {
    try {
      require_same_region(scenario_, from.data, from.file);
    } catch (const error& e) {
      if (e.code() != errc::not_found) {
        throw;
      }
      warn(std::string(e.what()) + "; the checkpoint is resumed without comparing it");
    }
  }

  /// A run may go on with other values, but not by mistake.
  void compare_values(const checkpoint_folder::loaded& from) {
    if (from.data.scenario.empty()) {
      return;  // imported: no scenario made it
    }
    std::string kept;
    std::string anew;
    for (const std::string& key : differing_keys(from.data.scenario, scenario_.text)) {
      std::string& keys = is_of_ground(key) || key == "run.seed" ? kept : anew;
      keys += (keys.empty() ? "" : ", ") + key;
    }
    const std::string made =
        "checkpoint '" + from.file.string() + "' was made with other values of ";
    if (!kept.empty()) {
      warn(made + kept + ", which stay as they are in it: to change them, start afresh");
    }
    if (!anew.empty()) {
      warn(made + anew + "; from step " + std::to_string(from.data.state.step) +
           " on the scenario's hold");
    }
  }

  /// What is less than a quantum rivers dropped before format 1.3; they go on as if they had not.
  void compare_fields(const checkpoint_folder::loaded& from) {
    const auto has = [&](const char* name) {
      return std::any_of(from.data.columns.begin(), from.data.columns.end(),
                         [&](const field& f) { return f.name == name; });
    };
    if (has("exported") && !has("remainder_river")) {
      warn("checkpoint '" + from.file.string() + "' is of format 1." +
           std::to_string(from.data.minor_version) +
           " and has no column field 'remainder_river': it starts at 0");
    }
  }

  /// Errors: as make_world; one of its content names the file.
  world world_of(const io::checkpoint& from, const fs::path& file) const {
    try {
      return make_world(from, scenario_.overlay, scenario_.passes, options_.device);
    } catch (const error& e) {
      if (e.code() != errc::invalid_argument) {
        throw;
      }
      throw error(e.code(), "checkpoint '" + file.string() + "' cannot be used: " + e.what());
    }
  }

  world fresh_world() {
    if (scenario_.world.checkpoint.empty()) {
      return make_world(read_columns(scenario_.world, scenario_.materials), scenario_.materials,
                        scenario_.overlay, scenario_.passes, options_.device, scenario_.world.sides,
                        scenario_.seed);
    }
    io::checkpoint from = io::read_checkpoint(scenario_.world.checkpoint);
    require_same_materials(scenario_, from, scenario_.world.checkpoint);
    from.materials = scenario_.materials;
    from.state.step = 0;  // a run of its own, over the world that another one left
    from.state.time_yr = 0.0;
    from.state.tick = 0;
    from.state.random_key = scenario_.seed;
    from.state.random_counter = 0;
    return world_of(from, scenario_.world.checkpoint);
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
        books.require_balance(timed("measure", [&] { return w.stored(); }), now.step);
      }
      const run_request request =
          observer_.after_step({now.step, first, steps_, now.time_yr, books.deltas(),
                                seen.overlay_slots, scenario_.overlay.threshold, clock.seconds()});
      if (saved()) {
        finish_saving();  // a checkpoint that was refused ends the run now, not at the next one
      }
      const bool due = every_ > 0 && now.step % every_ == 0;
      if (due || request == run_request::checkpoint) {
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
    timed("records", [&] { records_->before_step(w); });
    overlays_.before_step(w);
    step_report report;
    try {
      report = trace_->step(w, scenario_.step_yr);
    } catch (const error& refused) {
      if (w.simulation().step != saved_step_) {
        save(w, books);
      }
      finish_saving();
      const std::string help = refused.code() == errc::out_of_range
                                   ? "; raise " + room_below(scenario_) +
                                         " where ground is lost through the floor, " +
                                         room_above(scenario_) + " where it has no room above"
                                   : "";
      throw error(refused.code(), refused.what() + help + "; the state after step " +
                                      std::to_string(w.simulation().step) + " is kept in '" +
                                      checkpoints_.name(w.simulation().step).string() + "'");
    }
    books.add(report);
    if (options_.measure_every_step) {
      note_passes(w.simulation().step, report);
    }
    overlays_.after_step(w, report);
    timed("records", [&] { records_->after_step(w, books, scenario_.step_yr); });
    if (trace_->active()) {
      timed("trace", [&] { write_trace(w); });
    }
  }

  /// What a step noted down is no part of the run: that it cannot be written is a warning.
  void write_trace(const world& w) {
    try {
      trace_->after_step(w);
    } catch (const error& e) {
      trace_->give_up();
      warn(std::string(e.what()) + "; the run goes on and notes down no more");
    }
  }

  void note_passes(std::int64_t step, const step_report& report) {
    std::string text = "step " + std::to_string(step) + ":";
    for (const pass_budget& line : report.passes) {
      text += " " + line.pass + " (" + to_words(line) + ")";
    }
    observer_.note(text);
  }

  /// Takes a checkpoint, which stalls the run, and writes it while the run goes on.
  void save(world& w, const accounts& books) {
    finish_saving();
    if (records_) {
      records_->write_series();
    }
    w.consolidate(consolidation_strategy::all);
    auto data =
        std::make_shared<io::checkpoint>(timed("checkpoint", [&] { return take_checkpoint(w); }));
    data->state.budget = books.totals();
    data->scenario = scenario_.text;
    data->provenance = options_.provenance;
    saved_step_ = data->state.step;
    saving_ = std::async(std::launch::async, [this, data] {
      const double begin = clock_.seconds();
      io::write_checkpoint(checkpoints_.name(data->state.step), *data);
      std::vector<std::string> notes = checkpoints_.set_aside_beyond(data->state.step);
      checkpoints_.prune(data->state.step, keep_, scenario_.checkpoint_keep_every);
      return written{begin, clock_.seconds(), std::move(notes)};
    });
  }

  /// Whether the last checkpoint's write has ended, and nobody asked how.
  [[nodiscard]] bool saved() const {
    return saving_.valid() &&
           saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  /// Waits until the last checkpoint is written. Errors: what refused it.
  void finish_saving() {
    if (saving_.valid()) {
      const auto [begin, end, notes] = timed("checkpoint.wait", [&] { return saving_.get(); });
      seconds_["checkpoint.write"] += end - begin;
      profile(run_profile::track::checkpoints, "checkpoint.write", begin, end - begin);
      observer_.note("checkpoint '" + checkpoints_.name(saved_step_).string() + "' written");
      for (const std::string& note : notes) {
        observer_.note(note);
      }
    }
  }

  [[nodiscard]] bool wants(picture p) const {
    return std::find(scenario_.pictures.begin(), scenario_.pictures.end(), p) !=
           scenario_.pictures.end();
  }
  [[nodiscard]] bool wants_before() const {
    return wants(picture::before) || wants(picture::difference);
  }

  static relief relief_of(const world& w) {
    return {w.config().size, w.config().geometry, w.simulation().frame_offset, w.surface()};
  }

  /// The surface that the run started from, also where this process did not.
  relief starting_relief(const start& from) const {
    return from.resumed && from.at.simulation().step > 0
               ? first_surface(scenario_, *from.resumed, from.at.config().size)
               : relief_of(from.at);
  }

  /// Work for a picture: what it lacks is a warning, for the run itself is done.
  template <class F>
  void drawing(const std::string& name, F&& work) {
    try {
      work();
    } catch (const error& e) {
      warn("cannot draw " + name + ": " + e.what());
    } catch (const std::bad_alloc&) {
      warn("cannot draw " + name + ": out of host memory");
    }
  }

  void draw(const world& w, const relief& before) {
    if (scenario_.pictures.empty()) {
      return;
    }
    const relief after = relief_of(w);
    const cut middle{cut::axis::y, after.size.y / 2};
    const auto save_picture = [&](picture p, auto&& image) {
      const bool of_start = p == picture::before || p == picture::difference;
      if (wants(p) && !(of_start && before.height.empty())) {
        const std::string name = std::string(picture_words[static_cast<std::size_t>(p)]) + ".png";
        drawing("'" + name + "'", [&] {
          io::write_png(folder_.path() / name, image());
          pictures_.push_back(folder_.path() / name);
        });
      }
    };
    // Beside each other they are of one scale of colours.
    const bool both = wants(picture::before) && wants(picture::after) && !before.height.empty();
    save_picture(picture::before, [&] { return draw_hillshade(before, both ? after : before); });
    save_picture(picture::after, [&] { return draw_hillshade(after, both ? before : after); });
    save_picture(picture::difference,
                 [&] { return draw_difference(before, after, w.column_fields()); });
    save_picture(picture::section,
                 [&] { return draw_section(after, w.current(), scenario_.materials, middle); });
    save_picture(picture::material,
                 [&] { return draw_materials(after, w.current(), scenario_.materials); });
    if (wants(picture::drainage) || wants(picture::slope_area)) {
      const drainage_map water = w.drainage();
      save_picture(picture::drainage, [&] { return draw_drainage(after, water); });
      save_picture(picture::slope_area, [&] { return draw_slope_area(after, water); });
    }
    save_picture(picture::exported, [&] { return draw_export(after, w.column_fields()); });
    save_picture(picture::series, [&] { return records_->draw_series(); });
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
    for (const auto& [stage, taken] : w.stage_seconds()) {
      seconds_["world." + stage] = taken;
    }
    s.seconds.assign(seconds_.begin(), seconds_.end());
    s.seconds.emplace_back("total", clock_.seconds());
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
    for (const auto& entry : checkpoints_.list()) {
      s.files.push_back(entry.file);
    }
    s.files.insert(s.files.end(), pictures_.begin(), pictures_.end());
    if (records_->has_series()) {
      s.files.push_back(folder_.path() / "series.csv");
    }
    s.files.insert(s.files.end(), records_->files().begin(), records_->files().end());
    for (const fs::path& file : trace_->files()) {
      s.files.push_back(file);
    }
    if (profile_written_) {
      s.files.push_back(options_.profile);
    }
    s.files.push_back(folder_.path() / "summary.json");
    s.warnings = warnings_;
    return s;
  }

  const scenario& scenario_;
  const run_options& options_;
  run_observer& observer_;
  stopwatch clock_;
  output_folder folder_;
  checkpoint_folder checkpoints_;
  pass_overlays overlays_;
  std::int64_t steps_;
  std::int64_t every_;
  std::int64_t keep_;
  std::int64_t saved_step_ = -1;
  std::map<std::string, double> seconds_;
  std::optional<run_records> records_;
  std::optional<run_trace> trace_;
  std::vector<fs::path> pictures_;
  std::vector<std::string> warnings_;
  run_profile profile_;
  double recorded_since_ = 0.0;  // the run's second at which the world's stages were first kept
  bool profile_written_ = false;
  memory_use most_memory_;
  std::future<written> saving_;  // last: its end waits for the write, which uses the rest
};

}  // namespace

run_summary run(const scenario& s, const run_options& options, run_observer& observer) {
  return runner(s, options, observer).run();
}

}  // namespace lithify::engine
