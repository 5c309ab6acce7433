/// What stands behind a snapshot, and who frees it.
///
/// Published memory belongs to the overlay's *home* stream, on which nothing else ever runs: it
/// goes back at once, whichever thread drops the last snapshot. So nothing may reach it then: a
/// state that a stream still reads leaves what it held with the keeper until the events are
/// complete.
#pragma once

#include "lithify/deltas/detail/overlay.cuh"

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// The home stream and the memory that waits for readers. Thread-safe. Outlives the overlay while
/// snapshots of it live.
class keeper {
 public:
  /// What a dropped state held.
  struct remains {
    std::vector<device::event> uses;
    std::vector<std::shared_ptr<const table>> tables;
    std::shared_ptr<const octree::index_version> index;
    octree::delta_run run;
  };

  keeper() = default;
  /// Waits for the readers.
  ~keeper();
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  [[nodiscard]] device::stream_ref home() const { return home_.ref(); }
  /// Keeps `what` until its events are complete. Never throws: without memory, it waits.
  void bury(remains&& what) noexcept;
  /// Frees what no event holds any more; called by every writer and at the end of every state.
  void sweep() noexcept;

 private:
  device::stream home_;  // declared first: the buffers below go back to it
  std::mutex mutex_;
  std::list<remains> waiting_;
};

struct snapshot_state {
  /// Lists `tables`, newest first, over `index`.
  snapshot_state(std::shared_ptr<keeper> home,
                 std::shared_ptr<const octree::index_version> index,
                 std::vector<std::shared_ptr<const table>> tables,
                 std::uint64_t number,
                 tick when);
  ~snapshot_state();
  snapshot_state(const snapshot_state&) = delete;
  snapshot_state& operator=(const snapshot_state&) = delete;

  /// Keeps what it holds until the work submitted to `s` so far is done. Errors: device_failure,
  /// out_of_memory (the host's).
  void note_use(device::stream_ref s) const;

  std::shared_ptr<keeper> home;  // declared first: the rest goes back to it
  std::shared_ptr<const octree::index_version> index;
  std::vector<std::shared_ptr<const table>> tables;
  std::uint64_t number;  ///< of the newest batch
  tick when;             ///< of the same
  snapshot_view view;

  // Caches; whoever asks first builds, the others wait for the lock.
  mutable std::mutex building;
  mutable octree::delta_run run;  ///< levels == 0: not built yet
  mutable std::optional<std::int64_t> deltas;

  mutable std::mutex noting;
  mutable std::vector<device::event> uses;
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
