/// Runs the program `lithify` as a user does, and a small world for it to run.
#pragma once

#include "temporary_folder.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace lithify::test {

struct outcome {
  int code = -1;  ///< exit code, or -signal
  std::string out;
  std::string err;
};

/// A started program; waits for it at the end of its life at the latest.
class process {
 public:
  /// `prepare` runs in the new process before the program does: limits, redirections.
  explicit process(const std::vector<std::string>& arguments,
                   const std::string& program = LITHIFY_TEST_PROGRAM,
                   const std::function<void()>& prepare = {}) {
    std::vector<std::string> words = {program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& w : words) {
      argv.push_back(w.data());
    }
    argv.push_back(nullptr);
    id_ = ::fork();
    if (id_ == 0) {
      redirect(folder_ / "out", STDOUT_FILENO);
      redirect(folder_ / "err", STDERR_FILENO);
      if (prepare) {
        prepare();
      }
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~process() {
    if (running_) {
      (void)finish();
    }
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  [[nodiscard]] pid_t id() const { return id_; }
  void signal(int number) const { ::kill(id_, number); }
  [[nodiscard]] std::string err_so_far() const { return read_file(folder_ / "err"); }

  [[nodiscard]] outcome finish() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    running_ = false;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read_file(folder_ / "out"),
            read_file(folder_ / "err")};
  }

 private:
  static void redirect(const std::filesystem::path& file, int descriptor) {
    const int opened = ::open(file.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ::dup2(opened, descriptor);
    ::close(opened);
  }

  temporary_folder folder_;
  pid_t id_ = -1;
  bool running_ = true;
};

[[nodiscard]] inline outcome lithify(const std::vector<std::string>& arguments) {
  return process(arguments).finish();
}

/// An ESRI ASCII grid of hills of 5 m cells; (x, y) -> metres.
[[nodiscard]] inline std::string hills(int nx, int ny) {
  std::ostringstream text;
  text << "ncols " << nx << "\nnrows " << ny
       << "\nxllcorner 1000\nyllcorner 2000\ncellsize 5\nNODATA_value -9999\n";
  for (int row = 0; row < ny; ++row) {
    for (int x = 0; x < nx; ++x) {
      const int y = ny - 1 - row;
      text << 40.0 + 0.125 * ((x * 37 + y * 91 + x * y * 13) % 64) << ' ';
    }
    text << '\n';
  }
  return text.str();
}

/// A scenario over `dem.asc` in its own folder.
inline const char* const small_scenario = R"([world]
dem = "dem.asc"
voxel_height_m = 1.0
basement_m = 10
headroom_m = 20

[[world.layer]]
material = "soil"
thickness_m = 1.5

[[world.layer]]
material = "sandstone"
base_elevation_m = 41
dip_deg = 5
dip_direction_deg = 90

[[world.layer]]
material = "granite"

[run]
steps = 6
step_yr = 100

[passes]
order = ["uplift", "diffusion"]

[passes.uplift]
rate_m_per_yr = 2e-3

[passes.diffusion]
diffusivity_m2_per_yr = 0.05

[overlay]
threshold = 100

[checkpoint]
every = 2
)";

/// Writes the small world and its scenario. Gives the scenario's path.
inline std::string write_small_world(const temporary_folder& folder, int nx = 16, int ny = 12) {
  write_file(folder / "dem.asc", hills(nx, ny));
  write_file(folder / "s.toml", small_scenario);
  return (folder / "s.toml").string();
}

}  // namespace lithify::test
