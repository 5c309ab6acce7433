/// The columns of a region on the device, and the two classes of material that passes know.
///
/// A column is what host/base's column.hpp describes: consolidated ground up to `rock_top`, with
/// `residual` quanta left in that voxel, `n_loose` whole voxels of sediment on it, and a ledger of
/// sediment that fills no voxel yet. `sediment` (id 16) is the one grain class; every other
/// material with solid in it is ground that stays until a pass takes it; the rest is empty.
///
/// A column with overhangs is read by its top span: the highest voxel of ground, and the sediment
/// that lies on it without a gap. What is below, or floats above a gap, stays as it is.
///
/// Between a pass's ledger writes and `settle` the ledger may be negative or large; after a step
/// 0 <= ledger < 1.5 s(sediment) and 0 < residual <= s(rock_material) in every column.
#pragma once

#include "grid.cuh"
#include "lithify/base/column.hpp"
#include "lithify/base/geometry.hpp"
#include "lithify/base/material.hpp"
#include "lithify/device/atomic.cuh"
#include "lithify/device/verbs.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Remainders of face fluxes are numerators over 2^52 quanta.
inline constexpr int remainder_bits = 52;

/// Entries of a table by material id: every id has one, so that no voxel can index past it.
inline constexpr std::int64_t all_materials = 1 << 16;

/// Arrays of all columns, in cell order (x fastest). State: in digests and checkpoints.
struct column_view {
  std::int32_t* rock_top;
  std::int32_t* n_loose;
  std::int32_t* residual;
  material_id* rock_material;     ///< of the voxel at rock_top
  std::int64_t* sediment;         ///< ledger, quanta of solid
  std::int64_t* remainder_east;   ///< of the flux to (x + 1, y), 2^-52 quanta
  std::int64_t* remainder_north;  ///< of the flux to (x, y + 1)
  std::int64_t* boundary_height;  ///< height that held columns keep, in the frame of the start
  /// Solid that left the region here, or ended here in a sink, quanta since the start. nullptr
  /// where no pass of the simulation asks for it.
  std::int64_t* exported;
  /// Of what a river cut here, the part that is no whole quantum yet: its matter is still in the
  /// column. 2^-31 quanta. nullptr where `exported` is.
  std::int32_t* remainder_river;

  LITHIFY_HD bool outside(std::int64_t c) const { return rock_top[c] < 0; }

  /// Height of the column for rates, also while its ledger is not settled: what a pass took beyond
  /// the loose cover counts as taken from the rock. Equals `surface_height` where nothing is.
  LITHIFY_HD std::int64_t height(std::int64_t c, const std::int32_t* solid) const {
    const std::int32_t s = solid[::lithify::sediment];
    const std::int64_t loose = std::int64_t{n_loose[c]} * s + sediment[c];
    const std::int32_t rock = solid[rock_material[c]];
    if (loose >= 0) {
      return surface_height(rock_top[c], n_loose[c], residual[c], sediment[c], rock, s);
    }
    return (std::int64_t{rock_top[c]} << fraction_bits) +
           floor_div((residual[c] + loose) << fraction_bits, rock);
  }
};

/// Owner of the columns of one region. `exported` and `remainder_river` are there with a pass that
/// cuts rivers, and from then on.
struct column_arrays {
  device::buffer<std::int32_t> rock_top, n_loose, residual;
  device::buffer<material_id> rock_material;
  device::buffer<std::int64_t> sediment, remainder_east, remainder_north, boundary_height, exported;
  device::buffer<std::int32_t> remainder_river;

  column_arrays() = default;
  /// Errors: out_of_memory.
  column_arrays(device::exec ex, std::int64_t n, bool with_rivers)
      : rock_top(ex, n),
        n_loose(ex, n),
        residual(ex, n),
        rock_material(ex, n),
        sediment(ex, n),
        remainder_east(ex, n),
        remainder_north(ex, n),
        boundary_height(ex, n),
        exported(ex, with_rivers ? n : 0),
        remainder_river(ex, with_rivers ? n : 0) {}

  [[nodiscard]] column_view view() const {
    return {rock_top.data(), n_loose.data(),        residual.data(),        rock_material.data(),
            sediment.data(), remainder_east.data(), remainder_north.data(), boundary_height.data(),
            exported.data(), remainder_river.data()};
  }

  /// f(name, unit, buffer) for every field, in the order in which they are exported.
  template <class Self, class F>
  static void each(Self& self, F f) {
    f("rock_top", "voxel", self.rock_top);
    f("n_loose", "voxel", self.n_loose);
    f("residual", "quantum", self.residual);
    f("rock_material", "id", self.rock_material);
    f("sediment", "quantum", self.sediment);
    f("remainder_east", "2^-52 quantum", self.remainder_east);
    f("remainder_north", "2^-52 quantum", self.remainder_north);
    f("boundary_height", "2^-20 voxel", self.boundary_height);
    if (self.exported.size() > 0) {
      f("exported", "quantum", self.exported);
      f("remainder_river", "2^-31 quantum", self.remainder_river);
    }
  }
};

/// Faces and held columns: derived from the columns, rebuilt when one turns outside or inside.
struct column_layout {
  std::int64_t nx = 0;
  std::int64_t ny = 0;
  region_sides sides;
  device::buffer<std::uint8_t> faces;
  device::buffer<std::int64_t> held;  ///< cells, rising

  [[nodiscard]] std::int64_t cells() const { return nx * ny; }
  [[nodiscard]] grid_view grid() const {
    return {nx, ny, sides.loop_x(), sides.loop_y(), faces.data()};
  }
};

}  // namespace lithify::passes::inline LITHIFY_BACKEND
