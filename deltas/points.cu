#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/points.cuh"
#include "lithify/device/prefetch.cuh"

#include <string>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

/// Voxels that one thread looks up together.
constexpr int width = device::accesses_in_flight;

/// Materials of a group of voxels: what one of them needs arrives while the others are worked on.
struct read_group {
  snapshot_view view;
  const voxel* at;
  std::int64_t n;
  material_id* out;

  LITHIFY_HD void operator()(std::int64_t group) const {
    const std::int64_t first = group * width;
    const int count = static_cast<int>(n - first < width ? n - first : width);
    std::uint64_t value[width];
    for (int i = 0; i < count; ++i) {
      value[i] = 0;
    }
    if (view.tables > 0) {
      find_in_tables(at + first, count, value);
    }
    read_index(at + first, count, value, out + first);
  }

  /// Values of the voxels that a table holds, the newest one's; of the others they stay 0.
  LITHIFY_HD void find_in_tables(const voxel* v, int count, std::uint64_t (&value)[width]) const {
    morton_key key[width];
    for (int i = 0; i < count; ++i) {
      key[i] = morton_encode(v[i]);
    }
    for (int t = 0; t < view.tables; ++t) {
      find_group(view.table[t], key, value, count);
    }
  }

  /// Looks up what no newer table held.
  LITHIFY_HD static void find_group(const table_view& table,
                                    const morton_key (&key)[width],
                                    std::uint64_t (&value)[width],
                                    int count) {
    std::uint64_t home[width];
    for (int i = 0; i < count; ++i) {
      home[i] = table.home(key[i]);
      device::prefetch(&table.buckets[home[i]].key);
    }
    const std::uint64_t* place[width];
    for (int i = 0; i < count; ++i) {
      place[i] = value[i] == 0 ? table.place_from(home[i], key[i]) : nullptr;
      device::prefetch(place[i]);
    }
    for (int i = 0; i < count; ++i) {
      value[i] = place[i] != nullptr ? *place[i] : value[i];
    }
  }

  /// Gives the materials, from the index where no table held the voxel. Neighbours in the list that
  /// lie in one brick share its descent.
  LITHIFY_HD void read_index(const voxel* v,
                             int count,
                             const std::uint64_t (&value)[width],
                             material_id* to) const {
    morton_key brick[width];
    int head[width];  // position of the first voxel in the brick
    int brick_of[width];
    int bricks = 0;
    voxel last{};
    for (int i = 0; i < count; ++i) {
      const std::int32_t apart = (v[i].x ^ last.x) | (v[i].y ^ last.y) | (v[i].z ^ last.z);
      if (value[i] == 0 && (bricks == 0 || (apart >> brick_level) != 0)) {
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
      to[i] = value[i] != 0
                  ? value_material(value[i])
                  : view.index.brick_material(leaf[brick_of[i]], octree::brick_position(v[i]));
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
  if (level == 0) {
    device::for_each_n(ex, (n + width - 1) / width, read_group{s.view(), at, n, out});
  } else {
    const octree::merged_view world = s.merged(ex, level);
    device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
      out[i] = octree::merged_lod(world, morton_encode(at[i]) >> (3 * level), level);
    });
  }
  s.used_by(ex.stream);
}

void read_has_delta(
    device::exec ex, const snapshot& s, const voxel* at, std::int64_t n, std::uint8_t* out) {
  const snapshot_view view = s.view();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const morton_key key = morton_encode(at[i]);
    const std::uint64_t value = view.find(key);
    out[i] = value != 0 && value_material(value) != view.index.material(key) ? 1 : 0;
  });
  s.used_by(ex.stream);
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
