/// The checkpoints of one run: names, the newest valid one, and which ones go.
///
/// A checkpoint of step N is `checkpoint-<N, 8 digits or more>.h5` in the output folder. One
/// that is being written is that and `.tmp`. One that is damaged, or is in the way and cannot be
/// read, is set aside as `<name>.broken`, and one of an earlier run that was further as
/// `<name>.earlier`, each in the place of what has that name: neither is taken for a checkpoint
/// again. Files of other names are never touched here; of an earlier run's records
/// earlier_files.hpp takes care.
#pragma once

#include "lithify/io/checkpoint.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace lithify::engine {

/// What came of setting a file aside.
struct set_aside_outcome {
  bool done = false;
  std::string line;
};

class checkpoint_folder {
 public:
  explicit checkpoint_folder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::filesystem::path name(std::int64_t step) const;

  struct entry {
    std::int64_t step;
    std::filesystem::path file;
  };
  /// The checkpoints there are, newest first.
  [[nodiscard]] std::vector<entry> list() const;

  /// A checkpoint and the file that it came from.
  struct loaded {
    io::checkpoint data;
    std::filesystem::path file;
    std::vector<std::int64_t> passed_over;  ///< steps of newer ones that the disk does not give
  };
  /// The newest checkpoint that reads well. `warn` hears of each that does not: a damaged one is
  /// set aside, one that the disk does not give is passed over. Nothing if the folder holds none.
  /// Errors: unsupported_version (it is not set aside), corrupt_file (none can be read).
  [[nodiscard]] std::optional<loaded> newest(
      const std::function<void(const std::string&)>& warn) const;

  /// Sets aside the checkpoint of a step if there is one and it cannot be read, be it that the disk
  /// does not give it, that its checksums do not hold or that a newer program wrote it: a run is
  /// about to write one of that name. Gives a line that says so, or nothing. Reads the file once,
  /// in pieces. Errors: io_failure (it can be neither read nor set aside).
  [[nodiscard]] std::string set_aside_unreadable(std::int64_t step) const;

  /// Removes what a run that was killed in the middle of a write left of it. Only for who has the
  /// folder for himself.
  void remove_unfinished() const;

  /// Removes all but the newest `keep` of the checkpoints up to `step` and those of every
  /// `keep_every`-th step (0: none). Those of `spared` steps neither go nor count.
  void prune(std::int64_t step,
             std::int64_t keep,
             std::int64_t keep_every,
             const std::vector<std::int64_t>& spared) const;

  /// Sets aside what an earlier run left beyond `step` but for `spared` steps, and what it left
  /// before it where this run is `another` one, in the place of what was set aside under that name
  /// before. Gives what came of each.
  [[nodiscard]] std::vector<set_aside_outcome> set_aside_checkpoints(
      std::int64_t step, bool another, const std::vector<std::int64_t>& spared) const;

 private:
  std::filesystem::path folder_;
};

/// Whether a name is that of a checkpoint, or of one that is being written or was set aside.
[[nodiscard]] bool has_checkpoint_name(const std::string& name);
/// A name without the ending of a file that is being written or was set aside.
[[nodiscard]] std::string without_ending(std::string name);

/// What lies in a folder; nothing where there is none. Where `failed` is set, there may be more.
[[nodiscard]] std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                                          std::error_code& failed);

/// Sets aside a file of an earlier run as `<name>.earlier`, in the place of what was set aside
/// under that name before.
[[nodiscard]] set_aside_outcome set_aside_earlier(const std::filesystem::path& file,
                                                  const std::string& whose = "an earlier run");

}  // namespace lithify::engine
