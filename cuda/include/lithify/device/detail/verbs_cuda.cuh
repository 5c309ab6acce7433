/// Bodies of the verbs on CUDA: kernels of our own for loops, CUB for scans, reductions and
/// selection.
///
/// Scratch is given back in order with the stream, so no body waits for its own work.
#pragma once

#include "lithify/device/buffer.cuh"
#include "lithify/device/cuda_check.cuh"
#include "lithify/device/group.cuh"

#include <cub/device/device_reduce.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/tabulate_output_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <algorithm>

namespace lithify::device::inline LITHIFY_BACKEND {

namespace detail {

inline constexpr int threads = 256;
/// Most blocks of a launch: loops stride over the rest. Chosen: 132 SMs x 8 blocks, a few waves.
inline constexpr std::int64_t max_blocks = 132 * 8 * 8;

inline unsigned int blocks_for(std::int64_t items, std::int64_t items_per_block) {
  return static_cast<unsigned int>(
      std::min(max_blocks, (items + items_per_block - 1) / items_per_block));
}

// The functors stay in constant memory, where parameters arrive: views of a hundred words would
// otherwise be copied to every thread's stack as soon as one takes the address of a member.

template <class F>
__global__ void __launch_bounds__(threads)
    each_kernel(std::int64_t n, const __grid_constant__ F f) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += stride) {
    f(i);
  }
}

template <std::size_t ScratchBytes, int Groups, class F>
__global__ void __launch_bounds__(Groups* lane_group::lanes)
    group_kernel(std::int64_t n, const __grid_constant__ F f) {
  constexpr std::size_t bytes = ScratchBytes > 0 ? (ScratchBytes + 63) / 64 * 64 : 64;
  __shared__ alignas(64) std::byte scratch[Groups][bytes];
  const int group = static_cast<int>(threadIdx.x) / lane_group::lanes;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * Groups + group; i < n;
       i += static_cast<std::int64_t>(gridDim.x) * Groups) {
    f(lane_group(), i, scratch[group]);
    __syncwarp();  // the next item reuses the scratch
  }
}

}  // namespace detail

template <class F>
void for_each_n(exec ex, std::int64_t n, F f) {
  if (n > 0) {
    detail::each_kernel<<<detail::blocks_for(n, detail::threads), detail::threads, 0,
                          ex.stream.native()>>>(n, f);
    check(cudaGetLastError(), "launch");
  }
}

template <std::size_t ScratchBytes, class F>
void for_each_group(exec ex, std::int64_t n, F f) {
  static_assert(ScratchBytes <= 48 * 1024, "static shared memory that every architecture grants");
  constexpr int groups = ScratchBytes <= 1536 ? 8 : ScratchBytes <= 6144 ? 4 : 1;
  if (n > 0) {
    detail::group_kernel<ScratchBytes, groups, F>
        <<<detail::blocks_for(n, groups), groups * lane_group::lanes, 0, ex.stream.native()>>>(n,
                                                                                               f);
    check(cudaGetLastError(), "launch");
  }
}

template <class T>
void fill(exec ex, T* p, std::int64_t n, T value) {
  for_each_n(ex, n, [=] __device__(std::int64_t i) { p[i] = value; });
}

template <class T>
void copy(exec ex, T* to, const T* from, std::int64_t n) {
  if (n > 0) {
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(n) * sizeof(T),
                          cudaMemcpyDeviceToDevice, ex.stream.native()),
          "copy");
  }
}

template <class T>
void copy_to_device(exec ex, T* to, const T* from, std::int64_t n) {
  if (n <= 0) {
    return;
  }
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(n) * sizeof(T), cudaMemcpyHostToDevice,
                        ex.stream.native()),
        "copy to device");
  cudaPointerAttributes source = {};
  check(cudaPointerGetAttributes(&source, from), "look at host memory");
  if (source.type != cudaMemoryTypeUnregistered) {
    // Pageable memory has been staged by now; pinned memory would still be read after the return.
    ex.stream.synchronize();
  }
}

template <class T>
void copy_to_host(exec ex, T* to, const T* from, std::int64_t n) {
  static_assert(without_padding<T>, "name the padding and set it");
  if (n > 0) {
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(n) * sizeof(T), cudaMemcpyDeviceToHost,
                          ex.stream.native()),
          "copy to host");
    ex.memory->count_host_bytes(static_cast<std::size_t>(n) * sizeof(T));
  }
  ex.stream.synchronize();
}

template <class T, class Op, class F>
[[nodiscard]] T reduce(exec ex, std::int64_t n, T init, Op op, F f) {
  static_assert(without_padding<T>, "name the padding and set it");
  if (n <= 0) {
    return init;
  }
  const auto input = thrust::make_transform_iterator(thrust::counting_iterator<std::int64_t>(0), f);
  buffer<T> result(ex, 1);
  std::size_t bytes = 0;
  check(cub::DeviceReduce::Reduce(nullptr, bytes, input, result.data(), n, op, init,
                                  ex.stream.native()),
        "reduce");
  buffer<std::byte> scratch(ex, static_cast<std::int64_t>(bytes));
  check(cub::DeviceReduce::Reduce(scratch.data(), bytes, input, result.data(), n, op, init,
                                  ex.stream.native()),
        "reduce");
  T value;
  copy_to_host(ex, &value, result.data(), 1);
  return value;
}

template <class Count>
void exclusive_scan(exec ex, std::int64_t n, Count count, std::int64_t* out) {
  // One element past the end, so that out[n] is the total.
  const auto padded = [=] __host__ __device__(std::int64_t i) -> std::int64_t {
    return i < n ? count(i) : 0;
  };
  const auto input =
      thrust::make_transform_iterator(thrust::counting_iterator<std::int64_t>(0), padded);
  std::size_t bytes = 0;
  check(cub::DeviceScan::ExclusiveSum(nullptr, bytes, input, out, n + 1, ex.stream.native()),
        "scan");
  buffer<std::byte> scratch(ex, static_cast<std::int64_t>(bytes));
  check(cub::DeviceScan::ExclusiveSum(scratch.data(), bytes, input, out, n + 1, ex.stream.native()),
        "scan");
}

template <class Pred, class Emit>
void select_if(exec ex, std::int64_t n, Pred pred, Emit emit, std::int64_t* total) {
  if (n <= 0) {
    fill(ex, total, 1, std::int64_t{0});
    return;
  }
  // CUB compacts in one pass; what it would write to a position goes to `emit` instead.
  const thrust::counting_iterator<std::int64_t> input(0);
  const auto output = thrust::make_tabulate_output_iterator(
      [=] __host__ __device__(std::ptrdiff_t position, std::int64_t i) -> void {
        emit(i, static_cast<std::int64_t>(position));
      });
  std::size_t bytes = 0;
  check(cub::DeviceSelect::If(nullptr, bytes, input, output, total, n, pred, ex.stream.native()),
        "select");
  buffer<std::byte> scratch(ex, static_cast<std::int64_t>(bytes));
  check(cub::DeviceSelect::If(scratch.data(), bytes, input, output, total, n, pred,
                              ex.stream.native()),
        "select");
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
