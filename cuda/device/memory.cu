#include "lithify/base/error.hpp"
#include "lithify/device/memory.cuh"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

#if LITHIFY_ON_CUDA
#include "lithify/device/cuda_check.cuh"

#include <mutex>
#include <vector>
#else
#include <sys/mman.h>
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

namespace {

constexpr std::size_t alignment = 256;

/// More than any machine has, and far enough from 2^64 for sums of what is in use to stay below it.
constexpr std::size_t most_bytes = std::size_t{1} << 62;

/// Bytes that a request of at most `most_bytes` takes: 8 classes per doubling, so that at most 1/8
/// is unused, of steps of 256 bytes at least.
std::size_t size_class(std::size_t bytes) {
  const std::size_t least = bytes < alignment ? alignment : bytes;
  const std::size_t step =
      std::bit_floor(least) / 8 < alignment ? alignment : std::bit_floor(least) / 8;
  return (least + step - 1) / step * step;
}

}  // namespace

bool memory_pool::reserve(std::size_t bytes) {
  std::size_t now = in_use_.load();
  do {
    if (limit_ != 0 && (bytes > limit_ || now > limit_ - bytes)) {
      return false;
    }
  } while (!in_use_.compare_exchange_weak(now, now + bytes));
  return true;
}

bool memory_pool::must_fail() {
  std::int64_t left = fail_at_.load();
  while (left >= 0 && !fail_at_.compare_exchange_weak(left, left - 1)) {
  }
  return left == 0;
}

void* memory_pool::allocate(std::size_t bytes, stream_ref s) {
  const std::size_t taken = size_class(std::min(bytes, most_bytes));
  // No `require`: its message would be made every time, and could fail once the bytes are counted.
  if (must_fail() || bytes > most_bytes || !reserve(taken)) {
    throw error(errc::out_of_memory,
                "device memory: " + std::to_string(bytes) + " bytes on top of the " +
                    std::to_string(in_use_.load()) + " in use pass the limit of " +
                    (limit_ == 0 ? std::string("the device") : std::to_string(limit_)));
  }
  void* block = nullptr;
  try {
    block = obtain(taken, s);
  } catch (...) {
    in_use_ -= taken;
    throw;
  }
  ++allocations_;
  std::size_t seen = peak_.load();
  const std::size_t now = in_use_.load();
  while (seen < now && !peak_.compare_exchange_weak(seen, now)) {
  }
  return block;
}

#if LITHIFY_ON_CUDA

namespace {

/// The pools that there are, so that one that is refused memory reaches what the others of its GPU
/// keep. It owns none.
class living_pools {
 public:
  void enter(cudaMemPool_t pool, int ordinal) {
    const std::lock_guard lock(mutex_);
    pools_.push_back({pool, ordinal});
  }
  void leave(cudaMemPool_t pool) {
    const std::lock_guard lock(mutex_);
    std::erase_if(pools_, [&](const entry& e) { return e.pool == pool; });
  }
  /// Gives back to the GPU of `pool` what it and the others there keep and nobody uses.
  void trim_beside(cudaMemPool_t pool) {
    const std::lock_guard lock(mutex_);
    const auto own =
        std::find_if(pools_.begin(), pools_.end(), [&](const entry& e) { return e.pool == pool; });
    for (const entry& e : pools_) {
      if (e.ordinal == own->ordinal) {
        check(cudaMemPoolTrimTo(e.pool, 0), "trim a memory pool");
      }
    }
  }

 private:
  struct entry {
    cudaMemPool_t pool;
    int ordinal;
  };
  std::mutex mutex_;
  std::vector<entry> pools_;
};

living_pools& all_pools() {
  static living_pools made;
  return made;
}

}  // namespace

memory_pool::memory_pool(std::size_t limit_bytes, int ordinal) : limit_(limit_bytes) {
  cudaMemPoolProps props = {};
  props.allocType = cudaMemAllocationTypePinned;
  props.location.type = cudaMemLocationTypeDevice;
  props.location.id = ordinal;
  check(cudaMemPoolCreate(&pool_, &props), "create a memory pool");
  try {
    // Keep what was freed: scratch comes back every step.
    std::uint64_t keep = ~std::uint64_t{0};
    check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep),
          "configure a memory pool");
    all_pools().enter(pool_, ordinal);
  } catch (...) {
    forget(cudaMemPoolDestroy(pool_));
    throw;
  }
}

memory_pool::~memory_pool() {
  all_pools().leave(pool_);
  forget(cudaMemPoolDestroy(pool_));
}

void* memory_pool::obtain(std::size_t bytes, stream_ref s) {
  void* block = nullptr;
  cudaError_t status = cudaMallocFromPoolAsync(&block, bytes, pool_, s.native());
  if (status == cudaErrorMemoryAllocation) {
    // What this pool and others keep may be enough, and what was given back on any stream is free
    // only once that stream has come so far: wait for all of them, give it back, try again.
    forget(status);
    check(cudaDeviceSynchronize(), "wait for what is being freed");
    all_pools().trim_beside(pool_);
    status = cudaMallocFromPoolAsync(&block, bytes, pool_, s.native());
  }
  check(status, "allocate");
  return block;
}

void memory_pool::deallocate(void* block, std::size_t bytes, stream_ref s) noexcept {
  forget(cudaFreeAsync(block, s.native()));
  in_use_ -= size_class(bytes);
}

#else

memory_pool::memory_pool(std::size_t limit_bytes, int) : limit_(limit_bytes) {}

memory_pool::~memory_pool() {
  std::unique_lock lock(mutex_);
  given_back_.wait(lock, [&] { return on_the_way_ == 0; });
  trim(0);
}

void* memory_pool::obtain(std::size_t bytes, stream_ref) {
  const std::lock_guard lock(mutex_);
  const auto after = idle_.upper_bound(bytes);
  if (after != idle_.begin() && std::prev(after)->first == bytes) {
    const auto found = std::prev(after);  // of several the one that was in use last
    void* const block = found->second.block;
    idle_.erase(found);
    idle_bytes_ -= bytes;
    return block;
  }
  if (limit_ != 0) {
    trim(limit_ - in_use_.load());  // what is in use holds the new block already
  }
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const bool huge = bytes >= 2 * huge_page;
  const std::size_t place = huge ? huge_page : alignment;
  const std::size_t rounded = (bytes + place - 1) / place * place;
  void* block = std::aligned_alloc(place, rounded);
  if (block == nullptr) {
    trim(0);
    block = std::aligned_alloc(place, rounded);
  }
  if (block == nullptr) {
    throw error(errc::out_of_memory,
                "host memory: the system refused " + std::to_string(bytes) + " bytes");
  }
  if (huge) {
    madvise(block, bytes, MADV_HUGEPAGE);  // a hint: random probes miss the TLB less
  }
  return block;
}

void memory_pool::trim(std::size_t keep) noexcept {
  while (idle_bytes_ > keep) {
    const auto oldest = std::min_element(
        idle_.begin(), idle_.end(),
        [](const auto& a, const auto& b) { return a.second.since < b.second.since; });
    std::free(oldest->second.block);
    idle_bytes_ -= oldest->first;
    idle_.erase(oldest);
  }
}

void memory_pool::give_back(void* block, std::size_t bytes) noexcept {
  if (poison_) {
    std::memset(block, 0xDD, bytes);
  }
  const std::lock_guard lock(mutex_);
#if defined(__SANITIZE_ADDRESS__)
  constexpr bool keep = false;  // let the sanitizer see uses after the end of a lifetime
#else
  constexpr bool keep = true;
#endif
  if (keep) {
    // All blocks together never hold more than twice what was in use at once: enough for every
    // size that comes back each round to stay, while those go that nobody asked for the longest.
    const std::size_t most = 2 * peak_.load();
    const std::size_t held = in_use_.load() + bytes;
    trim(most > held ? most - held : 0);
    try {
      idle_.emplace(bytes, idle_block{block, given_back_blocks_++});
      idle_bytes_ += bytes;
    } catch (...) {
      std::free(block);  // no memory to remember it by
    }
  } else {
    std::free(block);
  }
  --on_the_way_;
  given_back_.notify_all();  // under the lock: the pool may end as soon as it is released
}

void memory_pool::deallocate(void* block, std::size_t bytes, stream_ref s) noexcept {
  const std::size_t taken = size_class(bytes);
  in_use_ -= taken;
  {
    const std::lock_guard lock(mutex_);
    ++on_the_way_;
  }
  submit(s, [this, block, taken] { give_back(block, taken); });
}

#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
