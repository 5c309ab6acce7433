#include "clipped_digests.cuh"
#include "lithify/device/verbs.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// Where sub-cube `upper` (0 or 1) of a cut axis lies: 0 wholly inside, 1 cut, 2 wholly outside.
LITHIFY_HD constexpr int part_of_cut(std::int32_t extent, int level, int upper) {
  const std::int32_t half = std::int32_t{1} << (level - 1);
  const std::int32_t left = cut_length(extent, level) - upper * half;
  return left >= half ? 0 : left > 0 ? 1 : 2;
}

/// The table of one material.
struct clipped_builder {
  region_size size;
  material_id material;
  digest128* table;

  LITHIFY_HD constexpr std::int32_t extent(int axis) const {
    return axis == 0 ? size.x : axis == 1 ? size.y : size.z;
  }
  LITHIFY_HD digest128 brick(int clip) const {
    const auto inside = [&](int axis, int coordinate) -> bool {
      return ((clip >> axis) & 1) == 0 || coordinate < cut_length(extent(axis), brick_level);
    };
    return brick_digest([&](int p) -> material_id {
      return inside(0, p & 7) && inside(1, (p >> 3) & 7) && inside(2, p >> 6) ? material : air;
    });
  }
  /// Sub-cube i of a cube of class `clip` at `level`.
  LITHIFY_HD cube_digest sub(int level, int clip, int i) const {
    int sub_clip = 0;
    for (int axis = 0; axis < 3; ++axis) {
      if (((clip >> axis) & 1) != 0) {
        const int part = part_of_cut(extent(axis), level, (i >> axis) & 1);
        if (part == 2) {
          return uniform_cube_digest(level - 1, air);
        }
        sub_clip |= part << axis;
      }
    }
    return sub_clip == 0
               ? uniform_cube_digest(level - 1, material)
               : cube_digest{table[clipped_view::place(0, level - 1, sub_clip)], material, false};
  }
  LITHIFY_HD void build() const {
    for (int level = brick_level; level < clipped_levels; ++level) {
      for (int clip = 1; clip < clipped_classes; ++clip) {
        table[clipped_view::place(0, level, clip)] =
            level == brick_level ? brick(clip) : parent_digest(level, [&](int i) -> cube_digest {
                                                   return sub(level, clip, i);
                                                 }).digest;
      }
    }
  }
};

}  // namespace

clipped_digests hash_clipped(device::exec ex, region_size size, const std::uint32_t* used) {
  clipped_digests made{device::buffer<std::int32_t>(ex, material_ids), {}};
  std::int32_t* const slot = made.slot.data();
  device::buffer<material_id> listed(ex, material_ids);
  material_id* const material = listed.data();
  const std::int64_t materials = device::select_if(
      ex, material_ids, [=] LITHIFY_HD(std::int64_t m) -> bool { return used[m] != 0; },
      [=] LITHIFY_HD(std::int64_t m, std::int64_t position) {
        material[position] = static_cast<material_id>(m);
        slot[m] = static_cast<std::int32_t>(position);
      });
  made.table = device::buffer<digest128>(ex, clipped_view::place(materials, 0, 0));
  digest128* const table = made.table.data();
  device::for_each_n(ex, materials, [=] LITHIFY_HD(std::int64_t i) {
    clipped_builder{size, material[i], table + clipped_view::place(i, 0, 0)}.build();
  });
  return made;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
