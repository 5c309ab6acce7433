/// What the index must hold, worked out from a plain array: canonical leaves and LOD materials.
/// Independent of the library's octree: recursion over boxes, maps for counting.
#pragma once

#include "lithify/octree/voxel_image.hpp"
#include "plain_world.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace lithify::test {

class image_oracle {
 public:
  explicit image_oracle(const plain_world& world) : world_(world) {
    image_.size = world.size();
    collect({0, 0, 0}, std::max(3, world.covering_level()));
    std::sort(leaves_.begin(), leaves_.end());
    for (const auto& [falling, key, m] : leaves_) {
      image_.uniform_level.push_back(static_cast<std::uint8_t>(-falling));
      image_.uniform_key.push_back(key);
      image_.uniform_material.push_back(m);
    }
    for (const auto& [key, voxels] : dense_) {
      image_.dense_key.push_back(key);
      image_.dense_voxels.insert(image_.dense_voxels.end(), voxels.begin(), voxels.end());
    }
    for (const auto& [key, record] : sparse_) {
      image_.sparse_key.push_back(key);
      image_.sparse_record.push_back(record);
    }
  }
  [[nodiscard]] const voxel_image& image() const { return image_; }

 private:
  void collect(voxel low, int level) {
    const std::int32_t edge = std::int32_t{1} << level;
    const voxel_box cube{low, {low.x + edge, low.y + edge, low.z + edge}};
    if (cube.clipped(world_.size().box()).empty()) {
      return;
    }
    const morton_key key = morton_encode(low) >> (3 * level);
    if (const auto one = world_.uniform(cube)) {
      if (*one != 0) {
        leaves_.emplace_back(-level, key, *one);
      }
    } else if (level == 3) {
      brick(cube, key);
    } else {
      const std::int32_t half = edge / 2;
      for (int i = 0; i < 8; ++i) {
        collect({low.x + i % 2 * half, low.y + i / 2 % 2 * half, low.z + i / 4 * half}, level - 1);
      }
    }
  }

  void brick(voxel_box cube, morton_key key) {
    std::map<material_id, int> counts;
    std::vector<material_id> voxels;
    plain_world::for_each(cube, [&](voxel v) {
      const bool inside = world_.size().contains(v);
      voxels.push_back(inside ? world_.at(v) : material_id{0});
      counts[voxels.back()] += inside ? 1 : 0;
    });
    const auto most =
        std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;  // the first of those that tie: the lowest id
        });
    sparse_brick record;
    record.majority = most->first;
    int others = 0;
    int position = 0;
    plain_world::for_each(cube, [&](voxel v) {
      if (world_.size().contains(v) && world_.at(v) != most->first) {
        if (others < 15) {
          record.position[others] = static_cast<std::uint16_t>(position);
          record.other[others] = world_.at(v);
        }
        ++others;
      }
      ++position;
    });
    if (others > 15) {
      dense_[key] = voxels;
    } else {
      record.count = static_cast<std::uint16_t>(others);
      sparse_[key] = record;
    }
  }

  const plain_world& world_;
  voxel_image image_;
  std::vector<std::tuple<int, morton_key, material_id>> leaves_;
  std::map<morton_key, std::vector<material_id>> dense_;
  std::map<morton_key, sparse_brick> sparse_;
};

/// Whether two images hold the same; nothing, or the name of the first array that differs.
inline const char* first_difference(const voxel_image& a, const voxel_image& b) {
  const auto same_records = [&] {
    return std::equal(a.sparse_record.begin(), a.sparse_record.end(), b.sparse_record.begin(),
                      b.sparse_record.end(), [](const sparse_brick& p, const sparse_brick& q) {
                        return p.majority == q.majority && p.count == q.count &&
                               std::equal(p.position, p.position + 15, q.position) &&
                               std::equal(p.other, p.other + 15, q.other);
                      });
  };
  return !(a.size == b.size)                        ? "size"
         : a.uniform_level != b.uniform_level       ? "uniform_level"
         : a.uniform_key != b.uniform_key           ? "uniform_key"
         : a.uniform_material != b.uniform_material ? "uniform_material"
         : a.dense_key != b.dense_key               ? "dense_key"
         : a.dense_voxels != b.dense_voxels         ? "dense_voxels"
         : a.sparse_key != b.sparse_key             ? "sparse_key"
         : !same_records()                          ? "sparse_record"
                                                    : nullptr;
}

/// LOD materials of all cubes of the world, level by level, x fastest.
class lod_pyramid {
 public:
  explicit lod_pyramid(const plain_world& world) {
    std::vector<material_id> voxels;
    plain_world::for_each(world.size().box(), [&](voxel v) { voxels.push_back(world.at(v)); });
    grids_.push_back({world.size(), std::move(voxels)});
    for (int level = 1; level <= world.covering_level(); ++level) {
      grids_.push_back(above(grids_.back()));
    }
  }
  [[nodiscard]] int levels() const { return static_cast<int>(grids_.size()); }
  /// Cubes along each axis.
  [[nodiscard]] region_size cubes(int level) const { return at(level).size; }
  [[nodiscard]] const std::vector<material_id>& materials(int level) const {
    return at(level).material;
  }

 private:
  struct grid {
    region_size size;
    std::vector<material_id> material;
  };
  [[nodiscard]] const grid& at(int level) const { return grids_[static_cast<std::size_t>(level)]; }

  static grid above(const grid& fine) {
    grid made{{(fine.size.x + 1) / 2, (fine.size.y + 1) / 2, (fine.size.z + 1) / 2}, {}};
    plain_world::for_each(made.size.box(), [&](voxel c) {
      std::array<std::optional<material_id>, 8> sub;
      for (int i = 0; i < 8; ++i) {
        const voxel v{2 * c.x + i % 2, 2 * c.y + i / 2 % 2, 2 * c.z + i / 4};
        if (fine.size.contains(v)) {
          const std::int64_t at =
              v.x + std::int64_t{fine.size.x} * (v.y + std::int64_t{fine.size.y} * v.z);
          sub[static_cast<std::size_t>(i)] = fine.material[static_cast<std::size_t>(at)];
        }
      }
      made.material.push_back(oracle_vote(sub).value());
    });
    return made;
  }

  std::vector<grid> grids_;
};

}  // namespace lithify::test
