/// Bodies of waves and tree sweeps on CUDA: one cooperative launch each, a barrier of the grid
/// between waves.
///
/// Wave by wave from the leaves, an item's parent is never in an earlier wave, so the waves of a
/// sum up are the levels that a sweep down takes in reverse.
#pragma once

#include "lithify/device/atomic.cuh"
#include "lithify/device/verbs.cuh"

#include <cooperative_groups.h>

#include <cstdint>

namespace lithify::device::inline LITHIFY_BACKEND {

namespace detail {

/// What all threads of a launch share: items pushed by wave, modulo 3, so that one barrier a wave
/// does; and where each wave begins, if anybody asks (`starts`, with the number of waves).
struct wave_words {
  std::int64_t pushed[3];
  std::int64_t waves;
};

struct wave_pusher {
  std::int64_t* items;
  std::int64_t* pushed;
  std::int64_t end;
  __device__ void operator()(std::int64_t item) const {
    // One atomic for all lanes that push now: a wave has one counter.
    const auto lanes = cooperative_groups::coalesced_threads();
    std::int64_t first = 0;
    if (lanes.thread_rank() == 0) {
      first = atomic_add(pushed, static_cast<std::int64_t>(lanes.num_threads()));
    }
    items[end + lanes.shfl(first, 0) + static_cast<std::int64_t>(lanes.thread_rank())] = item;
  }
};

template <class F>
__global__ void __launch_bounds__(threads) wave_kernel(std::int64_t* items,
                                                       std::int64_t* count,
                                                       wave_words* words,
                                                       std::int64_t* starts,
                                                       const __grid_constant__ F f) {
  const auto grid = cooperative_groups::this_grid();
  const auto rank = static_cast<std::int64_t>(grid.thread_rank());
  const auto size = static_cast<std::int64_t>(grid.num_threads());
  std::int64_t begin = 0;
  std::int64_t end = atomic_load(count);
  std::int64_t wave = 0;
  for (; begin < end; ++wave) {
    if (rank == 0) {
      // Read last in wave - 1, and this launch is past the barrier that ended it.
      atomic_store(&words->pushed[(wave + 1) % 3], std::int64_t{0});
      if (starts != nullptr) {
        starts[wave] = begin;
      }
    }
    const wave_pusher push{items, &words->pushed[wave % 3], end};
    for (std::int64_t k = begin + rank; k < end; k += size) {
      f(items[k], wave, push);
    }
    grid.sync();
    begin = end;
    // Nobody writes it before the next barrier; an atomic load would go past the first cache.
    end += words->pushed[wave % 3];
  }
  grid.sync();  // nobody may still read *count
  if (rank == 0) {
    *count = end;
    words->waves = wave;
    if (starts != nullptr) {
      starts[wave] = end;
    }
  }
}

template <class Parent, class F>
__global__ void __launch_bounds__(threads) levels_kernel(const std::int64_t* items,
                                                         const std::int64_t* starts,
                                                         const wave_words* words,
                                                         const __grid_constant__ Parent parent,
                                                         const __grid_constant__ F f) {
  const auto grid = cooperative_groups::this_grid();
  const auto rank = static_cast<std::int64_t>(grid.thread_rank());
  const auto size = static_cast<std::int64_t>(grid.num_threads());
  for (std::int64_t level = words->waves - 1; level >= 0; --level) {
    const std::int64_t end = starts[level + 1];
    for (std::int64_t k = starts[level] + rank; k < end; k += size) {
      const std::int64_t i = items[k];
      f(i, parent(i));
    }
    grid.sync();
  }
}

/// Launches as many blocks as are resident together, which a barrier of the grid needs.
template <class Kernel>
void launch_together(exec ex, Kernel kernel, void** arguments) {
  int ordinal = 0;
  int processors = 0;
  int blocks = 0;
  check(cudaGetDevice(&ordinal), "ask for the device");
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, ordinal),
        "count multiprocessors");
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, 0), "occupancy");
  check(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel),
                                    dim3(static_cast<unsigned int>(processors * blocks)),
                                    dim3(threads), arguments, 0, ex.stream.native()),
        "launch");
}

template <class F>
void run_waves(exec ex,
               std::int64_t* items,
               std::int64_t* count,
               wave_words* words,
               std::int64_t* starts,
               F f) {
  fill(ex, words, 1, wave_words{});
  void* arguments[] = {&items, &count, &words, &starts, &f};
  launch_together(ex, wave_kernel<F>, arguments);
}

}  // namespace detail

template <class F>
void for_each_wave(exec ex, std::int64_t* items, std::int64_t* count, F f) {
  const buffer<detail::wave_words> words(ex, 1);
  detail::run_waves(ex, items, count, words.data(), nullptr, f);
}

/// An order in which a forest of n items can be swept; filled by a sum up.
class tree_order {
 public:
  struct order_view {
    std::int64_t n;
    std::int64_t* items;   ///< level by level, leaves first
    std::int64_t* starts;  ///< of levels
    std::int64_t* count;
    std::uint32_t* waiting;  ///< children to come
    detail::wave_words* words;
  };

  tree_order() = default;
  /// Errors: out_of_memory, also for 2^31 items and more.
  tree_order(exec ex, std::int64_t n)
      : items_(ex, sweepable(n)),
        starts_(ex, n + 1),
        count_(ex, 1),
        waiting_(ex, n),
        words_(ex, 1) {}

  [[nodiscard]] std::int64_t size() const { return items_.size(); }
  [[nodiscard]] order_view view() const {
    return {items_.size(), items_.data(),   starts_.data(),
            count_.data(), waiting_.data(), words_.data()};
  }

 private:
  buffer<std::int64_t> items_, starts_, count_;
  buffer<std::uint32_t> waiting_;
  buffer<detail::wave_words> words_;
};

namespace detail {

template <class Parent>
struct climb {
  std::uint32_t* waiting;
  std::int64_t* sum;
  Parent parent;
  template <class Push>
  __device__ void operator()(std::int64_t i, std::int64_t, const Push& push) const {
    const std::int64_t p = parent(i);
    if (p < 0) {
      return;
    }
    atomic_add(&sum[p], sum[i]);
    // The parent runs in the next wave, behind the barrier: the count needs no order of its own.
    if (atomic_add(&waiting[p], ~std::uint32_t{0}) == 1) {
      push(p);
    }
  }
};

}  // namespace detail

template <class Parent, class Children, class Own>
void tree_sum_up(exec ex,
                 const tree_order& order,
                 Parent parent,
                 Children children,
                 Own own,
                 std::int64_t* sum) {
  const tree_order::order_view o = order.view();
  device::for_each_n(ex, o.n, [=] __host__ __device__(std::int64_t i) -> void {
    std::uint8_t count = 0;
    children(i, i + 1, &count);
    o.waiting[i] = count;
    sum[i] = own(i);
  });
  select_if(
      ex, o.n, [=] __host__ __device__(std::int64_t i) -> bool { return o.waiting[i] == 0; },
      [=] __host__ __device__(std::int64_t i, std::int64_t k) -> void { o.items[k] = i; }, o.count);
  detail::run_waves(ex, o.items, o.count, o.words, o.starts,
                    detail::climb<Parent>{o.waiting, sum, parent});
}

template <class Parent, class F>
void tree_sweep_down(exec ex, const tree_order& order, Parent parent, F f) {
  const tree_order::order_view o = order.view();
  const std::int64_t* items = o.items;
  const std::int64_t* starts = o.starts;
  const detail::wave_words* words = o.words;
  void* arguments[] = {&items, &starts, &words, &parent, &f};
  detail::launch_together(ex, detail::levels_kernel<Parent, F>, arguments);
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
