#include "lithify/base/error.hpp"
#include "lithify/device/radix_sort.cuh"
#include "lithify/device/verbs.cuh"

#if LITHIFY_ON_CUDA
#include <cub/device/device_radix_sort.cuh>
#else
#include "radix_sort_cpu.cuh"
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

namespace {

/// Whether there is something to sort. Errors: invalid_argument for bits that a key does not have.
bool anything_to_sort(std::int64_t n, int from_bit, int to_bit) {
  require(from_bit >= 0 && to_bit <= 64, errc::invalid_argument,
          "a sort's bit range must lie within [0, 64)");
  return n > 1 && from_bit < to_bit;
}

}  // namespace

#if LITHIFY_ON_CUDA

namespace {

/// Fills what lies past a count on the device with keys that a stable sort leaves there.
void pad(exec ex, std::uint64_t* keys, std::uint64_t* values, extent items) {
  if (items.known()) {
    return;
  }
  device::for_each_n(ex, items.bound(), [=] LITHIFY_HD(std::int64_t i) {
    if (i >= items.now()) {
      keys[i] = ~std::uint64_t{0};
      if (values != nullptr) {
        values[i] = 0;
      }
    }
  });
}

}  // namespace

void sort_keys(exec ex, std::uint64_t* keys, extent items, int from_bit, int to_bit) {
  const std::int64_t n = items.bound();
  if (!anything_to_sort(n, from_bit, to_bit)) {
    return;
  }
  buffer<std::uint64_t> other(ex, n);
  pad(ex, keys, nullptr, items);
  cub::DoubleBuffer<std::uint64_t> both(keys, other.data());
  std::size_t bytes = 0;
  check(
      cub::DeviceRadixSort::SortKeys(nullptr, bytes, both, n, from_bit, to_bit, ex.stream.native()),
      "sort");
  buffer<std::byte> scratch(ex, static_cast<std::int64_t>(bytes));
  check(cub::DeviceRadixSort::SortKeys(scratch.data(), bytes, both, n, from_bit, to_bit,
                                       ex.stream.native()),
        "sort");
  // Which of the two holds the result follows from the number of passes: known without waiting.
  if (both.Current() != keys) {
    copy(ex, keys, both.Current(), n);
  }
}

void sort_pairs(
    exec ex, std::uint64_t* keys, std::uint64_t* values, extent items, int from_bit, int to_bit) {
  const std::int64_t n = items.bound();
  if (!anything_to_sort(n, from_bit, to_bit)) {
    return;
  }
  buffer<std::uint64_t> other_keys(ex, n);
  buffer<std::uint64_t> other_values(ex, n);
  pad(ex, keys, values, items);
  cub::DoubleBuffer<std::uint64_t> both_keys(keys, other_keys.data());
  cub::DoubleBuffer<std::uint64_t> both_values(values, other_values.data());
  std::size_t bytes = 0;
  check(cub::DeviceRadixSort::SortPairs(nullptr, bytes, both_keys, both_values, n, from_bit, to_bit,
                                        ex.stream.native()),
        "sort");
  buffer<std::byte> scratch(ex, static_cast<std::int64_t>(bytes));
  check(cub::DeviceRadixSort::SortPairs(scratch.data(), bytes, both_keys, both_values, n, from_bit,
                                        to_bit, ex.stream.native()),
        "sort");
  if (both_keys.Current() != keys) {
    copy(ex, keys, both_keys.Current(), n);
  }
  if (both_values.Current() != values) {
    copy(ex, values, both_values.Current(), n);
  }
}

#else

namespace {

template <bool Pairs>
void sort(exec ex, std::uint64_t* keys, std::uint64_t* values, extent n, int from_bit, int to_bit) {
  if (!anything_to_sort(n.bound(), from_bit, to_bit)) {
    return;
  }
  // Allocated here, not when the work runs: a failure must reach the caller.
  buffer<std::uint64_t> other_keys(ex, n.bound());
  buffer<std::uint64_t> other_values(ex, Pairs ? n.bound() : 0);
  buffer<std::uint64_t> counters(ex, detail::counter_words(n.bound()));
  const detail::sort_columns<Pairs> data{keys, values};
  const detail::sort_columns<Pairs> other{other_keys.data(), other_values.data()};
  submit(ex.stream, [=, counters = counters.data()] {
    detail::sort_range<Pairs>(data, other, n.now(), from_bit, to_bit, false, counters);
  });
}

}  // namespace

void sort_keys(exec ex, std::uint64_t* keys, extent n, int from_bit, int to_bit) {
  sort<false>(ex, keys, nullptr, n, from_bit, to_bit);
}

void sort_pairs(
    exec ex, std::uint64_t* keys, std::uint64_t* values, extent n, int from_bit, int to_bit) {
  sort<true>(ex, keys, values, n, from_bit, to_bit);
}

#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
