#include "lithify/engine/import.hpp"
#include "lithify/engine/run.hpp"
#include "plan_passes.hpp"
#include "same_world.hpp"

#include <algorithm>

namespace lithify::engine {

// Defined by backend_plan.cu, once per backend; every build has the CPU's.
namespace on_cpu {
std::vector<pass_budget> backend_plan(const std::vector<pass_config>& passes,
                                      const region_geometry& geometry,
                                      const material_table& materials,
                                      double step_yr);
}  // namespace on_cpu

namespace {

/// Bricks that hold more than one material: those in which a span of a column ends.
std::int64_t mixed_bricks(const io::column_model& model) {
  std::int64_t bricks = 0;
  std::vector<std::int32_t> met;
  for (std::int32_t y0 = 0; y0 < model.size.y; y0 += brick_edge) {
    for (std::int32_t x0 = 0; x0 < model.size.x; x0 += brick_edge) {
      met.clear();
      for (std::int32_t y = y0; y < std::min(y0 + brick_edge, model.size.y); ++y) {
        for (std::int32_t x = x0; x < std::min(x0 + brick_edge, model.size.x); ++x) {
          const std::size_t c = static_cast<std::size_t>(std::int64_t{y} * model.size.x + x);
          for (std::int64_t s = model.span_offset[c]; s < model.span_offset[c + 1]; ++s) {
            met.push_back(model.span_top[static_cast<std::size_t>(s)] >> brick_level);
          }
        }
      }
      std::sort(met.begin(), met.end());
      bricks += std::unique(met.begin(), met.end()) - met.begin();
    }
  }
  return bricks;
}

std::int64_t with_ground(std::span<const std::int32_t> rock_top) {
  return std::count_if(rock_top.begin(), rock_top.end(), [](std::int32_t top) { return top >= 0; });
}

}  // namespace

std::vector<pass_budget> plan_passes(const scenario& s, const region_geometry& geometry) {
  return on_cpu::backend_plan(s.passes, geometry, s.materials, s.step_yr);
}

run_plan plan(const scenario& s) {
  run_plan p;
  p.steps = s.steps;
  p.time_yr = static_cast<double>(s.steps) * s.step_yr;
  std::size_t bricks = 0;
  if (s.world.checkpoint.empty()) {
    const io::column_model model = read_columns(s.world, s.materials);
    p.size = model.size;
    p.geometry = model.geometry;
    p.columns = with_ground(model.rock_top);
    p.spans = static_cast<std::int64_t>(model.span_top.size());
    bricks = static_cast<std::size_t>(mixed_bricks(model));
  } else {
    const io::checkpoint from = io::read_checkpoint(s.world.checkpoint);
    require_same_materials(s, from, s.world.checkpoint);
    p.size = from.voxels.size;
    p.geometry = from.geometry;
    p.columns = with_ground(find_field(from.columns, "rock_top").as<std::int32_t>());
    bricks = from.voxels.dense_key.size() + from.voxels.sparse_key.size();
  }
  p.passes = plan_passes(s, p.geometry);
  // Derived from the layouts: a dense brick is 1 KiB, a column's fields are 46 bytes and a step
  // works on a copy, an overlay slot is 16 bytes at a load of 0.6, and a consolidation sorts 16
  // more each.
  const std::size_t columns = static_cast<std::size_t>(p.size.columns());
  const std::size_t slots = static_cast<std::size_t>(s.overlay.threshold);
  p.device_bytes = bricks * 1024 + columns * 46 * 2 + slots * 16 * 10 / 6 + slots * 16;
  p.checkpoint_bytes = bricks * 1024 + columns * 46;
  return p;
}

}  // namespace lithify::engine
