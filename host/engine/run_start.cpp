#include "run_start.hpp"

#include "checkpoint_folder.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "same_scenario.hpp"
#include "same_world.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

class starter {
 public:
  starter(const scenario& s,
          const run_options& options,
          const fs::path& folder,
          run_messages& messages)
      : scenario_(s), options_(options), folder_(folder), messages_(messages) {}

  run_start begin() {
    if (options_.resume) {
      if (auto loaded = find_resumed()) {
        return resume(*loaded);
      }
      messages_.note("no checkpoint in '" + folder_.string() + "' yet: starting afresh");
    }
    world w = fresh_world();
    const int128 stored = w.stored();
    return {std::move(w), accounts(stored), std::nullopt, {}};
  }

 private:
  std::optional<checkpoint_folder::loaded> find_resumed() {
    const auto heard = [this](const std::string& text) { messages_.warn(text); };
    if (*options_.resume == "auto") {
      return checkpoint_folder(folder_).newest(heard);
    }
    const fs::path from(*options_.resume);
    if (!fs::is_directory(from)) {
      return checkpoint_folder::loaded{io::read_checkpoint(from), from, {}};
    }
    auto found = checkpoint_folder(from).newest(heard);
    require(found.has_value(), errc::not_found,
            "folder '" + from.string() + "' holds no checkpoint to resume from");
    return found;
  }

  run_start resume(checkpoint_folder::loaded& from) {
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
    messages_.note("resumed from '" + from.file.string() + "' at step " +
                   std::to_string(from.data.state.step));
    const io::budget_totals& budget = from.data.state.budget;
    const bool here = is_here(from.file);
    return {std::move(w), accounts(budget),
            resumed_run{here ? folder_ : from.file.parent_path(), here, from.data.scenario,
                        from.data.geometry, budget.stored_at_start},
            std::move(from.passed_over)};
  }

  /// Whether a file is in the run's own folder, be it by its name or behind a link.
  [[nodiscard]] bool is_here(const fs::path& file) const {
    const fs::path own = place_of(folder_);
    return place_of(file.parent_path()) == own || place_of(file).parent_path() == own;
  }

  /// What the scenario's world was made from may be gone by now: the checkpoint holds all of it.
  void compare_region(const checkpoint_folder::loaded& from) {
    try {
      require_same_region(scenario_, from.data, from.file);
    } catch (const error& e) {
      if (e.code() != errc::not_found) {
        throw;
      }
      messages_.warn(std::string(e.what()) + "; the checkpoint is resumed without comparing it");
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
      messages_.warn(made + kept + ", which stay as they are in it: to change them, start afresh");
    }
    if (!anew.empty()) {
      messages_.warn(made + anew + "; from step " + std::to_string(from.data.state.step) +
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
      messages_.warn("checkpoint '" + from.file.string() + "' is of format 1." +
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

  const scenario& scenario_;
  const run_options& options_;
  const fs::path& folder_;
  run_messages& messages_;
};

}  // namespace

run_start begin_run(const scenario& s,
                    const run_options& options,
                    const fs::path& folder,
                    run_messages& messages) {
  return starter(s, options, folder, messages).begin();
}

}  // namespace lithify::engine
