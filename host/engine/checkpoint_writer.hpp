/// Checkpoints of one run, written while it goes on.
#pragma once

#include "accounts.hpp"
#include "checkpoint_folder.hpp"
#include "lithify/engine/run.hpp"
#include "lithify/world.hpp"
#include "run_messages.hpp"
#include "run_times.hpp"

#include <cstdint>
#include <filesystem>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace lithify::engine {

/// One write at a time; its end waits for it.
class checkpoint_writer {
 public:
  /// What a run that was killed left unfinished in `folder` goes.
  /// Errors: invalid_argument (an option out of its range).
  checkpoint_writer(const scenario& s,
                    const run_options& options,
                    const std::filesystem::path& folder,
                    run_messages& messages,
                    run_times& times);

  /// Steps whose checkpoints are not this run's to remove, until it writes them itself. Before the
  /// first write.
  void spare(std::vector<std::int64_t> steps) { spared_ = std::move(steps); }

  /// Writes the first checkpoint of a run that begins in this folder; those that are there are of
  /// another one. Errors: what refused it; all that could be read stays as it was then.
  void begin(world& w, const accounts& books);
  /// Takes a checkpoint, which stalls the run, and begins to write it. The write before must have
  /// been finished.
  void save(world& w, const accounts& books);
  /// Waits until the last checkpoint is written. Errors: what refused it.
  void finish();
  /// Finishes a write that has ended: one that was refused ends the run now, not at the next one.
  void finish_if_ended();

  /// Whether a checkpoint is due after a step.
  [[nodiscard]] bool due(std::int64_t step) const { return every_ > 0 && step % every_ == 0; }
  /// The step last saved, or being saved; -1: none, or its write was refused.
  [[nodiscard]] std::int64_t saved_step() const { return saved_step_; }
  [[nodiscard]] const checkpoint_folder& folder() const { return folder_; }

 private:
  /// How the newest write goes; the thread that writes has it to itself.
  struct written {
    double begin = 0.0;  // in seconds of the run
    double end = 0.0;
    std::vector<std::string> remarks;  // some empty
    std::vector<set_aside_outcome> earlier;
  };

  void write(const io::checkpoint& data);

  const scenario& scenario_;
  const run_options& options_;
  checkpoint_folder folder_;
  run_messages& messages_;
  run_times& times_;
  std::int64_t every_;
  std::int64_t keep_;
  std::vector<std::int64_t> spared_;
  std::int64_t saved_step_ = -1;
  bool begins_ = false;
  written written_;
  std::future<void> saving_;  // last: its end waits for the write, which uses the rest
};

}  // namespace lithify::engine
