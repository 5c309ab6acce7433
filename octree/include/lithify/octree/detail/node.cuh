/// A node of the index: 8 bytes that say what a cube holds.
///
/// Bits 0..15 LOD material (of a uniform node: its material), 16..18 kind, 24..63 slot in the pool
/// that the kind names. A node's level follows from where it stands: pages of 512 nodes above the
/// chunks (three levels a page), blocks of 8 nodes inside a chunk, bricks at level 3.
/// Voxels outside the region are "don't care" inside a node: they neither prevent a collapse nor
/// vote; a node whose cube lies wholly outside is uniform air.
#pragma once

#include "lithify/base/types.hpp"
#include "lithify/octree/morton.hpp"

#include <cstdint>

namespace lithify::octree {

enum class node_kind : std::uint32_t {
  uniform = 0,     ///< one material
  children = 1,    ///< a page (above chunk level) or a block of 8 nodes
  dense = 2,       ///< brick of 512 material ids
  sparse = 3,      ///< brick with a majority and up to 15 exceptions
  palette = 4,     ///< reserved: brick of 4-bit indices into a palette
  procedural = 5,  ///< reserved: computed from (template, seed)
};

struct node {
  std::uint64_t bits = 0;

  [[nodiscard]] static constexpr node uniform(material_id m) { return {m}; }
  [[nodiscard]] static constexpr node make(node_kind kind, std::uint64_t slot, material_id lod) {
    return {(slot << 24) | (static_cast<std::uint64_t>(kind) << 16) | lod};
  }
  [[nodiscard]] constexpr node_kind kind() const {
    return static_cast<node_kind>((bits >> 16) & 7U);
  }
  [[nodiscard]] constexpr material_id lod() const { return static_cast<material_id>(bits); }
  [[nodiscard]] constexpr std::uint64_t slot() const { return bits >> 24; }
  [[nodiscard]] constexpr bool is_uniform() const { return kind() == node_kind::uniform; }
  friend constexpr bool operator==(const node&, const node&) = default;
};

inline constexpr int page_bits = 9;  ///< a page holds 512 nodes: 8 x 8 x 8 cubes
inline constexpr int page_levels = 3;
inline constexpr int page_nodes = 1 << page_bits;
inline constexpr int block_nodes = 8;

/// Level of the root's cube: the least 7 + 3p (p >= 1) that covers the region.
[[nodiscard]] constexpr int directory_level(region_size size) {
  int level = chunk_level + page_levels;
  while (level < root_level(size)) {
    level += page_levels;
  }
  return level;
}

/// Level of the children of a node with children at `level`.
[[nodiscard]] constexpr int child_level(int level) {
  return level > chunk_level ? level - page_levels : level - 1;
}

/// Index of the child of a node at `level` whose cube holds voxel `key`.
[[nodiscard]] constexpr std::uint32_t child_index(morton_key key, int level) {
  const int below = child_level(level);
  return static_cast<std::uint32_t>(key >> (3 * below)) &
         (level > chunk_level ? page_nodes - 1U : block_nodes - 1U);
}

/// Position x + 8 (y + 8 z) inside a brick of the voxel with Morton key `key`.
///
/// The key's 9 bits are a 3 x 3 matrix, a row of x, y, z for every digit; the position is its
/// transpose: bits 1 and 3, 5 and 7, 2 and 6 change places.
[[nodiscard]] constexpr int brick_position(morton_key key) {
  auto bits = static_cast<std::uint32_t>(key) & (brick_voxels - 1U);
  const std::uint32_t near = (bits ^ (bits >> 2)) & 0x22U;
  bits ^= near | (near << 2);
  const std::uint32_t far = (bits ^ (bits >> 4)) & 0x04U;
  bits ^= far | (far << 4);
  return static_cast<int>(bits);
}

/// The same of a voxel.
[[nodiscard]] constexpr int brick_position(voxel v) {
  return (v.x & 7) | ((v.y & 7) << 3) | ((v.z & 7) << 6);
}

/// The voxel at `position` of the brick with Morton brick key `brick`.
[[nodiscard]] constexpr voxel brick_voxel(morton_key brick, int position) {
  const voxel low = morton_decode(brick);
  return {low.x * brick_edge + (position & 7), low.y * brick_edge + ((position >> 3) & 7),
          low.z * brick_edge + (position >> 6)};
}

}  // namespace lithify::octree
