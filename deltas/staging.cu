#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/staging.cuh"
#include "lithify/device/threads.hpp"
#include "table_ops.cuh"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

device::buffer<bucket> empty_buckets(device::exec ex, std::uint64_t deltas) {
  require(deltas <= max_order, errc::invalid_argument,
          "a batch holds at most 2^48 - 1 deltas, not " + std::to_string(deltas));
  device::buffer<bucket> made(ex, buckets_for(static_cast<std::int64_t>(deltas)));
  clear_buckets(ex, made.data(), made.size());
  return made;
}

/// Buckets of a part: half of a 1 MiB L2, which the lists' own lines share.
constexpr int part_bits = 12;
/// From here on the lists pay: 8 MiB of table. Below, two L2 caches hold most of it.
constexpr std::uint64_t least_parts = 16;
/// A task writes to a list of every part: the lines of that many stay in L2, at one each.
constexpr std::uint64_t most_parts = 1024;

}  // namespace

part_memory::part_memory(device::exec ex, table_view table) {
  lists_.table = table;
  if (!fills_by_parts || table.count >> part_bits < least_parts) {
    return;
  }
  lists_.shift = part_bits;
  while (table.count >> lists_.shift >= most_parts) {
    ++lists_.shift;
  }
  lists_.parts = static_cast<std::int64_t>((table.count - 1) >> lists_.shift) + 1;
  lists_.tasks = std::clamp(8 * device::concurrency(), 16, 64);
  // What a full table gives a list at most, but for six standard deviations: with different keys
  // none runs over.
  const double even = static_cast<double>(admitted_by(std::int64_t{1} << lists_.shift)) /
                      static_cast<double>(lists_.tasks);
  lists_.room = (static_cast<std::uint32_t>(even + 6.0 * std::sqrt(even)) + 7U) / 4U * 4U;
  entries_ = device::buffer<part_entry>(ex, lists_.parts * lists_.tasks * lists_.room);
  used_ = device::buffer<std::uint32_t>(ex, lists_.parts * lists_.tasks);
  lists_.entry = entries_.data();
  lists_.used = used_.data();
}

staging::staging(device::exec ex, std::int64_t bound) {
  require(bound >= 0, errc::invalid_argument,
          "a batch cannot hold " + std::to_string(bound) + " deltas");
  buckets_ = empty_buckets(ex, static_cast<std::uint64_t>(bound));
  words_ = device::buffer<staging_words>(ex, 1);
  staging_words fresh;
  fresh.limit = admitted_by(buckets_.size());
  device::fill(ex, words_.data(), 1, fresh);
}

staging_words staging::read_words(device::exec ex) const {
  const staging_words words = device::read(ex, words_.data());
  require((words.broken & wrong_count) == 0, errc::internal,
          "an item of an emission wrote another number of deltas than it had counted");
  require(words.broken == 0, errc::internal, "a staging table ran full");
  return words;
}

staging_words staging::read_fitting(device::exec ex) const {
  const staging_words words = read_words(ex);
  require(words.overflow == 0, errc::invalid_argument,
          "an emission of the batch did not fit; grow the table and run it again");
  return words;
}

int staging::overflowed(device::exec ex) const {
  return static_cast<int>(read_words(ex).overflow) - 1;
}

void staging::grow(device::exec ex) {
  staging_words words = read_words(ex);
  if (words.overflow == 0) {
    return;
  }
  require(words.overflow_count <= max_order, errc::invalid_argument,
          "a batch holds at most 2^48 - 1 deltas");
  device::buffer<bucket> larger = empty_buckets(ex, words.emitted + words.overflow_count);
  const table_view to{larger.data(), static_cast<std::uint64_t>(larger.size())};
  insert_all(ex, table(), to, 0);
  emissions_ = static_cast<int>(words.overflow) - 1;
  words.limit = admitted_by(larger.size());
  words.overflow = 0;
  words.overflow_count = 0;
  device::fill(ex, words_.data(), 1, words);
  buckets_ = std::move(larger);
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
