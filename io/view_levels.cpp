#include "view_levels.hpp"

#include "lithify/io/checkpoint.hpp"

#include <algorithm>
#include <utility>

namespace lithify::io {

namespace {

/// So large that a level is one tile.
constexpr int one_tile = coordinate_bits;

voxel cells_at(region_size size, int lod) {
  const auto along = [lod](std::int32_t extent) { return ((extent - 1) >> lod) + 1; };
  return {along(size.x), along(size.y), along(size.z)};
}

/// Unsigned: a region has up to 2^63 voxels.
std::uint64_t count(voxel cells) {
  return static_cast<std::uint64_t>(cells.x) * static_cast<std::uint64_t>(cells.y) *
         static_cast<std::uint64_t>(cells.z);
}

/// Where a level is thin, tiles are wider, so that each has as many cells as a cube of 2^box_bits.
int tile_bits(voxel cells, int box_bits) {
  int bits = box_bits;
  const auto tile = [&] {
    const std::int32_t edge = std::int32_t{1} << bits;
    return voxel{std::min(cells.x, edge), std::min(cells.y, edge), std::min(cells.z, edge)};
  };
  while (count(tile()) >> (3 * box_bits) == 0 && tile() != cells) {
    ++bits;
  }
  return bits;
}

/// Tiles of a LOD in which something lies that the coarser LOD does not show, rising.
std::vector<std::uint64_t> detailed_tiles(const merged_image& ground,
                                          const tiling& tiles,
                                          int lod) {
  std::vector<std::uint64_t> found;
  const auto add = [&](morton_key key, int level) {
    const voxel low = cube_box(key, level).min;
    const std::uint64_t tile = tiles.tile_of({low.x >> lod, low.y >> lod, low.z >> lod});
    if (found.empty() || found.back() != tile) {
      found.push_back(tile);
    }
  };
  for (int level = brick_level; level <= lod; ++level) {
    for (const cube& c : ground.uniform(level)) {
      add(c.key, level);
    }
  }
  ground.each_brick_key([&](morton_key key) { add(key, brick_level); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

/// Of all levels together.
std::uint64_t most_cells(std::int64_t bricks, const view_bounds& bounds) {
  return static_cast<std::uint64_t>(
      std::min(bounds.all_cells, std::max(bounds.few_cells, bounds.cells_a_brick * bricks)));
}

int root_lod(region_size size, const view_bounds& bounds) {
  int lod = 0;
  while (count(cells_at(size, lod)) > static_cast<std::uint64_t>(bounds.root_cells)) {
    ++lod;
  }
  return lod;
}

}  // namespace

tiling::tiling(region_size size, int lod, int bits) : cells_(cells_at(size, lod)), bits_(bits) {
  const auto along = [bits](std::int32_t cells) { return std::max(1, cells >> bits); };
  tiles_ = {along(cells_.x), along(cells_.y), along(cells_.z)};
}

std::uint64_t tiling::tile_of(voxel cell) const {
  const auto x = static_cast<std::uint64_t>(std::min(cell.x >> bits_, tiles_.x - 1));
  const auto y = static_cast<std::uint64_t>(std::min(cell.y >> bits_, tiles_.y - 1));
  const auto z = static_cast<std::uint64_t>(std::min(cell.z >> bits_, tiles_.z - 1));
  return x + static_cast<std::uint64_t>(tiles_.x) * (y + static_cast<std::uint64_t>(tiles_.y) * z);
}

voxel_box tiling::box(std::uint64_t tile) const {
  const auto nx = static_cast<std::uint64_t>(tiles_.x);
  const auto ny = static_cast<std::uint64_t>(tiles_.y);
  const voxel at{static_cast<std::int32_t>(tile % nx), static_cast<std::int32_t>(tile / nx % ny),
                 static_cast<std::int32_t>(tile / nx / ny)};
  const auto end = [this](std::int32_t i, std::int32_t tiles, std::int32_t cells) {
    return i + 1 < tiles ? (i + 1) << bits_ : cells;
  };
  return {{at.x << bits_, at.y << bits_, at.z << bits_},
          {end(at.x, tiles_.x, cells_.x), end(at.y, tiles_.y, cells_.y),
           end(at.z, tiles_.z, cells_.z)}};
}

level_cells::level_cells(int lod, const tiling& over, std::vector<std::uint64_t> tiles)
    : lod_(lod), over_(over), tiles_(std::move(tiles)) {
  std::size_t cells = 0;
  for (const std::uint64_t tile : tiles_) {
    boxes_.push_back(over_.box(tile));
    first_.push_back(cells);
    cells += static_cast<std::size_t>(boxes_.back().volume());
  }
  materials_.resize(cells, air);
}

std::size_t level_cells::box_of(voxel cell) const {
  const std::uint64_t tile = over_.tile_of(cell);
  const auto found = std::lower_bound(tiles_.begin(), tiles_.end(), tile);
  return found != tiles_.end() && *found == tile ? static_cast<std::size_t>(found - tiles_.begin())
                                                 : none;
}

material_id* level_cells::row(std::size_t box, voxel cell) {
  const voxel_box& b = boxes_[box];
  const auto nx = static_cast<std::size_t>(b.max.x - b.min.x);
  const auto ny = static_cast<std::size_t>(b.max.y - b.min.y);
  return materials_.data() + first_[box] + static_cast<std::size_t>(cell.x - b.min.x) +
         nx * (static_cast<std::size_t>(cell.y - b.min.y) +
               ny * static_cast<std::size_t>(cell.z - b.min.z));
}

void level_cells::set(const voxel_box& cells, const material_id* values) {
  const std::size_t box = box_of(cells.min);
  if (box == none) {
    return;
  }
  const voxel_box part = cells.clipped(boxes_[box]);
  const std::int32_t nx = cells.max.x - cells.min.x;
  const std::int32_t ny = cells.max.y - cells.min.y;
  for (std::int32_t z = part.min.z; z < part.max.z; ++z) {
    for (std::int32_t y = part.min.y; y < part.max.y; ++y) {
      std::copy_n(values + nx * ((y - cells.min.y) + ny * (z - cells.min.z)),
                  part.max.x - part.min.x, row(box, {part.min.x, y, z}));
    }
  }
}

void level_cells::fill(const cube& c, int level) {
  const voxel_box cells = cube_box(c.key, level - lod_).clipped({{0, 0, 0}, over_.cells()});
  const std::uint64_t tile = over_.tile_of(cells.min);
  if (over_.box(tile).contains(cells)) {
    const std::size_t box = box_of(cells.min);
    if (box != none) {
      fill(box, cells, c.material);
    }
  } else {
    for (std::size_t box = 0; box < boxes_.size(); ++box) {
      fill(box, cells, c.material);
    }
  }
}

void level_cells::fill(std::size_t box, const voxel_box& cells, material_id m) {
  const voxel_box part = cells.clipped(boxes_[box]);
  if (part.empty()) {
    return;
  }
  for (std::int32_t z = part.min.z; z < part.max.z; ++z) {
    for (std::int32_t y = part.min.y; y < part.max.y; ++y) {
      std::fill_n(row(box, {part.min.x, y, z}), part.max.x - part.min.x, m);
    }
  }
}

view_level level_cells::take() { return {lod_, std::move(boxes_), std::move(materials_)}; }

std::vector<level_cells> plan_levels(const merged_image& ground, const view_bounds& bounds) {
  const region_size size = ground.size();
  int lod = root_lod(size, bounds);
  const std::uint64_t most = most_cells(static_cast<std::int64_t>(ground.bricks()), bounds);
  std::vector<level_cells> levels;
  const tiling root(size, lod, one_tile);
  levels.emplace_back(lod, root, std::vector<std::uint64_t>{0});
  std::uint64_t cells = count(root.cells());
  while (lod-- > 0) {
    const tiling tiles(size, lod, tile_bits(cells_at(size, lod), bounds.box_bits));
    std::vector<std::uint64_t> stored = detailed_tiles(ground, tiles, lod);
    for (const std::uint64_t tile : stored) {
      cells += static_cast<std::uint64_t>(tiles.box(tile).volume());
    }
    if (stored.empty() || cells > most) {
      break;
    }
    levels.emplace_back(lod, tiles, std::move(stored));
  }
  return levels;
}

std::size_t most_view_bytes(region_size size, std::int64_t bricks) {
  const view_bounds bounds;
  const std::uint64_t most = most_cells(bricks, bounds);
  std::uint64_t cells = 0;
  for (int lod = root_lod(size, bounds); lod >= 0 && cells < most; --lod) {
    cells += count(cells_at(size, lod));
  }
  voxel seen = cells_at(size, 0);
  for (int lod = 1; std::int64_t{seen.x} * seen.y > bounds.surface_cells; ++lod) {
    seen = cells_at(size, lod);
  }
  const auto nx = static_cast<std::size_t>(seen.x);
  const auto ny = static_cast<std::size_t>(seen.y);
  return static_cast<std::size_t>(std::min(cells, most)) * sizeof(material_id) +
         nx * ny * sizeof(std::int32_t) + (nx + ny) * sizeof(double);
}

}  // namespace lithify::io
