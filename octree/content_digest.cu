/// Content digests: a Merkle hash over aligned cubes of the merged view.
///
/// Down: list the cubes that the forms do not show to be of one material. Up: hash the bricks, then
/// every level from the one below. Whether a cube is of one material is decided on the way up, from
/// its voxels, so that equal content has equal digests in every form.
#include "clipped_digests.cuh"
#include "digest_tree.cuh"
#include "lithify/device/verbs.cuh"
#include "merged_cursor.cuh"

#include <utility>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

void hash_bricks(device::exec ex,
                 const merged_view& world,
                 const digest_tree::level_list& list,
                 cube_digest* out) {
  const tree_cube* const brick = list.cube.data();
  device::for_each_group<brick_voxels * sizeof(material_id)>(
      ex, list.count,
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte* scratch) {
        auto* const voxel = reinterpret_cast<material_id*>(scratch);
        const tree_cube& b = brick[i];
        load_brick(g, world, b.key, b.value, b.begin, b.end, voxel);
        const bool one =
            g.count(brick_voxels, [&](int p) -> bool { return voxel[p] != voxel[0]; }) == 0;
        g.once([&] {
          out[i] = one ? uniform_cube_digest(brick_level, voxel[0])
                       : cube_digest{brick_digest([&](int p) -> material_id { return voxel[p]; }),
                                     air, false};
        });
      });
}

/// Digest of a cube that is not listed: the forms show what it holds.
LITHIFY_HD cube_digest shown_digest(region_size size,
                                    const tree_cube& cube,
                                    int level,
                                    const clipped_view& clipped) {
  const voxel low = cube_box(cube.key, level).min;
  const material_id m = size.contains(low) ? cube.value.lod() : air;
  const int clip = m == air ? 0 : clip_class(size, low, level);
  return clip == 0 ? uniform_cube_digest(level, m)
                   : cube_digest{clipped.find(m, level, clip), m, false};
}

void hash_parents(device::exec ex,
                  const merged_view& world,
                  const digest_tree::level_list& list,
                  int level,
                  const clipped_view& clipped,
                  const cube_digest* below,
                  cube_digest* out) {
  const tree_cube* const cube = list.cube.data();
  const std::uint8_t* const listed = list.listed.data();
  const std::int64_t* const first = list.first.data();
  device::for_each_n(ex, list.count, [=] LITHIFY_HD(std::int64_t n) {
    std::int64_t place = first[n];
    out[n] = parent_digest(level, [&](int i) -> cube_digest {
      return ((listed[n] >> i) & 1) != 0
                 ? below[place++]
                 : shown_digest(world.index.size, sub_cube(world, cube[n], level, i), level - 1,
                                clipped);
    });
  });
}

/// Digests of the listed cubes of level `level`, of those below it on the way.
device::buffer<cube_digest> hash_up_to(device::exec ex,
                                       const merged_view& world,
                                       const digest_tree& tree,
                                       int level) {
  const clipped_digests clipped = hash_clipped(ex, world.index.size, tree.clipped.data());
  device::buffer<cube_digest> digests(ex, tree.level[brick_level].count);
  hash_bricks(ex, world, tree.level[brick_level], digests.data());
  for (int k = brick_level + 1; k <= level; ++k) {
    const digest_tree::level_list& list = tree.level[static_cast<std::size_t>(k)];
    device::buffer<cube_digest> next(ex, list.count);
    hash_parents(ex, world, list, k, clipped.view(), digests.data(), next.data());
    digests = std::move(next);
  }
  return digests;
}

}  // namespace

digest128 content_digest(device::exec ex, const merged_view& world) {
  const digest_tree tree = list_cubes(ex, world, list_extent::root);
  const device::buffer<cube_digest> root = hash_up_to(ex, world, tree, tree.top);
  return device::read(ex, root.data()).digest;
}

std::vector<chunk_digest> chunk_digests(device::exec ex, const merged_view& world) {
  const digest_tree tree = list_cubes(ex, world, list_extent::chunks);
  const device::buffer<cube_digest> digests = hash_up_to(ex, world, tree, chunk_level);
  const digest_tree::level_list& chunks = tree.level[chunk_level];
  std::vector<tree_cube> cube(static_cast<std::size_t>(chunks.count));
  std::vector<cube_digest> digest(cube.size());
  device::copy_to_host(ex, cube.data(), chunks.cube.data(), chunks.count);
  device::copy_to_host(ex, digest.data(), digests.data(), chunks.count);
  std::vector<chunk_digest> found;
  for (std::size_t i = 0; i < cube.size(); ++i) {
    if (!digest[i].one || digest[i].material != air) {
      found.push_back({cube[i].key, digest[i].digest});
    }
  }
  return found;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
