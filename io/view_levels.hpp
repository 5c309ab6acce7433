/// The levels of a view: which boxes they have, and their cells.
#pragma once

#include "merged_image.hpp"
#include "vtk_view.hpp"

#include <cstdint>
#include <vector>

namespace lithify::io {

/// The cells of a LOD in tiles of 2^bits cells an axis; the last one of an axis takes what is left.
class tiling {
 public:
  tiling(region_size size, int lod, int bits);

  [[nodiscard]] voxel cells() const { return cells_; }
  /// Number of the tile that holds a cell, by z, y, x.
  [[nodiscard]] std::uint64_t tile_of(voxel cell) const;
  [[nodiscard]] voxel_box box(std::uint64_t tile) const;

 private:
  voxel cells_;
  int bits_;
  voxel tiles_;
};

/// One level while its cells are set; all are air before.
class level_cells {
 public:
  /// `tiles` rise.
  level_cells(int lod, const tiling& over, std::vector<std::uint64_t> tiles);

  [[nodiscard]] int lod() const { return lod_; }
  /// Sets what a box holds of `cells` to `values`, x fastest. Requires: they lie in one tile.
  void set(const voxel_box& cells, const material_id* values);
  /// Sets what the boxes hold of a uniform cube. Requires: level >= lod.
  void fill(const cube& c, int level);
  [[nodiscard]] view_level take();

 private:
  static constexpr std::size_t none = ~std::size_t{0};

  /// Number of the box that holds a cell of the region.
  [[nodiscard]] std::size_t box_of(voxel cell) const;
  /// The cells of a box from this one on to the end of its row.
  [[nodiscard]] material_id* row(std::size_t box, voxel cell);
  void fill(std::size_t box, const voxel_box& cells, material_id m);

  int lod_;
  tiling over_;
  std::vector<std::uint64_t> tiles_;
  std::vector<voxel_box> boxes_;
  std::vector<std::size_t> first_;  ///< cell of each box
  std::vector<material_id> materials_;
};

/// Levels from coarse to fine, as `make_view` says.
[[nodiscard]] std::vector<level_cells> plan_levels(const merged_image& ground,
                                                   const view_bounds& bounds);

}  // namespace lithify::io
