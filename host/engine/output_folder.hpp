/// The folder that a run writes into.
#pragma once

#include <filesystem>
#include <vector>

namespace lithify::engine {

/// Made, proved usable and locked at once; if the run leaves nothing in folders that were made for
/// it, they go again. The lock (flock) is on the folder itself: it ends with the process, however
/// that ends, and leaves no file. Where a file system has no such locks there is none.
class output_folder {
 public:
  /// Errors: invalid_argument (a file has that name, another run writes into it), io_failure (it
  /// cannot be made, read or written).
  explicit output_folder(std::filesystem::path folder);
  ~output_folder();
  output_folder(const output_folder&) = delete;
  output_folder& operator=(const output_folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return folder_; }

 private:
  void make();
  void prove_usable();
  void lock();
  void unmake();

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> made_;  // innermost last
  int locked_ = -1;
};

}  // namespace lithify::engine
