#include "lithify/base/error.hpp"
#include "lithify/device/memory.cuh"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <string>

#if LITHIFY_ON_CUDA
#include "lithify/device/cuda_check.cuh"
#else
#include <sys/mman.h>
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

namespace {

constexpr std::size_t alignment = 256;

/// Bytes that a request takes: 8 classes per doubling, so that at most 1/8 is unused.
std::size_t size_class(std::size_t bytes) {
  const std::size_t least = bytes < alignment ? alignment : bytes;
  const std::size_t step =
      std::bit_floor(least) / 8 < alignment ? alignment : std::bit_floor(least) / 8;
  return (least + step - 1) / step * step;
}

}  // namespace

void memory_pool::account(std::size_t bytes) {
  const std::size_t now = in_use_ += bytes;
  std::size_t seen = peak_.load();
  while (seen < now && !peak_.compare_exchange_weak(seen, now)) {
  }
  ++allocations_;
}

void* memory_pool::allocate(std::size_t bytes, stream_ref s) {
  const std::size_t taken = size_class(bytes);
  std::int64_t countdown = fail_at_.load();
  bool refuse = limit_ != 0 && in_use_.load() + taken > limit_;
  if (countdown >= 0) {
    fail_at_ = countdown - 1;
    refuse = refuse || countdown == 0;
  }
  require(!refuse, errc::out_of_memory,
          "device memory: " + std::to_string(bytes) + " bytes on top of the " +
              std::to_string(in_use_.load()) + " in use pass the limit");
  void* const block = obtain(taken, s);
  account(taken);
  return block;
}

#if LITHIFY_ON_CUDA

memory_pool::memory_pool(std::size_t limit_bytes, int ordinal) : limit_(limit_bytes) {
  cudaMemPoolProps props = {};
  props.allocType = cudaMemAllocationTypePinned;
  props.location.type = cudaMemLocationTypeDevice;
  props.location.id = ordinal;
  check(cudaMemPoolCreate(&pool_, &props), "create a memory pool");
  // Keep what was freed: scratch comes back every step.
  std::uint64_t keep = ~std::uint64_t{0};
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep),
        "configure a memory pool");
}

memory_pool::~memory_pool() { cudaMemPoolDestroy(pool_); }

void* memory_pool::obtain(std::size_t bytes, stream_ref s) {
  void* block = nullptr;
  check(cudaMallocFromPoolAsync(&block, bytes, pool_, s.native()), "allocate");
  return block;
}

void memory_pool::deallocate(void* block, std::size_t bytes, stream_ref s) noexcept {
  cudaFreeAsync(block, s.native());
  in_use_ -= size_class(bytes);
}

#else

memory_pool::memory_pool(std::size_t limit_bytes, int) : limit_(limit_bytes) {}

memory_pool::~memory_pool() {
  for (auto& [bytes, blocks] : idle_) {
    for (void* block : blocks) {
      std::free(block);
    }
  }
}

void* memory_pool::obtain(std::size_t bytes, stream_ref) {
  {
    const std::lock_guard lock(mutex_);
    auto found = idle_.find(bytes);
    if (found != idle_.end() && !found->second.empty()) {
      void* const block = found->second.back();
      found->second.pop_back();
      return block;
    }
  }
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const bool huge = bytes >= 2 * huge_page;
  void* const block = std::aligned_alloc(
      huge ? huge_page : alignment, huge ? (bytes + huge_page - 1) / huge_page * huge_page : bytes);
  require(block != nullptr, errc::out_of_memory,
          "host memory: the system refused " + std::to_string(bytes) + " bytes");
  if (huge) {
    madvise(block, bytes, MADV_HUGEPAGE);  // a hint: random probes miss the TLB less
  }
  return block;
}

void memory_pool::deallocate(void* block, std::size_t bytes, stream_ref s) noexcept {
  const std::size_t taken = size_class(bytes);
  in_use_ -= taken;
  const auto give_back = [this, block, taken] {
    if (poison_) {
      std::memset(block, 0xDD, taken);
    }
#if defined(__SANITIZE_ADDRESS__)
    std::free(block);  // let the sanitizer see uses after the end of a lifetime
#else
    const std::lock_guard lock(mutex_);
    idle_[taken].push_back(block);
#endif
  };
  submit(s, give_back);
}

#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
