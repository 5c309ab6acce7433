#include "frame_room.hpp"

#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"
#include "lithify/base/fixed_point.hpp"
#include "lithify/engine/import.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace lithify::engine {

namespace {

// The frame's steps are rounded to 2^-52 voxels: far less than this, however many there are.
constexpr double slack_voxels = 1e-3;
// A held column keeps a quantum of rock: it has left before nothing is below it.
constexpr double quantum_voxels = 1e-6;
// A full column may carry a ledger of up to 1.5 voxels on top.
constexpr double over_the_top_voxels = 1.5;

/// Whether a column with ground is held, as the layout of a simulation has it.
bool is_held(const io::column_model& model,
             const region_sides& sides,
             std::int32_t x,
             std::int32_t y) {
  const region_size& size = model.size;
  const auto outside = [&](std::int32_t at_x, std::int32_t at_y) {
    const bool crosses_x = at_x < 0 || at_x >= size.x;
    const bool crosses_y = at_y < 0 || at_y >= size.y;
    if ((crosses_x && !sides.loop_x()) || (crosses_y && !sides.loop_y())) {
      return false;
    }
    const std::int64_t c =
        std::int64_t{(at_y + size.y) % size.y} * size.x + (at_x + size.x) % size.x;
    return model.rock_top[static_cast<std::size_t>(c)] == outside_column;
  };
  const bool open_side = (size.x > 1 && ((x == 0 && sides.west == side_kind::open) ||
                                         (x == size.x - 1 && sides.east == side_kind::open))) ||
                         (size.y > 1 && ((y == 0 && sides.south == side_kind::open) ||
                                         (y == size.y - 1 && sides.north == side_kind::open)));
  return open_side || outside(x - 1, y) || outside(x + 1, y) || outside(x, y - 1) ||
         outside(x, y + 1);
}

}  // namespace

std::vector<std::int64_t> held_heights(const io::column_model& model, const scenario& s) {
  std::vector<std::int64_t> held = surface_of(model, s.materials);
  for (std::int32_t y = 0; y < model.size.y; ++y) {
    for (std::int32_t x = 0; x < model.size.x; ++x) {
      if (!is_held(model, s.world.sides, x, y)) {
        held[static_cast<std::size_t>(std::int64_t{y} * model.size.x + x)] = not_held;
      }
    }
  }
  return held;
}

std::vector<std::int64_t> held_heights(const io::checkpoint& from) {
  const auto heights = find_field(from.columns, "boundary_height").as<std::int64_t>();
  std::vector<std::int64_t> held(heights.begin(), heights.end());
  // Heights that a column may have, as the check of a world's columns has it.
  const std::int64_t highest = (std::int64_t{from.voxels.size.z} + 2) << fraction_bits;
  for (std::size_t c = 0; c < held.size(); ++c) {
    if (held[c] == not_held) {
      continue;
    }
    // In 128 bits: a file may say anything.
    const int128 height = int128{held[c]} - from.state.frame_offset;
    require(height >= 0 && height <= highest, errc::invalid_argument,
            "column (" + std::to_string(static_cast<std::int64_t>(c) % from.voxels.size.x) + ", " +
                std::to_string(static_cast<std::int64_t>(c) / from.voxels.size.x) +
                "): boundary_height is not in the region");
    held[c] = static_cast<std::int64_t>(height);
  }
  return held;
}

std::optional<frame_exit> find_frame_exit(const scenario& s,
                                          const region_size& size,
                                          const region_geometry& geometry,
                                          const std::vector<std::int64_t>& held) {
  double rate = 0.0;
  for (const pass_config& pass : s.passes) {
    if (const auto* lift = std::get_if<uplift_parameters>(&pass)) {
      rate = lift->rate_m_per_yr;
    }
  }
  // Voxels that are left for the column which comes first, and how fast they go.
  const double step_voxels = std::abs(rate) * s.step_yr / geometry.voxel_height_m;
  std::size_t first = held.size();
  for (std::size_t c = 0; c < held.size(); ++c) {
    if (held[c] != not_held &&
        (first == held.size() || (rate > 0.0 ? held[c] < held[first] : held[c] > held[first]))) {
      first = c;
    }
  }
  if (first == held.size() || rate == 0.0) {
    return std::nullopt;
  }
  const double height = static_cast<double>(held[first]) / one_voxel;
  const double room =
      rate > 0.0 ? height - quantum_voxels : size.z - height + over_the_top_voxels + slack_voxels;
  const double moved = step_voxels * static_cast<double>(s.steps);
  if (moved < room) {
    return std::nullopt;
  }
  frame_exit found;
  found.below = rate > 0.0;
  found.step = static_cast<std::int64_t>(std::ceil(room / step_voxels));
  found.x = static_cast<std::int64_t>(first) % size.x;
  found.y = static_cast<std::int64_t>(first) / size.x;
  // A voxel more than what is missing: the region is made of whole ones.
  found.missing_m = std::ceil((moved - room + 1.0 - quantum_voxels) * geometry.voxel_height_m);
  return found;
}

}  // namespace lithify::engine
