/// A batch while it is being written: a private table, and how kernels write to it.
///
/// An emission runs without the host: count, scan, admit, fill. One that does not fit raises a flag
/// with its exact count, and every later kernel of the step returns at once; the host grows the
/// table and goes on from that emission, which gives exactly what a large enough table would have.
#pragma once

#include "lithify/deltas/detail/table_parts.cuh"
#include "lithify/deltas/detail/table_view.cuh"
#include "lithify/device/prefetch.cuh"
#include "lithify/device/verbs.cuh"

#include <cstdint>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Device words of the batch that is being staged.
struct staging_words {
  std::uint64_t emitted = 0;         ///< deltas so far; the next order is emitted + 1
  std::uint64_t base = 0;            ///< `emitted` before the emission that runs now
  std::uint64_t limit = 0;           ///< deltas that the table admits: load factor x slots
  std::uint64_t overflow_count = 0;  ///< deltas of the emission that did not fit
  std::uint32_t overflow = 0;        ///< 0, or 1 + number of the emission that did not fit
  std::uint32_t broken = 0;          ///< staging_defect bits: a broken invariant
};
static_assert(sizeof(staging_words) <= 64);

enum staging_defect : std::uint32_t {
  table_full = 1,   ///< a probe saw every bucket
  wrong_count = 2,  ///< an item wrote more or fewer deltas than it had counted
};

/// Writes the deltas of an emission, in order.
class delta_writer {
 public:
  LITHIFY_HD delta_writer(table_view table, staging_words* words, std::uint64_t first_order)
      : table_(table), words_(words), order_(first_order) {}
  /// The same by way of lists.
  LITHIFY_HD delta_writer(table_view table,
                          const list_writer& lists,
                          staging_words* words,
                          std::uint64_t first_order)
      : table_(table), words_(words), order_(first_order), lists_(lists) {}

  /// Requires: the voxel is inside the region.
  LITHIFY_HD void write(voxel v, material_id m) {
    const morton_key key = morton_encode(v);
    const std::uint64_t home = table_.home(key);
    const std::uint64_t value = pack_value(order_++, m);
    if constexpr (device::accesses_in_flight == 1) {
      insert(home, key, value);
    } else if (lists_.exists()) {
      if (!lists_.add(home, key, value)) {
        insert(home, key, value);
      }
    } else {
      // The bucket's lines arrive while the next keys are made: a key waits until so many others
      // have been written.
      table_.prefetch(home);
      entry& oldest = waiting_[count_ % device::accesses_in_flight];
      if (count_ >= device::accesses_in_flight) {
        insert(oldest.home, oldest.key, oldest.value);
      }
      oldest = {home, key, value};
      ++count_;
    }
  }

  /// Order of the next delta.
  [[nodiscard]] LITHIFY_HD std::uint64_t next_order() const { return order_; }

  /// Inserts what still waits; `emit` calls it.
  LITHIFY_HD void flush() {
    constexpr int width = device::accesses_in_flight;
    for (std::uint32_t i = count_ < width ? 0 : count_ - width; i < count_; ++i) {
      insert(waiting_[i % width].home, waiting_[i % width].key, waiting_[i % width].value);
    }
    count_ = 0;
  }

 private:
  struct entry {
    std::uint64_t home;
    morton_key key;
    std::uint64_t value;
  };

  LITHIFY_HD void insert(std::uint64_t home, morton_key key, std::uint64_t value) const {
    if (!table_.insert_from(home, key, value)) {
      device::atomic_or(&words_->broken, std::uint32_t{table_full});
    }
  }

  table_view table_;
  staging_words* words_;
  std::uint64_t order_;
  list_writer lists_;
  std::uint32_t count_ = 0;  ///< written since the last flush
  entry waiting_[device::accesses_in_flight];
};

/// A batch before it is committed. Dropped, nothing happened.
class staging {
 public:
  /// A table that admits `bound` deltas.
  /// Errors: invalid_argument (a bound below 0 or past 2^48), out_of_memory.
  staging(device::exec ex, std::int64_t bound);

  /// Whether an emission did not fit: every later kernel of the step must return at once then.
  [[nodiscard]] const staging_words* words() const { return words_.data(); }

  /// Emits count(i) deltas for each item i of [0, n): fill(i, delta_writer&) must write exactly as
  /// many (it is called for items without deltas too), and runs only if the whole emission fits.
  /// Orders follow the items, never the threads. Gives the emission's number, for `overflowed`.
  /// Errors: out_of_memory; the batch is as before.
  template <class Count, class Fill>
  int emit(device::exec ex, std::int64_t n, Count count, Fill fill);

  /// The number of the emission that did not fit, or -1. Sync.
  /// Errors: internal, if an emission wrote another number of deltas than it had counted.
  [[nodiscard]] int overflowed(device::exec ex) const;
  /// Copies into a table that admits what is missing, and clears the flag: run that emission again,
  /// and what follows it; their numbers are given out again. Sync.
  /// Errors: out_of_memory (the batch is as before), invalid_argument past 2^48 deltas.
  void grow(device::exec ex);

  [[nodiscard]] table_view table() const {
    return {buckets_.data(), static_cast<std::uint64_t>(buckets_.size())};
  }

 private:
  friend class overlay;
  [[nodiscard]] staging_words read_words(device::exec ex) const;
  /// Errors: invalid_argument while an emission does not fit.
  [[nodiscard]] staging_words read_fitting(device::exec ex) const;

  device::buffer<bucket> buckets_;
  device::buffer<staging_words> words_;
  int emissions_ = 0;
};

namespace detail {

/// Items that one thread fills one after the other, so that its insertions overlap: many more than
/// wait at a time, so that what waits is seldom less.
inline constexpr std::int64_t items_a_task =
    device::accesses_in_flight == 1 ? 1 : 16 * device::accesses_in_flight;

/// Number of deltas of an item, 0 once an emission did not fit.
template <class Count>
struct guarded_count {
  const staging_words* words;
  Count count;
  LITHIFY_HD std::int64_t operator()(std::int64_t i) const {
    return words->overflow != 0 ? 0 : static_cast<std::int64_t>(count(i));
  }
  /// Where the count says what it will read.
  LITHIFY_HD void come_nearer(std::int64_t i) const requires requires { count.come_nearer(i); }
  { count.come_nearer(i); }
};

/// Takes the emission in whole, or raises the flag.
struct admit {
  staging_words* words;
  const std::int64_t* total;
  std::uint32_t number;
  LITHIFY_HD void operator()(std::int64_t) const {
    const auto wanted = static_cast<std::uint64_t>(*total);
    if (words->overflow != 0) {
      return;
    }
    if (wanted > words->limit - words->emitted) {
      words->overflow = number + 1;
      words->overflow_count = wanted;
      return;
    }
    words->base = words->emitted;
    words->emitted += wanted;
  }
};

template <class Fill>
struct guarded_fill {
  table_view table;
  staging_words* words;
  const std::int64_t* offset;
  std::int64_t n;
  Fill fill;

  LITHIFY_HD void operator()(std::int64_t task) const {
    if (words->overflow != 0) {
      return;
    }
    const std::int64_t first = task * items_a_task;
    const std::int64_t last = first + items_a_task < n ? first + items_a_task : n;
    delta_writer to(table, words, first_order(first));
    write_items(first, last, to);
  }

  [[nodiscard]] LITHIFY_HD std::uint64_t first_order(std::int64_t item) const {
    return words->base + 1 + static_cast<std::uint64_t>(offset[item]);
  }
  LITHIFY_HD void write_items(std::int64_t first, std::int64_t last, delta_writer& to) const {
    for (std::int64_t i = first; i < last; ++i) {
      fill(i, to);
      if (to.next_order() != first_order(i + 1)) {
        device::atomic_or(&words->broken, std::uint32_t{wrong_count});
        break;
      }
    }
    to.flush();
  }
};

/// The same by the lists of a table's parts. Items and deltas together are cut evenly into tasks.
template <class Fill>
struct guarded_gather {
  guarded_fill<Fill> items;
  part_lists lists;

  LITHIFY_HD void operator()(std::int64_t task) const {
    if (items.words->overflow != 0) {
      return;
    }
    const list_writer own(lists, task);
    const std::int64_t first = first_item(task);
    const std::int64_t last = first_item(task + 1);
    if (first == last) {
      return;
    }
    if (lists.pays(items.offset[items.n])) {
      delta_writer to(items.table, own, items.words, items.first_order(first));
      items.write_items(first, last, to);
    } else {
      delta_writer to(items.table, items.words, items.first_order(first));
      items.write_items(first, last, to);
    }
  }

  /// The first item with `task` tasks' share of items and deltas before it.
  [[nodiscard]] LITHIFY_HD std::int64_t first_item(std::int64_t task) const {
    const std::int64_t all = items.offset[items.n] + items.n;
    const std::int64_t share = all / lists.tasks * task + all % lists.tasks * task / lists.tasks;
    std::int64_t low = 0;
    std::int64_t high = items.n;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (items.offset[middle] + middle < share) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

/// Parts from their lists.
struct guarded_fill_part {
  const staging_words* words;
  fill_part fill;
  LITHIFY_HD void operator()(std::int64_t part) const {
    if (words->overflow == 0) {
      fill(part);
    }
  }
};

/// What left its part.
struct guarded_fill_rest {
  staging_words* words;
  part_lists lists;
  LITHIFY_HD void operator()(std::int64_t part) const {
    if (words->overflow != 0) {
      return;
    }
    for (std::int64_t task = 0; task < lists.tasks; ++task) {
      const part_entry* const entry = lists.list(part, task);
      for (std::uint32_t i = 0; i < lists.used_by(part, task); ++i) {
        if (!lists.table.insert(entry[i].key, entry[i].value)) {
          device::atomic_or(&words->broken, std::uint32_t{table_full});
        }
      }
    }
  }
};

}  // namespace detail

template <class Count, class Fill>
int staging::emit(device::exec ex, std::int64_t n, Count count, Fill fill) {
  if (n > 0) {
    device::buffer<std::int64_t> offsets(ex, n + 1);
    const part_memory by_parts(ex, table());
    const part_lists& lists = by_parts.lists();
    std::int64_t* const offset = offsets.data();
    device::exclusive_scan(ex, n, detail::guarded_count<Count>{words_.data(), count}, offset);
    device::for_each_n(
        ex, 1, detail::admit{words_.data(), offset + n, static_cast<std::uint32_t>(emissions_)});
    const detail::guarded_fill<Fill> items{table(), words_.data(), offset, n, fill};
    if (lists.parts == 0) {
      device::for_each_n(ex, (n + detail::items_a_task - 1) / detail::items_a_task, items);
    } else if constexpr (fills_by_parts) {
      device::for_each_n(ex, lists.tasks, detail::guarded_gather<Fill>{items, lists});
      device::for_each_n(ex, lists.parts, detail::guarded_fill_part{words_.data(), {lists}});
      device::for_each_n(ex, lists.parts, detail::guarded_fill_rest{words_.data(), lists});
    }
  }
  return emissions_++;
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
