/// Host memory that runs out: programs linked with lithify_refused_allocations have an `operator
/// new` of their own, which refuses one allocation of the thread that asked for that, or two.
#pragma once

#include <cstdint>

namespace lithify::test {

/// Allocations of this thread until one is refused; below 0: none is, as at the start and after the
/// last that was asked for.
[[nodiscard]] std::int64_t allocations_left();
/// `then`: what is left after the refused one.
void set_allocations_left(std::int64_t n, std::int64_t then = -1);

}  // namespace lithify::test
