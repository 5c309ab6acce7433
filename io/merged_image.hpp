/// The voxels of an image with its deltas merged in, as uniform cubes and bricks: a world without
/// an overlay, in memory that follows the image and never the region's volume.
#pragma once

#include "lithify/octree/voxel_image.hpp"

#include <array>
#include <functional>
#include <span>
#include <vector>

namespace lithify::io {

/// A cube and its material.
struct cube {
  morton_key key;
  material_id material;
};

class merged_image {
 public:
  /// Of an image that outlives it. Requires: `check_voxels` accepts it.
  explicit merged_image(const voxel_image& image);

  [[nodiscard]] region_size size() const { return image_.size; }
  /// Uniform cubes of a level, keys rising. What neither they nor bricks cover is air.
  [[nodiscard]] const std::vector<cube>& uniform(int level) const {
    return uniform_[static_cast<std::size_t>(level)];
  }

  [[nodiscard]] std::size_t bricks() const {
    return image_.dense_key.size() + image_.sparse_key.size() + bare_.size();
  }
  template <class F>
  void each_brick_key(F f) const {
    for (const morton_key key : image_.dense_key) {
      f(key);
    }
    for (const morton_key key : image_.sparse_key) {
      f(key);
    }
    for (const cube& c : bare_) {
      f(c.key);
    }
  }

  using brick_reader = std::function<void(morton_key, std::span<const material_id, brick_voxels>)>;
  /// Calls `f` with each brick's voxels, x fastest, in the order of `each_brick_key`.
  void each_brick(const brick_reader& f) const;

 private:
  void split(const cube& c, int level, std::span<cube> bare);

  const voxel_image& image_;
  std::array<std::vector<cube>, coordinate_bits + 1> uniform_;
  std::vector<cube> bare_;  ///< level-3 cubes of one material or air that deltas change
};

}  // namespace lithify::io
