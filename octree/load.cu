// Loading: the leaves of an image to nodes, through the same machinery as every update.
//
// Bricks are classified again, so that what is loaded is canonical whatever the image holds. Keys
// are checked, because nothing may be written outside the tables; what overlaps is io's business.
#include "build.cuh"
#include "lithify/base/error.hpp"
#include "walk.cuh"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

constexpr std::int64_t brick_batch = 1 << 14;  // 16 MiB of dense bricks on the device at a time

/// Uniform nodes of the image on one level of nodes.
struct level_leaves {
  std::vector<morton_key> key;
  std::vector<node> value;
};

void check_cube(morton_key key, int level, region_size size) {
  const int bits = 3 * (coordinate_bits - level);
  require((key >> bits) == 0 && size.contains(cube_box(key, level).min), errc::outside_region,
          "a cube of the image at level " + std::to_string(level) + " lies outside the region");
}

void check_image(const voxel_image& image, region_size size) {
  require(image.size == size, errc::corrupt_file, "the image is of a region of another size");
  const std::size_t leaves = image.uniform_key.size();
  const bool sizes = image.uniform_level.size() == leaves &&
                     image.uniform_material.size() == leaves &&
                     image.dense_voxels.size() == image.dense_key.size() * brick_voxels &&
                     image.sparse_record.size() == image.sparse_key.size();
  require(sizes, errc::corrupt_file, "the arrays of the image differ in length");
  for (std::size_t i = 0; i < leaves; ++i) {
    const int level = image.uniform_level[i];
    require(level >= brick_level && level <= coordinate_bits, errc::corrupt_file,
            "the image has a uniform cube at level " + std::to_string(level));
    check_cube(image.uniform_key[i], level, size);
  }
  for (const morton_key key : image.dense_key) {
    check_cube(key, brick_level, size);
  }
  for (std::size_t i = 0; i < image.sparse_key.size(); ++i) {
    check_cube(image.sparse_key[i], brick_level, size);
    const sparse_brick& b = image.sparse_record[i];
    bool good = b.count <= sparse_brick::capacity;
    for (int e = 0; good && e < b.count; ++e) {
      good = b.position[e] < brick_voxels;
    }
    require(good, errc::corrupt_file, "a sparse brick of the image has no such exceptions");
  }
}

/// Level of the nodes that stand for cubes at `level`.
int node_level(int level, region_size size) {
  if (level >= root_level(size)) {
    return directory_level(size);  // the cube is the world
  }
  return level <= chunk_level ? level
                              : chunk_level + (level - chunk_level) / page_levels * page_levels;
}

/// Uniform leaves as nodes; a leaf between two levels of nodes becomes 8 or 64.
std::array<level_leaves, coordinate_bits + 2> spread_leaves(const voxel_image& image) {
  std::array<level_leaves, coordinate_bits + 2> spread;
  for (std::size_t l = 0; l < image.uniform_key.size(); ++l) {
    const int level = image.uniform_level[l];
    const int at = node_level(level, image.size);
    level_leaves& leaves = spread[static_cast<std::size_t>(at)];
    const int bits = at < level ? 3 * (level - at) : 0;
    for (morton_key i = 0; i < morton_key{1} << bits; ++i) {
      const morton_key key = (image.uniform_key[l] << bits) | i;
      if (bits == 0 || image.size.contains(cube_box(key, at).min)) {
        leaves.key.push_back(key);
        leaves.value.push_back(node::uniform(image.uniform_material[l]));
      }
    }
  }
  return spread;
}

/// Bricks of a batch, as the image stores them.
struct image_source {
  const dense_brick* dense;  ///< nothing in a batch of sparse bricks
  const sparse_brick* sparse;

  LITHIFY_DEVICE void operator()(const device::lane_group& g,
                                 std::int64_t i,
                                 material_id* to) const {
    if (dense != nullptr) {
      const dense_brick* const from = dense + i;
      g.each(brick_voxels, [=](int p) { to[p] = from->voxel[p]; });
      return;
    }
    const sparse_brick* const from = sparse + i;
    g.each(brick_voxels, [=](int p) { to[p] = from->majority; });
    g.each(from->count, [=](int e) { to[from->position[e]] = from->other[e]; });
  }
};

/// Builds `n` bricks whose keys already stand in `nodes` at `first`.
void build_batch(device::exec ex,
                 world_builder& builder,
                 const node_list& nodes,
                 std::int64_t first,
                 std::int64_t n,
                 image_source source) {
  device::buffer<std::int64_t> all(ex, n);
  std::int64_t* const pick = all.data();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { pick[i] = i; });
  build_bricks(ex, builder, nodes.key.data() + first, pick, n, source, nodes.value.data() + first);
}

/// The bricks of the image: dense ones, then sparse ones, in no common order yet.
node_list load_bricks(device::exec ex, world_builder& builder, const voxel_image& image) {
  const auto dense = static_cast<std::int64_t>(image.dense_key.size());
  const auto sparse = static_cast<std::int64_t>(image.sparse_key.size());
  node_list nodes(ex, dense + sparse);
  device::copy_to_device(ex, nodes.key.data(), image.dense_key.data(), dense);
  device::copy_to_device(ex, nodes.key.data() + dense, image.sparse_key.data(), sparse);
  device::buffer<dense_brick> voxels(ex, std::min(dense, brick_batch));
  for (std::int64_t at = 0; at < dense; at += brick_batch) {
    const std::int64_t n = std::min(brick_batch, dense - at);
    device::copy_to_device(ex, voxels.data()->voxel, image.dense_voxels.data() + at * brick_voxels,
                           n * brick_voxels);
    build_batch(ex, builder, nodes, at, n, {voxels.data(), nullptr});
  }
  device::buffer<sparse_brick> records(ex, std::min(sparse, brick_batch));
  for (std::int64_t at = 0; at < sparse; at += brick_batch) {
    const std::int64_t n = std::min(brick_batch, sparse - at);
    device::copy_to_device(ex, records.data(), image.sparse_record.data() + at, n);
    build_batch(ex, builder, nodes, dense + at, n, {nullptr, records.data()});
  }
  return nodes;
}

/// `nodes` and the uniform leaves of their level, by rising key.
node_list join_leaves(device::exec ex, node_list nodes, const level_leaves& leaves, int level) {
  const auto more = static_cast<std::int64_t>(leaves.key.size());
  if (more > 0) {
    node_list all(ex, nodes.count + more);
    device::copy(ex, all.key.data(), nodes.key.data(), nodes.count);
    device::copy(ex, all.value.data(), nodes.value.data(), nodes.count);
    device::copy_to_device(ex, all.key.data() + nodes.count, leaves.key.data(), more);
    device::copy_to_device(ex, all.value.data() + nodes.count, leaves.value.data(), more);
    nodes = std::move(all);
  }
  if (level == brick_level || more > 0) {
    const int bits = std::max(1, 3 * (coordinate_bits - level));
    device::sort_pairs(ex, nodes.key.data(), reinterpret_cast<std::uint64_t*>(nodes.value.data()),
                       nodes.count, 0, bits);
  }
  return nodes;
}

}  // namespace

update_parts load_world(device::exec ex,
                        tree& t,
                        const index_view& old,
                        std::uint64_t version,
                        const voxel_image& image) {
  check_image(image, old.size);
  const auto leaves = spread_leaves(image);
  world_builder builder(ex, t, old.size, version);
  node_list nodes = load_bricks(ex, builder, image);
  int level = brick_level;
  nodes = join_leaves(ex, std::move(nodes), leaves[brick_level], level);
  while (level < builder.top_level()) {
    const int above = parent_level(level);
    nodes = builder.raise_to(ex, std::move(nodes), level, above);
    level = above;
    nodes = join_leaves(ex, std::move(nodes), leaves[static_cast<std::size_t>(level)], level);
  }
  const node root = nodes.count == 0 ? node::uniform(air) : device::read(ex, nodes.value.data());
  return builder.finish(ex, root, old);
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
