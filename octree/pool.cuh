/// Slots of one size in slabs that never move, and lists of slots.
///
/// A slot is free, or was taken by the version that its `born` entry names. What an update takes
/// becomes taken only when the update is published: an update that is dropped leaves no trace. All
/// calls come from the index's one writer, on streams that are ordered with each other.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/index_view.cuh"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// A growing list of slots on the device: taken at the front, added at the end. Its memory goes
/// back in order with the index's stream.
class slot_list {
 public:
  /// Room for `room` more slots. Errors: out_of_memory, the list is unchanged.
  void reserve(device::exec ex, device::stream_ref home, std::int64_t room) {
    if (front_ + count_ + room <= slots_.size()) {
      return;
    }
    // Twice what is there: a list that grows by little is copied seldom.
    device::buffer<std::uint64_t> larger(ex, 2 * count_ + room);
    larger.hand_over(home);
    if (count_ > 0) {
      device::copy(ex, larger.data(), data(), count_);
      ex.stream.synchronize();  // the old array goes back on another stream than it is read on
    }
    slots_ = std::move(larger);
    front_ = 0;
  }
  /// Counts slots that were written from `end()` on.
  void add(std::int64_t slots) { count_ += slots; }
  /// Takes slots away at the front.
  void drop(std::int64_t slots) {
    front_ += slots;
    count_ -= slots;
  }

  [[nodiscard]] std::uint64_t* data() const { return slots_.data() + front_; }
  [[nodiscard]] std::uint64_t* end() const { return data() + count_; }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return slots_.bytes(); }

 private:
  device::buffer<std::uint64_t> slots_;
  std::int64_t front_ = 0;
  std::int64_t count_ = 0;
};

/// The slots that an update may take, in the order in which it takes them.
struct slot_source {
  const std::uint64_t* free = nullptr;
  std::int64_t free_count = 0;
  std::uint64_t high_water = 0;

  LITHIFY_HD std::uint64_t operator[](std::int64_t i) const {
    return i < free_count ? free[i] : high_water + static_cast<std::uint64_t>(i - free_count);
  }
};

inline constexpr std::size_t slab_bytes = std::size_t{16} << 20;
/// Slabs that a pool can have: 1 TiB. The table of their addresses stays where it is, so that a
/// view taken once is valid as long as the pool.
inline constexpr std::int64_t max_slabs = 65536;

template <class T>
class pool {
 public:
  static_assert(std::has_single_bit(sizeof(T)) && sizeof(T) <= slab_bytes);
  static constexpr std::int64_t slab_slots = slab_bytes / sizeof(T);
  static constexpr int slab_bits = std::countr_zero(static_cast<std::uint64_t>(slab_slots));

  /// Errors: out_of_memory.
  explicit pool(device::exec home)
      : home_(home.stream), slot_table_(home, max_slabs), born_table_(home, max_slabs) {}

  [[nodiscard]] slab_view<T> view() const { return {slot_table_.data(), slab_bits}; }
  /// Number of the version that took each slot.
  [[nodiscard]] slab_view<std::uint64_t> born() const { return {born_table_.data(), slab_bits}; }
  [[nodiscard]] slot_source source() const { return {free_.data(), free_.count(), high_water_}; }

  /// Makes `slots` slots available in `source()`.
  /// Errors: out_of_memory; nothing is taken, and what grew stays for the next try.
  void reserve(device::exec ex, std::int64_t slots) {
    const std::int64_t fresh = std::max<std::int64_t>(0, slots - free_.count());
    const std::int64_t last = static_cast<std::int64_t>(high_water_) + fresh;
    const std::int64_t wanted = (last + slab_slots - 1) / slab_slots;
    require(wanted <= max_slabs, errc::out_of_memory, "a pool of the index is full");
    while (static_cast<std::int64_t>(slabs_.size()) < wanted) {
      slab made{device::buffer<T>(ex, slab_slots), device::buffer<std::uint64_t>(ex, slab_slots)};
      made.slots.hand_over(home_);
      made.born.hand_over(home_);
      T* const slots_at = made.slots.data();
      std::uint64_t* const born_at = made.born.data();
      const std::size_t place = slabs_.size();
      slabs_.push_back(std::move(made));
      device::copy_to_device(ex, slot_table_.data() + place, &slots_at, 1);
      device::copy_to_device(ex, born_table_.data() + place, &born_at, 1);
    }
  }

  /// Takes for good the first `slots` slots of a source that had `free` free ones. Slots that were
  /// freed since then do not matter.
  void take(std::int64_t slots, std::int64_t free) {
    const std::int64_t reused = std::min(slots, free);
    free_.drop(reused);
    high_water_ += static_cast<std::uint64_t>(slots - reused);
  }

  /// Slots that can be taken again; write past its end, then `add`.
  [[nodiscard]] slot_list& free_slots() { return free_; }

  /// Slots that can be taken without `reserve`.
  [[nodiscard]] std::int64_t room() const {
    return free_.count() + static_cast<std::int64_t>(slabs_.size()) * slab_slots -
           static_cast<std::int64_t>(high_water_);
  }
  /// Slots taken and not free.
  [[nodiscard]] std::int64_t in_use() const {
    return static_cast<std::int64_t>(high_water_) - free_.count();
  }
  [[nodiscard]] std::size_t bytes() const {
    const std::size_t one = slab_bytes + static_cast<std::size_t>(slab_slots) * 8;
    return slabs_.size() * one + slot_table_.bytes() + born_table_.bytes() + free_.bytes();
  }

 private:
  struct slab {
    device::buffer<T> slots;
    device::buffer<std::uint64_t> born;
  };

  device::stream_ref home_;
  std::vector<slab> slabs_;
  device::buffer<T*> slot_table_;
  device::buffer<std::uint64_t*> born_table_;
  slot_list free_;
  std::uint64_t high_water_ = 0;
};

}  // namespace lithify::octree::inline LITHIFY_BACKEND
