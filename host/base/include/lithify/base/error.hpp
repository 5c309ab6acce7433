/// The one exception type of Lithify and the functions that throw it.
///
/// Thrown on the host only: device code sets a flag word that the host reads at its next
/// synchronisation. Every public call that throws leaves the object it was called on unchanged.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lithify {

/// What went wrong, coarse enough to act on. The command line maps these to exit codes.
enum class errc {
  invalid_argument,     ///< a value outside its documented range, a malformed request (exit 2)
  outside_region,       ///< a voxel coordinate that the region does not hold (exit 2)
  not_found,            ///< a file, device or name that is not there (exit 2)
  corrupt_file,         ///< a file whose bytes contradict themselves or their checksum (exit 2)
  io_failure,           ///< the operating system refused a read or a write (exit 2)
  out_of_range,         ///< a pass would leave the region's range of heights (exit 2)
  unsupported_version,  ///< a file written by a newer version (exit 3)
  out_of_memory,        ///< device or host memory, or a full pool (exit 4)
  out_of_space,         ///< a full disk, a quota, a limit of file sizes (exit 4)
  device_failure,       ///< the CUDA runtime reported an error (exit 5)
  internal,             ///< a broken invariant: a defect of Lithify (exit 5)
};

/// The word for a code as it appears in messages and JSON, e.g. "out_of_memory".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// A refused or failed operation: what, where and what to do, in one line.
class error : public std::runtime_error {
 public:
  error(errc code,
        const std::string& message,
        std::source_location place = std::source_location::current())
      : std::runtime_error(message), code_(code), place_(place) {}

  [[nodiscard]] errc code() const noexcept { return code_; }
  /// Where in the library the error was raised.
  [[nodiscard]] const std::source_location& place() const noexcept { return place_; }

 private:
  errc code_;
  std::source_location place_;
};

/// Throws `error{code, message}` unless `condition` holds.
inline void require(bool condition,
                    errc code,
                    std::string_view message,
                    std::source_location place = std::source_location::current()) {
  if (!condition) {
    throw error(code, std::string(message), place);
  }
}

}  // namespace lithify
