/// Edits of a test as the index takes them: by brick, on the device.
#pragma once

#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/index.cuh"

#include <cstdint>
#include <map>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

using edit_map = std::map<morton_key, material_id>;

class device_edits {
 public:
  device_edits(device::exec ex, const edit_map& edits) {
    std::vector<morton_key> brick;
    std::vector<std::int64_t> offset;
    std::vector<std::uint64_t> word;
    for (const auto& [key, m] : edits) {
      if (brick.empty() || brick.back() != key >> 9) {
        brick.push_back(key >> 9);
        offset.push_back(static_cast<std::int64_t>(word.size()));
      }
      // High bits as a radix sort by brick would leave them: they must not matter.
      word.push_back(((key & 511U) << 16) | m | (key << 25));
    }
    offset.push_back(static_cast<std::int64_t>(word.size()));
    brick_ = put(ex, brick);
    offset_ = put(ex, offset);
    word_ = put(ex, word);
  }

  [[nodiscard]] octree::brick_edits view() const {
    return {brick_.size(), brick_.data(), offset_.data(), word_.data()};
  }

 private:
  template <class T>
  static device::buffer<T> put(device::exec ex, const std::vector<T>& from) {
    device::buffer<T> to(ex, static_cast<std::int64_t>(from.size()));
    device::copy_to_device(ex, to.data(), from.data(), to.size());
    return to;
  }

  device::buffer<morton_key> brick_;
  device::buffer<std::int64_t> offset_;
  device::buffer<std::uint64_t> word_;
};

}  // namespace lithify::test::inline LITHIFY_BACKEND
