#include "refused_allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local std::int64_t left = -1;
thread_local std::int64_t left_then = -1;

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (left >= 0 && left-- == 0) {
    left = left_then;
    left_then = -1;
    throw std::bad_alloc();
  }
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* const made = std::aligned_alloc(alignment, std::max(whole, alignment));
  if (made == nullptr) {
    throw std::bad_alloc();
  }
  return made;
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
// As the standard library's own; the address sanitizer has others, whose memory is not for `free`.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

namespace lithify::test {

std::int64_t allocations_left() { return left; }
void set_allocations_left(std::int64_t n, std::int64_t then) {
  left = n;
  left_then = then;
}

}  // namespace lithify::test
