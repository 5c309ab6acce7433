/// Move-only owner of an uninitialised device array.
#pragma once

#include "lithify/device/memory.cuh"

#include <type_traits>
#include <utility>

namespace lithify::device::inline LITHIFY_BACKEND {

/// Whether every byte of a T is part of its value. What goes to the host must be so: a kernel that
/// writes a T leaves its padding as it was, and copying that would read what nobody has written.
template <class T>
inline constexpr bool without_padding =
    std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>;

/// `size()` elements of T on the device; no element access from the host.
/// The memory goes back to the pool in order with the stream of the exec it was made with.
template <class T>
class buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  buffer() = default;
  /// Errors: out_of_memory. Requires: size * sizeof(T) < 2^64.
  buffer(exec ex, std::int64_t size) : stream_(ex.stream), memory_(ex.memory), size_(size) {
    if (size > 0) {
      data_ = static_cast<T*>(ex.memory->allocate(bytes(), ex.stream));
    }
  }
  ~buffer() { release(); }
  buffer(buffer&& other) noexcept
      : stream_(other.stream_),
        memory_(std::exchange(other.memory_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    if (this != &other) {
      release();
      stream_ = other.stream_;
      memory_ = std::exchange(other.memory_, nullptr);
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::int64_t size() const { return size_; }
  /// From now on the memory goes back in order with `s`, whose life it may not outlast.
  /// Requires: all work that uses the buffer is done, or was submitted to `s`.
  void hand_over(stream_ref s) { stream_ = s; }
  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>(size_) * sizeof(T);  // NOLINT(bugprone-sizeof-expression)
  }

 private:
  void release() noexcept {
    if (data_ != nullptr) {
      memory_->deallocate(data_, bytes(), stream_);
      data_ = nullptr;
      size_ = 0;
    }
  }

  stream_ref stream_{nullptr};
  memory_pool* memory_ = nullptr;
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace lithify::device::inline LITHIFY_BACKEND
