#include "lithify/device/threads.hpp"

#include "lithify/base/error.hpp"

#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/task_arena.h>

#include <string>

namespace lithify::device {

void with_threads(int threads, const std::function<void()>& work) {
  require(threads >= 0 && threads <= max_threads, errc::invalid_argument,
          "the number of threads must be from 0 to " + std::to_string(max_threads) + ", not " +
              std::to_string(threads));
  const int used = threads == 0 ? tbb::info::default_concurrency() : threads;
  // The arena makes the slots, the control makes TBB keep as many workers for them.
  const tbb::global_control control(tbb::global_control::max_allowed_parallelism,
                                    static_cast<std::size_t>(used));
  tbb::task_arena arena(used);
  arena.execute(work);
}

int concurrency() { return tbb::this_task_arena::max_concurrency(); }

}  // namespace lithify::device
