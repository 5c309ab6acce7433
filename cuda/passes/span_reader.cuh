/// Reads the top span of a column from voxels: what `rock_top`, `n_loose` and `rock_material` must
/// be.
#pragma once

#include "column_state.cuh"
#include "lithify/octree/detail/merged.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

/// What the voxels of a column say about its top span.
struct top_span {
  std::int32_t rock_top = outside_column;
  std::int32_t n_loose = 0;
  material_id rock = air;
};

/// Reads a column from above; uniform cubes without deltas are taken in one piece.
class span_reader {
 public:
  LITHIFY_HD span_reader(const octree::merged_view& world, const std::int32_t* solid)
      : world_(world), solid_(solid) {}

  LITHIFY_HD top_span read(std::int32_t x, std::int32_t y) const {
    top_span found;
    std::int32_t z = world_.index.size.z - 1;
    while (z >= 0 && found.rock_top < 0) {
      const morton_key key = morton_encode({x, y, z});
      const octree::located_node at = world_.index.descend(key, brick_level);
      // The root's level may pass the coordinates' bits; a shift by 64 or more has no value.
      const int level = at.level < coordinate_bits ? at.level : coordinate_bits;
      if (at.value.is_uniform() && !world_.level[0].touches(key >> (3 * level), level)) {
        const std::int32_t low = (z >> level) << level;
        take(at.value.lod(), z, z - low + 1, found);
        z = low - 1;
        continue;
      }
      const bool touched = world_.level[0].touches(key >> (3 * brick_level), brick_level);
      const std::int32_t low = (z >> brick_level) << brick_level;
      for (; z >= low && found.rock_top < 0; --z) {
        const morton_key k = morton_encode({x, y, z});
        take(touched ? world_.material(k)
                     : world_.index.brick_material(at.value, octree::brick_position(k)),
             z, 1, found);
      }
    }
    return found.rock_top < 0 ? top_span{} : found;
  }

 private:
  /// `count` voxels of material m, the highest at z.
  LITHIFY_HD void take(material_id m, std::int32_t z, std::int32_t count, top_span& found) const {
    if (m == sediment) {
      found.n_loose += count;
    } else if (solid_[m] > 0) {
      found.rock_top = z;
      found.rock = m;
    } else {
      found.n_loose = 0;
    }
  }

  octree::merged_view world_;
  const std::int32_t* solid_;
};

}  // namespace lithify::passes::inline LITHIFY_BACKEND
