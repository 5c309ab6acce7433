/// The overlay: a short list of immutable hash tables over the index, and how it changes.
///
/// A batch fills a staging table that no snapshot contains; committing publishes it by one pointer
/// switch. Readers hold snapshots and never wait. One writer at a time: it locks itself.
/// Consolidation reads published tables only and publishes {new root, newer tables} at once.
#pragma once

#include "lithify/deltas/detail/snapshot_view.cuh"
#include "lithify/deltas/detail/staging.cuh"
#include "lithify/deltas/overlay_types.hpp"
#include "lithify/octree/detail/index.cuh"
#include "lithify/octree/detail/merged.cuh"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// One published table.
struct table {
  device::buffer<bucket> buckets;
  std::int64_t claimed = 0;  ///< voxels that it holds
  std::uint64_t orders = 0;  ///< sum of its batches' deltas
  voxel_box bounds;          ///< of its voxels
  /// Batches in it by rising first order: how an order leads back to its batch and tick.
  struct batch {
    std::uint64_t first_order;
    std::uint64_t number;
    tick when;
  };
  std::vector<batch> batches;
};

struct snapshot_state;

/// An immutable state of the world's voxels; cheap to copy, safe to use from any thread. What
/// kernels read of it, they get from a `reading`.
class snapshot {
 public:
  snapshot() = default;
  explicit snapshot(std::shared_ptr<const snapshot_state> state) : state_(std::move(state)) {}

  [[nodiscard]] region_size size() const;
  /// Number of the newest batch in it.
  [[nodiscard]] std::uint64_t batch_number() const;
  /// Tick of that batch.
  [[nodiscard]] tick newest_tick() const;
  /// Newest first: how many there are, how large, of which batches.
  [[nodiscard]] const std::vector<std::shared_ptr<const table>>& tables() const;
  /// Number of voxels whose overlay material differs from the index's. Cached. Sync the first time.
  [[nodiscard]] std::int64_t delta_count(device::exec ex) const;

 private:
  friend class reading;
  std::shared_ptr<const snapshot_state> state_;
};

/// A stream's reading of a snapshot: the one way to what kernels read of it.
///
/// What it gives is for work that is submitted to the stream while the reading stands. The memory
/// stays until that work is done, whatever becomes of the snapshot: the end of the reading records
/// it on the stream. What `merged` caches lives as long as the snapshot.
class reading {
 public:
  reading(device::exec ex, snapshot of);
  /// Waits for the stream where the use cannot be recorded.
  ~reading();
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;

  [[nodiscard]] const snapshot_view& view() const&;
  [[nodiscard]] const octree::index_version& index() const&;
  /// Deltas in key order over the index, for range queries; built once, then cached. Sync the first
  /// time. `level`: LOD up to which merged LOD materials are needed. Errors: out_of_memory.
  [[nodiscard]] octree::merged_view merged(int level = 0) const&;
  // A reading without a name would end before the work that it is for.
  const snapshot_view& view() const&& = delete;
  const octree::index_version& index() const&& = delete;
  octree::merged_view merged(int level = 0) const&& = delete;

 private:
  device::exec ex_;
  snapshot of_;
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

  /// Publishes a batch. Sync (counts and bounds). Merges tables so that at most 4 stand. A batch
  /// without deltas counts, but adds no table. Gives the batch number.
  /// Errors: out_of_memory, and invalid_argument while an emission of it does not fit; the batch is
  /// not published then, and `batch` is as it was.
  std::uint64_t commit(device::exec ex, staging&& batch, tick when);

  /// Stages and commits edits of the host; among equal voxels the last one wins.
  /// Errors: outside_region, naming the coordinate; out_of_memory; nothing is written then.
  std::uint64_t write(device::exec ex, std::span<const voxel_edit> edits, tick when);

  /// Merges the oldest tables, as the strategy says, into the index and publishes. `hook` runs
  /// after each named step (select, sort, bricks, those of the index, merge) and last, as
  /// "publish", when only the switch is left; when it throws, everything is as before. Batches may
  /// be committed inside it, or by another thread meanwhile, and stay on top. Sync: a wait at the
  /// start where dropped snapshots leave something to be freed; one read after the merge, two where
  /// the index's pools grow, one before it where it may touch more than 2^20 bricks. Errors:
  /// out_of_memory; invalid_argument while another consolidation runs.
  consolidation_counts consolidate(device::exec ex,
                                   consolidation_strategy strategy,
                                   const std::function<void(const char* step)>& hook = {});

  /// Replaces the index by an update (bulk build, load) and the overlay by one batch, `pending`, in
  /// one switch; `batch_number` and `when` are that batch's, or those of the newest one that the
  /// index holds. Sync.
  /// Errors: outside_region, out_of_memory, invalid_argument while a consolidation runs; nothing is
  /// replaced then.
  void reset(device::exec ex,
             octree::index_update&& update,
             std::uint64_t batch_number,
             tick when = 0,
             std::span<const voxel_edit> pending = {});

  /// Claimed slots of all published tables: what thresholds compare.
  [[nodiscard]] std::int64_t claimed() const;

  /// (batch number, tick) that wrote a voxel last in `s`, if the overlay holds it. Sync.
  /// Errors: outside_region.
  struct origin {
    std::uint64_t batch;
    tick when;
    friend bool operator==(const origin&, const origin&) = default;
  };
  [[nodiscard]] std::vector<std::optional<origin>> origins(device::exec ex,
                                                           const snapshot& s,
                                                           std::span<const voxel> at) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
