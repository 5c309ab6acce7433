/// The overlay's hash table as kernels see it.
///
/// Buckets of 8 keys then 8 values (128 bytes). Key: Morton, all ones = empty. Value: order:48 |
/// material:16, orders start at 1, so that 0 = not written. An insert claims its key once by CAS
/// and raises the value by atomic max: what a table holds depends only on the set of writes, and
/// the highest order wins whatever the thread order.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/base/types.hpp"
#include "lithify/device/atomic.cuh"
#include "lithify/device/bits.cuh"
#include "lithify/device/match.cuh"
#include "lithify/device/prefetch.cuh"
#include "lithify/octree/morton.hpp"

#include <cstdint>

namespace lithify::deltas::inline LITHIFY_BACKEND {

inline constexpr int bucket_slots = 8;
inline constexpr std::uint64_t max_order = (std::uint64_t{1} << 48) - 1;

struct alignas(128) bucket {
  morton_key key[bucket_slots];
  std::uint64_t value[bucket_slots];

  /// Slots that are taken: they fill from the front. Plain loads.
  LITHIFY_HD int claimed() const {
    if constexpr (device::matches_at_once) {
      return device::lowest_bit(device::highest_bits(key) | (1U << bucket_slots));
    }
    int n = 0;
    while (n < bucket_slots && key[n] != no_key) {
      ++n;
    }
    return n;
  }
};
static_assert(sizeof(bucket) == 128);

[[nodiscard]] constexpr std::uint64_t pack_value(std::uint64_t order, material_id m) {
  return (order << 16) | m;
}
[[nodiscard]] constexpr material_id value_material(std::uint64_t value) {
  return static_cast<material_id>(value);
}
[[nodiscard]] constexpr std::uint64_t value_order(std::uint64_t value) { return value >> 16; }

struct table_view {
  bucket* buckets = nullptr;
  std::uint64_t count = 0;  ///< buckets; any number, not only powers of two

  LITHIFY_HD std::uint64_t home(morton_key key) const { return mul_high(mix64(key), count); }

  /// Asks for the lines of a bucket that an insert will touch.
  LITHIFY_HD void prefetch(std::uint64_t b) const {
    device::prefetch(&buckets[b].key);
    device::prefetch(&buckets[b].value);
  }

  /// Writes (key, value) unless a newer value stands. Gives false if every bucket is full.
  LITHIFY_HD bool insert(morton_key key, std::uint64_t value) const {
    return insert_from(home(key), key, value);
  }

  /// `insert` of a key whose home is already known.
  LITHIFY_HD bool insert_from(std::uint64_t b, morton_key key, std::uint64_t value) const {
    for (std::uint64_t probe = 0; probe < count; ++probe) {
      bucket& at = buckets[b];
      for (int i = 0; i < bucket_slots; ++i) {
        morton_key seen = device::atomic_load(&at.key[i]);
        if (seen == no_key) {
          seen = device::atomic_cas(&at.key[i], no_key, key);
          if (seen == no_key) {
            seen = key;
          }
        }
        if (seen == key) {
          device::atomic_max(&at.value[i], value);
          return true;
        }
      }
      b = after(b);
    }
    return false;
  }

  /// `insert_from` for a thread that has the buckets [b, end) to itself. Gives false if the key
  /// belongs behind them.
  LITHIFY_HD bool insert_alone(std::uint64_t b,
                               std::uint64_t end,
                               morton_key key,
                               std::uint64_t value) const {
    for (; b < end; ++b) {
      bucket& at = buckets[b];
      // Slots fill from the front: the key's own slot, or else the first that is free. Of all
      // keys only no_key has its highest bit set.
      const std::uint32_t fit = device::matching_words(at.key, key) | device::highest_bits(at.key);
      if (fit != 0) {
        const int slot = device::lowest_bit(fit);
        at.key[slot] = key;
        at.value[slot] = at.value[slot] < value ? value : at.value[slot];
        return true;
      }
    }
    return false;
  }

  /// The value of `key`, 0 if there is none. Plain loads: for published tables.
  LITHIFY_HD std::uint64_t find(morton_key key) const { return find_from(home(key), key); }

  /// `find` of a key whose home is already known.
  LITHIFY_HD std::uint64_t find_from(std::uint64_t b, morton_key key) const {
    const std::uint64_t* const place = place_from(b, key);
    return place != nullptr ? *place : 0;
  }

  /// Where the value of a key whose home is `b` lies; nothing if there is none.
  LITHIFY_HD const std::uint64_t* place_from(std::uint64_t b, morton_key key) const {
    bool further = true;
    for (std::uint64_t probe = 0; probe < count && further; ++probe) {
      if (const std::uint64_t* const place = place_in(b, key, further)) {
        return place;
      }
      b = after(b);
    }
    return nullptr;
  }

  /// The same for bucket `b` alone. `further`: whether the key may lie in those after it.
  LITHIFY_HD const std::uint64_t* place_in(std::uint64_t b, morton_key key, bool& further) const {
    const bucket& at = buckets[b];
    further = false;
    if constexpr (device::matches_at_once) {
      if (const std::uint32_t match = device::matching_words(at.key, key)) {
        return &at.value[device::lowest_bit(match)];
      }
      further = at.key[bucket_slots - 1] != no_key;  // slots fill from the front
    } else {
      for (int i = 0; i < bucket_slots; ++i) {
        if (at.key[i] == key) {
          return &at.value[i];
        }
        if (at.key[i] == no_key) {
          return nullptr;
        }
      }
      further = true;
    }
    return nullptr;
  }

  [[nodiscard]] LITHIFY_HD std::uint64_t after(std::uint64_t b) const {
    return b + 1 == count ? 0 : b + 1;
  }
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
