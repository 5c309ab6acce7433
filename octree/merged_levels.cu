/// Merged LOD materials of the cubes that hold deltas, one sorted list a level.
///
/// Each list follows from the one below and the index: a cube is in the list where one of its 8
/// sub-cubes is, and the sub-cubes that are not in the list below have their LOD from the index.
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"

#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

merged_view delta_run::view(const index_view& index) const {
  merged_view made;
  made.index = index;
  made.levels = levels;
  for (int k = 0; k < levels; ++k) {
    made.level[k] = {key[k].data(), material[k].data(), key[k].size()};
  }
  return made;
}

namespace {

/// Position in `below` of the first entry of each cube one level up; `first` holds below.size
/// places.
std::int64_t cube_heads(device::exec ex, delta_run_view below, std::int64_t* first) {
  const morton_key* const key = below.key;
  return device::select_if(
      ex, below.size,
      [=] LITHIFY_HD(std::int64_t i) -> bool { return i == 0 || key[i] >> 3 != key[i - 1] >> 3; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t position) { first[position] = i; });
}

/// Votes the LOD of every cube at `level` that holds entries of `below`.
void vote_cubes(device::exec ex,
                const index_view& index,
                delta_run_view below,
                int level,
                const std::int64_t* first,
                std::int64_t cubes,
                morton_key* key,
                material_id* material) {
  device::for_each_n(ex, cubes, [=] LITHIFY_HD(std::int64_t c) {
    std::int64_t i = first[c];
    const morton_key cube = below.key[i] >> 3;
    key[c] = cube;
    material[c] = detail::vote(index.size, cube, level, [&](morton_key sub) -> material_id {
      while (i < below.size && below.key[i] < sub) {
        ++i;
      }
      return i < below.size && below.key[i] == sub ? below.material[i]
                                                   : index_lod(index, sub, level - 1);
    });
  });
}

}  // namespace

void build_levels(device::exec ex, const index_view& index, delta_run& run, int level) {
  for (int k = run.levels; k <= level; ++k) {
    const delta_run_view below{run.key[k - 1].data(), run.material[k - 1].data(),
                               run.key[k - 1].size()};
    device::buffer<std::int64_t> first(ex, below.size);
    const std::int64_t cubes = below.size == 0 ? 0 : cube_heads(ex, below, first.data());
    device::buffer<morton_key> key(ex, cubes);
    device::buffer<material_id> material(ex, cubes);
    vote_cubes(ex, index, below, k, first.data(), cubes, key.data(), material.data());
    run.key[k] = std::move(key);
    run.material[k] = std::move(material);
    run.levels = k + 1;
  }
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
