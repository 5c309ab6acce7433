#include "file_layer.hpp"

#include "lithify/base/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <system_error>

namespace lithify::io {

namespace {

std::string reason(int code) { return std::generic_category().message(code); }

bool is_full(int code) { return code == ENOSPC || code == EDQUOT || code == EFBIG; }

[[noreturn]] void fail(std::string_view what, const std::string& path, int code) {
  const bool full = is_full(code);
  throw error(full ? errc::out_of_space : errc::io_failure,
              "cannot " + std::string(what) + " '" + path + "': " + reason(code) +
                  (full ? "; make room or write elsewhere" : ""));
}

/// Refuses what cannot fit before a byte of it is written: the space that is left stays free for
/// others.
void require_room(file_system& system,
                  const std::string& file,
                  const std::string& folder,
                  std::uint64_t bytes) {
  const std::uint64_t room = system.available(folder.c_str());
  require(bytes <= room, errc::out_of_space,
          "cannot write '" + file + "': it has " + std::to_string(bytes) + " bytes, '" + folder +
              "' has room for " + std::to_string(room) + "; make room or write elsewhere");
}

/// The temporary file: removed, unless it was renamed, when the scope ends.
class temporary_file {
 public:
  /// `flags`: further ones of open.
  temporary_file(file_system& system, std::string path, int flags)
      : system_(system), path_(std::move(path)) {
    lock(flags);
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  ~temporary_file() {
    if (!renamed_) {
      system_.remove(path_.c_str());
    }
    if (descriptor_ >= 0) {
      system_.close(descriptor_);
    }
  }

  void write(std::span<const std::byte> data) {
    // One call takes at most 2^31 - 4096 bytes on Linux; smaller ones keep signals prompt.
    constexpr std::size_t largest = std::size_t{1} << 26;
    while (!data.empty()) {
      const ssize_t done = system_.write(descriptor_, data.data(), std::min(data.size(), largest));
      if (done < 0 && errno == EINTR) {
        continue;
      }
      if (done <= 0) {
        fail("write", path_, done < 0 ? errno : ENOSPC);
      }
      data = data.subspan(static_cast<std::size_t>(done));
    }
  }

  /// Gives 0, or why the system would not.
  [[nodiscard]] int sync() { return system_.sync(descriptor_) == 0 ? 0 : errno; }

  void rename_to(const std::string& target) {
    if (system_.rename(path_.c_str(), target.c_str()) != 0) {
      fail("rename to", target, errno);
    }
    renamed_ = true;
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (system_.close(descriptor) != 0) {
      fail("close", target, errno);
    }
  }

 private:
  // A fixed name lets the next writer reuse what a killed process left; the lock keeps two live
  // writers apart. The name may be renamed away between open and lock: then try again.
  void lock(int flags) {
    for (;;) {
      descriptor_ = system_.open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
      if (descriptor_ < 0) {
        renamed_ = true;  // nothing of ours to remove
        fail("create", path_, errno);
      }
      if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        system_.close(descriptor_);
        throw error(errc::io_failure,
                    "cannot write '" + path_ + "': another process is writing it");
      }
      struct stat opened {};
      struct stat named {};
      if (::fstat(descriptor_, &opened) == 0 && ::stat(path_.c_str(), &named) == 0 &&
          opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
        break;
      }
      system_.close(descriptor_);
    }
    if (system_.truncate(descriptor_) != 0) {
      const int code = errno;
      system_.remove(path_.c_str());
      system_.close(descriptor_);
      fail("truncate", path_, code);
    }
  }

  file_system& system_;
  std::string path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

/// Writes all of it under a temporary name and renames that. Gives 0, or why the system would not
/// sync it, and nothing is renamed then.
int write_and_rename(file_system& system,
                     const std::string& file,
                     std::span<const std::span<const std::byte>> pieces,
                     int flags = 0) {
  temporary_file temporary(system, file + ".tmp", flags);
  for (const auto piece : pieces) {
    temporary.write(piece);
  }
  const int refused = temporary.sync();
  if (refused == 0) {
    temporary.rename_to(file);
  }
  return refused;
}

/// What the system would not sync, once more, in a file that was not there. More room it does not
/// make.
void write_again(file_system& system,
                 const std::string& file,
                 std::span<const std::span<const std::byte>> pieces,
                 int refused) {
  int again = refused;
  if (!is_full(refused)) {
    try {
      again = write_and_rename(system, file, pieces, O_EXCL);
    } catch (const error& e) {
      throw error(e.code(), std::string(e.what()) + "; before that it could not be synced (" +
                                reason(refused) + ")");
    }
  }
  if (again != 0) {
    fail("sync", file, again);
  }
}

void sync_folder(file_system& system, const std::string& folder) {
  const int descriptor = system.open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (descriptor < 0) {
    fail("open the folder", folder, errno);
  }
  const int result = system.sync(descriptor);
  const int code = errno;
  system.close(descriptor);
  // EINVAL: a file system whose folders cannot be synced (some network ones) syncs them by itself.
  if (result != 0 && code != EINVAL) {
    fail("sync the folder", folder, code);
  }
}

}  // namespace

int file_system::open(const char* path, int flags, unsigned mode) {
  return ::open(path, flags, mode);
}
ssize_t file_system::write(int descriptor, const void* data, std::size_t size) {
  return ::write(descriptor, data, size);
}
int file_system::truncate(int descriptor) { return ::ftruncate(descriptor, 0); }
int file_system::sync(int descriptor) { return ::fsync(descriptor); }
int file_system::close(int descriptor) { return ::close(descriptor); }
int file_system::rename(const char* from, const char* to) { return ::rename(from, to); }
int file_system::remove(const char* path) { return ::unlink(path); }
std::uint64_t file_system::available(const char* folder) {
  std::error_code failed;
  const std::filesystem::space_info space = std::filesystem::space(folder, failed);
  // Some network and user-space file systems state a size of zero: they do not know.
  const bool known = !failed && space.capacity > 0;
  return known ? space.available : std::numeric_limits<std::uint64_t>::max();
}

file_system& file_system::real() {
  static file_system system;
  return system;
}

std::string replace_file(const std::filesystem::path& file,
                         std::span<const std::span<const std::byte>> pieces,
                         file_system& system) {
  require(file.has_filename(), errc::io_failure,
          "cannot write '" + file.string() + "': the name of a file is missing");
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  std::uint64_t bytes = 0;
  for (const auto piece : pieces) {
    bytes += piece.size();
  }
  require_room(system, file.string(), folder, bytes);
  const int refused = write_and_rename(system, file.string(), pieces);
  if (refused != 0) {
    write_again(system, file.string(), pieces, refused);
  }
  sync_folder(system, folder);
  return refused == 0 ? std::string()
                      : "'" + file.string() + "' could not be synced (" + reason(refused) +
                            ") and was written a second time, to a new file: check the disk";
}

input_file::input_file(const std::filesystem::path& file) : name_(file.string()) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  descriptor_ = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    const int code = errno;
    if (code == ENOENT || code == ENOTDIR) {
      throw error(errc::not_found, "'" + name_ + "' does not exist");
    }
    fail("open", name_, code);
  }
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw error(errc::io_failure, "cannot read '" + name_ + "': it is not a regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

input_file::~input_file() { ::close(descriptor_); }

void input_file::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  while (!into.empty()) {
    const ssize_t done = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done < 0) {
      fail("read", name_, errno);
    }
    require(done > 0, errc::corrupt_file,
            "'" + name_ + "' ends at byte " + std::to_string(offset) + ", before its data do");
    into = into.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
}

std::string read_text(const std::filesystem::path& file, std::uint64_t limit) {
  const input_file input(file);
  require(input.size() <= limit, errc::corrupt_file,
          "'" + input.name() + "' has " + std::to_string(input.size()) + " bytes; at most " +
              std::to_string(limit) + " are read");
  std::string text(static_cast<std::size_t>(input.size()), '\0');
  input.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace lithify::io
