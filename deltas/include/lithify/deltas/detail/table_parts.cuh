/// Filling a large table part by part, for processors whose caches hold a part.
///
/// Writes go to lists first, one a part of the table and task, in the order in which they come.
/// Then one thread at a time fills a part, with plain stores in its cache, and last come the writes
/// whose probe left their part. A table holds what its set of writes says, so that neither the
/// order in the lists nor the number of tasks matters. A write that finds its list full goes into
/// the table at once, by atomics like any other: the lists are sized for different keys, and equal
/// ones share a part.
#pragma once

#include "lithify/deltas/detail/table_view.cuh"
#include "lithify/device/buffer.cuh"
#include "lithify/device/prefetch.cuh"
#include "lithify/device/verbs.cuh"

#include <cstdint>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Whether the backend fills by parts: a GPU has atomics in its cache and hides what they wait for.
inline constexpr bool fills_by_parts = device::accesses_in_flight > 1;

struct part_entry {
  morton_key key;
  std::uint64_t value;
};

/// A table's parts and their lists. Part p: buckets [p << shift, (p + 1) << shift).
struct part_lists {
  table_view table;
  int shift = 0;
  std::int64_t parts = 0;         ///< 0: the table is too small for parts to pay
  std::int64_t tasks = 0;         ///< lists a part
  std::uint32_t room = 0;         ///< entries that a list has place for
  part_entry* entry = nullptr;    ///< of part p and task t from (p * tasks + t) * room on
  std::uint32_t* used = nullptr;  ///< entries in the list of part p and task t: used[t * parts + p]

  [[nodiscard]] LITHIFY_HD part_entry* list(std::int64_t part, std::int64_t task) const {
    return entry + (part * tasks + task) * room;
  }
  [[nodiscard]] LITHIFY_HD std::uint32_t& used_by(std::int64_t part, std::int64_t task) const {
    return used[task * parts + part];
  }
  /// Whether so many writes are worth their way over the lists.
  [[nodiscard]] LITHIFY_HD bool pays(std::int64_t writes) const {
    return writes >= parts * 4 * device::accesses_in_flight;
  }
};

/// The lists of one task.
class list_writer {
 public:
  list_writer() = default;
  /// Empties them.
  LITHIFY_HD list_writer(const part_lists& lists, std::int64_t task)
      : first_(lists.list(0, task)),
        used_(&lists.used_by(0, task)),
        apart_(lists.tasks * lists.room),
        shift_(lists.shift),
        room_(lists.room) {
    for (std::int64_t p = 0; p < lists.parts; ++p) {
      used_[p] = 0;
    }
  }

  [[nodiscard]] LITHIFY_HD bool exists() const { return used_ != nullptr; }

  /// Gives false if the key's list is full.
  LITHIFY_HD bool add(std::uint64_t home, morton_key key, std::uint64_t value) const {
    const std::uint64_t part = home >> shift_;
    const std::uint32_t filled = used_[part];
    if (filled == room_) {
      return false;
    }
    part_entry* const to = first_ + static_cast<std::int64_t>(part) * apart_ + filled;
    *to = {key, value};
    used_[part] = filled + 1;
    constexpr std::uint32_t entries_a_line = 64 / sizeof(part_entry);
    if ((filled + 1) % entries_a_line == 0) {
      device::prefetch(to + 1 + entries_a_line);  // the line after the next
    }
    return true;
  }

 private:
  part_entry* first_ = nullptr;
  std::uint32_t* used_ = nullptr;
  std::int64_t apart_ = 0;
  int shift_ = 0;
  std::uint32_t room_ = 0;
};

/// Part p from its lists. What left the part stays, at the front of its list.
struct fill_part {
  part_lists lists;
  LITHIFY_HD void operator()(std::int64_t part) const {
    const std::uint64_t last = static_cast<std::uint64_t>(part + 1) << lists.shift;
    const std::uint64_t end = last < lists.table.count ? last : lists.table.count;
    constexpr std::uint32_t ahead = device::accesses_in_flight;
    for (std::int64_t task = 0; task < lists.tasks; ++task) {
      part_entry* const entry = lists.list(part, task);
      std::uint32_t& used = lists.used_by(part, task);
      for (std::uint32_t i = 0; i < used && i < ahead; ++i) {
        lists.table.prefetch(lists.table.home(entry[i].key));
      }
      std::uint32_t left = 0;
      for (std::uint32_t i = 0; i < used; ++i) {
        if (i + ahead < used) {
          lists.table.prefetch(lists.table.home(entry[i + ahead].key));
        }
        const part_entry now = entry[i];
        if (!lists.table.insert_alone(lists.table.home(now.key), end, now.key, now.value)) {
          entry[left++] = now;
        }
      }
      used = left;
    }
  }
};

/// The memory of a table's lists, and how they are emptied into it.
class part_memory {
 public:
  /// None, where parts do not pay. Errors: out_of_memory.
  part_memory(device::exec ex, table_view table);

  [[nodiscard]] const part_lists& lists() const { return lists_; }

 private:
  part_lists lists_;
  device::buffer<part_entry> entries_;
  device::buffer<std::uint32_t> used_;
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
