/// Plain results of range queries.
#pragma once

#include "lithify/base/types.hpp"

#include <cstdint>
#include <vector>

namespace lithify {

/// A cube, or the part of one that a box leaves, of one material.
struct cube_run {
  voxel_box box;       ///< clipped
  std::int32_t level;  ///< LOD of the cube before clipping
  material_id material;
  std::uint16_t unused = 0;  ///< named, so that a device writes it too
  friend bool operator==(const cube_run&, const cube_run&) = default;
};

/// A run of equal voxels in a column, [bottom, top).
struct column_span {
  std::int32_t bottom;
  std::int32_t top;
  material_id material;
  std::uint16_t unused = 0;  ///< named, so that a device writes it too
  friend bool operator==(const column_span&, const column_span&) = default;
};

/// Spans of many columns: column i (x fastest) has spans [offset[i], offset[i + 1]), bottom to top.
struct column_list {
  std::vector<std::int64_t> offset;
  std::vector<column_span> span;
};

}  // namespace lithify
