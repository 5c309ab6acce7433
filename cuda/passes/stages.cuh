/// The stages of a step: its passes in order, and the boundary after them.
#pragma once

#include "lithify/base/geometry.hpp"
#include "lithify/passes/detail/simulation.cuh"
#include "step.cuh"

#include <cstdint>
#include <functional>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// What stream power looks up, on the device; nullptr without such a pass.
struct river_tables {
  const double* powers = nullptr;       ///< area_powers
  const double* erodibility = nullptr;  ///< by material id
};

struct stage {
  const pass_config* pass = nullptr;  ///< nullptr: the boundary
  diffusion_plan diffusion;
  stream_power_plan rivers;
  talus_outcome talus;
  std::int64_t lift = 0;  ///< by which it raises the frame, 2^-52 voxel heights
  frame_position frame;   ///< once the stage is done
  int emission = -1;      ///< its number in the batch, -1 while it emitted nothing

  /// The word for it in budgets and errors.
  [[nodiscard]] const char* name() const;
};

/// Errors: invalid_argument (a parameter outside its range, a pass listed twice).
void check_passes(const std::vector<pass_config>& passes);

/// The stages of a step of `dt_yr` years that starts with `frame`; they point into `passes`.
/// Errors: invalid_argument (a step too long for a pass).
[[nodiscard]] std::vector<stage> plan_stages(const std::vector<pass_config>& passes,
                                             const region_geometry& geometry,
                                             const material_table& materials,
                                             frame_position frame,
                                             double dt_yr,
                                             const river_tables& tables = {});

/// Runs all stages, going on from an emission that did not fit for as long as there is one. Sync.
/// `step`: everything but the batch. `settled`, unless it is empty, hears of every stage once, when
/// what it emitted is in the batch; that costs a wait a stage. Errors: out_of_memory.
void run_stages(device::exec ex,
                std::vector<stage>& stages,
                step_view step,
                deltas::staging& batch,
                const std::function<void(const stage&)>& settled = {});

/// Errors: out_of_range, naming stage and column, if a column left the region's range of heights.
void require_in_range(const std::vector<stage>& stages, const step_words& words, std::int64_t nx);

/// The lines of the stages' budgets, and the step's deltas.
void write_budgets(const std::vector<stage>& stages,
                   const step_words& words,
                   double voxel_height_m,
                   step_report& report);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
