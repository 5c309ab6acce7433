#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/points.cuh"
#include "lithify/device/prefetch.cuh"

#include <string>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

/// Materials of a group of voxels: the tables' lines arrive while the other keys are hashed.
struct read_group {
  snapshot_view view;
  const voxel* at;
  std::int64_t n;
  material_id* out;

  LITHIFY_HD void operator()(std::int64_t group) const {
    constexpr int width = device::accesses_in_flight;
    const std::int64_t first = group * width;
    const int count = static_cast<int>(n - first < width ? n - first : width);
    morton_key key[width];
    std::uint64_t value[width];
    for (int i = 0; i < count; ++i) {
      key[i] = morton_encode(at[first + i]);
      value[i] = 0;
    }
    for (int t = 0; t < view.tables; ++t) {
      find_group(view.table[t], key, value, count);
    }
    for (int i = 0; i < count; ++i) {
      out[first + i] = value[i] != 0 ? value_material(value[i]) : view.index.material(key[i]);
    }
  }

  /// Looks up what no newer table held.
  LITHIFY_HD static void find_group(table_view table,
                                    const morton_key* key,
                                    std::uint64_t* value,
                                    int count) {
    std::uint64_t home[device::accesses_in_flight];
    for (int i = 0; i < count; ++i) {
      home[i] = table.home(key[i]);
      device::prefetch(&table.buckets[home[i]].key);
    }
    for (int i = 0; i < count; ++i) {
      if (value[i] == 0) {
        value[i] = table.find_from(home[i], key[i]);
      }
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
    constexpr int width = device::accesses_in_flight;
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
