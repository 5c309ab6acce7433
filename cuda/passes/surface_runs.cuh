/// Heights of columns, a run at a time, so that a CPU's vector units take them.
#pragma once

#include "lithify/device/runs.cuh"
#include "step.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Heights of a few columns in a row, and what of them is rock.
struct surface_run {
  std::int64_t rock[device::items_a_run];
  std::int64_t height[device::items_a_run];

  /// Reads the columns [first, last). Held ones stand at their target, those outside at `outside`;
  /// of neither has `rock` a meaning.
  LITHIFY_INLINE surface_run(const step_view& step,
                             std::int64_t frame_offset,
                             std::int64_t outside,
                             std::int64_t first,
                             std::int64_t last) {
    const int count = static_cast<int>(last - first);
    const bool narrow = read_narrow(step, first, count);
    const std::uint8_t* const faces = step.faces + first;
    for (int k = 0; k < count; ++k) {
      const int f = faces[k] & (face::inside | face::held);
      if (f != face::inside) {
        height[k] = f == 0 ? outside : step.columns.boundary_height[first + k] - frame_offset;
      } else if (!narrow) {
        read_wide(step, first + k, k);
      }
    }
  }

 private:
  /// Gives whether all is as in settled columns: a residual in [0, the rock's solid], a ledger in
  /// [0, 2^33). Quotients of doubles are exact there: `floor_div_fast` says why.
  LITHIFY_INLINE bool read_narrow(const step_view& step, std::int64_t first, int count) {
    const material_id* const material = step.columns.rock_material + first;
    std::int32_t solid[device::items_a_run];
    for (int k = 0; k < count; ++k) {
      solid[k] = step.solid[material[k]];
    }
    const std::int32_t* const residual = step.columns.residual + first;
    std::int32_t part[device::items_a_run];
    std::int32_t odd = 0;
    for (int k = 0; k < count; ++k) {
      const std::int32_t most = solid[k] > 0 ? solid[k] : 1;
      const std::int32_t over =
          static_cast<std::uint32_t>(residual[k]) > static_cast<std::uint32_t>(most) ? -1 : 0;
      odd |= over;
      part[k] = static_cast<std::int32_t>(static_cast<double>(residual[k] & ~over) * 0x1p20 /
                                          static_cast<double>(most));
    }
    constexpr std::int64_t small = (std::int64_t{1} << 33) - 1;
    const std::int32_t* const top = step.columns.rock_top + first;
    const std::int32_t* const loose = step.columns.n_loose + first;
    const std::int64_t* const ledger = step.columns.sediment + first;
    const auto s = static_cast<double>(step.sediment_solid);
    std::int64_t wide = 0;
    for (int k = 0; k < count; ++k) {
      const std::int64_t q = ledger[k];
      wide |= (q & ~small) | (loose[k] < 0 ? 1 : 0);
      rock[k] = std::int64_t{top[k]} * one_voxel + part[k];
      height[k] = rock[k] + std::int64_t{loose[k]} * one_voxel +
                  static_cast<std::int64_t>(static_cast<double>(q & small) * 0x1p20 / s);
    }
    return odd == 0 && wide == 0;
  }

  LITHIFY_INLINE void read_wide(const step_view& step, std::int64_t c, int k) {
    const column_view& columns = step.columns;
    rock[k] = surface_height(columns.rock_top[c], 0, columns.residual[c], 0,
                             step.solid[columns.rock_material[c]], step.sediment_solid);
    height[k] = columns.height(c, step.solid);
  }
};

}  // namespace lithify::passes::inline LITHIFY_BACKEND
