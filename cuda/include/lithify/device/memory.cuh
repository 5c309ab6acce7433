/// Device memory: stream-ordered allocation with exact accounting.
///
/// Freed blocks are reused, so that scratch costs no system call. Thread-safe. A pool must outlive
/// its buffers, and a buffer's stream the buffer; nothing static owns device memory.
///
/// Accounting is exact and the same on both backends: it counts blocks, whose sizes are rounded up
/// by at most 1/8, small ones to 256 bytes, from the call that allocates to the call that gives
/// back.
#pragma once

#include "lithify/device/stream.cuh"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace lithify::device::inline LITHIFY_BACKEND {

class memory_pool {
 public:
  /// `limit_bytes`: most bytes in use at a time, 0 = what the device has.
  /// `ordinal`: CUDA device number, ignored on the CPU.
  explicit memory_pool(std::size_t limit_bytes = 0, int ordinal = 0);
  ~memory_pool();
  memory_pool(const memory_pool&) = delete;
  memory_pool& operator=(const memory_pool&) = delete;

  /// Bytes aligned to 256, uninitialised. The block may be used by work submitted to `s` later.
  /// Errors: out_of_memory, the pool is unchanged.
  [[nodiscard]] void* allocate(std::size_t bytes, stream_ref s);
  /// Gives the block back after the work submitted to `s` so far. Never throws.
  void deallocate(void* block, std::size_t bytes, stream_ref s) noexcept;

  [[nodiscard]] std::size_t bytes_in_use() const { return in_use_.load(); }
  [[nodiscard]] std::size_t peak_bytes() const { return peak_.load(); }
  [[nodiscard]] std::uint64_t allocations() const { return allocations_.load(); }

  /// Bytes that `copy_to_host` and `reduce` brought to the host through this pool's execs, and how
  /// many times the host waited for some.
  [[nodiscard]] std::uint64_t host_bytes_read() const { return host_bytes_.load(); }
  [[nodiscard]] std::uint64_t host_reads() const { return host_reads_.load(); }
  void count_host_bytes(std::size_t bytes) {
    host_bytes_ += bytes;
    ++host_reads_;
  }

  /// Test hook: allocation number `n` from now (0 = the next) fails with out_of_memory, once.
  void fail_allocation(std::int64_t n) { fail_at_ = n; }
  /// Test hook: overwrite blocks when they are given back (CPU).
  void poison_freed(bool on) { poison_ = on; }

 private:
  bool reserve(std::size_t bytes);
  bool must_fail();
  void* obtain(std::size_t bytes, stream_ref s);

  std::size_t limit_;
  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> peak_{0};
  std::atomic<std::uint64_t> allocations_{0};
  std::atomic<std::uint64_t> host_bytes_{0};
  std::atomic<std::uint64_t> host_reads_{0};
  std::atomic<std::int64_t> fail_at_{-1};
  std::atomic<bool> poison_{false};
#if LITHIFY_ON_CUDA
  cudaMemPool_t pool_ = nullptr;
#else
  void give_back(void* block, std::size_t bytes) noexcept;
  void trim(std::size_t keep) noexcept;

  std::mutex mutex_;
  struct idle_block {
    void* block;
    std::uint64_t since;  // number of blocks given back before
  };
  std::multimap<std::size_t, idle_block> idle_;  // by bytes
  std::uint64_t given_back_blocks_ = 0;
  std::size_t idle_bytes_ = 0;
  std::int64_t on_the_way_ = 0;  // given back to a stream that has not come to it yet
  std::condition_variable given_back_;
#endif
};

class stage_clock;

/// Where work runs and where its memory comes from; first argument of every device-layer call.
struct exec {
  stream_ref stream;
  memory_pool* memory;
  const stage_clock* clock = nullptr;  ///< takes the time of stages (stage_timer.cuh), if there
};

}  // namespace lithify::device::inline LITHIFY_BACKEND
