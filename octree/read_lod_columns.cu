/// Columns of the merged view at a coarse LOD: spans of cells.
///
/// Slabs of the box's rows are read as dense cells, and each column of cells is walked twice: to
/// count its spans, and to write them.
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/merged.cuh"
#include "lod_cells.cuh"

#include <algorithm>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// Cells that are read at once, unless one row of columns has more. Chosen: 32 MiB.
constexpr std::int64_t cells_a_slab = std::int64_t{1} << 24;

/// Dense cells of a box of voxels, x fastest.
struct cell_slab {
  voxel_box box;
  int level;
  const material_id* cell;

  LITHIFY_HD std::int64_t columns() const {
    const voxel n = extent(cells_of(box, level));
    return std::int64_t{n.x} * n.y;
  }
  /// Calls emit(k, span) for span number k of a column; heights are the box's, in voxels. Gives
  /// their number.
  template <class Emit>
  LITHIFY_HD std::int64_t walk_up(std::int64_t column, Emit emit) const {
    const voxel_box cells = cells_of(box, level);
    const std::int64_t stride = columns();
    std::int64_t spans = 0;
    column_span now{box.min.z, box.min.z, cell[column]};
    for (std::int32_t k = cells.min.z; k < cells.max.z; ++k) {
      const material_id m = cell[column + stride * (k - cells.min.z)];
      if (m != now.material) {
        emit(spans++, now);
        now = {now.top, now.top, m};
      }
      const std::int64_t above = (std::int64_t{k} + 1) << level;
      now.top = above < box.max.z ? static_cast<std::int32_t>(above) : box.max.z;
    }
    emit(spans++, now);
    return spans;
  }
};

/// Appends the columns of one slab.
void append(device::exec ex, const cell_slab& slab, column_list& list) {
  const std::int64_t columns = slab.columns();
  const device::buffer<std::int64_t> offsets(ex, columns + 1);
  std::int64_t* const offset = offsets.data();
  device::exclusive_scan(
      ex, columns,
      [=] LITHIFY_HD(std::int64_t c) -> std::int64_t {
        return slab.walk_up(c, [](std::int64_t, const column_span&) {});
      },
      offset);
  std::vector<std::int64_t> ends(static_cast<std::size_t>(columns));
  device::copy_to_host(ex, ends.data(), offset + 1, columns);
  const device::buffer<column_span> spans(ex, ends.back());
  column_span* const out = spans.data();
  device::for_each_n(ex, columns, [=] LITHIFY_HD(std::int64_t c) {
    slab.walk_up(c, [&](std::int64_t k, const column_span& span) { out[offset[c] + k] = span; });
  });
  const auto before = static_cast<std::int64_t>(list.span.size());
  for (const std::int64_t end : ends) {
    list.offset.push_back(before + end);
  }
  list.span.resize(list.span.size() + static_cast<std::size_t>(spans.size()));
  device::copy_to_host(ex, list.span.data() + before, spans.data(), spans.size());
}

}  // namespace

column_list read_lod_columns(device::exec ex, const merged_view& world, voxel_box box, int level) {
  column_list list;
  list.offset.push_back(0);
  if (box.empty()) {
    return list;
  }
  const voxel_box cells = cells_of(box, level);
  const std::int64_t cells_a_row = std::int64_t{extent(cells).x} * extent(cells).z;
  const auto rows = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(cells_a_slab / cells_a_row, 1, extent(cells).y));
  device::buffer<material_id> dense(ex, cells_a_row * rows);
  for (std::int32_t row = cells.min.y; row < cells.max.y; row += rows) {
    voxel_box part = box;
    part.min.y = std::max(box.min.y, row << level);
    part.max.y = static_cast<std::int32_t>(
        std::min<std::int64_t>(box.max.y, (std::int64_t{row} + rows) << level));
    read_box(ex, world, part, level, dense.data());
    append(ex, {part, level, dense.data()}, list);
  }
  return list;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
