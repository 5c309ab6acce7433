/// How many items a verb works on: a number, or one that an earlier verb wrote on the device, so
/// that the host does not have to wait for it.
#pragma once

#include "lithify/device/backend.cuh"

#include <cstdint>

namespace lithify::device::inline LITHIFY_BACKEND {

class extent {
 public:
  /// `n` items. Implicit: the usual case.
  extent(std::int64_t n) : bound_(n) {}  // NOLINT(google-explicit-constructor)
  /// As many items as `*count` (device) says when the work runs, at most `bound`: grids and scratch
  /// follow the bound.
  /// Requires: 0 <= *count <= bound then; the verb itself writes nothing there.
  extent(std::int64_t bound, const std::int64_t* count) : bound_(bound), count_(count) {}

  [[nodiscard]] LITHIFY_HD std::int64_t bound() const { return bound_; }
  /// The number of items. Device code, or work submitted to the stream.
  [[nodiscard]] LITHIFY_HD std::int64_t now() const { return count_ == nullptr ? bound_ : *count_; }
  /// Whether the host knows the number: then it is `bound()`.
  [[nodiscard]] bool known() const { return count_ == nullptr; }

 private:
  std::int64_t bound_;
  const std::int64_t* count_ = nullptr;
};

}  // namespace lithify::device::inline LITHIFY_BACKEND
