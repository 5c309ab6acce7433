/// Turns CUDA's error codes into `lithify::error`. CUDA sources only.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/device/backend.cuh"

#include <source_location>
#include <string>

namespace lithify::device::inline LITHIFY_BACKEND {

/// Clears an error that nobody hears of: the check after the next launch would take it for its own.
inline cudaError_t forget(cudaError_t status) {
  if (status != cudaSuccess) {
    (void)cudaGetLastError();
  }
  return status;
}

/// Throws out_of_memory or device_failure unless `status` is success.
inline void check(cudaError_t status,
                  const char* what,
                  std::source_location place = std::source_location::current()) {
  if (forget(status) == cudaSuccess) {
    return;
  }
  throw error(status == cudaErrorMemoryAllocation ? errc::out_of_memory : errc::device_failure,
              std::string("CUDA: ") + what + ": " + cudaGetErrorString(status), place);
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
