/// An index built node by node from any description of its voxels, in a form of the test's choice.
///
/// Independent of the library's merge and bulk build, and able to make forms that those never leave
/// behind: uniform cubes that are split, sparse bricks stored dense, anything outside the region.
#pragma once

#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

/// How the same voxels are stored.
enum class index_form {
  collapsed,  ///< as the library stores them
  dense,      ///< no sparse bricks
  split,      ///< uniform cubes split at random, down to bricks of one material
};

class hand_index {
 public:
  /// World: size(), at(voxel), uniform(voxel_box) and lod(low, level) as plain_world has them.
  template <class World>
  hand_index(device::exec ex, const World& world, index_form form, std::uint64_t seed)
      : form_(form), random_(seed) {
    view_.size = world.size();
    view_.top_level = octree::directory_level(world.size());
    view_.root = build(world, 0, view_.top_level);
    put(ex, pages_, page_slots_, page_slabs_, view_.pages);
    put(ex, blocks_, block_slots_, block_slabs_, view_.blocks);
    put(ex, dense_, dense_slots_, dense_slabs_, view_.dense);
    put(ex, sparse_, sparse_slots_, sparse_slabs_, view_.sparse);
  }

  [[nodiscard]] const octree::index_view& view() const { return view_; }

 private:
  template <class World>
  octree::node build(const World& world, morton_key cube, int level) {
    const voxel_box box = cube_box(cube, level);
    if (!view_.size.contains(box.min)) {
      return octree::node::uniform(air);
    }
    const std::optional<material_id> one = world.uniform(box);
    const bool split = form_ == index_form::split && random_() % 3 == 0;
    if (one && !split) {
      return octree::node::uniform(*one);
    }
    const material_id lod = world.lod(box.min, level).value();
    if (level == brick_level) {
      return brick(world, cube, lod);
    }
    const int below = octree::child_level(level);
    std::vector<octree::node> children;
    for (morton_key i = 0; i < morton_key{1} << (3 * (level - below)); ++i) {
      children.push_back(build(world, (cube << (3 * (level - below))) | i, below));
    }
    return level > chunk_level ? store(pages_, children, lod) : store(blocks_, children, lod);
  }

  template <class T>
  static octree::node store(std::vector<T>& pool,
                            const std::vector<octree::node>& children,
                            material_id lod) {
    T made;
    std::copy(children.begin(), children.end(), made.child);
    pool.push_back(made);
    return octree::node::make(octree::node_kind::children, pool.size() - 1, lod);
  }

  template <class World>
  octree::node brick(const World& world, morton_key cube, material_id lod) {
    octree::dense_brick made;
    sparse_brick few;
    few.majority = lod;
    int others = 0;
    for (int i = 0; i < brick_voxels; ++i) {
      const voxel v = octree::brick_voxel(cube, i);
      // What lies outside the region must not matter.
      const bool inside = view_.size.contains(v);
      made.voxel[i] = inside ? world.at(v) : static_cast<material_id>(random_() % 5);
      if (made.voxel[i] != few.majority && (inside || random_() % 64 == 0)) {
        if (others < sparse_brick::capacity) {
          few.position[others] = static_cast<std::uint16_t>(i);
          few.other[others] = made.voxel[i];
        }
        ++others;
      }
    }
    if (others <= sparse_brick::capacity && form_ != index_form::dense) {
      few.count = static_cast<std::uint16_t>(others);
      sparse_.push_back(few);
      return octree::node::make(octree::node_kind::sparse, sparse_.size() - 1, lod);
    }
    dense_.push_back(made);
    return octree::node::make(octree::node_kind::dense, dense_.size() - 1, lod);
  }

  template <class T>
  static void put(device::exec ex,
                  const std::vector<T>& host,
                  device::buffer<T>& slots,
                  device::buffer<T*>& slabs,
                  octree::slab_view<T>& view) {
    view.slab_bits = 2;  // small, so that slots cross slabs
    slots = device::buffer<T>(ex, static_cast<std::int64_t>(host.size()));
    device::copy_to_device(ex, slots.data(), host.data(), slots.size());
    std::vector<T*> address;
    for (std::int64_t at = 0; at < slots.size(); at += 4) {
      address.push_back(slots.data() + at);
    }
    slabs = device::buffer<T*>(ex, static_cast<std::int64_t>(address.size()));
    device::copy_to_device(ex, slabs.data(), address.data(), slabs.size());
    view.slab = slabs.data();
  }

  index_form form_;
  std::mt19937_64 random_;
  octree::index_view view_;
  std::vector<octree::node_page> pages_;
  std::vector<octree::node_block> blocks_;
  std::vector<octree::dense_brick> dense_;
  std::vector<sparse_brick> sparse_;
  device::buffer<octree::node_page> page_slots_;
  device::buffer<octree::node_block> block_slots_;
  device::buffer<octree::dense_brick> dense_slots_;
  device::buffer<sparse_brick> sparse_slots_;
  device::buffer<octree::node_page*> page_slabs_;
  device::buffer<octree::node_block*> block_slabs_;
  device::buffer<octree::dense_brick*> dense_slabs_;
  device::buffer<sparse_brick*> sparse_slabs_;
};

/// Deltas in key order on the device, as a snapshot would cache them.
template <class Map>  // morton_key -> material_id, ordered
octree::delta_run make_run(device::exec ex, const Map& deltas) {
  std::vector<morton_key> key;
  std::vector<material_id> material;
  for (const auto& [k, m] : deltas) {
    key.push_back(k);
    material.push_back(m);
  }
  octree::delta_run run;
  run.levels = 1;
  run.key[0] = device::buffer<morton_key>(ex, static_cast<std::int64_t>(key.size()));
  run.material[0] = device::buffer<material_id>(ex, static_cast<std::int64_t>(key.size()));
  device::copy_to_device(ex, run.key[0].data(), key.data(), run.key[0].size());
  device::copy_to_device(ex, run.material[0].data(), material.data(), run.material[0].size());
  return run;
}

}  // namespace lithify::test::inline LITHIFY_BACKEND
