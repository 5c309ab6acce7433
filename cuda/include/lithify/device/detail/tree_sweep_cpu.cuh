/// Bodies of waves and tree sweeps on the CPU.
///
/// Sum up: a word an item has the sum so far, and in its highest byte how many children have not
/// come yet, so that a child comes with one atomic addition, and with none where it is the last. A
/// thread takes a leaf and goes on to the parent as long as it is the last child that comes; it
/// notes what it finished. In the end no child is missing, and the word is the sum.
/// Sweep down: each thread's note in reverse. A parent may stand in the note of another thread, so
/// that a reader comes to an item too early; it then leaves that note where it is and looks after
/// another. The item that was finished last of all that are left never waits: some thread always
/// goes on, however many there are.
#pragma once

#include "lithify/base/hash128.hpp"
#include "lithify/device/atomic.cuh"
#include "lithify/device/prefetch.cuh"
#include "lithify/device/threads.hpp"
#include "lithify/device/verbs.cuh"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {

template <class F>
void for_each_wave(exec ex, std::int64_t* items, std::int64_t* count, F f) {
  const auto push = [=](std::int64_t item) { items[atomic_add(count, std::int64_t{1})] = item; };
  submit(ex.stream, [=] {
    std::int64_t begin = 0;
    std::int64_t end = *count;
    for (std::int64_t wave = 0; begin < end; ++wave) {
      const auto visit = [=](std::int64_t k) { f(items[begin + k], wave, push); };
      if (end - begin < 512 && !work_order::shuffled()) {  // chosen: less than a task is worth
        for (std::int64_t k = 0; k < end - begin; ++k) {
          visit(k);
        }
      } else {
        detail::run_each(end - begin, visit);
      }
      begin = end;
      end = *count;
    }
  });
}

namespace detail {

/// Items that one thread finished, in blocks of the order's array; `last` has `filled` of them.
struct sweep_note {
  std::int64_t last = -1;
  std::int64_t filled = 0;
};

/// Where a sweep down stands in one note.
struct alignas(64) sweep_reader {
  std::int64_t block = -1;
  std::int64_t left = 0;  ///< items of the block that are not done
  std::uint32_t busy = 0;
  std::uint32_t done = 0;
};

inline constexpr std::int64_t note_block = 2048;

/// One entry of a note: an item and its parent, so that a sweep down need not look for it.
struct noted_item {
  std::int32_t item;
  std::int32_t parent;
};

/// Raw pointers of a tree_order.
struct sweep_view {
  std::int64_t n;
  std::int64_t threads;
  noted_item* items;        ///< blocks of note_block
  std::int64_t* previous;   ///< by block: the one before it in its note
  std::int64_t* taken;      ///< blocks in use
  std::int64_t* next_leaf;  ///< where the search for leaves stands
  sweep_note* notes;
  sweep_reader* readers;
  std::uint64_t* leaves;   ///< bits by item
  std::uint8_t* finished;  ///< sweep down
};

inline std::int64_t leaf_words(std::int64_t items) { return (items + 63) / 64; }

/// Appends to one thread's note.
class note_writer {
 public:
  explicit note_writer(const sweep_view& s) : s_(s) {}
  void add(std::int64_t item, std::int64_t parent) {
    if (note_.last < 0 || note_.filled == note_block) {
      const std::int64_t block = atomic_add(s_.taken, std::int64_t{1});
      s_.previous[block] = note_.last;
      note_ = {block, 0};
    }
    s_.items[note_.last * note_block + note_.filled++] = {static_cast<std::int32_t>(item),
                                                          static_cast<std::int32_t>(parent)};
  }
  [[nodiscard]] sweep_note note() const { return note_; }

 private:
  const sweep_view& s_;
  sweep_note note_;
};

/// A child that has not come, in an item's word.
inline constexpr std::uint64_t one_child = std::uint64_t{1} << 56;

/// Adds a child's sum to its parent; gives the parent's if it was the last child, else none.
inline std::optional<std::uint64_t> come(std::uint64_t& parent, std::uint64_t sum) {
  const std::atomic_ref<std::uint64_t> word(parent);
  const std::uint64_t seen = word.load(std::memory_order_acquire);
  if (seen / one_child == 1) {  // alone with the parent
    const std::uint64_t all = seen - one_child + sum;
    word.store(all, std::memory_order_relaxed);
    return all;
  }
  const std::uint64_t before = word.fetch_add(sum - one_child, std::memory_order_acq_rel);
  return before / one_child == 1 ? std::optional(before - one_child + sum) : std::nullopt;
}

/// From a leaf as far as this thread comes last.
template <class Parent>
void climb_from(std::uint64_t* words, std::int64_t leaf, note_writer& note, Parent parent) {
  std::uint64_t sum = words[leaf];
  for (std::int64_t i = leaf;;) {
    const std::int64_t p = parent(i);
    note.add(i, p);
    if (p < 0) {
      return;
    }
    const std::optional<std::uint64_t> all = come(words[p], sum);
    if (!all) {
      return;
    }
    sum = *all;
    i = p;
  }
}

/// One thread's part of a sum up.
template <class Parent>
void walk_up(const sweep_view& s, std::int64_t thread, Parent parent, std::uint64_t* words) {
  constexpr std::int64_t at_once = 64;  // chosen: a few hundred takes a thread and million items
  const std::int64_t all = leaf_words(s.n);
  note_writer note(s);
  for (;;) {
    const std::int64_t begin = atomic_add(s.next_leaf, at_once);
    if (begin >= all) {
      break;
    }
    for (std::int64_t w = begin; w < std::min(all, begin + at_once); ++w) {
      for (std::uint64_t left = s.leaves[w]; left != 0; left &= left - 1) {
        climb_from(words, w * 64 + std::countr_zero(left), note, parent);
      }
    }
  }
  s.notes[thread] = note.note();
}

/// Has the data of an item come nearer, where f says what that is.
template <class F>
void come_nearer([[maybe_unused]] const F& f, [[maybe_unused]] std::int64_t item) {
  if constexpr (requires { f.nearby; }) {
    prefetch(f.nearby + item);
  }
}

/// Goes on with one note until it is done or waits for another; gives whether it did anything.
template <class F>
bool walk_down(const sweep_view& s, sweep_reader& at, F f) {
  constexpr std::int64_t ahead = 16;  // chosen: as far as random accesses go elsewhere
  bool moved = false;
  while (at.block >= 0) {
    const noted_item* const items = s.items + at.block * note_block;
    // Not at.left itself: what f writes could be anything.
    for (std::int64_t left = at.left; left > 0; --left) {
      const noted_item now = items[left - 1];
      if (now.parent >= 0 &&
          std::atomic_ref<std::uint8_t>(s.finished[now.parent]).load(std::memory_order_acquire) ==
              0) {
        at.left = left;
        return moved;
      }
      if (left > ahead) {
        come_nearer(f, items[left - 1 - ahead].item);
      }
      f(now.item, now.parent);
      std::atomic_ref<std::uint8_t>(s.finished[now.item]).store(1, std::memory_order_release);
      moved = true;
    }
    at.block = s.previous[at.block];
    at.left = note_block;
  }
  std::atomic_ref<std::uint32_t>(at.done).store(1, std::memory_order_release);
  return true;
}

/// One thread's part of a sweep down: its own note first, then whichever can go on.
template <class F>
void read_notes(const sweep_view& s, std::int64_t thread, F f) {
  for (int idle = 0;;) {
    bool moved = false;
    bool all_done = true;
    for (std::int64_t k = 0; k < s.threads; ++k) {
      sweep_reader& at = s.readers[(thread + k) % s.threads];
      if (std::atomic_ref<std::uint32_t>(at.done).load(std::memory_order_acquire) != 0) {
        continue;
      }
      all_done = false;
      const std::atomic_ref<std::uint32_t> busy(at.busy);
      if (busy.exchange(1, std::memory_order_acquire) == 0) {
        moved = (at.done == 0 && walk_down(s, at, f)) || moved;
        busy.store(0, std::memory_order_release);
      }
    }
    if (all_done) {
      return;
    }
    idle = moved ? 0 : idle + 1;
    if (idle > 64) {  // chosen: a note is rarely held for longer than a few items
      std::this_thread::yield();
    }
  }
}

/// The random mode: one note, in an order drawn from the seed among all that respect the tree.
template <class Parent>
void walk_up_drawn(const sweep_view& s, Parent parent, std::uint64_t* words) {
  std::vector<std::int64_t> ready;
  for (std::int64_t i = 0; i < s.n; ++i) {
    if (words[i] < one_child) {
      ready.push_back(i);
    }
  }
  note_writer note(s);
  std::uint64_t draw = work_order::drawn(static_cast<std::uint64_t>(s.n));
  while (!ready.empty()) {
    draw = mix64(draw + 1);
    std::swap(ready[draw % ready.size()], ready.back());
    const std::int64_t i = ready.back();
    ready.pop_back();
    const std::int64_t p = parent(i);
    note.add(i, p);
    if (p >= 0 && come(words[p], words[i])) {
      ready.push_back(p);
    }
  }
  s.notes[0] = note.note();
}

/// Bits of the items in a word of `leaves`, by the counts of their children, below 255 each.
inline std::uint64_t leaf_bits(const std::uint8_t (&children)[64]) {
  constexpr std::uint64_t low_bits = 0x0101010101010101;
  std::uint64_t leaves = 0;
  for (int eight = 0; eight < 8; ++eight) {
    std::uint64_t counts = 0;
    for (int k = 0; k < 8; ++k) {
      counts |= std::uint64_t{children[8 * eight + k]} << (8 * k);
    }
    // The highest bit of each byte that is not 0, without carries; then those bits side by side.
    const std::uint64_t some = (((counts & 0x7f * low_bits) + 0x7f * low_bits) | counts) >> 7;
    leaves |= ((~some & low_bits) * 0x0102040810204080 >> 56) << (8 * eight);
  }
  return leaves;
}

}  // namespace detail

/// An order in which a forest of n items can be swept; filled by a sum up.
class tree_order {
 public:
  tree_order() = default;
  /// Errors: out_of_memory, also for 2^31 items and more.
  tree_order(exec ex, std::int64_t n)
      : n_(sweepable(n)),
        threads_(concurrency()),
        items_(ex, n + threads_ * detail::note_block),
        previous_(ex, n / detail::note_block + threads_),
        counters_(ex, 2),
        notes_(ex, threads_),
        readers_(ex, threads_),
        leaves_(ex, detail::leaf_words(n)),
        finished_(ex, n) {}

  [[nodiscard]] std::int64_t size() const { return n_; }
  [[nodiscard]] detail::sweep_view view() const {
    return {n_,
            threads_,
            items_.data(),
            previous_.data(),
            counters_.data(),
            counters_.data() + 1,
            notes_.data(),
            readers_.data(),
            leaves_.data(),
            finished_.data()};
  }

 private:
  std::int64_t n_ = 0;
  std::int64_t threads_ = 0;
  buffer<detail::noted_item> items_;
  buffer<std::int64_t> previous_, counters_;
  buffer<detail::sweep_note> notes_;
  buffer<detail::sweep_reader> readers_;
  buffer<std::uint64_t> leaves_;
  buffer<std::uint8_t> finished_;
};

template <class Parent, class Children, class Own>
void tree_sum_up(exec ex,
                 const tree_order& order,
                 Parent parent,
                 Children children,
                 Own own,
                 std::int64_t* sum) {
  const detail::sweep_view s = order.view();
  auto* const words = reinterpret_cast<std::uint64_t*>(sum);
  device::for_each_n(ex, detail::leaf_words(s.n), [=](std::int64_t w) {
    const std::int64_t first = w * 64;
    const std::int64_t last = std::min(s.n, first + 64);
    std::uint8_t count[64];
    children(first, last, count);
    std::fill(count + (last - first), count + 64, std::uint8_t{1});  // no items, so no leaves
    for (std::int64_t i = first; i < last; ++i) {
      words[i] = static_cast<std::uint64_t>(own(i)) + count[i - first] * detail::one_child;
    }
    s.leaves[w] = detail::leaf_bits(count);
  });
  fill(ex, s.taken, 2, std::int64_t{0});  // and next_leaf, beside it
  fill(ex, s.notes, s.threads, detail::sweep_note{});
  submit(ex.stream, [=] {
    if (work_order::shuffled()) {
      detail::walk_up_drawn(s, parent, words);
    } else {
      detail::run_in_order(s.threads,
                           [=](std::int64_t t) { detail::walk_up(s, t, parent, words); });
    }
  });
}

template <class Parent, class F>
void tree_sweep_down(exec ex, const tree_order& order, Parent, F f) {
  const detail::sweep_view s = order.view();
  fill(ex, s.finished, s.n, std::uint8_t{0});
  device::for_each_n(ex, s.threads, [=](std::int64_t t) {
    s.readers[t] = {s.notes[t].last, s.notes[t].filled, 0, s.notes[t].last < 0 ? 1U : 0U};
  });
  submit(ex.stream, [=] {
    detail::run_in_order(s.threads, [=](std::int64_t t) { detail::read_notes(s, t, f); });
  });
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
