#include "merged_image.hpp"

#include <algorithm>

namespace lithify::io {

namespace {

bool by_key(const cube& a, const cube& b) { return a.key < b.key; }

bool holds(const std::vector<morton_key>& keys, morton_key key) {
  return std::binary_search(keys.begin(), keys.end(), key);
}

/// Those of `cubes`, of level 3 by rising key, that lie in the cube `key` of `level`.
std::span<cube> inside(std::span<cube> cubes, morton_key key, int level) {
  const int up = 3 * (level - brick_level);
  const auto first = std::lower_bound(cubes.begin(), cubes.end(), cube{key << up, 0}, by_key);
  const auto last = std::upper_bound(first, cubes.end(),
                                     cube{(key << up) + ((morton_key{1} << up) - 1), 0}, by_key);
  return {first, last};
}

}  // namespace

merged_image::merged_image(const voxel_image& image) : image_(image) {
  for (const morton_key key : image.overlay_key) {
    const morton_key brick = key >> (3 * brick_level);
    if ((bare_.empty() || bare_.back().key != brick) && !holds(image.dense_key, brick) &&
        !holds(image.sparse_key, brick)) {
      bare_.push_back({brick, air});
    }
  }
  for (std::size_t i = 0; i < image.uniform_key.size(); ++i) {
    const int level = image.uniform_level[i];
    const cube c{image.uniform_key[i], image.uniform_material[i]};
    split(c, level, inside(bare_, c.key, level));
  }
  if (!bare_.empty()) {
    for (std::vector<cube>& cubes : uniform_) {
      std::sort(cubes.begin(), cubes.end(), by_key);
    }
  }
}

/// Lists the cube, or what is left of it around `bare`, which get its material.
void merged_image::split(const cube& c, int level, std::span<cube> bare) {
  if (bare.empty()) {
    uniform_[static_cast<std::size_t>(level)].push_back(c);
  } else if (level == brick_level) {
    bare.front().material = c.material;
  } else {
    for (morton_key child = 8 * c.key; child < 8 * c.key + 8; ++child) {
      if (image_.size.contains(cube_box(child, level - 1).min)) {
        split({child, c.material}, level - 1, inside(bare, child, level - 1));
      }
    }
  }
}

void merged_image::each_brick(const brick_reader& f) const {
  using content = std::span<const material_id, brick_voxels>;
  std::array<material_id, brick_voxels> made{};
  std::array<material_id, brick_voxels> merged{};
  const auto with_deltas = [&](morton_key brick, content voxels) {
    const auto& keys = image_.overlay_key;
    auto at = std::lower_bound(keys.begin(), keys.end(), brick << (3 * brick_level));
    if (at == keys.end() || *at >> (3 * brick_level) != brick) {
      f(brick, voxels);
      return;
    }
    std::copy(voxels.begin(), voxels.end(), merged.begin());
    for (; at != keys.end() && *at >> (3 * brick_level) == brick; ++at) {
      const voxel v = morton_decode(*at & (brick_voxels - 1));
      merged[static_cast<std::size_t>(v.x + brick_edge * (v.y + brick_edge * v.z))] =
          image_.overlay_material[static_cast<std::size_t>(at - keys.begin())];
    }
    f(brick, merged);
  };
  for (std::size_t i = 0; i < image_.dense_key.size(); ++i) {
    with_deltas(image_.dense_key[i],
                content(image_.dense_voxels.data() + i * brick_voxels, brick_voxels));
  }
  for (std::size_t i = 0; i < image_.sparse_key.size(); ++i) {
    const sparse_brick& sparse = image_.sparse_record[i];
    made.fill(sparse.majority);
    for (int j = 0; j < sparse.count; ++j) {
      made[sparse.position[j]] = sparse.other[j];
    }
    with_deltas(image_.sparse_key[i], made);
  }
  for (const cube& c : bare_) {
    made.fill(c.material);
    with_deltas(c.key, made);
  }
}

}  // namespace lithify::io
