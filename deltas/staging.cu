#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/staging.cuh"
#include "table_ops.cuh"

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

}  // namespace

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
