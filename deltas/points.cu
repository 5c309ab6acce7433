#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/points.cuh"
#include "lithify/device/prefetch.cuh"

#include <string>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

/// Voxels that one thread looks up together. Chosen on the CPU: a step's accesses are all asked for
/// before the first is needed, so that what counts is how fast lines come, not how long one takes;
/// of 16, 32 and 64 on two Zen 5 cores the last was the best.
constexpr int width = device::accesses_in_flight == 1 ? 1 : 64;

/// Materials of a group of voxels: what one of them needs arrives while the others are worked on.
struct read_group {
  snapshot_view view;
  const voxel* at;
  std::int64_t n;
  material_id* out;

  LITHIFY_HD void operator()(std::int64_t group) const {
    const std::int64_t first = group * width;
    const int count = static_cast<int>(n - first < width ? n - first : width);
    if (view.tables == 0) {
      read_index(at + first, count, out + first);
      return;
    }
    int left[width];
    const int open = find_in_tables(at + first, count, out + first, left);
    voxel rest[width];
    for (int i = 0; i < open; ++i) {
      rest[i] = at[first + left[i]];
    }
    material_id material[width];
    read_index(rest, open, material);
    for (int i = 0; i < open; ++i) {
      out[first + left[i]] = material[i];
    }
  }

  /// Gives the materials of the voxels that a table holds, the newest one's, and lists the others;
  /// gives their number.
  LITHIFY_HD int find_in_tables(const voxel* v,
                                int count,
                                material_id* to,
                                int (&left)[width]) const {
    morton_key key[width];
    for (int i = 0; i < count; ++i) {
      key[i] = morton_encode(v[i]);
      left[i] = i;
    }
    int open = count;
    for (int t = 0; t < view.tables && open > 0; ++t) {
      open = find_group(view.table[t], key, to, left, open);
    }
    return open;
  }

  /// Looks the first `open` voxels of `left` up; those that the table lacks stay in the list.
  LITHIFY_HD static int find_group(const table_view& table,
                                   const morton_key (&key)[width],
                                   material_id* to,
                                   int (&left)[width],
                                   int open) {
    std::uint64_t home[width];
    for (int i = 0; i < open; ++i) {
      home[i] = table.home(key[left[i]]);
      device::prefetch(&table.buckets[home[i]].key);
    }
    // Full buckets send every eighth look-up on: those wait for their next bucket together.
    const std::uint64_t nothing = 0;
    const std::uint64_t* place[width];
    int far[width];
    int fars = 0;
    for (int i = 0; i < open; ++i) {
      bool further = false;
      const std::uint64_t* const found = table.place_in(home[i], key[left[i]], further);
      place[i] = found != nullptr ? found : &nothing;
      home[i] = table.after(home[i]);
      device::prefetch(further ? &table.buckets[home[i]].key[0] : place[i]);
      far[fars] = i;
      fars += further ? 1 : 0;
    }
    for (int f = 0; f < fars; ++f) {
      const int i = far[f];
      const std::uint64_t* const found = table.place_from(home[i], key[left[i]]);
      place[i] = found != nullptr ? found : &nothing;
      device::prefetch(place[i]);
    }
    // Without branches: whether a voxel is held is often as good as random.
    int lacking = 0;
    for (int i = 0; i < open; ++i) {
      const int which = left[i];
      const std::uint64_t value = *place[i];
      to[which] = value_material(value);
      left[lacking] = which;
      lacking += value == 0 ? 1 : 0;
    }
    return lacking;
  }

  /// Gives the materials of voxels from the index. Neighbours in the list that lie in one brick
  /// share its descent.
  LITHIFY_HD void read_index(const voxel* v, int count, material_id* to) const {
    morton_key brick[width];
    int head[width];  // position of the first voxel in the brick
    int brick_of[width];
    int bricks = 0;
    voxel last{};
    for (int i = 0; i < count; ++i) {
      const std::int32_t apart = (v[i].x ^ last.x) | (v[i].y ^ last.y) | (v[i].z ^ last.z);
      if (bricks == 0 || (apart >> brick_level) != 0) {
        last = v[i];
        head[bricks] = octree::brick_position(last);
        brick[bricks++] = morton_encode(last) >> (3 * brick_level);
      }
      brick_of[i] = bricks - 1;
    }
    octree::node leaf[width];
    view.index.find_bricks(brick, bricks, leaf);
    for (int b = 0; b < bricks; ++b) {
      view.index.prefetch_material(leaf[b], head[b]);
    }
    for (int i = 0; i < count; ++i) {
      to[i] = view.index.brick_material(leaf[brick_of[i]], octree::brick_position(v[i]));
    }
  }
};

}  // namespace

void read_points(device::exec ex,
                 const snapshot& s,
                 const voxel* at,
                 std::int64_t n,
                 int level,
                 material_id* out) {
  require(level >= 0 && level <= coordinate_bits, errc::invalid_argument,
          "LOD " + std::to_string(level) + " is not in 0..21");
  const reading world(ex, s);
  if (level == 0) {
    device::for_each_n(ex, (n + width - 1) / width, read_group{world.view(), at, n, out});
  } else {
    const octree::merged_view merged = world.merged(level);
    device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
      out[i] = octree::merged_lod(merged, morton_encode(at[i]) >> (3 * level), level);
    });
  }
}

void read_has_delta(
    device::exec ex, const snapshot& s, const voxel* at, std::int64_t n, std::uint8_t* out) {
  const reading world(ex, s);
  const snapshot_view view = world.view();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const morton_key key = morton_encode(at[i]);
    const std::uint64_t value = view.find(key);
    out[i] = value != 0 && value_material(value) != view.index.material(key) ? 1 : 0;
  });
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
