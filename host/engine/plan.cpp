#include "lithify/engine/import.hpp"
#include "lithify/engine/run.hpp"

#include <algorithm>

namespace lithify::engine {

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

}  // namespace

run_plan plan(const scenario& s) {
  run_plan p;
  p.steps = s.steps;
  p.time_yr = static_cast<double>(s.steps) * s.step_yr;
  std::size_t bricks = 0;
  if (s.world.checkpoint.empty()) {
    const io::column_model model = read_columns(s.world, s.materials);
    p.size = model.size;
    p.geometry = model.geometry;
    p.columns = std::count_if(model.rock_top.begin(), model.rock_top.end(),
                              [](std::int32_t top) { return top >= 0; });
    p.spans = static_cast<std::int64_t>(model.span_top.size());
    bricks = static_cast<std::size_t>(mixed_bricks(model));
  } else {
    const io::checkpoint_summary from = io::read_summary(s.world.checkpoint);
    p.size = from.size;
    p.geometry = from.geometry;
    p.columns = from.size.columns();
    bricks = from.dense_bricks + from.sparse_bricks;
  }
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
