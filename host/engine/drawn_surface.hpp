/// A relief as pictures take it, and which of its columns are held.
#pragma once

#include "lithify/base/column.hpp"
#include "lithify/base/field.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/pictures.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace lithify::engine {

/// Elevations with their mask: what `io::surface_view` borrows.
struct drawn_surface {
  std::vector<double> height_m;
  std::vector<std::uint8_t> valid;
  io::surface_view view;

  drawn_surface(const relief& s, std::int64_t frame_offset)
      : height_m(elevations(s.height, s.geometry, frame_offset)), valid(height_m.size()) {
    std::transform(height_m.begin(), height_m.end(), valid.begin(),
                   [](double h) { return static_cast<std::uint8_t>(!std::isnan(h)); });
    view = {s.size.x, s.size.y, s.geometry.cell_size_m, height_m, valid};
  }
  drawn_surface(const drawn_surface&) = delete;
  drawn_surface& operator=(const drawn_surface&) = delete;
};

/// Per column, 1 where a boundary holds it at its elevation; empty: the columns hold none.
inline std::vector<std::uint8_t> held_columns(std::span<const field> columns) {
  std::vector<std::uint8_t> held;
  for (const field& f : columns) {
    if (f.name == "boundary_height") {
      for (const std::int64_t h : f.as<std::int64_t>()) {
        held.push_back(static_cast<std::uint8_t>(h != not_held));
      }
    }
  }
  return held;
}

}  // namespace lithify::engine
