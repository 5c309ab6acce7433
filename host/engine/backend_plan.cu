/// What a step takes, asked of the passes without a world; host work, compiled once per backend.
#include "lithify/passes/detail/simulation.cuh"

#include <vector>

namespace lithify::engine::inline LITHIFY_BACKEND {

std::vector<pass_budget> backend_plan(const std::vector<pass_config>& passes,
                                      const region_geometry& geometry,
                                      const material_table& materials,
                                      double step_yr) {
  return passes::plan_step(passes, geometry, materials, step_yr);
}

}  // namespace lithify::engine::inline LITHIFY_BACKEND
