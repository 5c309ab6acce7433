/// Which versions of the index live, and the slots that dead ones leave behind.
///
/// A slot that was replaced is listed under the newest version that can still read it. When that
/// version is finished (dropped, and all work that read it done), its list goes to the next older
/// unfinished version where the slot was born by then; the rest is free. So a slot is looked at
/// once for every version that pins it, and an old version never pins what came after it.
#pragma once

#include "tree.cuh"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// Versions that were published; shared with them, so that one may be dropped at any time.
struct index_version::registry {
  struct entry {
    bool held = true;
    std::vector<device::event> reads;  ///< work that reads the version
  };

  std::mutex mutex;
  std::map<std::uint64_t, entry> versions;

  void add(std::uint64_t number);
  void drop(std::uint64_t number);
  void note_read(std::uint64_t number, device::stream_ref s);
  /// Versions that nobody holds or reads any more, rising.
  [[nodiscard]] std::vector<std::uint64_t> finished();
  /// The newest unfinished version before `number`. Requires: `finished` lists all finished ones.
  [[nodiscard]] std::optional<std::uint64_t> older(std::uint64_t number,
                                                   const std::vector<std::uint64_t>& finished);
  void forget(const std::vector<std::uint64_t>& finished);
};

/// Slots that wait, by the newest version that can read them.
using waiting_lists = std::map<std::uint64_t, slot_lists>;

/// Moves what `finished` versions pinned to older versions or to the free lists of `t`.
/// `older[i]`: newest unfinished version before finished[i]. Errors: out_of_memory; `waiting` and
/// the pools' contents are as before then. Sync; counts come back only if an older version is
/// there.
void settle_finished(device::exec ex,
                     tree& t,
                     waiting_lists& waiting,
                     const std::vector<std::uint64_t>& finished,
                     const std::vector<std::optional<std::uint64_t>>& older);

}  // namespace lithify::octree::inline LITHIFY_BACKEND
