/// What the overlay's writers share.
#pragma once

#include "collect.cuh"
#include "lithify/deltas/detail/overlay.cuh"
#include "snapshot_state.cuh"

#include <memory>
#include <mutex>
#include <vector>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Tables that may stand beside those that a consolidation holds.
inline constexpr int standing_tables = 4;
static_assert(2 * standing_tables <= max_tables);

struct overlay::impl {
  using state_pointer = std::shared_ptr<const snapshot_state>;

  explicit impl(octree::index& over) : index(&over), home(std::make_shared<keeper>()) {}

  octree::index* index;
  std::shared_ptr<keeper> home;

  /// Held by whoever changes what is current: a commit, and a consolidation while it starts and
  /// while it switches. Guards `held` and `consolidating`.
  std::mutex writing;
  table_list held;  ///< taken by the consolidation that runs
  bool consolidating = false;

  /// Guards `newest` for as long as it takes to copy a pointer.
  mutable std::mutex switching;
  state_pointer newest;

  class taken;

  [[nodiscard]] state_pointer current() const {
    const std::lock_guard lock(switching);
    return newest;
  }
  /// Requires: `writing` is held, except in the constructor.
  void publish(state_pointer next) {
    const std::lock_guard lock(switching);
    newest.swap(next);  // the old one goes after the lock
  }
  /// The same for an update of the index and what stands over it, in one switch. Sync.
  void publish(device::exec ex,
               octree::index_update&& update,
               table_list tables,
               std::uint64_t number,
               tick when);
  [[nodiscard]] state_pointer make_state(std::shared_ptr<const octree::index_version> over,
                                         table_list tables,
                                         std::uint64_t number,
                                         tick when) const {
    return std::make_shared<const snapshot_state>(home, std::move(over), std::move(tables), number,
                                                  when);
  }
  /// Tables of a state that no consolidation holds, newest first.
  [[nodiscard]] table_list standing(const snapshot_state& in) const;
  /// Merges the newest tables until at most `standing_tables` are listed: one that failed leaves
  /// what it held beside what came meanwhile. Requires: `writing` is held, nothing is held.
  void make_room(device::exec ex);
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
