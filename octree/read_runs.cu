/// Boxes of the merged view as clipped cubes of one material.
///
/// From the root down: a cube of one material is a run, any other is split, down to the wanted
/// level. A cube is judged by all of its voxels, also those outside the box, so that what is found
/// depends on the content alone; the forms answer at once where the index is collapsed and no delta
/// lies in the cube.
#include "lithify/device/atomic.cuh"
#include "lithify/device/radix_sort.cuh"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "merged_cursor.cuh"

#include <algorithm>
#include <utility>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// Voxels of a cube inside the region.
LITHIFY_HD voxel_box inside_of(const merged_view& world, morton_key cube, int level) {
  return cube_box(cube, level).clipped(world.index.size.box());
}

/// Whether the voxels that `box` holds are as many as `n`. A box may have 2^63 voxels.
LITHIFY_HD constexpr bool volume_is(const voxel_box& box, std::int64_t n) {
  const std::int64_t area = std::int64_t{box.max.x - box.min.x} * (box.max.y - box.min.y);
  return n % area == 0 && n / area == box.max.z - box.min.z;
}

/// Whether each of the `n` voxels from `key` on, all in one brick, is `m` in the index or has a
/// delta.
LITHIFY_HD bool brick_covered(
    const merged_view& world, node value, morton_key key, int n, material_id m) {
  const delta_run_view& run = world.level[0];
  std::int64_t i = run.lower_bound(key);
  for (const morton_key end = key + static_cast<morton_key>(n); key < end; ++key) {
    if (i < run.size && run.key[i] == key) {
      ++i;
    } else if (world.index.size.contains(morton_decode(key)) &&
               world.index.brick_material(value, brick_position(key)) != m) {
      return false;
    }
  }
  return true;
}

/// Whether each voxel of a uniform leaf that is not `m` has a delta: all or none.
LITHIFY_HD bool leaf_covered(
    const merged_view& world, node value, morton_key cube, int level, material_id m) {
  if (value.lod() == m) {
    return true;
  }
  const delta_run_view& run = world.level[0];
  const std::int64_t begin = run.lower_bound(cube << (3 * level));
  const std::int64_t end = lower_bound_in(run, begin, run.size, (cube + 1) << (3 * level));
  return volume_is(inside_of(world, cube, level), end - begin);
}

/// Level of the largest cube that begins at voxel `key`, at most `level`.
LITHIFY_HD constexpr int level_from(morton_key key, int level) {
  int found = 0;
  while (found < level && (key & ((morton_key{8} << (3 * found)) - 1)) == 0) {
    ++found;
  }
  return found;
}

/// Whether the voxels of a cube inside the region that have no delta are all `m`.
LITHIFY_HD bool index_covered(const merged_view& world, morton_key cube, int level, material_id m) {
  const index_view& index = world.index;
  const morton_key end = (cube + 1) << (3 * level);
  morton_key key = cube << (3 * level);
  const located_node top = detail::descend_to(index, {index.root, index.top_level}, key, level);
  while (key < end) {
    if (!index.size.contains(morton_decode(key))) {
      key += morton_key{1} << (3 * level_from(key, level));
      continue;
    }
    const located_node leaf = detail::descend_to(index, top, key, brick_level);
    const int step = leaf.level < level ? leaf.level : level;
    const bool covered = leaf.value.is_uniform()
                             ? leaf_covered(world, leaf.value, key >> (3 * step), step, m)
                             : brick_covered(world, leaf.value, key, 1 << (3 * step), m);
    if (!covered) {
      return false;
    }
    key += morton_key{1} << (3 * step);
  }
  return true;
}

/// What a cube holds inside the region.
struct cube_content {
  std::int64_t begin;  ///< its deltas in the run
  std::int64_t end;
  material_id material;  ///< of its first voxel
  std::uint32_t one;     ///< whether all of it is that, as far as one has looked
};

/// A first look at a cube: its deltas, and whether three of them agree with its first voxel.
LITHIFY_HD cube_content first_look(const merged_view& world, morton_key cube, int level) {
  const delta_run_view& run = world.level[0];
  const std::int64_t begin = run.lower_bound(cube << (3 * level));
  const std::int64_t end = lower_bound_in(run, begin, run.size, (cube + 1) << (3 * level));
  const material_id m = world.material(cube << (3 * level));
  const bool one = begin == end || (run.material[begin] == m && run.material[end - 1] == m &&
                                    run.material[begin + (end - begin) / 2] == m);
  return {begin, end, m, one ? 1U : 0U};
}

/// Looks at all deltas of the cubes that may still be of one material, in blocks: a cube may hold
/// all deltas of the world. Sync (the number of blocks).
void compare_deltas(device::exec ex,
                    const merged_view& world,
                    std::int64_t cubes,
                    cube_content* content) {
  constexpr std::int64_t block = 4096;  // chosen: many loads a lane, many blocks in a large cube
  device::buffer<std::int64_t> offsets(ex, cubes + 1);
  const std::int64_t* const offset = offsets.data();
  device::exclusive_scan(
      ex, cubes,
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t {
        return content[i].one == 0 ? 0 : (content[i].end - content[i].begin + block - 1) / block;
      },
      offsets.data());
  const std::int64_t blocks = device::read(ex, offset + cubes);
  const material_id* const material = world.level[0].material;
  device::for_each_group<0>(
      ex, blocks, [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t b, std::byte*) {
        std::int64_t low = 0;  // the cube that block b belongs to: the last with offset <= b
        for (std::int64_t high = cubes; high - low > 1;) {
          const std::int64_t middle = low + (high - low) / 2;
          (offset[middle] <= b ? low : high) = middle;
        }
        cube_content& c = content[low];
        const std::int64_t first = c.begin + (b - offset[low]) * block;
        const auto n = static_cast<int>(c.end - first < block ? c.end - first : block);
        const material_id m = c.material;
        const int differ = g.count(n, [=](int i) -> bool { return material[first + i] != m; });
        if (differ != 0) {
          g.once([&] { device::atomic_store(&c.one, 0U); });
        }
      });
}

/// Judges the cubes of one level. Sync.
void judge_cubes(device::exec ex,
                 const merged_view& world,
                 const morton_key* cube,
                 std::int64_t n,
                 int level,
                 cube_content* content) {
  device::for_each_n(
      ex, n, [=] LITHIFY_HD(std::int64_t i) { content[i] = first_look(world, cube[i], level); });
  compare_deltas(ex, world, n, content);
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const cube_content c = content[i];
    if (c.one != 0 && !volume_is(inside_of(world, cube[i], level), c.end - c.begin) &&
        !index_covered(world, cube[i], level, c.material)) {
      content[i].one = 0;
    }
  });
}

/// Runs as pairs to be sorted: key of the first voxel, level and material.
struct packed_runs {
  device::buffer<std::uint64_t> first;
  device::buffer<std::uint64_t> word;

  packed_runs(device::exec ex, std::int64_t n) : first(ex, n), word(ex, n) {}
};

LITHIFY_HD constexpr std::uint64_t pack_run(int level, material_id m) {
  return (static_cast<std::uint64_t>(level) << 16) | m;
}

/// Cubes of one level, still to be judged.
using cube_list = device::buffer<morton_key>;

/// The cubes of `cubes` of one material, as runs, and the parts of the others that meet the box.
packed_runs split_cubes(
    device::exec ex, const merged_view& world, voxel_box box, int level, cube_list& cubes) {
  const std::int64_t n = cubes.size();
  const morton_key* const cube = cubes.data();
  device::buffer<cube_content> contents(ex, n);
  cube_content* const content = contents.data();
  judge_cubes(ex, world, cube, n, level, content);

  packed_runs all(ex, n);
  std::uint64_t* const first = all.first.data();
  std::uint64_t* const word = all.word.data();
  const std::int64_t found = device::select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> bool { return content[i].one != 0; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t place) {
        first[place] = cube[i] << (3 * level);
        word[place] = pack_run(level, content[i].material);
      });
  packed_runs runs(ex, found);
  device::copy(ex, runs.first.data(), first, found);
  device::copy(ex, runs.word.data(), word, found);

  cube_list parts(ex, 8 * (n - found));
  morton_key* const part = parts.data();
  const std::int64_t kept = device::select_if(
      ex, 8 * n,
      [=] LITHIFY_HD(std::int64_t i) -> bool {
        const morton_key sub = (cube[i / 8] << 3) | static_cast<morton_key>(i % 8);
        return content[i / 8].one == 0 && !cube_box(sub, level - 1).clipped(box).empty();
      },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t place) {
        part[place] = (cube[i / 8] << 3) | static_cast<morton_key>(i % 8);
      });
  cubes = cube_list(ex, kept);
  device::copy(ex, cubes.data(), static_cast<const morton_key*>(part), kept);
  return runs;
}

/// The cubes of the finest level wanted, each with its LOD material.
packed_runs finest_runs(device::exec ex,
                        const merged_view& world,
                        int level,
                        const cube_list& cubes) {
  packed_runs runs(ex, cubes.size());
  const morton_key* const cube = cubes.data();
  std::uint64_t* const first = runs.first.data();
  std::uint64_t* const word = runs.word.data();
  device::for_each_n(ex, cubes.size(), [=] LITHIFY_HD(std::int64_t i) {
    first[i] = cube[i] << (3 * level);
    word[i] = pack_run(level, merged_lod(world, cube[i], level));
  });
  return runs;
}

/// All runs by Morton order, on the host.
std::vector<cube_run> sorted_runs(device::exec ex,
                                  const std::vector<packed_runs>& parts,
                                  voxel_box box) {
  std::int64_t n = 0;
  for (const packed_runs& part : parts) {
    n += part.first.size();
  }
  packed_runs all(ex, n);
  std::int64_t at = 0;
  for (const packed_runs& part : parts) {
    device::copy(ex, all.first.data() + at, part.first.data(), part.first.size());
    device::copy(ex, all.word.data() + at, part.word.data(), part.word.size());
    at += part.first.size();
  }
  device::sort_pairs(ex, all.first.data(), all.word.data(), n, 0, 3 * coordinate_bits);
  device::buffer<cube_run> runs(ex, n);
  cube_run* const out = runs.data();
  const std::uint64_t* const first = all.first.data();
  const std::uint64_t* const word = all.word.data();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const int level = static_cast<int>(word[i] >> 16);
    out[i] = {cube_box(first[i] >> (3 * level), level).clipped(box), level,
              static_cast<material_id>(word[i])};
  });
  std::vector<cube_run> found(static_cast<std::size_t>(n));
  device::copy_to_host(ex, found.data(), out, n);
  return found;
}

}  // namespace

std::vector<cube_run> read_runs(device::exec ex,
                                const merged_view& world,
                                voxel_box box,
                                int level) {
  if (box.empty()) {
    return {};
  }
  std::vector<packed_runs> parts;
  cube_list cubes(ex, 1);
  device::fill(ex, cubes.data(), 1, morton_key{0});
  for (int k = std::max(level, root_level(world.index.size)); k > level && cubes.size() > 0; --k) {
    parts.push_back(split_cubes(ex, world, box, k, cubes));
  }
  parts.push_back(finest_runs(ex, world, level, cubes));
  return sorted_runs(ex, parts, box);
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
