/// Helpers of the device layer's tests: every way in which work can run, and arrays to and from it.
#pragma once

#include "lithify/device/verbs.cuh"
#include "lithify/device/work_order.cuh"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {

/// Sizes at which loops, warps, blocks and lines begin and end.
inline const std::vector<std::int64_t> edge_sizes = {
    0,   1,    2,    31,   32,    33,    63,    64,    65,    255,   256,   257,   511,   512,
    513, 2047, 2048, 2049, 16383, 16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537, 1000000};

/// Runs test(exec) in work orders 0..5, each on a stream that runs at once and on one that delays.
/// On CUDA the work order has no meaning: one run.
template <class Test>
void in_every_mode(Test test) {
  for (std::uint64_t order = 0; order <= (LITHIFY_ON_CUDA ? 0 : 5); ++order) {
    for (const bool delayed : {false, true}) {
      SCOPED_TRACE("work order " + std::to_string(order) + (delayed ? ", delaying" : ""));
      memory_pool pool;
      stream s = delayed ? stream::delaying(order + 1) : stream();
      work_order::set_seed(order);
      test(exec{s.ref(), &pool});
      s.ref().synchronize();
      work_order::set_seed(0);
      EXPECT_EQ(pool.bytes_in_use(), 0U);
      if (testing::Test::HasFatalFailure()) {
        return;
      }
    }
  }
}

template <class T>
buffer<T> to_device(exec ex, const std::vector<T>& values) {
  buffer<T> made(ex, static_cast<std::int64_t>(values.size()));
  copy_to_device(ex, made.data(), values.data(), made.size());
  return made;
}

template <class T>
std::vector<T> to_host(exec ex, const buffer<T>& from) {
  std::vector<T> values(static_cast<std::size_t>(from.size()));
  copy_to_host(ex, values.data(), from.data(), from.size());
  return values;
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
