/// What a backend knows of its devices.
#include "lithify/engine/devices.hpp"
#include "world_core.cuh"

#include <sys/sysinfo.h>

#include <string>
#include <thread>
#include <vector>

#if LITHIFY_ON_CUDA
#include "lithify/device/cuda_check.cuh"
#endif

namespace lithify::engine::inline LITHIFY_BACKEND {

#if LITHIFY_ON_CUDA

int use_device(int ordinal) {
  device::check(cudaSetDevice(ordinal), "select a device");
  return ordinal;
}

namespace {

// Without a driver CUDA calls the driver too old.
std::string why_none(cudaError_t status) {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) {
    return "there is no NVIDIA driver";
  }
  return status == cudaSuccess ? "there is no NVIDIA GPU" : cudaGetErrorString(status);
}

}  // namespace

std::vector<device_info> backend_devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    (void)cudaGetLastError();
    return {{"cuda", "", 0, false, why_none(status)}};
  }
  std::vector<device_info> all;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    cudaDeviceProp properties{};
    device_info d{"cuda:" + std::to_string(ordinal), "", 0, false, ""};
    if (const cudaError_t failed = cudaGetDeviceProperties(&properties, ordinal);
        failed != cudaSuccess) {
      (void)cudaGetLastError();
      d.why = cudaGetErrorString(failed);
    } else {
      constexpr int oldest = 8;  // the binaries hold code for compute capability 8.0 and up
      d.description = properties.name;
      d.memory_bytes = properties.totalGlobalMem;
      d.usable = properties.major >= oldest;
      d.why = d.usable ? "" : "its compute capability is below 8.0";
    }
    all.push_back(d);
  }
  return all;
}

#else

int use_device(int ordinal) { return ordinal; }

std::vector<device_info> backend_devices() {
  struct sysinfo memory {};
  const std::size_t bytes =
      sysinfo(&memory) == 0 ? std::size_t{memory.totalram} * memory.mem_unit : 0;
  return {{"cpu", std::to_string(std::thread::hardware_concurrency()) + " hardware threads", bytes,
           true, ""}};
}

#endif

}  // namespace lithify::engine::inline LITHIFY_BACKEND
