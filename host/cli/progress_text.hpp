/// What progress looks like: a bar on a terminal, plain lines elsewhere, both on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lithify::cli {

enum class progress_mode { automatic, always, never };

// Chosen: a bar that moves smoothly, lines that do not flood a log.
inline constexpr std::chrono::milliseconds bar_interval{100};
inline constexpr std::chrono::milliseconds line_interval{2000};

// Chosen: what is done by then needs no progress, unless it is always wanted.
inline constexpr std::chrono::seconds patience{1};

/// Whether it is a bar: on a terminal, and where one is asked for.
[[nodiscard]] bool is_bar(progress_mode mode);
/// Puts a bar that is `done` of `all` full, and words, in the place of the one before.
void put_bar(std::int64_t done, std::int64_t all, const std::string& words);
/// Takes the bar off.
void clear_bar_line();

/// 1:02:03.
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace lithify::cli
