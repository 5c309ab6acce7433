/// A small view of a world for programs that draw: LOD materials in boxes, coarse over the whole
/// region and finer where the ground is not uniform, and its surface. No state: a reader of
/// checkpoints does not look at it. The same voxels in the same form give the same view.
#pragma once

#include "lithify/base/geometry.hpp"
#include "lithify/octree/voxel_image.hpp"

#include <cstdint>
#include <vector>

namespace lithify::io {

class h5_writer;

/// How large a view becomes. Chosen; FORMAT.md says what they come to for the demo.
struct view_bounds {
  std::int64_t root_cells = std::int64_t{1} << 18;  ///< of level 0 at most
  int box_bits = 6;  ///< a box of a finer level has cells as a cube of 2^box_bits, or is all of it
  std::int64_t all_cells = std::int64_t{1} << 23;      ///< of all levels together at most,
  std::int64_t surface_cells = std::int64_t{1} << 16;  ///< of the surface at most
  std::int64_t few_cells = std::int64_t{1} << 20;      ///< and beyond these at most
  std::int64_t cells_a_brick = 32;                     ///< as many: a 16th of the stored voxels
};

/// The boxes of one LOD.
struct view_level {
  int lod;
  std::vector<voxel_box> boxes;        ///< in cells of the LOD, by z, y, x of their lowest one
  std::vector<material_id> materials;  ///< of their cells, box after box, x fastest
};

/// The ground of every 2^lod-th column in x and y, from the first one on.
struct view_surface {
  int lod = 0;
  std::int32_t nx = 0;
  std::int32_t ny = 0;
  std::vector<std::int32_t> top;  ///< voxels up to the top of the highest that is not air, or 0
};

struct world_view {
  std::vector<view_level> levels;  ///< from coarse to fine, each half the edge of the one before
  view_surface surface;
};

/// Level 0 is one box over the region, at the least LOD at which it has at most `root_cells`. A
/// finer level holds those tiles in which a leaf of its LOD or finer, a brick or a delta lies;
/// levels are added as long as there are any and all cells stay within their bound.
/// Requires: `check_voxels` accepts the image; box_bits >= 3.
/// Cost: one pass over leaves and bricks, and the cells.
[[nodiscard]] world_view make_view(const voxel_image& voxels, const view_bounds& bounds = {});

/// Writes /VTKHDF and /surface; `floor_m` is the elevation of the region's floor now.
void put_view(h5_writer& file,
              const world_view& view,
              const region_geometry& geometry,
              double floor_m);

}  // namespace lithify::io
