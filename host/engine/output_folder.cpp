#include "output_folder.hpp"

#include "checkpoint_folder.hpp"
#include "lithify/base/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

namespace lithify::engine {

namespace fs = std::filesystem;

namespace {

/// The process that locks what this descriptor is open on, as /proc/locks has it; empty if it does
/// not say. A line: "1: FLOCK  ADVISORY  WRITE 4711 fe:01:1234567 0 EOF".
std::string holder_of(int descriptor) {
  struct stat status {};
  std::ifstream locks("/proc/locks");
  if (::fstat(descriptor, &status) != 0) {
    return "";
  }
  const std::string inode = ":" + std::to_string(status.st_ino);
  std::string number, kind, mode, access, process, place, rest;
  while (locks >> number >> kind >> mode >> access >> process >> place &&
         std::getline(locks, rest)) {
    if (kind == "FLOCK" && place.ends_with(inode)) {
      return process;
    }
  }
  return "";
}

}  // namespace

output_folder::output_folder(fs::path folder) : folder_(std::move(folder)) {
  std::error_code failed;
  require(!fs::exists(folder_, failed) || fs::is_directory(folder_, failed), errc::invalid_argument,
          "output folder '" + folder_.string() + "' is a file; choose another with --out");
  make();
  try {
    prove_usable();
    lock();
  } catch (...) {
    unmake();
    throw;
  }
}

output_folder::~output_folder() {
  unmake();
  if (locked_ >= 0) {
    ::close(locked_);
  }
}

void output_folder::make() {
  fs::path at;
  for (const fs::path& part : fs::absolute(folder_).lexically_normal()) {
    at /= part;
    std::error_code failed;
    std::error_code ignored;
    if (!at.empty() && fs::create_directory(at, failed)) {
      made_.push_back(at);
    } else if (failed && !fs::is_directory(at, ignored)) {
      const std::string reason =
          fs::exists(at, ignored) ? "'" + at.string() + "' is a file" : failed.message();
      unmake();
      throw error(errc::io_failure, "output folder '" + folder_.string() + "' cannot be made: " +
                                        reason + "; choose another with --out");
    }
  }
}

// create_directory says what is wrong; a probe says it also where permissions are not what counts.
void output_folder::prove_usable() {
  std::error_code failed;
  (void)files_in(folder_, failed);
  require(!failed, errc::io_failure,
          "output folder '" + folder_.string() + "' cannot be read: " + failed.message() +
              "; choose another with --out");
  const fs::path probe = folder_ / (".lithify-probe-" + std::to_string(::getpid()));
  errno = 0;
  std::FILE* const file = std::fopen(probe.c_str(), "wx");
  const std::string reason = std::strerror(errno);
  require(file != nullptr, errc::io_failure,
          "output folder '" + folder_.string() + "' cannot be written: " + reason +
              "; choose another with --out");
  std::fclose(file);
  std::error_code ignored;
  fs::remove(probe, ignored);
}

void output_folder::lock() {
  locked_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (locked_ < 0 || ::flock(locked_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
    return;
  }
  const std::string holder = holder_of(locked_);
  ::close(locked_);
  locked_ = -1;
  throw error(errc::invalid_argument, "output folder '" + folder_.string() +
                                          "' is in use by another run" +
                                          (holder.empty() ? "" : " (process " + holder + ")") +
                                          "; wait for its end or choose another with --out");
}

// remove refuses a folder that is not empty, as it should.
void output_folder::unmake() {
  std::error_code ignored;
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) {
    fs::remove(*folder, ignored);
  }
}

}  // namespace lithify::engine
