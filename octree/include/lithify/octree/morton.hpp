/// Morton keys: the only keys of the overlay and the index.
///
/// 63 bits, x in bit 3i, y in 3i + 1, z in 3i + 2; bit 63 stays free, so that all ones can mean "no
/// key". The key of a cube at LOD k is its voxels' key shifted right by 3k; ranges of keys are
/// cubes.
#pragma once

#include "lithify/base/types.hpp"

#include <cstdint>

namespace lithify {

/// Morton code of a voxel or, shifted right by 3k, of a cube of 2^k voxels a side.
using morton_key = std::uint64_t;

/// Marks an empty slot; no voxel has it.
inline constexpr morton_key no_key = ~morton_key{0};

/// Spreads the low 21 bits of `v` so that bit i lands in bit 3i.
[[nodiscard]] constexpr std::uint64_t spread_bits(std::uint32_t v) {
  std::uint64_t x = v & 0x1fffffU;
  x = (x | (x << 32)) & 0x001f00000000ffffULL;
  x = (x | (x << 16)) & 0x001f0000ff0000ffULL;
  x = (x | (x << 8)) & 0x100f00f00f00f00fULL;
  x = (x | (x << 4)) & 0x10c30c30c30c30c3ULL;
  x = (x | (x << 2)) & 0x1249249249249249ULL;
  return x;
}

/// Inverse of `spread_bits`: gathers bits 0, 3, 6, ...
[[nodiscard]] constexpr std::uint32_t gather_bits(std::uint64_t x) {
  x &= 0x1249249249249249ULL;
  x = (x | (x >> 2)) & 0x10c30c30c30c30c3ULL;
  x = (x | (x >> 4)) & 0x100f00f00f00f00fULL;
  x = (x | (x >> 8)) & 0x001f0000ff0000ffULL;
  x = (x | (x >> 16)) & 0x001f00000000ffffULL;
  x = (x | (x >> 32)) & 0x00000000001fffffULL;
  return static_cast<std::uint32_t>(x);
}

/// Requires: 0 <= every coordinate < 2^21.
[[nodiscard]] constexpr morton_key morton_encode(voxel v) {
  return spread_bits(static_cast<std::uint32_t>(v.x)) |
         (spread_bits(static_cast<std::uint32_t>(v.y)) << 1) |
         (spread_bits(static_cast<std::uint32_t>(v.z)) << 2);
}

[[nodiscard]] constexpr voxel morton_decode(morton_key key) {
  return {static_cast<std::int32_t>(gather_bits(key)),
          static_cast<std::int32_t>(gather_bits(key >> 1)),
          static_cast<std::int32_t>(gather_bits(key >> 2))};
}

/// The voxels of the cube `key` at LOD `level`; not clipped to any region.
[[nodiscard]] constexpr voxel_box cube_box(morton_key key, int level) {
  const voxel c = morton_decode(key);
  const std::int32_t edge = std::int32_t{1} << level;
  const voxel low{c.x << level, c.y << level, c.z << level};
  return {low, {low.x + edge, low.y + edge, low.z + edge}};
}

/// LOD of the smallest aligned cube at the origin that holds the whole region.
[[nodiscard]] constexpr int root_level(region_size size) {
  int level = 0;
  while (size.x > (std::int32_t{1} << level) || size.y > (std::int32_t{1} << level) ||
         size.z > (std::int32_t{1} << level)) {
    ++level;
  }
  return level;
}

}  // namespace lithify
