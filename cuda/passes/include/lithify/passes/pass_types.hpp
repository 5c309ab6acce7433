/// Plain types of the passes' interface: parameters, budgets, reports.
#pragma once

#include "lithify/base/fixed_point.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lithify {

/// Uniform uplift, as a moving frame: rock and strata rise, no voxel moves.
struct uplift_parameters {
  double rate_m_per_yr = 5e-4;
};

/// Linear hillslope diffusion, q = -kappa grad z, as a flux of loose material.
struct diffusion_parameters {
  double diffusivity_m2_per_yr = 0.01;
};

/// Rivers: dz/dt = -k erodibility A^m S, with drainage area A in m^2. Erodibility is the material's
/// at the surface (material.hpp), a factor on k.
struct stream_power_parameters {
  double k = 2e-6;  ///< m^(1 - 2m) / yr; of a material of erodibility 1. Chosen: stream_power.cu
  /// Exponent of the area. 0.5 would be free of scale (Kwang & Parker 2017).
  double m = 0.45;
};

/// Scree: slopes steeper than the repose angle of the material at the surface slide.
struct talus_parameters {
  std::int64_t max_sweeps = 64;  ///< a step stops after so many; what is left is reported
};

/// One pass of a step, in the order in which a scenario lists them.
using pass_config = std::
    variant<uplift_parameters, diffusion_parameters, stream_power_parameters, talus_parameters>;

/// The word for a pass in scenarios, budgets and errors: "uplift", "stream_power".
[[nodiscard]] const char* pass_name(const pass_config& pass);

/// What one pass did with matter in one step, in quanta of solid.
struct pass_budget {
  std::string pass;
  int128 in = 0;          ///< added at held boundary cells
  int128 out = 0;         ///< sinks inside the region
  int128 exported = 0;    ///< crossed the region's sides
  double raised_m = 0.0;  ///< by which the frame rose
  std::int64_t deltas = 0;
  std::int64_t substeps = 1;
  std::int64_t capped = 0;        ///< fluxes cut to what the donor had; never silent
  std::int64_t uphill = 0;        ///< cells that a river did not cut: their receiver is not lower
  std::int64_t contacts = 0;      ///< of two rocks, which a river cut through within the step
  double stable_dt_yr = 0.0;      ///< the step that stability allows, 0 = no bound
  std::int64_t steep_faces = 0;   ///< faces that a talus pass left steeper than their repose angle
  double largest_excess_m = 0.0;  ///< the most by which a cell must fall until one of them stands
};

struct step_report {
  std::int64_t deltas = 0;
  int128 edited = 0;  ///< solid that batches of others added since the last step
  std::vector<pass_budget> passes;
};

}  // namespace lithify
