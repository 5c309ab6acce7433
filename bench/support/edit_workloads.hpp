/// The edits that overlay and consolidation are measured on, in a world of 2048 x 2048 x 512
/// voxels.
#pragma once

#include "lithify/base/hash128.hpp"
#include "lithify/deltas/overlay_types.hpp"

#include <cstdint>
#include <vector>

namespace lithify::bench {

inline constexpr region_size edited_region = {2048, 2048, 512};

enum class workload {
  scattered,  ///< uniform over the region
  coherent,   ///< layers of a surface, row by row
  clustered,  ///< 64 in each of n / 64 random bricks, brick by brick
  spread,     ///< the same voxels in an order that returns to a brick only after all the others
};

[[nodiscard]] inline const char* to_string(workload w) {
  return w == workload::scattered   ? "scattered"
         : w == workload::coherent  ? "coherent"
         : w == workload::clustered ? "clustered"
                                    : "spread";
}

/// Voxel number `i` of the `n` of a workload. Requires: 64 divides n if the workload is `spread`.
[[nodiscard]] constexpr voxel edited_voxel(workload w, std::int64_t i, std::int64_t n) {
  if (w == workload::spread) {
    return edited_voxel(workload::clustered, i % (n / 64) * 64 + i / (n / 64), n);
  }
  const auto in = [](std::uint64_t bits, std::int32_t extent) {
    return static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(extent));
  };
  if (w == workload::coherent) {
    const std::int64_t columns = edited_region.columns();
    const auto x = static_cast<std::int32_t>(i % edited_region.x);
    const auto y = static_cast<std::int32_t>(i % columns / edited_region.x);
    return {x, y, 200 + x / 64 + y / 128 + static_cast<std::int32_t>(i / columns)};
  }
  const std::uint64_t random =
      mix64(static_cast<std::uint64_t>(w == workload::clustered ? i / 64 : i) + 1);
  const voxel v{in(random, edited_region.x), in(random >> 16, edited_region.y),
                in(random >> 40, edited_region.z)};
  if (w == workload::scattered) {
    return v;
  }
  const std::uint64_t place = mix64(static_cast<std::uint64_t>(i));
  return {(v.x & ~7) | in(place, 8), (v.y & ~7) | in(place >> 8, 8),
          (v.z & ~7) | in(place >> 16, 8)};
}

[[nodiscard]] inline std::vector<voxel_edit> edits_of(workload w, std::int64_t n) {
  std::vector<voxel_edit> edits;
  edits.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    edits.push_back({edited_voxel(w, i, n), static_cast<material_id>(2 + i % 7)});
  }
  return edits;
}

}  // namespace lithify::bench
