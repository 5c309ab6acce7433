/// Processor time: what other work on the machine distorts least.
#pragma once

#include <ctime>

namespace lithify::bench {

/// Seconds that all threads of this process have run so far.
[[nodiscard]] inline double core_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace lithify::bench
