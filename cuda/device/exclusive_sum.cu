/// The prefix sum of the verbs on CUDA: compiled here once, for all that scan and select.
#include "lithify/device/verbs.cuh"

#if LITHIFY_ON_CUDA
#include <cub/device/device_scan.cuh>

namespace lithify::device::inline LITHIFY_BACKEND {

void detail::exclusive_sum(exec ex, std::int64_t* values, std::int64_t n) {
  std::size_t bytes = 0;
  check(cub::DeviceScan::ExclusiveSum(nullptr, bytes, values, values, n, ex.stream.native()),
        "scan");
  const buffer<std::byte> scratch(ex, static_cast<std::int64_t>(bytes));
  check(cub::DeviceScan::ExclusiveSum(scratch.data(), bytes, values, values, n, ex.stream.native()),
        "scan");
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
#endif
