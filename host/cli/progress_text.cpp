#include "progress_text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace lithify::cli {

namespace {

constexpr const char* clear_line = "\r\x1b[K";

}  // namespace

bool is_bar(progress_mode mode) {
  return mode == progress_mode::always || ::isatty(STDERR_FILENO) == 1;
}

void put_bar(std::int64_t done, std::int64_t all, const std::string& words) {
  constexpr std::int64_t width = 24;
  const std::int64_t full = all > 0 ? width * done / all : width;
  const std::string line = fmt::format(
      "{}[{:-<{}}] {}", clear_line, std::string(static_cast<std::size_t>(full), '#'), width, words);
  (void)std::fputs(line.c_str(), stderr);
}

void clear_bar_line() { (void)std::fputs(clear_line, stderr); }

std::string duration_text(double seconds) {
  const std::int64_t s = std::llround(seconds);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace lithify::cli
