#include "vtk_view.hpp"

#include "brick_lods.hpp"
#include "lithify/octree/lod.hpp"
#include "view_levels.hpp"

#include <algorithm>
#include <iterator>

namespace lithify::io {

namespace {

bool by_key(const cube& a, const cube& b) { return a.key < b.key; }

/// Sets the cells of a brick in the levels that are finer than bricks.
void set_cells(std::vector<level_cells>& levels,
               morton_key brick,
               std::span<const material_id, brick_voxels> voxels,
               const brick_lods& lods) {
  const material_id* const cells[] = {voxels.data(), lods.one.data(), lods.two.data()};
  for (level_cells& level : levels) {
    if (level.lod() < brick_level) {
      level.set(cube_box(brick, brick_level - level.lod()), cells[level.lod()]);
    }
  }
}

/// Cubes of `level` + 1 from the cubes of `level` that they hold, keys rising: LOD materials. What
/// is not listed is air.
std::vector<cube> raised(const std::vector<cube>& below, int level, region_size size) {
  std::vector<cube> above;
  for (std::size_t i = 0; i < below.size();) {
    const morton_key key = below[i].key >> 3;
    material_id sub[8] = {air, air, air, air, air, air, air, air};
    for (; i < below.size() && below[i].key >> 3 == key; ++i) {
      sub[below[i].key & 7] = below[i].material;
    }
    const voxel low = cube_box(key, level + 1).min;
    above.push_back({key, lod_vote(sub, inside_mask(low, level + 1, size))});
  }
  return above;
}

/// Sets the cells of every level from LOD 3 up that are not uniform. `cubes`: bricks, at LOD 3.
void set_raised(std::vector<level_cells>& levels,
                std::vector<cube> cubes,
                const merged_image& ground) {
  for (int lod = brick_level; lod <= levels.front().lod(); ++lod) {
    const auto level = static_cast<std::size_t>(levels.front().lod() - lod);
    if (level < levels.size()) {
      for (const cube& c : cubes) {
        levels[level].set(cube_box(c.key, 0), &c.material);
      }
    }
    std::vector<cube> all;
    const std::vector<cube>& uniform = ground.uniform(lod);
    std::merge(cubes.begin(), cubes.end(), uniform.begin(), uniform.end(), std::back_inserter(all),
               by_key);
    cubes = raised(all, lod, ground.size());
  }
}

class surface_sampler {
 public:
  surface_sampler(region_size size, std::int64_t cells) : size_(size) {
    while (std::int64_t{along(size.x)} * along(size.y) > cells) {
      ++seen_.lod;
    }
    seen_.nx = along(size.x);
    seen_.ny = along(size.y);
    seen_.top.resize(static_cast<std::size_t>(seen_.nx) * static_cast<std::size_t>(seen_.ny), 0);
  }

  void add(const cube& c, int level) {
    const voxel_box box = cube_box(c.key, level).clipped(size_.box());
    each_column(box, [&](std::int32_t, std::int32_t, std::int32_t& top) {
      top = std::max(top, box.max.z);
    });
  }

  void add(voxel low, std::span<const material_id, brick_voxels> voxels) {
    const voxel high{low.x + brick_edge, low.y + brick_edge, low.z + brick_edge};
    const voxel_box box = voxel_box{low, high}.clipped(size_.box());
    each_column(box, [&](std::int32_t x, std::int32_t y, std::int32_t& top) {
      const std::int32_t column = (x - low.x) + brick_edge * (y - low.y);
      for (std::int32_t z = box.max.z; z > std::max(box.min.z, top); --z) {
        const std::int32_t place = column + brick_edge * brick_edge * (z - 1 - low.z);
        if (voxels[static_cast<std::size_t>(place)] != air) {
          top = z;
        }
      }
    });
  }

  [[nodiscard]] view_surface take() { return std::move(seen_); }

 private:
  /// Columns that are looked at below an end of the axis.
  [[nodiscard]] std::int32_t along(std::int32_t end) const { return ((end - 1) >> seen_.lod) + 1; }

  template <class F>
  void each_column(const voxel_box& box, F f) {
    for (std::int32_t j = along(box.min.y); j < along(box.max.y); ++j) {
      for (std::int32_t i = along(box.min.x); i < along(box.max.x); ++i) {
        f(i << seen_.lod, j << seen_.lod,
          seen_.top[static_cast<std::size_t>(i) +
                    static_cast<std::size_t>(seen_.nx) * static_cast<std::size_t>(j)]);
      }
    }
  }

  region_size size_;
  view_surface seen_;
};

}  // namespace

world_view make_view(const voxel_image& voxels, const view_bounds& bounds) {
  const merged_image ground(voxels);
  std::vector<level_cells> levels = plan_levels(ground, bounds);
  surface_sampler surface(voxels.size, bounds.surface_cells);
  for (int level = brick_level; level <= coordinate_bits; ++level) {
    for (const cube& c : ground.uniform(level)) {
      if (c.material == air) {
        continue;
      }
      surface.add(c, level);
      for (level_cells& to : levels) {
        if (to.lod() <= level) {
          to.fill(c, level);
        }
      }
    }
  }
  std::vector<cube> bricks;
  ground.each_brick(
      [&](morton_key key, std::span<const material_id, brick_voxels> content) -> void {
        const voxel low = cube_box(key, brick_level).min;
        const brick_lods lods = lods_of(content, low, voxels.size);
        surface.add(low, content);
        set_cells(levels, key, content, lods);
        bricks.push_back({key, lods.three});
      });
  std::sort(bricks.begin(), bricks.end(), by_key);
  set_raised(levels, std::move(bricks), ground);

  world_view view;
  for (level_cells& level : levels) {
    view.levels.push_back(level.take());
  }
  view.surface = surface.take();
  return view;
}

}  // namespace lithify::io
