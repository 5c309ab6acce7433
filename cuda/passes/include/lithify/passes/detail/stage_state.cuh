/// A step between two of its stages, as a watcher sees it, and what is noted down of it.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/deltas/detail/table_view.cuh"
#include "lithify/device/verbs.cuh"
#include "lithify/passes/trace.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// A column field on the device, in cell order. Who writes to it changes the step.
struct stage_field {
  const char* name;
  const char* unit;
  field_type type;
  void* values;
};

struct stage_state {
  const char* pass;  ///< the stage that is done; "start" before the first
  std::int64_t frame_offset;
  std::int64_t frame_remainder;
  region_size size;
  std::vector<stage_field> fields;  ///< as simulation::fields names and orders them
  deltas::table_view deltas;        ///< the step's batch so far
};

/// Called on the host before the first stage and after every one, in order, once each, when what
/// the stage emitted is in the batch. It may enqueue work on the step's stream that reads the
/// state. If it throws, the step is not done.
using stage_watch = std::function<void(const stage_state&)>;

/// The digest of every part of the state in every chunk (README.md, "Traces"). Sync. Errors:
/// out_of_memory. Cost: one read of the columns and of the batch's table.
[[nodiscard]] pass_digests digest_stage(device::exec ex, const stage_state& state);

/// What a chunk holds. Sync. Requires: the chunk is one of the region. Errors: out_of_memory.
[[nodiscard]] chunk_values read_chunk(device::exec ex, const stage_state& state, chunk_place chunk);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
