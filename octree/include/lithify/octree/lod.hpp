/// The LOD material: one rule, used by bricks, nodes, the overlay and every test oracle.
#pragma once

#include "lithify/base/types.hpp"

#include <cstdint>

namespace lithify {

/// Material of a cube of LOD k from the LOD k-1 materials of its 8 sub-cubes (Morton order: bit 0
/// x, bit 1 y, bit 2 z).
///
/// The most frequent material wins. Air wins no tie, so that a thin surface does not vanish; among
/// the others the material whose highest sub-cube is highest, then the lowest id. `inside` has bit
/// i set where sub-cube i holds at least one voxel of the region; the others do not vote. Gives air
/// where nothing votes.
[[nodiscard]] constexpr material_id lod_vote(const material_id (&sub)[8], std::uint32_t inside) {
  material_id best = air;
  int best_count = 0;
  int best_high = 0;
  for (int i = 0; i < 8; ++i) {
    if (((inside >> i) & 1U) == 0) {
      continue;
    }
    int count = 0;
    int high = 0;
    for (int j = 0; j < 8; ++j) {
      if (((inside >> j) & 1U) != 0 && sub[j] == sub[i]) {
        ++count;
        high |= j >> 2;
      }
    }
    bool better = count > best_count;
    if (count == best_count && sub[i] != best) {
      if (best == air || sub[i] == air) {
        better = best == air;
      } else if (high != best_high) {
        better = high > best_high;
      } else {
        better = sub[i] < best;
      }
    }
    if (better) {
      best = sub[i];
      best_count = count;
      best_high = high;
    }
  }
  return best;
}

/// Bit i set where sub-cube i (of edge 2^(level-1)) of the cube `low`, `level` meets the region.
[[nodiscard]] constexpr std::uint32_t inside_mask(voxel low, int level, region_size size) {
  const std::int32_t half = std::int32_t{1} << (level - 1);
  std::uint32_t mask = 0;
  for (int i = 0; i < 8; ++i) {
    const voxel v{low.x + (i & 1) * half, low.y + ((i >> 1) & 1) * half, low.z + (i >> 2) * half};
    mask |= (size.contains(v) ? 1U : 0U) << i;
  }
  return mask;
}

}  // namespace lithify
