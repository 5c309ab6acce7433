/// Columns of the merged view: spans and tops. One thread walks one column, a uniform cube at a
/// step.
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "merged_cursor.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// The columns of a box: column i has x fastest.
struct column_grid {
  voxel_box box;

  LITHIFY_HD constexpr std::int64_t count() const {
    return box.empty() ? 0
                       : std::int64_t{box.max.x - box.min.x} * std::int64_t{box.max.y - box.min.y};
  }
  /// Key of the voxel of column i at z = 0.
  LITHIFY_HD constexpr morton_key foot(std::int64_t i) const {
    const std::int64_t nx = box.max.x - box.min.x;
    return morton_encode({box.min.x + static_cast<std::int32_t>(i % nx),
                          box.min.y + static_cast<std::int32_t>(i / nx), 0});
  }
};

LITHIFY_HD constexpr morton_key height_bits(std::int32_t z) {
  return spread_bits(static_cast<std::uint32_t>(z)) << 2;
}

/// Calls visit(span) for each span of the column over `foot` in [bottom, top), bottom to top.
template <class Visit>
LITHIFY_HD void walk_column(
    const merged_view& world, morton_key foot, std::int32_t bottom, std::int32_t top, Visit visit) {
  merged_cursor cursor(world);
  column_span span{bottom, bottom, air};
  for (std::int32_t z = bottom; z < top;) {
    const uniform_cube cube = cursor.at(foot | height_bits(z));
    if (cube.material != span.material && span.top > span.bottom) {
      visit(span);
      span.bottom = z;
    }
    const std::int32_t above = ((z >> cube.level) + 1) << cube.level;
    z = above < top ? above : top;
    span.material = cube.material;
    span.top = z;
  }
  if (span.top > span.bottom) {
    visit(span);
  }
}

}  // namespace

column_list read_columns(device::exec ex, const merged_view& world, voxel_box box) {
  const column_grid grid{box};
  const std::int64_t columns = grid.count();
  device::buffer<std::int64_t> counts(ex, columns);
  std::int64_t* const count = counts.data();
  device::for_each_n(ex, columns, [=] LITHIFY_HD(std::int64_t i) {
    std::int64_t spans = 0;
    walk_column(world, grid.foot(i), grid.box.min.z, grid.box.max.z,
                [&](const column_span&) { ++spans; });
    count[i] = spans;
  });
  device::buffer<std::int64_t> offsets(ex, columns + 1);
  std::int64_t* const offset = offsets.data();
  device::exclusive_scan(
      ex, columns, [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return count[i]; }, offset);

  column_list list;
  list.offset.resize(static_cast<std::size_t>(columns + 1));
  device::copy_to_host(ex, list.offset.data(), offset, columns + 1);
  device::buffer<column_span> spans(ex, list.offset.back());
  column_span* const out = spans.data();
  device::for_each_n(ex, columns, [=] LITHIFY_HD(std::int64_t i) {
    column_span* next = out + offset[i];
    walk_column(world, grid.foot(i), grid.box.min.z, grid.box.max.z,
                [&](const column_span& span) { *next++ = span; });
  });
  list.span.resize(static_cast<std::size_t>(spans.size()));
  device::copy_to_host(ex, list.span.data(), out, spans.size());
  return list;
}

void column_tops(device::exec ex, const merged_view& world, voxel_box box, std::int32_t* top) {
  // Whole columns, so that the box's z range, even an empty one, does not matter.
  const column_grid grid{{{box.min.x, box.min.y, 0}, {box.max.x, box.max.y, world.index.size.z}}};
  device::for_each_n(ex, grid.count(), [=] LITHIFY_HD(std::int64_t i) {
    merged_cursor cursor(world);
    const morton_key foot = grid.foot(i);
    std::int32_t z = world.index.size.z - 1;
    while (z >= 0) {
      const uniform_cube cube = cursor.at(foot | height_bits(z));
      if (cube.material != air) {
        break;
      }
      z = ((z >> cube.level) << cube.level) - 1;
    }
    top[i] = z;
  });
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
