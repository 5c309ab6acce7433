/// The overlay: a short list of immutable hash tables over the index, and how it changes.
///
/// A batch fills a staging table that no snapshot contains; committing publishes it by one pointer
/// switch. Readers hold snapshots and never wait. One writer at a time (the caller's write lock).
/// Consolidation reads published tables only and publishes {new root, newer tables} at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lithify/deltas/detail/snapshot_view.cuh"
#include "lithify/deltas/overlay_types.hpp"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/octree/detail/merged.cuh"

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Device words of the batch that is being staged.
struct staging_words {
  std::uint64_t emitted = 0;         ///< deltas so far; the next order is emitted + 1
  std::uint64_t base = 0;            ///< `emitted` before the emission that runs now
  std::uint64_t limit = 0;           ///< deltas that the table admits: load factor x slots
  std::uint64_t overflow_count = 0;  ///< deltas of the emission that did not fit
  std::uint32_t overflow = 0;        ///< 0, or 1 + number of the emission that did not fit
  std::uint32_t full = 0;            ///< a probe saw every bucket: a broken invariant
};

/// Writes the deltas of one item of an emission, in order.
class delta_writer {
 public:
  LITHIFY_HD delta_writer(table_view table, staging_words* words, std::uint64_t first_order)
      : table_(table), words_(words), order_(first_order) {}
  /// Requires: the voxel is inside the region.
  LITHIFY_HD void write(voxel v, material_id m) {
    if (!table_.insert(morton_encode(v), pack_value(order_++, m))) {
      device::atomic_or(&words_->full, 1U);
    }
  }

 private:
  table_view table_;
  staging_words* words_;
  std::uint64_t order_;
};

/// A batch before it is committed. Dropped, nothing happened.
class staging {
 public:
  /// A table that admits `bound` deltas. Errors: out_of_memory.
  staging(device::exec ex, std::int64_t bound);

  /// Whether an emission did not fit: every later kernel of the step must return at once then.
  [[nodiscard]] const staging_words* words() const { return words_.data(); }

  /// Emits count(i) deltas for each item i of [0, n): fill(i, delta_writer&) must write exactly as
  /// many, and runs only if the whole emission fits. Orders follow the items, never the threads.
  /// Gives the emission's number, for `overflowed`.
  template <class Count, class Fill>
  int emit(device::exec ex, std::int64_t n, Count count, Fill fill);

  /// The number of the emission that did not fit, or -1. Sync.
  [[nodiscard]] int overflowed(device::exec ex);
  /// Copies into a table that admits what is missing, and clears the flag: run that emission again,
  /// and what follows it. Errors: out_of_memory (the batch can only be dropped then),
  /// invalid_argument past 2^48 deltas.
  void grow(device::exec ex);

  [[nodiscard]] table_view table() const { return {buckets_.data(), static_cast<std::uint64_t>(buckets_.size())}; }

 private:
  friend class overlay;
  device::buffer<bucket> buckets_;
  device::buffer<staging_words> words_;
  int emissions_ = 0;
};

/// One published table.
struct table {
  device::buffer<bucket> buckets;
  std::int64_t claimed = 0;                ///< voxels that it holds
  std::uint64_t orders = 0;                ///< sum of its batches' deltas
  voxel_box bounds;                        ///< of its voxels
  /// Batches in it by rising first order: how an order leads back to its batch and tick.
  struct batch {
    std::uint64_t first_order;
    std::uint64_t number;
    tick when;
  };
  std::vector<batch> batches;
};

/// An immutable state of the world's voxels; cheap to copy, safe to use from any thread.
class snapshot {
 public:
  [[nodiscard]] const snapshot_view& view() const;
  [[nodiscard]] const octree::index_version& index() const;
  /// Number of the newest batch in it.
  [[nodiscard]] std::uint64_t batch_number() const;
  [[nodiscard]] const std::vector<std::shared_ptr<const table>>& tables() const;

  /// Deltas in key order over the index, for range queries; built once, then cached. Sync the first
  /// time. `level`: LOD up to which merged LOD materials are needed.
  [[nodiscard]] octree::merged_view merged(device::exec ex, int level = 0) const;
  /// Number of voxels whose overlay material differs from the index's. Cached. Sync the first time.
  [[nodiscard]] std::int64_t delta_count(device::exec ex) const;

  /// Notes that `s` reads this snapshot; the query calls do it.
  void used_by(device::stream_ref s) const;

 private:
  friend class overlay;
  struct state;
  std::shared_ptr<const state> state_;
};

/// What a consolidation did.
struct consolidation_counts {
  std::int64_t tables = 0;
  std::int64_t deltas = 0;   ///< voxels taken, newest version each
  std::int64_t bricks = 0;   ///< bricks touched
  std::int64_t changed = 0;  ///< voxels whose material in the index changed
};

class overlay {
 public:
  /// Over an index that must outlive it.
  overlay(device::exec ex, octree::index& index);
  ~overlay();

  [[nodiscard]] snapshot current() const;

  /// Publishes a batch. Sync (counts and bounds). Merges tables so that at most 4 stand.
  /// Errors: out_of_memory; the batch is not published then. Gives the batch number.
  std::uint64_t commit(device::exec ex, staging&& batch, tick when);

  /// Stages and commits edits of the host; among equal voxels the last one wins.
  /// Errors: outside_region, naming the coordinate; out_of_memory; nothing is written then.
  std::uint64_t write(device::exec ex, std::span<const voxel_edit> edits, tick when);

  /// Merges the oldest tables, as the strategy says, into the index and publishes. `hook` runs after
  /// each named step; when it throws, everything is as before. Batches may be committed inside it.
  consolidation_counts consolidate(device::exec ex, consolidation_strategy strategy,
                                   const std::function<void(const char* step)>& hook = {});

  /// Replaces the index by an update (bulk build, load) and empties the overlay.
  void reset(device::exec ex, octree::index_update&& update, std::uint64_t batch_number);

  /// Claimed slots of all published tables: what thresholds compare.
  [[nodiscard]] std::int64_t claimed() const;

  /// (batch number, tick) that wrote `v` last in `s`, if the overlay holds it. Sync.
  struct origin {
    std::uint64_t batch;
    tick when;
  };
  [[nodiscard]] std::vector<std::optional<origin>> origins(device::exec ex, const snapshot& s,
                                                           std::span<const voxel> at) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND

#include "lithify/deltas/detail/staging_emit.cuh"
