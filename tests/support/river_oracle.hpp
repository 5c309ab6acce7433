/// Stream power written out sequentially: columns as lists of layers, one sweep up the tree that
/// the routing oracle gives, every cell from its receiver's final height. Powers, heights and
/// layers are written out here again.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/material.hpp"
#include "plain_power.hpp"
#include "routing_oracle.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lithify::test {

/// One column from above: what lies there, from where to where, and how much solid it is.
struct ground_layer {
  material_id material;
  std::int64_t top;  ///< 2^-20 voxels
  std::int64_t base;
  std::int64_t quanta;
};

/// A world as voxels (x fastest) and column fields.
struct plain_columns_world {
  region_size size;
  std::vector<material_id> voxels;
  std::vector<field> fields;
  const material_table* table;
  std::int64_t frame_offset = 0;

  [[nodiscard]] material_id voxel_at(std::int64_t c, std::int64_t z) const {
    return voxels[static_cast<std::size_t>(z * size.columns() + c)];
  }
  [[nodiscard]] std::int64_t solid(material_id m) const { return (*table)[m].solid_quanta(); }
  template <class T>
  [[nodiscard]] std::int64_t value(const char* name, std::int64_t c) const {
    return find_field(fields, name).as<T>()[static_cast<std::size_t>(c)];
  }
  [[nodiscard]] std::int64_t rock_top(std::int64_t c) const {
    return value<std::int32_t>("rock_top", c);
  }
  [[nodiscard]] bool held(std::int64_t c) const {
    return value<std::int64_t>("boundary_height", c) != std::numeric_limits<std::int64_t>::min();
  }
  [[nodiscard]] std::int64_t height(std::int64_t c) const {
    if (rock_top(c) < 0) {
      return 0;
    }
    if (held(c)) {
      return value<std::int64_t>("boundary_height", c) - frame_offset;
    }
    return (rock_top(c) + value<std::int32_t>("n_loose", c)) * one_voxel +
           value<std::int32_t>("residual", c) * one_voxel /
               solid(static_cast<material_id>(value<material_id>("rock_material", c))) +
           value<std::int64_t>("sediment", c) * one_voxel / solid(sediment);
  }
  /// Cut already, but no whole quantum yet: 2^-31 quanta.
  [[nodiscard]] std::int32_t waiting(std::int64_t c) const {
    return static_cast<std::int32_t>(value<std::int32_t>("remainder_river", c));
  }
  /// Solid of a column, counted voxel by voxel.
  [[nodiscard]] std::int64_t counted(std::int64_t c) const {
    std::int64_t sum = 0;
    for (std::int32_t z = 0; z < size.z; ++z) {
      sum += solid(voxel_at(c, z));
    }
    if (rock_top(c) >= 0) {
      sum += value<std::int64_t>("sediment", c) + value<std::int32_t>("residual", c) -
             solid(static_cast<material_id>(value<material_id>("rock_material", c)));
    }
    return sum;
  }
  [[nodiscard]] std::vector<ground_layer> layers(std::int64_t c) const {
    std::vector<ground_layer> found;
    std::int64_t z = rock_top(c);
    material_id rock = voxel_at(c, z);
    std::int64_t left = value<std::int32_t>("residual", c);
    const std::int64_t bare = z * one_voxel + left * one_voxel / solid(rock);
    const std::int64_t loose =
        value<std::int32_t>("n_loose", c) * solid(sediment) + value<std::int64_t>("sediment", c);
    if (loose > 0) {
      found.push_back({sediment, height(c), bare, loose});
    }
    for (std::int64_t top = bare;;) {
      while (z > 0 && voxel_at(c, z - 1) == rock) {
        --z;
        left += solid(rock);
      }
      found.push_back({rock, top, z * one_voxel, left});
      // The next ground, and the sediment that lies on it.
      std::int64_t grains = 0;
      for (--z; z >= 0; --z) {
        const material_id m = voxel_at(c, z);
        if (m == sediment) {
          ++grains;
        } else if (solid(m) > 0) {
          break;
        } else {
          grains = 0;
        }
      }
      if (z < 0) {
        return found;
      }
      rock = voxel_at(c, z);
      left = solid(rock);
      top = (z + 1) * one_voxel;
      if (grains > 0) {
        found.push_back({sediment, top + grains * one_voxel, top, grains * solid(sediment)});
      }
    }
  }
};

struct river_step {
  std::vector<std::int64_t> cut;    ///< quanta by cell
  std::vector<std::int32_t> waits;  ///< what is left of the cuts, 2^-31 quanta
  std::vector<double> height;       ///< after the step, before rounding
  std::vector<std::int64_t> left;   ///< quanta that left by outlet
  std::int64_t uphill = 0;
  std::int64_t contacts = 0;
};

/// (z + F zr) / (1 + F), F = K dt A^m / l.
inline double river_height(double z, double receiver, double f) {
  f = std::min(f, std::ldexp(1.0, 60));
  return std::max((z + f * receiver) / (1.0 + f), receiver);
}

/// Whether the rock of this layer lies on another rock, whatever loose or empty is between.
inline bool is_contact(const std::vector<ground_layer>& layers, const ground_layer* layer) {
  const material_id above = layer->material;
  const ground_layer* const end = layers.data() + layers.size();
  const ground_layer* const below =
      std::find_if(layer + 1, end, [](const ground_layer& l) { return l.material != sediment; });
  return above != sediment && below != end && below->material != above;
}

/// A region of one rock, as deep as anybody cuts.
struct uniform_ground {
  const material_table* table;
  material_id rock;
  const terrain* surface;
  std::span<const std::int32_t> rest;
  [[nodiscard]] std::int32_t waiting(std::int64_t c) const {
    return rest[static_cast<std::size_t>(c)];
  }
  [[nodiscard]] std::int64_t solid(material_id m) const { return (*table)[m].solid_quanta(); }
  [[nodiscard]] std::vector<ground_layer> layers(std::int64_t c) const {
    return {{rock, surface->at(c), -one_voxel, std::numeric_limits<std::int64_t>::max()}};
  }
};

/// `World`: plain_columns_world or uniform_ground.
template <class World>
river_step cut_sequentially(
    const World& world, const terrain& t, double k, double m, double cell_size_m, double dt_yr) {
  const routing_oracle routes(t);
  const auto n = static_cast<std::size_t>(t.cells());
  river_step step{std::vector<std::int64_t>(n, 0), std::vector<std::int32_t>(n, 0),
                  std::vector<double>(n, 0.0), std::vector<std::int64_t>(n, 0)};
  std::vector<std::int64_t> outlet(n, -1);
  for (auto at = routes.upstream_first.rbegin(); at != routes.upstream_first.rend(); ++at) {
    const auto c = static_cast<std::size_t>(*at);
    const std::int64_t r = routes.receiver[c];
    step.height[c] = static_cast<double>(t.at(*at));
    step.waits[c] = world.waiting(*at);
    outlet[c] = r == *at ? r : outlet[static_cast<std::size_t>(r)];
    if (r == *at) {
      continue;
    }
    const double receiver = step.height[static_cast<std::size_t>(r)];
    if (step.height[c] <= receiver) {
      ++step.uphill;
      continue;
    }
    bool diagonal = false;
    for (const auto& neighbour : t.neighbours(*at)) {
      diagonal = neighbour.cell == r ? neighbour.diagonal : diagonal;
    }
    const double distance = k * dt_yr / cell_size_m / (diagonal ? std::sqrt(2.0) : 1.0);
    double left = distance *
                  plain_power(static_cast<double>(routes.area[c]) * (cell_size_m * cell_size_m), m);
    double z = step.height[c];
    double quanta = 0.0;  // not whole ones
    const std::vector<ground_layer> layers = world.layers(*at);
    for (const ground_layer& layer : layers) {
      if (&layer != layers.data()) {
        z = static_cast<double>(layer.top);
      }
      if (z <= receiver || left == 0.0) {
        break;
      }
      const double f = left * (*world.table)[layer.material].erodibility;
      const double end = river_height(z, receiver, f);
      const double base = static_cast<double>(layer.base);
      if (end >= base) {
        quanta += std::clamp((z - end) * static_cast<double>(world.solid(layer.material)) /
                                 static_cast<double>(one_voxel),
                             0.0, static_cast<double>(layer.quanta));
        z = end;
        break;
      }
      const double share = (z - base) / ((base - receiver) * f);
      left = share < 1.0 ? left * (1.0 - share) : 0.0;
      quanta += static_cast<double>(layer.quanta);
      z = base;
      step.contacts += is_contact(layers, &layer) ? 1 : 0;
    }
    step.height[c] = z;
    quanta += std::ldexp(static_cast<double>(step.waits[c]), -31);
    step.cut[c] = static_cast<std::int64_t>(quanta);
    step.waits[c] =
        static_cast<std::int32_t>(std::ldexp(quanta - static_cast<double>(step.cut[c]), 31));
    step.left[static_cast<std::size_t>(outlet[c])] += step.cut[c];
  }
  return step;
}

}  // namespace lithify::test
