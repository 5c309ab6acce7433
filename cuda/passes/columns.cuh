/// Columns and voxels: deriving, checking, refreshing and summing column state.
#pragma once

#include "column_state.cuh"
#include "lithify/base/field.hpp"
#include "lithify/octree/detail/merged.cuh"

#include <span>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Columns as the voxels show them: whole voxels, empty ledgers, no boundary yet.
void derive_columns(device::exec ex,
                    const octree::merged_view& world,
                    const std::int32_t* solid,
                    const column_view& columns);

/// A copy on the device. Errors: out_of_memory.
[[nodiscard]] column_arrays copy_columns(device::exec ex, const column_arrays& from);

/// Faces and held columns for these columns. Sync. Errors: out_of_memory.
[[nodiscard]] column_layout make_layout(device::exec ex,
                                        const column_view& columns,
                                        region_size size,
                                        const region_sides& sides);

/// Gives held columns that have none a boundary height: what they are now, in the frame of the
/// start; takes it from those that are not held any more.
void set_boundary(device::exec ex,
                  const column_view& columns,
                  const column_layout& layout,
                  const std::int32_t* solid,
                  std::int64_t frame_offset);

/// Brings columns up to date after somebody else wrote voxels. Where the voxel at rock_top is what
/// it was, residual and ledger stay; where it is another one, it is whole and the ledger stays; a
/// column without ground is outside and holds nothing.
void refresh_columns(device::exec ex,
                     const octree::merged_view& world,
                     const std::int32_t* solid,
                     const column_view& columns);

/// Copies fields from the host. `with_rivers`: columns have the fields of rivers. Those of them
/// that `fields` lack are 0. Errors: invalid_argument, naming a field that is missing, extra or of
/// another shape or type; out_of_memory.
[[nodiscard]] column_arrays upload_fields(device::exec ex,
                                          std::span<const field> fields,
                                          region_size size,
                                          bool with_rivers);
/// Copies every field to the host. Sync.
[[nodiscard]] std::vector<field> download_fields(device::exec ex,
                                                 const column_arrays& columns,
                                                 region_size size);

/// Checks that columns are settled, agree with the voxels and hold a boundary where `layout` does.
/// Sync. Errors: invalid_argument, naming the first bad column and what is wrong with it.
void check_columns(device::exec ex,
                   const octree::merged_view& world,
                   const std::int32_t* solid,
                   const column_view& columns,
                   const column_layout& layout,
                   std::int64_t frame_offset);

/// Solid in the world: voxels, less what is missing in residual voxels, plus ledgers. Sync.
[[nodiscard]] int128 measure_solid(device::exec ex,
                                   const octree::merged_view& world,
                                   const std::int32_t* solid,
                                   const column_view& columns);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
