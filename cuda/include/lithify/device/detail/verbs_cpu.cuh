/// Bodies of the verbs on the CPU: Thrust over TBB (or its sequential system, for ThreadSanitizer).
#pragma once

#include "lithify/device/buffer.cuh"
#include "lithify/device/extent.cuh"
#include "lithify/device/group.cuh"
#include "lithify/device/prefetch.cuh"
#include "lithify/device/work_order.cuh"

#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/transform_reduce.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {

namespace detail {

template <class F>
void run_in_order(std::int64_t n, F f) {
  thrust::for_each_n(thrust::device, thrust::counting_iterator<std::int64_t>(0), n, f);
}

template <class F>
void run_each(std::int64_t n, F f) {
  if (!work_order::shuffled()) {
    run_in_order(n, f);
    return;
  }
  const work_order order = work_order::of(n);
  const std::int64_t block = order.block_size();
  run_in_order((n + block - 1) / block, [=](std::int64_t b) {
    for (std::int64_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
      f(order(i));
    }
  });
}

}  // namespace detail

// Called with its namespace: where a functor's type names something of std, std::for_each_n would
// be found too, and match better.
template <class F>
void for_each_n(exec ex, extent n, F f) {
  if (n.bound() > 0) {
    submit(ex.stream, [=] { detail::run_each(n.now(), f); });
  }
}

template <std::size_t ScratchBytes, class F>
void for_each_group(exec ex, extent n, F f) {
  static_assert(ScratchBytes <= 48 * 1024, "more than CUDA grants");
  device::for_each_n(ex, n, [f](std::int64_t i) {
    alignas(64) std::byte scratch[ScratchBytes > 0 ? ScratchBytes : 1];
    f(lane_group(), i, scratch);
  });
}

template <class T>
void fill(exec ex, T* p, std::int64_t n, T value) {
  constexpr std::int64_t chunk = 1 << 14;  // chosen: large enough that a task is a burst of writes
  device::for_each_n(ex, (n + chunk - 1) / chunk, [=](std::int64_t c) {
    std::fill(p + c * chunk, p + std::min(n, (c + 1) * chunk), value);
  });
}

template <class T>
void copy(exec ex, T* to, const T* from, std::int64_t n) {
  constexpr std::int64_t chunk = 1 << 14;
  device::for_each_n(ex, (n + chunk - 1) / chunk, [=](std::int64_t c) {
    std::copy(from + c * chunk, from + std::min(n, (c + 1) * chunk), to + c * chunk);
  });
}

template <class T>
void copy_to_device(exec ex, T* to, const T* from, std::int64_t n) {
  if (n <= 0) {
    return;
  }
  if (immediate(ex.stream)) {
    std::copy(from, from + n, to);
    return;
  }
  // A delaying stream reads later: the caller may have changed `from` by then.
  submit(ex.stream,
         [to, held = std::vector<T>(from, from + n)] { std::copy(held.begin(), held.end(), to); });
}

template <class T>
void copy_to_host(exec ex, T* to, const T* from, std::int64_t n) {
  static_assert(without_padding<T>, "name the padding and set it");
  ex.stream.synchronize();
  if (n > 0) {
    std::copy(from, from + n, to);
    ex.memory->count_host_bytes(static_cast<std::size_t>(n) * sizeof(T));
  }
}

template <class T, class Op, class F>
[[nodiscard]] T reduce(exec ex, std::int64_t n, T init, Op op, F f) {
  static_assert(without_padding<T>, "name the padding and set it");
  ex.stream.synchronize();
  if (n <= 0) {
    return init;
  }
  ex.memory->count_host_bytes(sizeof(T));
  return thrust::transform_reduce(thrust::device, thrust::counting_iterator<std::int64_t>(0),
                                  thrust::counting_iterator<std::int64_t>(n), f, init, op);
}

template <class Count>
void exclusive_scan(exec ex, extent items, Count count, std::int64_t* out) {
  // Three passes over blocks, so that the count, which may walk through voxels, runs once: sums
  // inside each block, sums over blocks, and the latter added to the former. In between a block's
  // first element, which needs no sum inside it, holds the sum of the whole block.
  constexpr std::int64_t block = 1024;  // chosen: many blocks a core, few sums over them
  const std::int64_t blocks = items.bound() / block + 1;  // of n + 1 elements: out[n] is the total
  device::for_each_n(ex, blocks, [=](std::int64_t b) {
    const std::int64_t n = items.now();
    const std::int64_t first = b * block;
    if (first > n) {
      return;
    }
    std::int64_t sum = first < n ? count(first) : 0;
    for (std::int64_t i = first + 1; i <= std::min(n, first + block - 1); ++i) {
      if constexpr (requires { count.come_nearer(i); }) {
        if (i + accesses_in_flight < n) {
          count.come_nearer(i + accesses_in_flight);
        }
      }
      out[i] = sum;
      sum += i < n ? count(i) : 0;
    }
    out[first] = sum;
  });
  submit(ex.stream, [=] {
    const std::int64_t n = items.now();
    std::int64_t before = 0;
    for (std::int64_t first = 0; first <= n; first += block) {
      before += std::exchange(out[first], before);
    }
  });
  device::for_each_n(ex, blocks - 1, [=](std::int64_t b) {
    const std::int64_t n = items.now();
    const std::int64_t first = (b + 1) * block;
    if (first > n) {
      return;
    }
    const std::int64_t before = out[first];
    for (std::int64_t i = first + 1; i <= std::min(n, first + block - 1); ++i) {
      out[i] += before;
    }
  });
}

template <class Pred, class Emit>
void select_if(exec ex, extent items, Pred pred, Emit emit, std::int64_t* total) {
  // Two passes over blocks, a bit an item between them: the predicate runs once, and without a
  // branch on what it says.
  constexpr std::int64_t words = 32;  // chosen: many blocks a core, few counts
  constexpr std::int64_t block = 64 * words;
  const std::int64_t blocks = (items.bound() + block - 1) / block;
  buffer<std::uint64_t> masks(ex, blocks * words);
  buffer<std::int64_t> counts(ex, blocks);
  buffer<std::int64_t> offsets(ex, blocks + 1);
  std::uint64_t* const mask = masks.data();
  std::int64_t* const count = counts.data();
  std::int64_t* const offset = offsets.data();
  device::for_each_n(ex, blocks, [=](std::int64_t b) {
    const std::int64_t n = items.now();
    std::int64_t selected = 0;
    for (std::int64_t w = b * words; w < (b + 1) * words; ++w) {
      std::uint64_t bits = 0;
      for (std::int64_t i = w * 64; i < std::min(n, (w + 1) * 64); ++i) {
        const bool chosen = pred(i);
        bits |= std::uint64_t{chosen} << (i % 64);
        selected += chosen ? 1 : 0;
      }
      mask[w] = bits;
    }
    count[b] = selected;
  });
  exclusive_scan(
      ex, blocks, [=](std::int64_t b) { return count[b]; }, offset);
  device::for_each_n(ex, blocks, [=](std::int64_t b) {
    std::int64_t position = offset[b];
    for (std::int64_t w = b * words; w < (b + 1) * words; ++w) {
      for (std::uint64_t left = mask[w]; left != 0; left &= left - 1) {
        emit(w * 64 + std::countr_zero(left), position++);
      }
    }
  });
  submit(ex.stream, [=] { *total = offset[blocks]; });
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
