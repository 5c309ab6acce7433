/// The newest version of every voxel in a list of tables, as one array: what range queries sort and
/// what a consolidation merges.
#pragma once

#include "lithify/deltas/detail/overlay.cuh"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace lithify::deltas::inline LITHIFY_BACKEND {

/// Key bits that differ among the voxels of a box; the others are the same in all of them.
///
/// Subtracting the box's minimum would leave fewer bits where a box lies across a boundary of large
/// cubes, but Morton codes do not keep their order under a shift.
struct key_frame {
  int bits = 0;           ///< low bits that differ
  morton_key prefix = 0;  ///< the high bits that do not

  /// Requires: the box is not empty.
  [[nodiscard]] static key_frame of(const voxel_box& box) {
    const morton_key low = morton_encode(box.min);
    const morton_key high = morton_encode({box.max.x - 1, box.max.y - 1, box.max.z - 1});
    // A brick's own bits always count as different: a merge wants the place inside it. At most 63.
    const int bits = std::max(3 * brick_level, static_cast<int>(std::bit_width(low ^ high)));
    return {bits, low >> bits << bits};
  }
  /// Whether key and material fit one 64-bit word.
  [[nodiscard]] bool packs() const { return bits <= 48; }
};

/// Deltas in no particular order. How many lies on the device: the host knows a bound.
struct collected {
  device::extent count = 0;
  voxel_box box;  ///< around all of them
  key_frame frame;
  /// frame.packs(): low key bits << 16 | material. Else: keys.
  device::buffer<std::uint64_t> word;
  /// Materials, unless frame.packs().
  device::buffer<std::uint64_t> value;
  device::buffer<std::int64_t> held;  ///< where `count` lies
};

using table_list = std::vector<std::shared_ptr<const table>>;

/// A table as kernels read it. Requires: a `reading` of a snapshot that lists it stands.
[[nodiscard]] inline table_view view_of(const table& t) {
  return {t.buckets.data(), static_cast<std::uint64_t>(t.buckets.size())};
}

/// The newest version of every voxel of `tables` (newest first). Errors: out_of_memory.
[[nodiscard]] collected collect_newest(device::exec ex,
                                       std::span<const std::shared_ptr<const table>> tables);

/// Sorts by the key bits from `from_bit` up.
void sort_collected(device::exec ex, collected& deltas, int from_bit);

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
