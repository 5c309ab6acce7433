#include "earlier_files.hpp"
#include "frame_room.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/run.hpp"
#include "plan_passes.hpp"
#include "same_world.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

namespace lithify::engine {

// Defined by backend_plan.cu, once per backend; every build has the CPU's.
namespace on_cpu {
std::vector<pass_budget> backend_plan(const std::vector<pass_config>& passes,
                                      const region_geometry& geometry,
                                      const material_table& materials,
                                      double step_yr);
}  // namespace on_cpu

namespace {

struct brick_counts {
  std::int64_t dense = 0;
  std::int64_t sparse = 0;
};

/// Voxels of the commonest material in a brick, of the columns from (x0, y0) on.
int commonest(const io::column_model& model, std::int32_t x0, std::int32_t y0, std::int32_t brick) {
  std::map<material_id, int> voxels;
  for (std::int32_t y = y0; y < std::min(y0 + brick_edge, model.size.y); ++y) {
    for (std::int32_t x = x0; x < std::min(x0 + brick_edge, model.size.x); ++x) {
      const std::size_t c = static_cast<std::size_t>(std::int64_t{y} * model.size.x + x);
      std::int32_t at = brick * brick_edge;
      const std::int32_t end = at + brick_edge;
      for (std::int64_t s = model.span_offset[c]; s < model.span_offset[c + 1] && at < end; ++s) {
        const auto span = static_cast<std::size_t>(s);
        const std::int32_t top = std::min(end, model.span_top[span]);
        if (top > at) {
          voxels[model.span_material[span]] += top - at;
          at = top;
        }
      }
      voxels[air] += end - at;
    }
  }
  int most = 0;
  for (const auto& [material, count] : voxels) {
    most = std::max(most, count);
  }
  return most;
}

/// Bricks that hold more than one material: those in which a span of a column ends.
brick_counts count_bricks(const io::column_model& model) {
  constexpr int whole = brick_edge * brick_edge * brick_edge;
  constexpr int most_exceptions = 15;  // of a sparse brick
  brick_counts bricks;
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
      met.erase(std::unique(met.begin(), met.end()), met.end());
      for (const std::int32_t brick : met) {
        const int most = commonest(model, x0, y0, brick);
        bricks.dense += most + most_exceptions < whole ? 1 : 0;
        bricks.sparse += most + most_exceptions >= whole && most < whole ? 1 : 0;
      }
    }
  }
  return bricks;
}

/// What a pool of the index holds of `slots` slots: whole slabs of 16 MiB, and 8 bytes a slot for
/// the version that took it.
std::size_t pool_bytes(std::int64_t slots, std::size_t slot_bytes) {
  constexpr std::size_t slab = std::size_t{16} << 20;
  const std::size_t wanted =
      static_cast<std::size_t>(std::max<std::int64_t>(1, slots)) * slot_bytes;
  return (wanted + slab - 1) / slab * (slab + slab / slot_bytes * 8);
}

/// An estimate. Pools of pages, blocks, dense and sparse bricks and their tables (4 MiB); columns
/// of 58 bytes, a step's copy of them and what passes work with, about 200 in all; and 160 bytes a
/// pending voxel: table slots, the sort of a consolidation and room for the bricks that it may
/// touch, and those that it makes while the old ones are still read (the demo takes between 110 and
/// 220, by how its deltas cluster). Pending: the threshold, or 12 voxels a column if
/// that is less; chosen between the demo's 3 and the 20 of scree that falls in one step.
std::size_t device_bytes(const brick_counts& bricks, std::size_t columns, std::int64_t threshold) {
  const std::size_t pending = std::min(static_cast<std::size_t>(threshold), 12 * columns);
  return (std::size_t{4} << 20) + pool_bytes(0, 4096) +
         pool_bytes(bricks.dense + bricks.sparse, 64) + pool_bytes(bricks.dense, 1024) +
         pool_bytes(bricks.sparse, 64) + columns * 200 + pending * 160;
}

/// Errors: as held_heights, naming the file.
std::vector<std::int64_t> held_heights_of(const io::checkpoint& from,
                                          const std::filesystem::path& file) {
  try {
    return held_heights(from);
  } catch (const error& e) {
    throw error(e.code(), "checkpoint '" + file.string() + "' cannot be used: " + e.what());
  }
}

std::int64_t with_ground(std::span<const std::int32_t> rock_top) {
  return std::count_if(rock_top.begin(), rock_top.end(), [](std::int32_t top) { return top >= 0; });
}

}  // namespace

std::vector<pass_budget> plan_passes(const scenario& s, const region_geometry& geometry) {
  return on_cpu::backend_plan(s.passes, geometry, s.materials, s.step_yr);
}

std::string room_below(const scenario& s) {
  return s.world.checkpoint.empty() ? "world.basement_m" : "--basement of the world's import";
}

std::string room_above(const scenario& s) {
  return s.world.checkpoint.empty() ? "world.headroom_m" : "--headroom of the world's import";
}

run_plan plan(const scenario& s) {
  if (!s.out.empty()) {
    require_spared(s, s.out);
  }
  run_plan p;
  p.steps = s.steps;
  p.time_yr = static_cast<double>(s.steps) * s.step_yr;
  brick_counts bricks;
  if (s.world.checkpoint.empty()) {
    const io::column_model model = read_columns(s.world, s.materials);
    p.size = model.size;
    p.geometry = model.geometry;
    p.columns = with_ground(model.rock_top);
    p.spans = static_cast<std::int64_t>(model.span_top.size());
    bricks = count_bricks(model);
    p.exit = find_frame_exit(s, p.size, p.geometry, held_heights(model, s));
  } else {
    const io::checkpoint from = io::read_checkpoint(s.world.checkpoint);
    require_same_materials(s, from, s.world.checkpoint);
    p.size = from.voxels.size;
    p.geometry = from.geometry;
    p.columns = with_ground(find_field(from.columns, "rock_top").as<std::int32_t>());
    bricks = {static_cast<std::int64_t>(from.voxels.dense_key.size()),
              static_cast<std::int64_t>(from.voxels.sparse_key.size())};
    p.exit = find_frame_exit(s, p.size, p.geometry, held_heights_of(from, s.world.checkpoint));
  }
  p.passes = plan_passes(s, p.geometry);
  const std::size_t columns = static_cast<std::size_t>(p.size.columns());
  p.device_bytes = device_bytes(bricks, columns, s.overlay.threshold);
  p.checkpoint_bytes = static_cast<std::size_t>(bricks.dense) * 1024 +
                       static_cast<std::size_t>(bricks.sparse) * 64 + columns * 58 +
                       io::most_view_bytes(p.size, bricks.dense + bricks.sparse);
  return p;
}

}  // namespace lithify::engine
