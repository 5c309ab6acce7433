/// What a step can note down after each of its passes: digests by chunk, and the values of one
/// chunk. Two runs that should be equal and are not are followed to the place where they part.
///
/// A chunk is a square of `trace_chunk` columns (the last ones are what is left of the region).
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/base/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lithify {

inline constexpr std::int32_t trace_chunk = 1 << chunk_level;

/// Chunk (x, y) holds the columns [x, x + 1) x [y, y + 1) times `trace_chunk`.
struct chunk_place {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend constexpr bool operator==(const chunk_place&, const chunk_place&) = default;
};

/// How many chunks a region has along x and y.
[[nodiscard]] constexpr chunk_place chunks_of(region_size size) {
  return {(size.x + trace_chunk - 1) / trace_chunk, (size.y + trace_chunk - 1) / trace_chunk};
}

/// The chunk's part of the region, bottom to top.
[[nodiscard]] constexpr voxel_box box_of(chunk_place chunk, region_size size) {
  return size.box().clipped({{chunk.x * trace_chunk, chunk.y * trace_chunk, 0},
                             {(chunk.x + 1) * trace_chunk, (chunk.y + 1) * trace_chunk, size.z}});
}

/// A part of the state (a column field, `deltas`, `voxels`) and its digest in each chunk, x
/// fastest.
struct traced_part {
  std::string name;
  std::vector<digest128> chunk;
  friend bool operator==(const traced_part&, const traced_part&) = default;
};

/// The state after a pass. `pass`: "start" before the first one, "boundary" after the held sides.
struct pass_digests {
  std::string pass;
  std::int64_t frame_offset = 0;     ///< 2^-20 voxel heights
  std::int64_t frame_remainder = 0;  ///< 2^-52 voxel heights
  std::vector<traced_part> parts;    ///< column fields in their order, then `deltas`
};

/// A delta of a step's batch: the last one of its voxel so far.
struct traced_delta {
  voxel at;
  std::uint64_t order;  ///< deltas of the batch up to it, itself included
  material_id material;
};

/// What one chunk holds after a pass.
struct chunk_values {
  std::string pass;
  chunk_place chunk;
  std::int64_t frame_offset = 0;
  std::int64_t frame_remainder = 0;
  std::vector<field> fields;         ///< cut to the chunk: shape (rows, columns)
  std::vector<traced_delta> deltas;  ///< of the step so far; by cell (x fastest), then z
};

/// What a step is asked to note down.
struct trace_request {
  bool digests = false;
  /// The values of `chunk` after `pass`.
  struct chunk_choice {
    std::string pass;
    chunk_place chunk;
  };
  std::optional<chunk_choice> values = {};
};

struct step_trace {
  std::vector<pass_digests> digests;   ///< "start", each pass in order, "boundary"
  std::optional<chunk_values> values;  ///< nothing if no pass of the step has that name
};

}  // namespace lithify
