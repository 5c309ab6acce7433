/// A relief as pictures take it.
#pragma once

#include "lithify/engine/import.hpp"
#include "lithify/engine/pictures.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
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

}  // namespace lithify::engine
