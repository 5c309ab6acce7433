#include "checkpoint_check.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <utility>

namespace lithify::io {

namespace {

constexpr std::size_t max_name = 255;

// Voxel keys [first, last] of a cube, for the test of overlaps.
using key_range = std::pair<morton_key, morton_key>;

class voxel_checker {
 public:
  voxel_checker(const voxel_image& voxels, std::size_t materials, const complaint& broken)
      : v_(voxels), materials_(materials), broken_(broken) {}

  void run() {
    uniform();
    dense();
    sparse();
    overlay();
    overlaps();
  }

 private:
  static std::string at(const std::string& place, std::size_t i) {
    return place + "[" + std::to_string(i) + "]";
  }

  void lengths(const std::string& place, std::size_t got, std::size_t expected) const {
    if (got != expected) {
      broken_(place, "holds " + std::to_string(got) + " values, its keys need " +
                         std::to_string(expected));
    }
  }

  void known(material_id id, const std::string& place, std::size_t i) const {
    if (id >= materials_) {
      broken_(at(place, i), "is material " + std::to_string(id) + ", the table ends at " +
                                std::to_string(materials_ - 1));
    }
  }

  // The cube exists and its lowest corner lies inside the region.
  void inside(morton_key key, int level, const std::string& place, std::size_t i) const {
    const int bits = 3 * (coordinate_bits - level);
    if (bits < 64 && (key >> bits) != 0) {
      broken_(at(place, i), "is not a key at level " + std::to_string(level));
    }
    if (!v_.size.contains(cube_box(key, level).min)) {
      broken_(at(place, i), "lies outside the region");
    }
  }

  void range(morton_key key, int level) {
    const morton_key first = key << (3 * level);
    ranges_.emplace_back(first, first + ((morton_key{1} << (3 * level)) - 1));
  }

  void rising(std::span<const morton_key> keys, const std::string& place) const {
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (keys[i - 1] >= keys[i]) {
        broken_(at(place, i), "does not rise");
      }
    }
  }

  void uniform() {
    lengths("/octree/level", v_.uniform_level.size(), v_.uniform_key.size());
    lengths("/octree/material", v_.uniform_material.size(), v_.uniform_key.size());
    for (std::size_t i = 0; i < v_.uniform_key.size(); ++i) {
      const int level = v_.uniform_level[i];
      if (level < brick_level || level > coordinate_bits) {
        broken_(at("/octree/level", i), "is not between 3 and 21");
      }
      inside(v_.uniform_key[i], level, "/octree/key", i);
      known(v_.uniform_material[i], "/octree/material", i);
      if (i > 0 &&
          (v_.uniform_level[i - 1] < level ||
           (v_.uniform_level[i - 1] == level && v_.uniform_key[i - 1] >= v_.uniform_key[i]))) {
        broken_(at("/octree/key", i), "is out of order");
      }
      range(v_.uniform_key[i], level);
    }
  }

  void dense() {
    lengths("/bricks/dense_voxels", v_.dense_voxels.size(), v_.dense_key.size() * brick_voxels);
    rising(v_.dense_key, "/bricks/dense_key");
    for (std::size_t i = 0; i < v_.dense_key.size(); ++i) {
      inside(v_.dense_key[i], brick_level, "/bricks/dense_key", i);
      range(v_.dense_key[i], brick_level);
    }
    if (!v_.dense_voxels.empty()) {
      const auto largest = std::max_element(v_.dense_voxels.begin(), v_.dense_voxels.end());
      known(*largest, "/bricks/dense_voxels",
            static_cast<std::size_t>(largest - v_.dense_voxels.begin()));
    }
  }

  void sparse() {
    lengths("/bricks/sparse_majority", v_.sparse_record.size(), v_.sparse_key.size());
    rising(v_.sparse_key, "/bricks/sparse_key");
    for (std::size_t i = 0; i < v_.sparse_key.size(); ++i) {
      inside(v_.sparse_key[i], brick_level, "/bricks/sparse_key", i);
      range(v_.sparse_key[i], brick_level);
      record(v_.sparse_record[i], i);
    }
  }

  void record(const sparse_brick& brick, std::size_t i) const {
    known(brick.majority, "/bricks/sparse_majority", i);
    if (brick.count > sparse_brick::capacity) {
      broken_(at("/bricks/sparse_count", i), "is above 15");
    }
    for (int j = 0; j < sparse_brick::capacity; ++j) {
      if (j >= brick.count) {
        if (brick.position[j] != 0 || brick.other[j] != 0) {
          broken_(at("/bricks/sparse_position", i), "holds entries beyond its count");
        }
        continue;
      }
      if (brick.position[j] >= brick_voxels ||
          (j > 0 && brick.position[j - 1] >= brick.position[j])) {
        broken_(at("/bricks/sparse_position", i), "does not rise below 512");
      }
      known(brick.other[j], "/bricks/sparse_other", i);
      if (brick.other[j] == brick.majority) {
        broken_(at("/bricks/sparse_other", i), "repeats the brick's majority");
      }
    }
  }

  void overlay() const {
    lengths("/overlay/material", v_.overlay_material.size(), v_.overlay_key.size());
    rising(v_.overlay_key, "/overlay/key");
    for (std::size_t i = 0; i < v_.overlay_key.size(); ++i) {
      inside(v_.overlay_key[i], 0, "/overlay/key", i);
      known(v_.overlay_material[i], "/overlay/material", i);
    }
  }

  void overlaps() {
    std::sort(ranges_.begin(), ranges_.end());
    for (std::size_t i = 1; i < ranges_.size(); ++i) {
      if (ranges_[i - 1].second >= ranges_[i].first) {
        broken_("/octree",
                "and /bricks overlap at voxel " + to_string(morton_decode(ranges_[i].first)));
      }
    }
  }

  const voxel_image& v_;
  std::size_t materials_;
  const complaint& broken_;
  std::vector<key_range> ranges_;
};

bool is_word(const std::string& name) {
  return !name.empty() && name.size() <= max_name &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

bool matches_shape(const field& f) {
  const std::uint64_t values = f.bytes.size() / size_of(f.type);
  if (values * size_of(f.type) != f.bytes.size()) {
    return false;
  }
  if (std::find(f.shape.begin(), f.shape.end(), 0) != f.shape.end()) {
    return values == 0;
  }
  std::uint64_t product = 1;
  for (const std::int64_t extent : f.shape) {
    if (extent < 0 || product > values / static_cast<std::uint64_t>(extent)) {
      return false;
    }
    product *= static_cast<std::uint64_t>(extent);
  }
  return product == values;
}

}  // namespace

void check_geometry(region_size size, const region_geometry& g, const complaint& broken) {
  for (const std::int32_t extent : {size.x, size.y, size.z}) {
    if (extent < 1 || extent > max_extent) {
      broken("/geometry",
             "has an extent of " + std::to_string(extent) + " voxels; 1 to 2,097,152 are possible");
    }
  }
  for (const double value :
       {g.cell_size_m, g.voxel_height_m, g.datum_m, g.origin_x_m, g.origin_y_m}) {
    if (!std::isfinite(value)) {
      broken("/geometry", "holds a length that is not finite");
    }
  }
  if (g.cell_size_m <= 0.0 || g.voxel_height_m <= 0.0) {
    broken("/geometry", "holds a cell size or voxel height that is not positive");
  }
}

void check_voxels(const voxel_image& voxels, std::size_t materials, const complaint& broken) {
  voxel_checker(voxels, materials, broken).run();
}

void check_columns(const std::vector<field>& columns,
                   std::uint16_t minor,
                   const complaint& broken) {
  std::set<std::string> names;
  for (const field& f : columns) {
    if (!is_word(f.name)) {
      broken("/columns", "holds the name '" + f.name + "', which is not a word of a-z, 0-9 and _");
    }
    const std::string place = "/columns/" + f.name;
    if (!names.insert(f.name).second) {
      broken(place, "is there twice");
    }
    if (f.shape.empty() || f.shape.size() > 8) {
      broken(place, "does not have 1 to 8 dimensions");
    }
    if (!matches_shape(f)) {
      broken(place, "has a shape that does not match its values");
    }
  }
  if (minor >= 3 && names.contains("exported") && !names.contains("remainder_river")) {
    broken("/columns", "has the field 'exported' and lacks 'remainder_river'");
  }
}

void check_state(const run_state& state, const complaint& broken) {
  if (state.step < 0 || state.pass_index < 0) {
    broken("/state", "holds a negative counter");
  }
  if (!std::isfinite(state.time_yr)) {
    broken("/state", "holds a time that is not finite");
  }
}

}  // namespace lithify::io
