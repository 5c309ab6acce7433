/// The file layer: every byte that io writes goes through `replace_file`.
///
/// A file is replaced whole or not at all: temporary file beside it, write, fsync, rename, fsync of
/// the folder. When any call fails the temporary file is removed and the older file stays as it
/// was. A descriptor whose fsync failed is never synced again: the kernel may have dropped the
/// pages and call the next fsync a success (Rebello et al., "Can applications recover from fsync
/// failures?", USENIX ATC 2020). The data, still in memory, go to a new file once. Linux system
/// calls sit behind `file_system` so that tests can let the k-th call fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lithify::io {

/// The system calls of the file layer; each gives what the call of the same name gives, errno
/// included.
class file_system {
 public:
  file_system() = default;
  file_system(const file_system&) = delete;
  file_system& operator=(const file_system&) = delete;
  virtual ~file_system() = default;

  virtual int open(const char* path, int flags, unsigned mode);
  virtual ssize_t write(int descriptor, const void* data, std::size_t size);
  virtual int truncate(int descriptor);
  virtual int sync(int descriptor);
  virtual int close(int descriptor);
  virtual int rename(const char* from, const char* to);
  virtual int remove(const char* path);
  /// Bytes that this user may still write on the file system of a folder; the largest number where
  /// that is not known.
  virtual std::uint64_t available(const char* folder);

  /// The operating system's own calls.
  [[nodiscard]] static file_system& real();
};

/// Makes `pieces`, one after another, the whole content of `file`. Gives what its owner should be
/// told though the file stands, in one line: the system would not sync it at first. Empty if all
/// went well.
///
/// Errors: io_failure with the path, the step that failed and the system's reason; also when
/// another process is writing the same file. out_of_space when the file would not fit (before
/// anything is written), or did not: a full disk, a quota, a limit of file sizes.
std::string replace_file(const std::filesystem::path& file,
                         std::span<const std::span<const std::byte>> pieces,
                         file_system& system = file_system::real());

/// A regular file opened for reading; the descriptor stays on the same bytes when the name is
/// replaced meanwhile.
class input_file {
 public:
  /// Errors: not_found; io_failure (no permission, a folder, a device).
  explicit input_file(const std::filesystem::path& file);
  ~input_file();
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Fills `into` from `offset`.
  /// Errors: io_failure; corrupt_file when the file ends before.
  void read_at(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// The whole file as bytes.
/// Errors: as `input_file`; corrupt_file when it is larger than `limit`.
[[nodiscard]] std::string read_text(const std::filesystem::path& file, std::uint64_t limit);

}  // namespace lithify::io
