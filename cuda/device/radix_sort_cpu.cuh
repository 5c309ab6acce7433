/// The radix sort of the CPU backend.
///
/// A range of keys that does not fit a core's L2 cache is first spread over parts by its highest
/// varying bits, all threads together, one streaming pass; then every part is one task that sorts
/// it by LSD passes inside the cache. The highest varying bits are guessed from a sample and
/// checked while counting, so that keys which share a prefix (edits of one corner of a world) still
/// spread evenly. All steps are stable, and the result does not depend on the order in which tasks
/// run.
#pragma once

#include "lithify/device/verbs.cuh"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// NOLINTNEXTLINE(modernize-concat-nested-namespaces): it is
namespace lithify::device::inline LITHIFY_BACKEND::detail {

using word = std::uint64_t;

/// Keys and, for pairs, the values beside them.
template <bool Pairs>
struct sort_columns {
  word* keys;
  word* values;

  [[nodiscard]] sort_columns at(std::int64_t i) const {
    return {keys + i, Pairs ? values + i : nullptr};
  }
  void copy_to(sort_columns to, std::int64_t n) const {
    std::copy(keys, keys + n, to.keys);
    if constexpr (Pairs) {
      std::copy(values, values + n, to.values);
    }
  }
};

constexpr int words_a_line = 8;
/// Most bits of one pass: a line of each part is buffered in L2 while keys are spread, and the
/// counters of a pass inside a part stay in L1.
constexpr int max_spread_bits = 10;
constexpr int max_pass_bits = 11;
constexpr int max_passes = 8;
constexpr std::int64_t max_chunks = 64;
/// Keys of a part that sorts in one task: two columns of them take half of a 1 MiB L2.
constexpr std::int64_t part_keys = std::int64_t{1} << 15;
/// A part above this is spread again by all threads: uneven keys must not leave one thread alone.
constexpr std::int64_t respread_keys = std::int64_t{1} << 17;
/// From here on spreading writes past the caches: what it writes would not stay in them anyway.
constexpr std::int64_t streaming_keys = std::int64_t{1} << 20;

constexpr word bit_mask(int lo, int hi) {
  return (hi >= 64 ? ~word{0} : (word{1} << hi) - 1) & ~((word{1} << lo) - 1);
}

/// Parts that n keys are spread over, as a number of bits.
constexpr int spread_bits(std::int64_t n) {
  return std::clamp(static_cast<int>(std::bit_width(static_cast<word>(n / (part_keys / 2)))), 6,
                    max_spread_bits);
}
/// Chunks that are counted and spread as a task each: 64 keys a part at least, to fill lines.
constexpr std::int64_t chunk_count(std::int64_t n) {
  return std::clamp((n >> spread_bits(n)) / 64, std::int64_t{1}, max_chunks);
}
/// Words of counters that sorting n keys needs, also for every smaller part.
constexpr std::int64_t counter_words(std::int64_t n) {
  return n <= part_keys ? 0 : ((std::int64_t{1} << spread_bits(n)) + 2) * max_chunks;
}

inline void insertion_sort(word* keys, word* values, std::int64_t n, word mask) {
  for (std::int64_t i = 1; i < n; ++i) {
    const word key = keys[i];
    const word value = values != nullptr ? values[i] : 0;
    std::int64_t hole = i;
    for (; hole > 0 && (keys[hole - 1] & mask) > (key & mask); --hole) {
      keys[hole] = keys[hole - 1];
      if (values != nullptr) {
        values[hole] = values[hole - 1];
      }
    }
    keys[hole] = key;
    if (values != nullptr) {
      values[hole] = value;
    }
  }
}

/// Bits within `mask` in which the n keys differ.
inline word varying_bits(const word* keys, std::int64_t n, std::int64_t step, word mask) {
  word any = 0;
  word all = ~word{0};
  for (std::int64_t i = 0; i < n; i += step) {
    any |= keys[i];
    all &= keys[i];
  }
  return (any ^ all) & mask;
}

/// One LSD pass. `offset` holds where each digit starts in `to`; it is used up.
template <bool Pairs>
void scatter_pass(sort_columns<Pairs> from,
                  sort_columns<Pairs> to,
                  std::int64_t n,
                  int shift,
                  word digits,
                  std::uint32_t* offset) {
  for (std::int64_t i = 0; i < n; ++i) {
    const word key = from.keys[i];
    const std::uint32_t place = offset[(key >> shift) & digits]++;
    to.keys[place] = key;
    if constexpr (Pairs) {
      to.values[place] = from.values[i];
    }
  }
}

/// Sorts a part by bits [lo, hi) in the calling thread. The result is in `other` or in `data`, as
/// `into_other` says; the rest is scratch. Requires: n < 2^32.
template <bool Pairs>
void sort_part(sort_columns<Pairs> data,
               sort_columns<Pairs> other,
               std::int64_t n,
               int lo,
               int hi,
               bool into_other) {
  constexpr std::int64_t insertion_limit = 32;
  const word mask = bit_mask(lo, hi);
  const word varying = n <= insertion_limit ? 0 : varying_bits(data.keys, n, 1, mask);
  if (n <= insertion_limit) {
    insertion_sort(data.keys, data.values, n, mask);
  }
  bool in_other = false;
  if (varying != 0) {
    lo = std::countr_zero(varying);
    const int bits = static_cast<int>(std::bit_width(varying)) - lo;
    // Counters beyond the number of keys would cost more to clear than they save.
    const int widest =
        std::clamp(static_cast<int>(std::bit_width(static_cast<word>(n))) - 3, 8, max_pass_bits);
    const int passes = (bits + widest - 1) / widest;
    const int width = (bits + passes - 1) / passes;
    const word digits = bit_mask(0, width);
    std::array<std::array<std::uint32_t, 1 << max_pass_bits>, max_passes> counts;
    for (int p = 0; p < passes; ++p) {
      std::fill_n(counts[p].begin(), digits + 1, 0U);
    }
    // Bits beyond the highest that vary are constant or outside the range: masked off below.
    const word kept = bit_mask(lo, lo + bits);
    for (std::int64_t i = 0; i < n; ++i) {
      const word key = (data.keys[i] & kept) >> lo;
      for (int p = 0; p < passes; ++p) {
        ++counts[p][(key >> (p * width)) & digits];
      }
    }
    for (int p = 0; p < passes; ++p) {
      const int shift = lo + p * width;
      const word used = bit_mask(0, std::min(width, lo + bits - shift));
      if (counts[p][(data.keys[0] >> shift) & used] == static_cast<std::uint32_t>(n)) {
        continue;  // the digit is the same everywhere
      }
      std::uint32_t sum = 0;
      for (word d = 0; d <= used; ++d) {
        sum += std::exchange(counts[p][d], sum);
      }
      scatter_pass<Pairs>(data, other, n, shift, used, counts[p].data());
      std::swap(data, other);
      in_other = !in_other;
    }
  }
  if (in_other != into_other) {
    data.copy_to(other, n);
  }
}

/// Writes lines of one column of the destination. Lines are aligned to where the column lies in
/// memory; the first and last line of a range may be shared with another task, so only the range's
/// own words are written there.
template <int Bins>
class line_writer {
 public:
  /// `streaming`: write past the caches.
  line_writer(word* column, bool streaming)
      : skew_(static_cast<int>(reinterpret_cast<std::uintptr_t>(column) / sizeof(word) %
                               words_a_line)),
        column_(column),
        streaming_(streaming) {}

  /// Places `value` at `place` of range `bin`, which starts at `start`.
  void put(word bin, std::int64_t place, std::int64_t start, word value) {
    const std::int64_t slot = (place + skew_) % words_a_line;
    lines_[bin][slot] = value;
    if (slot == words_a_line - 1) {
      const std::int64_t line = place - (words_a_line - 1);
      if (line >= start) {
        write_line(column_ + line, lines_[bin].data());
      } else {
        std::copy(lines_[bin].data() + (start - line), lines_[bin].data() + words_a_line,
                  column_ + start);
      }
    }
  }
  /// Writes what `put` left of a range that ends before `place`.
  void finish(word bin, std::int64_t place, std::int64_t start) {
    const std::int64_t left = (place + skew_) % words_a_line;
    const std::int64_t first = std::max(place - left, start);
    const std::int64_t skip = left - (place - first);
    std::copy(lines_[bin].data() + skip, lines_[bin].data() + left, column_ + first);
  }

 private:
  void write_line(word* to, const word* line) const {
#if defined(__SSE2__)
    if (streaming_) {
      for (int i = 0; i < words_a_line; i += 2) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                         _mm_load_si128(reinterpret_cast<const __m128i*>(line + i)));
      }
      return;
    }
#endif
    std::memcpy(to, line, words_a_line * sizeof(word));
  }

  alignas(64) std::array<std::array<word, words_a_line>, Bins> lines_;
  int skew_;
  word* column_;
  bool streaming_;
};

/// Streamed lines become visible to other threads only after this.
inline void end_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/// One spreading pass over n keys: how they are cut into chunks and which digit decides.
struct spread_plan {
  std::int64_t n;
  std::int64_t chunks;
  int shift;
  int bits;
  word* counters;  // a row a chunk: a counter a part, then OR and AND of the keys

  [[nodiscard]] std::int64_t parts() const { return std::int64_t{1} << bits; }
  [[nodiscard]] word digit(word key) const { return (key >> shift) & bit_mask(0, bits); }
  [[nodiscard]] word* row(std::int64_t c) const { return counters + c * (parts() + 2); }
  [[nodiscard]] std::int64_t first(std::int64_t c) const { return n * c / chunks; }
};

/// Counts the digits of every chunk; gives the bits in which the keys differ.
inline word count_digits(const word* keys, const spread_plan plan, word mask) {
  run_each(plan.chunks, [=](std::int64_t c) {
    word* const row = plan.row(c);
    std::fill_n(row, plan.parts(), word{0});
    word any = 0;
    word all = ~word{0};
    const std::int64_t last = plan.first(c + 1);
    for (std::int64_t i = plan.first(c); i < last; ++i) {
      const word key = keys[i];
      any |= key;
      all &= key;
      ++row[plan.digit(key)];
    }
    row[plan.parts()] = any;
    row[plan.parts() + 1] = all;
  });
  word any = 0;
  word all = ~word{0};
  for (std::int64_t c = 0; c < plan.chunks; ++c) {
    any |= plan.row(c)[plan.parts()];
    all &= plan.row(c)[plan.parts() + 1];
  }
  return (any ^ all) & mask;
}

/// Turns the counters into places; part d covers [start[d], start[d + 1]).
inline void place_parts(const spread_plan& plan, std::int64_t* start) {
  const std::int64_t parts = plan.parts();
  std::fill_n(start, parts + 1, std::int64_t{0});
  for (std::int64_t c = 0; c < plan.chunks; ++c) {
    for (std::int64_t d = 0; d < parts; ++d) {
      start[d + 1] += static_cast<std::int64_t>(plan.row(c)[d]);
    }
  }
  for (std::int64_t d = 0; d < parts; ++d) {
    start[d + 1] += start[d];
  }
  std::array<std::int64_t, 1 << max_spread_bits> next;
  std::copy(start, start + parts, next.begin());
  for (std::int64_t c = 0; c < plan.chunks; ++c) {
    for (std::int64_t d = 0; d < parts; ++d) {
      const std::int64_t here = next[static_cast<std::size_t>(d)];
      next[static_cast<std::size_t>(d)] += static_cast<std::int64_t>(plan.row(c)[d]);
      plan.row(c)[d] = static_cast<word>(here);
    }
  }
}

/// Moves the keys of chunk c to their parts. Uses the chunk's row up.
template <bool Pairs>
void spread_chunk(sort_columns<Pairs> from,
                  sort_columns<Pairs> to,
                  const spread_plan& plan,
                  std::int64_t c,
                  bool streaming) {
  constexpr int bins = 1 << max_spread_bits;
  word* const place = plan.row(c);
  std::array<std::int64_t, bins> start;
  std::copy(place, place + plan.parts(), start.begin());
  line_writer<bins> keys(to.keys, streaming);
  line_writer<Pairs ? bins : 1> values(to.values, streaming);
  const std::int64_t last = plan.first(c + 1);
  for (std::int64_t i = plan.first(c); i < last; ++i) {
    const word key = from.keys[i];
    const word d = plan.digit(key);
    const auto p = static_cast<std::int64_t>(place[d]++);
    keys.put(d, p, start[d], key);
    if constexpr (Pairs) {
      values.put(d, p, start[d], from.values[i]);
    }
  }
  for (word d = 0; d < static_cast<word>(plan.parts()); ++d) {
    const auto p = static_cast<std::int64_t>(place[d]);
    keys.finish(d, p, start[d]);
    if constexpr (Pairs) {
      values.finish(d, p, start[d]);
    }
  }
  end_streaming();
}

template <bool Pairs>
void copy_all(sort_columns<Pairs> from, sort_columns<Pairs> to, std::int64_t n) {
  constexpr std::int64_t block = std::int64_t{1} << 15;
  run_each((n + block - 1) / block, [=](std::int64_t b) {
    from.at(b * block).copy_to(to.at(b * block), std::min(block, n - b * block));
  });
}

/// Sorts n keys by bits [lo, hi) with all threads. The result is in `other` or in `data`, as
/// `into_other` says. `counters`: counter_words(n) words.
template <bool Pairs>
void sort_range(sort_columns<Pairs> data,
                sort_columns<Pairs> other,
                std::int64_t n,
                int lo,
                int hi,
                bool into_other,
                word* counters) {
  if (n <= part_keys) {
    sort_part<Pairs>(data, other, n, lo, hi, into_other);
    return;
  }
  const word mask = bit_mask(lo, hi);
  spread_plan plan{n, chunk_count(n), 0, 0, counters};
  word varying = varying_bits(data.keys, n, n / 256, mask);
  while (true) {
    const int top = std::max(lo + 1, static_cast<int>(std::bit_width(varying)));
    plan.bits = std::min(spread_bits(n), top - lo);
    plan.shift = top - plan.bits;
    varying = count_digits(data.keys, plan, mask);
    if (static_cast<int>(std::bit_width(varying)) <= top) {
      break;  // otherwise the sample missed a higher bit: count again
    }
  }
  if (varying == 0) {
    if (into_other) {
      copy_all<Pairs>(data, other, n);
    }
    return;
  }
  std::array<std::int64_t, (1 << max_spread_bits) + 1> starts;
  place_parts(plan, starts.data());
  run_each(plan.chunks,
           [=](std::int64_t c) { spread_chunk<Pairs>(data, other, plan, c, n >= streaming_keys); });
  if (plan.shift == lo) {
    if (!into_other) {
      copy_all<Pairs>(other, data, n);
    }
    return;
  }
  const std::int64_t* const start = starts.data();
  run_each(plan.parts(), [=](std::int64_t d) {
    const std::int64_t size = start[d + 1] - start[d];
    if (size > 0 && size <= respread_keys) {
      sort_part<Pairs>(other.at(start[d]), data.at(start[d]), size, lo, plan.shift, !into_other);
    }
  });
  for (std::int64_t d = 0; d < plan.parts(); ++d) {
    const std::int64_t size = start[d + 1] - start[d];
    if (size > respread_keys) {
      sort_range<Pairs>(other.at(start[d]), data.at(start[d]), size, lo, plan.shift, !into_other,
                        counters);
    }
  }
}

}  // namespace lithify::device::inline LITHIFY_BACKEND::detail
