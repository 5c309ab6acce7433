/// Sizes of benchmarks: full, or small (LITHIFY_BENCH_SMALL) to see that everything runs.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace lithify::bench {

[[nodiscard]] inline bool small_sizes() { return std::getenv("LITHIFY_BENCH_SMALL") != nullptr; }

/// Whether to run what needs many gigabytes or minutes too (LITHIFY_BENCH_LARGE).
[[nodiscard]] inline bool large_sizes() { return std::getenv("LITHIFY_BENCH_LARGE") != nullptr; }

[[nodiscard]] inline std::int64_t size_of_run(std::int64_t full, std::int64_t small) {
  return small_sizes() ? small : full;
}

}  // namespace lithify::bench
