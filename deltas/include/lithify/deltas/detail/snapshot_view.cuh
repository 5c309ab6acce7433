/// A snapshot as kernels see it: overlay tables, newest first, over one version of the index.
#pragma once

#include "lithify/deltas/detail/table_view.cuh"
#include "lithify/octree/detail/index_view.cuh"

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Most tables a snapshot lists: 4 published, and while a consolidation holds the oldest ones, they
/// stay listed under up to 4 newer ones.
inline constexpr int max_tables = 8;

struct snapshot_view {
  octree::index_view index;
  table_view table[max_tables];  ///< newest first
  int tables = 0;

  /// Newest overlay value of a voxel, 0 if the overlay does not hold it.
  LITHIFY_HD std::uint64_t find(morton_key key) const {
    for (int t = 0; t < tables; ++t) {
      if (const std::uint64_t value = table[t].find(key)) {
        return value;
      }
    }
    return 0;
  }

  /// Material of one voxel. Requires: the voxel is inside the region.
  LITHIFY_HD material_id material(morton_key key) const {
    const std::uint64_t value = find(key);
    return value != 0 ? value_material(value) : index.material(key);
  }
};

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
