/// What a world shares with its snapshots: memory, streams, index, overlay.
///
/// Held by shared pointers, so that a snapshot may outlive the world. The order of the members is
/// the order of their lifetimes: buffers go before the streams that order their release, and those
/// before the pool.
#pragma once

#include "backend.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/device/stage_timer.cuh"

#include <memory>
#include <mutex>
#include <vector>

namespace lithify::engine::inline LITHIFY_BACKEND {

/// Streams for readers, made as they are needed and kept: what a reader leaves cached in a snapshot
/// is released in order with the stream that made it.
class reader_streams {
 public:
  /// A stream that nobody else uses until it is given back.
  [[nodiscard]] device::stream_ref borrow();
  void give_back(device::stream_ref s);

 private:
  std::mutex mutex_;
  std::vector<device::stream> all_;
  std::vector<device::stream_ref> idle_;
};

struct world_core {
  world_core(const world_config& config, int ordinal);

  /// Where writers work; makes the world's device the calling thread's.
  [[nodiscard]] device::exec writer();
  /// Solid of all voxels, by a full sum.
  [[nodiscard]] int128 solid(device::exec ex,
                             const deltas::snapshot& at,
                             const material_table& materials);

  int ordinal;
  device::memory_pool pool;
  device::stage_clock clock;  ///< of what writers do
  device::stream write_stream;
  reader_streams readers;
  octree::index index;
  deltas::overlay overlay;
};

/// A reader's turn: a stream of its own on the world's device, for the length of a query.
class reader {
 public:
  explicit reader(world_core& core);
  ~reader();
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;
  [[nodiscard]] device::exec exec() const { return {stream_, &core_.pool}; }

 private:
  world_core& core_;
  device::stream_ref stream_;
};

[[nodiscard]] std::shared_ptr<const backend_snapshot> make_snapshot(
    std::shared_ptr<world_core> core, deltas::snapshot state);
/// Whether `s` is a state of the world that `core` belongs to.
[[nodiscard]] bool is_of(const backend_snapshot& s, const world_core& core);

/// Makes `ordinal` the calling thread's device (nothing on the CPU); gives it back.
int use_device(int ordinal);

}  // namespace lithify::engine::inline LITHIFY_BACKEND
