/// The index as kernels see it: one immutable version, passed by value.
///
/// Valid while the index version that it was taken from is held. Plain loads: nothing that a view
/// can reach is ever written again.
#pragma once

#include "lithify/device/prefetch.cuh"
#include "lithify/octree/detail/node.cuh"
#include "lithify/octree/lod.hpp"
#include "lithify/octree/voxel_image.hpp"

#include <cstdint>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// Slots of one kind: slabs of a power of two of slots that never move.
template <class T>
struct slab_view {
  T* const* slab = nullptr;  ///< device array of slab addresses
  int slab_bits = 0;         ///< log2 of slots a slab

  LITHIFY_HD T* operator[](std::uint64_t slot) const {
    return slab[slot >> slab_bits] + (slot & ((std::uint64_t{1} << slab_bits) - 1));
  }
};

/// What one slot of each pool holds.
struct node_page {
  node child[page_nodes];
};
struct node_block {
  node child[block_nodes];
};
struct dense_brick {
  material_id voxel[brick_voxels];  ///< x fastest, then y, then z
};

/// A node together with the cube that it stands for.
struct located_node {
  node value;
  int level;  ///< its cube is `key >> 3 level`
};

struct index_view {
  node root;
  int top_level = 0;
  region_size size;
  slab_view<node_page> pages;
  slab_view<node_block> blocks;
  slab_view<dense_brick> dense;
  slab_view<sparse_brick> sparse;

  /// Where the child of `n` (kind children, at `level`) on the way to voxel `key` lies.
  LITHIFY_HD const node* child_place(node n, int level, morton_key key) const {
    const std::uint32_t i = child_index(key, level);
    return level > chunk_level ? &pages[n.slot()]->child[i] : &blocks[n.slot()]->child[i];
  }
  /// That child.
  LITHIFY_HD node child(node n, int level, morton_key key) const {
    return *child_place(n, level, key);
  }

  /// Descends towards voxel `key` until a leaf, or until the level is at most `level`.
  LITHIFY_HD located_node descend(morton_key key, int level) const {
    located_node at{root, top_level};
    while (at.value.kind() == node_kind::children && at.level > level) {
      at.value = child(at.value, at.level, key);
      at.level = child_level(at.level);
    }
    return at;
  }

  /// leaf[i] = node of the brick `brick[i]`, or the uniform node that stands for it, for `n` bricks
  /// together: a level at a time, so that what one needs next arrives while the others step.
  template <int Most>
  LITHIFY_HD void find_bricks(const morton_key (&brick)[Most], int n, node (&leaf)[Most]) const {
    const node* next[Most];
    for (int i = 0; i < n; ++i) {
      next[i] = &root;
    }
    bool open = n > 0;
    for (int level = top_level; open; level = child_level(level)) {
      open = false;
      for (int i = 0; i < n; ++i) {
        if (next[i] == nullptr) {
          continue;
        }
        leaf[i] = *next[i];
        next[i] = nullptr;
        if (leaf[i].kind() == node_kind::children) {
          next[i] = child_place(leaf[i], level, brick[i] << (3 * brick_level));
          device::prefetch(next[i]);
          open = true;
        }
      }
    }
  }

  /// Asks for what `brick_material` will read.
  LITHIFY_HD void prefetch_material(node n, int position) const {
    if (n.kind() == node_kind::dense) {
      device::prefetch(&dense[n.slot()]->voxel[position]);
    } else if (n.kind() == node_kind::sparse) {
      device::prefetch(sparse[n.slot()]);
    }
  }

  /// Material at `position` (x + 8 (y + 8 z)) of a node at brick level or of a uniform node.
  LITHIFY_HD material_id brick_material(node n, int position) const {
    if (n.kind() == node_kind::dense) {
      return dense[n.slot()]->voxel[position];
    }
    if (n.kind() == node_kind::sparse) {
      const sparse_brick& b = *sparse[n.slot()];
      for (int i = 0; i < b.count; ++i) {
        if (b.position[i] == position) {
          return b.other[i];
        }
      }
      return b.majority;
    }
    return n.lod();
  }

  /// Material of one voxel. Requires: the voxel is inside the region.
  LITHIFY_HD material_id material(morton_key key) const {
    const located_node at = descend(key, brick_level);
    return brick_material(at.value, brick_position(key));
  }
};

/// Deltas of a snapshot in key order, newest version a voxel: the merged view is this over an
/// index.
struct delta_run_view {
  const morton_key* key = nullptr;  ///< rising
  const material_id* material = nullptr;
  std::int64_t size = 0;

  /// Number of keys below `k`.
  LITHIFY_HD std::int64_t lower_bound(morton_key k) const {
    std::int64_t low = 0;
    std::int64_t high = size;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (key[middle] < k) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
  /// Whether a delta lies in the cube `cube` at `level`.
  LITHIFY_HD bool touches(morton_key cube, int level) const {
    const std::int64_t i = lower_bound(cube << (3 * level));
    return i < size && (key[i] >> (3 * level)) == cube;
  }
};

}  // namespace lithify::octree::inline LITHIFY_BACKEND
