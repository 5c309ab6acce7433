#include "lithify/base/error.hpp"
#include "world_core.cuh"

namespace lithify::engine::inline LITHIFY_BACKEND {

device::stream_ref reader_streams::borrow() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) {
    all_.emplace_back();
    idle_.reserve(all_.size());  // so that giving back cannot fail
    return all_.back().ref();
  }
  const device::stream_ref s = idle_.back();
  idle_.pop_back();
  return s;
}

void reader_streams::give_back(device::stream_ref s) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(s);
}

world_core::world_core(const world_config& config, int device_ordinal)
    : ordinal(use_device(device_ordinal)),
      pool(config.memory_limit_bytes, device_ordinal),
      index(writer(), config.size),
      overlay(writer(), index) {}

device::exec world_core::writer() {
  use_device(ordinal);
  return {write_stream.ref(), &pool, &clock};
}

int128 world_core::solid(device::exec ex,
                         const deltas::snapshot& at,
                         const material_table& materials) {
  std::vector<std::int32_t> quanta;
  for (const material& m : materials.all()) {
    quanta.push_back(m.solid_quanta());
  }
  const std::int64_t n = static_cast<std::int64_t>(quanta.size());
  device::buffer<std::int32_t> on_device(ex, n);
  device::copy_to_device(ex, on_device.data(), quanta.data(), n);
  const deltas::reading voxels(ex, at);
  return octree::total_solid(ex, voxels.merged(), on_device.data());
}

// The device comes first: a stream belongs to the one that is current when it is made.
reader::reader(world_core& core)
    : core_((use_device(core.ordinal), core)), stream_(core_.readers.borrow()) {}

reader::~reader() { core_.readers.give_back(stream_); }

}  // namespace lithify::engine::inline LITHIFY_BACKEND
