/// Bodies of the verbs on CUDA: kernels of our own, around the one prefix sum that is CUB's.
///
/// A functor stands in a kernel once. CUB's own device algorithms unroll what they are given a
/// dozen times over, in several kernels: a predicate that looks at eight neighbours became code
/// that ptxas worked on for a minute.
///
/// Scratch is given back in order with the stream, so no body waits for its own work.
#pragma once

#include "lithify/device/buffer.cuh"
#include "lithify/device/cuda_check.cuh"
#include "lithify/device/extent.cuh"
#include "lithify/device/group.cuh"

#include <algorithm>
#include <cstddef>
#include <cstdint>

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
__global__ void __launch_bounds__(threads) each_kernel(extent items, const __grid_constant__ F f) {
  const std::int64_t n = items.now();
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += stride) {
    f(i);
  }
}

template <std::size_t ScratchBytes, int Groups, class F>
__global__ void __launch_bounds__(Groups* lane_group::lanes)
    group_kernel(extent items, const __grid_constant__ F f) {
  constexpr std::size_t bytes = ScratchBytes > 0 ? (ScratchBytes + 63) / 64 * 64 : 64;
  __shared__ alignas(64) std::byte scratch[Groups][bytes];
  const int group = static_cast<int>(threadIdx.x) / lane_group::lanes;
  const std::int64_t n = items.now();
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * Groups + group; i < n;
       i += static_cast<std::int64_t>(gridDim.x) * Groups) {
    f(lane_group(), i, scratch[group]);
    __syncwarp();  // the next item reuses the scratch
  }
}

/// joined[block] = what the block's items give, joined by op. No block may be without an item.
template <class T, class Op, class F>
__global__ void __launch_bounds__(threads) reduce_kernel(std::int64_t n,
                                                         const __grid_constant__ Op op,
                                                         const __grid_constant__ F f,
                                                         T* joined) {
  static_assert(sizeof(T) * threads <= 48 * 1024, "static shared memory");
  __shared__ alignas(T) std::byte storage[threads * sizeof(T)];  // T may have a constructor
  T* const part = reinterpret_cast<T*>(storage);
  const int rank = static_cast<int>(threadIdx.x);
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * threads;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads;
  if (begin + rank < n) {
    T mine = f(begin + rank);
    for (std::int64_t i = begin + rank + stride; i < n; i += stride) {
      mine = op(mine, f(i));
    }
    part[rank] = mine;
  }
  const int filled = static_cast<int>(n - begin < threads ? n - begin : threads);
  for (int half = threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (rank < half && rank + half < filled) {
      part[rank] = op(part[rank], part[rank + half]);
    }
  }
  if (rank == 0) {
    joined[blockIdx.x] = part[0];
  }
}

/// mask[w], bit b = pred(32 w + b), and size[w] how many bits that are, for every word below the
/// bound; size[words] = 0. The stride is a multiple of 32: a warp's lanes go on together.
template <class Pred>
__global__ void __launch_bounds__(threads) mask_kernel(extent items,
                                                       const __grid_constant__ Pred pred,
                                                       std::uint32_t* mask,
                                                       std::int64_t* size) {
  const std::int64_t n = items.now();
  const std::int64_t whole = (items.bound() + 31) / 32 * 32;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < whole;
       i += stride) {
    const std::uint32_t word = __ballot_sync(0xffffffffU, i < n && pred(i));
    if (i % 32 == 0) {
      mask[i / 32] = word;
      size[i / 32] = __popc(word);
      if (i + 32 == whole) {
        size[whole / 32] = 0;
      }
    }
  }
}

/// values[i] = values[0] + ... + values[i - 1], for i in [0, n).
void exclusive_sum(exec ex, std::int64_t* values, std::int64_t n);

}  // namespace detail

// Called with its namespace: where a functor's type names something of std, std::for_each_n would
// be found too, and match better.
template <class F>
void for_each_n(exec ex, extent n, F f) {
  if (n.bound() > 0) {
    detail::each_kernel<<<detail::blocks_for(n.bound(), detail::threads), detail::threads, 0,
                          ex.stream.native()>>>(n, f);
    check(cudaGetLastError(), "launch");
  }
}

template <std::size_t ScratchBytes, class F>
void for_each_group(exec ex, extent n, F f) {
  static_assert(ScratchBytes <= 48 * 1024, "static shared memory that every architecture grants");
  constexpr int groups = ScratchBytes <= 1536 ? 8 : ScratchBytes <= 6144 ? 4 : 1;
  if (n.bound() > 0) {
    detail::group_kernel<ScratchBytes, groups, F>
        <<<detail::blocks_for(n.bound(), groups), groups * lane_group::lanes, 0,
           ex.stream.native()>>>(n, f);
    check(cudaGetLastError(), "launch");
  }
}

template <class T>
void fill(exec ex, T* p, std::int64_t n, T value) {
  device::for_each_n(ex, n, [=] __device__(std::int64_t i) { p[i] = value; });
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
  // CUDA promises of no host memory that the call has read it: of pageable memory only that it may.
  ex.stream.synchronize();
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
    ex.stream.synchronize();  // who asks for a value may rely on the wait, whatever the number
    return init;
  }
  const unsigned int blocks = detail::blocks_for(n, detail::threads);
  const buffer<T> joined(ex, std::int64_t{blocks} + 1);
  T* const parts = joined.data();
  T* const all = parts + blocks;
  detail::reduce_kernel<<<blocks, detail::threads, 0, ex.stream.native()>>>(n, op, f, parts);
  check(cudaGetLastError(), "launch");
  detail::reduce_kernel<<<1, detail::threads, 0, ex.stream.native()>>>(
      std::int64_t{blocks}, op, [=] __device__(std::int64_t i) { return parts[i]; }, all);
  check(cudaGetLastError(), "launch");
  T value;
  copy_to_host(ex, &value, all, 1);
  return op(init, value);
}

template <class Count>
void exclusive_scan(exec ex, extent n, Count count, std::int64_t* out) {
  // One element past the end, so that out[n] is the total.
  device::for_each_n(ex, n.bound() + 1,
                     [=] __device__(std::int64_t i) { out[i] = i < n.now() ? count(i) : 0; });
  detail::exclusive_sum(ex, out, n.bound() + 1);
}

template <class Pred, class Emit>
void select_if(exec ex, extent n, Pred pred, Emit emit, std::int64_t* total) {
  if (n.bound() <= 0) {
    fill(ex, total, 1, std::int64_t{0});
    return;
  }
  // A bit an item, and the sum of bits before each word: the predicate runs once.
  const std::int64_t words = (n.bound() + 31) / 32;
  const buffer<std::uint32_t> masks(ex, words);
  const buffer<std::int64_t> offsets(ex, words + 1);
  std::uint32_t* const mask = masks.data();
  std::int64_t* const offset = offsets.data();
  detail::mask_kernel<<<detail::blocks_for(n.bound(), detail::threads), detail::threads, 0,
                        ex.stream.native()>>>(n, pred, mask, offset);
  check(cudaGetLastError(), "launch");
  detail::exclusive_sum(ex, offset, words + 1);
  device::for_each_n(ex, n.bound(), [=] __device__(std::int64_t i) {
    const std::uint32_t word = mask[i / 32];
    const std::uint32_t bit = std::uint32_t{1} << (i % 32);
    if ((word & bit) != 0) {
      emit(i, offset[i / 32] + __popc(word & (bit - 1)));
    }
    if (i == 0) {
      *total = offset[words];
    }
  });
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
