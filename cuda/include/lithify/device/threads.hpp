/// How many threads the CPU backend uses. Plain C++20.
#pragma once

#include <functional>

namespace lithify::device {

/// Chosen: far above any machine; a system that refuses to start a thread would end the program.
inline constexpr int max_threads = 1024;

/// Runs `work` in an arena of its own, in which the CPU backend's verbs use at most `threads`
/// threads, the calling one included; 0 = one a core. More threads than the machine has are
/// possible: that is how tests show that results do not depend on their number. Without TBB one
/// thread does all work. Errors: invalid_argument outside 0..1024; what `work` throws.
void with_threads(int threads, const std::function<void()>& work);

/// Threads that the CPU backend's verbs may use where this is called; at least 1.
[[nodiscard]] int concurrency();

}  // namespace lithify::device
