/// Host memory that runs out: programs linked with lithify_refused_allocations have an `operator
/// new` of their own, which refuses one allocation of the thread that asked for that.
#pragma once

#include <cstdint>

namespace lithify::test {

/// Allocations of this thread until one is refused; below 0: none is, as at the start and after one
/// was.
[[nodiscard]] std::int64_t allocations_left();
void set_allocations_left(std::int64_t n);

}  // namespace lithify::test
