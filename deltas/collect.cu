#include "collect.cuh"
#include "lithify/device/bits.cuh"
#include "lithify/device/prefetch.cuh"
#include "lithify/device/radix_sort.cuh"

#include <algorithm>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

/// The tables' buckets, one after the other, newest table first.
struct bucket_row {
  table_view table[max_tables];
  std::int64_t first[max_tables + 1] = {};
  int tables = 0;

  /// The table that bucket `b` of the row belongs to.
  LITHIFY_HD int table_of(std::int64_t b) const {
    int t = 0;
    while (b >= first[t + 1]) {
      ++t;
    }
    return t;
  }
  LITHIFY_HD const bucket& at(std::int64_t b) const {
    const int t = table_of(b);
    return table[t].buckets[b - first[t]];
  }

  /// Bit i set where slot i of bucket `b` holds a voxel that no newer table holds.
  LITHIFY_HD std::uint32_t newest_slots(std::int64_t b) const {
    const int own = table_of(b);
    const bucket& slots = table[own].buckets[b - first[own]];
    const int claimed = slots.claimed();
    std::uint32_t newest = (1U << claimed) - 1U;
    for (int t = 0; t < own && newest != 0; ++t) {
      std::uint64_t home[bucket_slots];
      for (int i = 0; i < claimed; ++i) {
        home[i] = table[t].home(slots.key[i]);
        device::prefetch(&table[t].buckets[home[i]].key);
      }
      for (int i = 0; i < claimed; ++i) {
        if (((newest >> i) & 1U) != 0 && table[t].find_from(home[i], slots.key[i]) != 0) {
          newest &= ~(1U << i);
        }
      }
    }
    return newest;
  }
};

/// Slots among the lowest 8 bits: cheaper than device::bits_set where the CPU's target has no
/// instruction for it.
LITHIFY_HD int slots_set(std::uint32_t slots) {
  slots -= (slots >> 1) & 0x55U;
  slots = (slots & 0x33U) + ((slots >> 2) & 0x33U);
  return static_cast<int>((slots + (slots >> 4)) & 15U);
}

/// Buckets that one thread takes one after the other. On a CPU a place a bucket would be more to
/// write and to add up than the buckets' own work.
constexpr std::int64_t buckets_a_task = device::accesses_in_flight == 1 ? 1 : 64;

/// Finds the newest slots of a task's buckets and counts them.
struct count_newest {
  bucket_row row;
  std::int64_t buckets;
  std::uint8_t* slots;
  std::int64_t* count;
  LITHIFY_HD void operator()(std::int64_t task) const {
    std::int64_t found = 0;
    const std::int64_t first = task * buckets_a_task;
    for (std::int64_t b = first; b < buckets && b < first + buckets_a_task; ++b) {
      const std::uint32_t newest = row.newest_slots(b);
      slots[b] = static_cast<std::uint8_t>(newest);
      found += slots_set(newest);
    }
    count[task] = found;
  }
};

/// Writes the newest slots of a task's buckets to their places.
template <bool Packed>
struct write_newest {
  bucket_row row;
  std::int64_t buckets;
  const std::uint8_t* slots;
  const std::int64_t* offset;
  std::uint64_t low_bits;
  std::uint64_t* word;
  std::uint64_t* value;

  LITHIFY_HD void operator()(std::int64_t task) const {
    std::int64_t to = offset[task];
    const std::int64_t first = task * buckets_a_task;
    for (std::int64_t b = first; b < buckets && b < first + buckets_a_task; ++b) {
      const bucket& from = row.at(b);
      for (std::uint32_t left = slots[b]; left != 0; left &= left - 1) {
        const int i = device::lowest_bit(left);
        const material_id m = value_material(from.value[i]);
        if constexpr (Packed) {
          word[to] = ((from.key[i] & low_bits) << 16) | m;
        } else {
          word[to] = from.key[i];
          value[to] = m;
        }
        ++to;
      }
    }
  }
};

voxel_box bounds_of(std::span<const std::shared_ptr<const table>> tables) {
  voxel_box box = tables.front()->bounds;
  for (const auto& t : tables) {
    const voxel_box& b = t->bounds;
    box.min = {std::min(box.min.x, b.min.x), std::min(box.min.y, b.min.y),
               std::min(box.min.z, b.min.z)};
    box.max = {std::max(box.max.x, b.max.x), std::max(box.max.y, b.max.y),
               std::max(box.max.z, b.max.z)};
  }
  return box;
}

}  // namespace

collected collect_newest(device::exec ex, std::span<const std::shared_ptr<const table>> tables) {
  collected made;
  if (tables.empty()) {
    return made;
  }
  bucket_row row;
  std::int64_t most = 0;  // a voxel may be in several tables
  for (const auto& t : tables) {
    row.table[row.tables] = view_of(*t);
    row.first[row.tables + 1] = row.first[row.tables] + t->buckets.size();
    ++row.tables;
    most += t->claimed;
  }
  const std::int64_t buckets = row.first[row.tables];
  const std::int64_t tasks = (buckets + buckets_a_task - 1) / buckets_a_task;
  device::buffer<std::uint8_t> newest(ex, buckets);
  device::buffer<std::int64_t> counts(ex, tasks);
  made.held = device::buffer<std::int64_t>(ex, tasks + 1);
  const std::uint8_t* const slots = newest.data();
  const std::int64_t* const count = counts.data();
  const std::int64_t* const offset = made.held.data();
  device::for_each_n(ex, tasks, count_newest{row, buckets, newest.data(), counts.data()});
  device::exclusive_scan(
      ex, tasks, [=] LITHIFY_HD(std::int64_t t) -> std::int64_t { return count[t]; },
      made.held.data());
  made.count = {most, offset + tasks};
  made.box = bounds_of(tables);
  made.frame = key_frame::of(made.box);
  made.word = device::buffer<std::uint64_t>(ex, most);
  if (made.frame.packs()) {
    const std::uint64_t low_bits = (std::uint64_t{1} << made.frame.bits) - 1;
    device::for_each_n(
        ex, tasks,
        write_newest<true>{row, buckets, slots, offset, low_bits, made.word.data(), nullptr});
  } else {
    made.value = device::buffer<std::uint64_t>(ex, most);
    device::for_each_n(
        ex, tasks,
        write_newest<false>{row, buckets, slots, offset, 0, made.word.data(), made.value.data()});
  }
  return made;
}

void sort_collected(device::exec ex, collected& deltas, int from_bit) {
  if (deltas.frame.bits <= from_bit) {
    return;
  }
  if (deltas.frame.packs()) {
    device::sort_keys(ex, deltas.word.data(), deltas.count, 16 + from_bit, 16 + deltas.frame.bits);
  } else {
    device::sort_pairs(ex, deltas.word.data(), deltas.value.data(), deltas.count, from_bit,
                       deltas.frame.bits);
  }
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
