/// The geology of one region: column state on the device and the passes that change it.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/geometry.hpp"
#include "lithify/base/material.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/passes/detail/stage_state.cuh"
#include "lithify/passes/pass_types.hpp"

#include <memory>
#include <span>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Position of the moving frame; state, kept in checkpoints.
struct frame_position {
  std::int64_t offset = 0;     ///< 2^-20 voxel heights
  std::int64_t remainder = 0;  ///< 2^-52 voxel heights
};

/// Where water goes from each cell, by cell number.
struct flow_network {
  std::vector<std::int64_t> receiver;  ///< the cell itself where it leaves or ends, -1 outside
  std::vector<std::int64_t> area;      ///< cells that drain through a cell, itself included
};

class simulation {
 public:
  /// Over an overlay that must outlive it. `passes` run in this order. `sides`: a looped one needs
  /// the opposite one looped, and 3 cells between them.
  /// Errors: invalid_argument (a parameter outside its range), out_of_memory.
  simulation(device::exec ex,
             deltas::overlay& overlay,
             const region_geometry& geometry,
             const material_table& materials,
             std::vector<pass_config> passes,
             const region_sides& sides = {});
  ~simulation();

  /// Takes over column fields (`fields` of an earlier simulation, or of an import).
  /// Errors: invalid_argument, naming a field that is missing, extra or of another shape or type,
  /// or the first column that contradicts the voxels.
  void load(device::exec ex, std::span<const field> columns, frame_position frame);
  /// Derives every column from the voxels: whole voxels, empty ledgers.
  void derive(device::exec ex);

  /// Every named column field, in a fixed order: all state of the passes but the frame. Columns
  /// that others wrote since the last step are brought up to date, as the next step will do.
  [[nodiscard]] std::vector<field> fields(device::exec ex) const;
  [[nodiscard]] frame_position frame() const;

  /// One step of `dt_yr` years: every pass in order, one batch, committed with tick `when`.
  /// Errors: out_of_range (pass and column), out_of_memory; the world and the columns are then as
  /// before the step.
  /// The report has a line a pass, and a last one, "boundary", for the held sides.
  /// `watch` sees the step before and after each of these stages; it costs a wait a stage, and
  /// nothing where there is none.
  step_report step(device::exec ex, double dt_yr, tick when, const stage_watch& watch = {});

  /// Device memory of the columns between two steps.
  [[nodiscard]] std::size_t bytes() const;

  /// Deltas that the table of the next step admits before it has to grow; steps raise it by need.
  void reserve_deltas(std::int64_t bound);

  /// Solid in the world as the last step, load or derive left it, measured by a full sum over
  /// voxels, residual voxels and ledgers. What others wrote since counts from the next step on, as
  /// `edited`. Sync.
  [[nodiscard]] int128 stored(device::exec ex) const;

  /// Surface heights of all columns (surface_height), `min` of int64 outside. Sync.
  [[nodiscard]] std::vector<std::int64_t> surface(device::exec ex) const;

  /// The drainage of the surface as it is. Sync.
  [[nodiscard]] flow_network drainage(device::exec ex) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// What a step of `dt_yr` years takes of each pass: name, substeps and stable step, the rest zero.
/// Errors: invalid_argument, as a simulation of these passes or its step would throw it.
[[nodiscard]] std::vector<pass_budget> plan_step(const std::vector<pass_config>& passes,
                                                 const region_geometry& geometry,
                                                 const material_table& materials,
                                                 double dt_yr);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
