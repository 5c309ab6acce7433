/// Ids, coordinates and boxes shared by every folder.
///
/// Coordinates are region-local integer voxels: x east, y north, z up, 0 <= c < 2^21. Boxes are
/// half-open. Everything here is constexpr and trivially copyable, so that device code uses it too.
#pragma once

#include <cstdint>
#include <string>

namespace lithify {

/// Index into the material table; 16 bits because a brick stores one per voxel.
using material_id = std::uint16_t;

/// Simulation time of a batch: 1/20 s on a server, one step in `lithify run`.
using tick = std::int64_t;

inline constexpr material_id air = 0;

/// Coordinate bits per axis inside a region (2,097,152 voxels).
inline constexpr int coordinate_bits = 21;
inline constexpr std::int32_t max_extent = std::int32_t{1} << coordinate_bits;

/// log2 of the edge of a brick (8), a chunk (128) in voxels, as LOD numbers.
inline constexpr int brick_level = 3;
inline constexpr int chunk_level = 7;
inline constexpr int brick_edge = 1 << brick_level;
inline constexpr int brick_voxels = brick_edge * brick_edge * brick_edge;

/// A voxel, or a vector between voxels.
struct voxel {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t z = 0;
  friend constexpr bool operator==(const voxel&, const voxel&) = default;
};

/// Half-open box of voxels [min, max).
struct voxel_box {
  voxel min;
  voxel max;

  [[nodiscard]] constexpr bool empty() const {
    return min.x >= max.x || min.y >= max.y || min.z >= max.z;
  }
  [[nodiscard]] constexpr bool contains(voxel v) const {
    return v.x >= min.x && v.x < max.x && v.y >= min.y && v.y < max.y && v.z >= min.z &&
           v.z < max.z;
  }
  [[nodiscard]] constexpr bool contains(const voxel_box& b) const {
    return b.min.x >= min.x && b.max.x <= max.x && b.min.y >= min.y && b.max.y <= max.y &&
           b.min.z >= min.z && b.max.z <= max.z;
  }
  [[nodiscard]] constexpr voxel_box clipped(const voxel_box& b) const {
    return {{min.x > b.min.x ? min.x : b.min.x, min.y > b.min.y ? min.y : b.min.y,
             min.z > b.min.z ? min.z : b.min.z},
            {max.x < b.max.x ? max.x : b.max.x, max.y < b.max.y ? max.y : b.max.y,
             max.z < b.max.z ? max.z : b.max.z}};
  }
  /// Number of voxels. Requires: less than 2^63, so not a box of 2^21 voxels on every axis.
  [[nodiscard]] constexpr std::int64_t volume() const {
    return empty() ? 0
                   : std::int64_t{max.x - min.x} * std::int64_t{max.y - min.y} *
                         std::int64_t{max.z - min.z};
  }
  friend constexpr bool operator==(const voxel_box&, const voxel_box&) = default;
};

/// Size of a region in voxels: [0, x) x [0, y) x [0, z), each 1..2^21.
struct region_size {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t z = 0;

  [[nodiscard]] constexpr voxel_box box() const { return {{0, 0, 0}, {x, y, z}}; }
  [[nodiscard]] constexpr bool contains(voxel v) const { return box().contains(v); }
  [[nodiscard]] constexpr std::int64_t columns() const { return std::int64_t{x} * y; }
  friend constexpr bool operator==(const region_size&, const region_size&) = default;
};

/// "(x, y, z)" for messages.
[[nodiscard]] inline std::string to_string(voxel v) {
  // Appended one by one: g++ 12 sees an overlap that is not there in a chain of operator+.
  std::string text = "(";
  text += std::to_string(v.x);
  text += ", ";
  text += std::to_string(v.y);
  text += ", ";
  text += std::to_string(v.z);
  text += ")";
  return text;
}

}  // namespace lithify
