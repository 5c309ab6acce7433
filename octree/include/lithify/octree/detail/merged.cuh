/// The merged view: deltas in key order over a version of the index. Range queries of every kind,
/// the content digest and the measured solid all read it.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/device/buffer.cuh"
#include "lithify/octree/detail/index_view.cuh"
#include "lithify/octree/query_types.hpp"

#include <cstdint>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// LODs of a region: level 0 are its voxels.
inline constexpr int max_levels = coordinate_bits + 1;

struct merged_view {
  index_view index;
  /// level[k]: cubes at LOD k that hold a delta, rising keys, merged LOD materials.
  delta_run_view level[max_levels];
  int levels = 0;  ///< levels built: 1 = only the run

  /// Material of one voxel. Requires: inside the region. Cost: a binary search and a descent.
  LITHIFY_HD material_id material(morton_key key) const {
    const std::int64_t i = level[0].lower_bound(key);
    return i < level[0].size && level[0].key[i] == key ? level[0].material[i] : index.material(key);
  }
};

/// LOD material of the cube `cube` at `level` in the index alone. Requires: it meets the region.
LITHIFY_HD material_id index_lod(const index_view& index, morton_key cube, int level);

/// LOD material of the cube in the merged view: of the list where the cube holds a delta, else of
/// the index. Requires: the cube meets the region, level < levels.
LITHIFY_HD material_id merged_lod(const merged_view& world, morton_key cube, int level);

/// Owner of a run and its levels, as a snapshot caches it.
struct delta_run {  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming): implicit
  device::buffer<morton_key> key[max_levels];
  device::buffer<material_id> material[max_levels];
  int levels = 0;

  [[nodiscard]] merged_view view(const index_view& index) const;
};

/// Adds levels up to `level` to a run whose level 0 stands. Sync (one count a level).
/// Errors: out_of_memory; the levels built so far stay.
void build_levels(device::exec ex, const index_view& index, delta_run& run, int level);

/// Materials of the cubes at LOD `level` that meet `box` (half-open, voxels; clipped to the region
/// by the caller), x fastest, into device memory: cube (i, j, k) from floor(min / 2^level).
/// Requires: level < world.levels.
void read_box(
    device::exec ex, const merged_view& world, voxel_box box, int level, material_id* out);

/// The box as clipped cubes of one material each: the largest aligned cubes that are of one
/// material in the merged view, none finer than `level`, clipped to the box; they tile it. Sync.
[[nodiscard]] std::vector<cube_run> read_runs(device::exec ex,
                                              const merged_view& world,
                                              voxel_box box,
                                              int level);

/// Spans of the columns of `box` (its z range included), bottom to top, as CSR on the host. Sync.
[[nodiscard]] column_list read_columns(device::exec ex, const merged_view& world, voxel_box box);

/// The same of columns of cells at LOD `level`: one for each column of cells that meets the box, x
/// fastest; heights in voxels, cut to the box's. Sync. Requires: level < world.levels.
[[nodiscard]] column_list read_lod_columns(device::exec ex,
                                           const merged_view& world,
                                           voxel_box box,
                                           int level);

/// Highest voxel that is not air of each column of [x0, x1) x [y0, y1), -1 if none; device array,
/// x fastest. Columns count whole: the box's z range does not matter.
void column_tops(device::exec ex, const merged_view& world, voxel_box box, std::int32_t* top);

/// Content hash of the merged view: a function of the voxels alone, whatever form they have.
/// octree/README.md defines it. Sync (one count a level). Cost: the mixed part of the world.
[[nodiscard]] digest128 content_digest(device::exec ex, const merged_view& world);

/// The same, per chunk that is not uniform air, by rising chunk key. Sync.
struct chunk_digest {
  morton_key chunk;
  digest128 digest;
};
[[nodiscard]] std::vector<chunk_digest> chunk_digests(device::exec ex, const merged_view& world);

/// Sum over all voxels of the region of solid[material]; `solid` on the device, one per material.
/// Sync.
[[nodiscard]] int128 total_solid(device::exec ex,
                                 const merged_view& world,
                                 const std::int32_t* solid);

}  // namespace lithify::octree::inline LITHIFY_BACKEND

#include "lithify/octree/detail/merged_lod.cuh"
