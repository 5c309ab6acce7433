/// Work on whole tables: sizes, clearing, summaries, merging.
#pragma once

#include "lithify/deltas/detail/overlay.cuh"

#include <cstdint>
#include <span>
#include <vector>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Buckets that hold `keys` at a load factor of 0.6: 24 keys in 5 buckets of 8 slots. At least 1.
[[nodiscard]] constexpr std::int64_t buckets_for(std::int64_t keys) {
  return keys <= 0 ? 1 : (keys * 5 + 23) / 24;
}
/// Keys that so many buckets admit.
[[nodiscard]] constexpr std::uint64_t admitted_by(std::int64_t buckets) {
  return static_cast<std::uint64_t>(buckets) * 24 / 5;
}

/// Marks every slot empty.
void clear_buckets(device::exec ex, bucket* buckets, std::int64_t count);

/// Inserts all of `from` into `to`, orders raised by `raise`.
void insert_all(device::exec ex, table_view from, table_view to, std::uint64_t raise);

/// What one pass over a table tells.
struct table_summary {
  std::int64_t claimed = 0;
  voxel_box bounds;  ///< empty if nothing is claimed
};
/// Sync.
[[nodiscard]] table_summary summarize(device::exec ex, table_view t);

/// A table that takes part in a merge, published or not.
struct merge_source {
  table_view view;
  std::int64_t claimed;
  std::uint64_t orders;
  voxel_box bounds;
  std::span<const table::batch> batches;
};

/// One table with the newest version of every voxel of `sources` (newest first), sized exactly.
/// Sync. Errors: out_of_memory, invalid_argument past 2^48 orders.
[[nodiscard]] table merge_tables(device::exec ex, std::span<const merge_source> sources);

/// Number of the newest published tables that a batch must be merged with, so that at most `most`
/// stand: none while there is room; else the newest ones up to the first that is larger than all
/// newer ones together, so that many small batches cost little. `sizes`: newest first.
[[nodiscard]] int merge_depth(std::int64_t batch, std::span<const std::int64_t> sizes, int most);

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
