/// Queries of many voxels at once, on the device.
#pragma once

#include "lithify/deltas/detail/overlay.cuh"

#include <cstdint>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// out[i] = material of voxel at[i], or the LOD material of the cube of 2^level voxels that holds
/// it.
///
/// Requires: every voxel lies inside the region; `at` and `out` on the device; 0 <= level <= 21.
/// Sync: no at level 0; above, the first time on a snapshot (`reading::merged`).
/// Errors: invalid_argument (level), out_of_memory.
/// Cost: level 0: a probe of each table, newest first, then a descent of the index.
void read_points(device::exec ex,
                 const snapshot& s,
                 const voxel* at,
                 std::int64_t n,
                 int level,
                 material_id* out);

/// out[i] = 1 where the overlay holds voxel at[i] with a material other than the index's, else 0.
/// Requires: as `read_points`.
void read_has_delta(
    device::exec ex, const snapshot& s, const voxel* at, std::int64_t n, std::uint8_t* out);

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
