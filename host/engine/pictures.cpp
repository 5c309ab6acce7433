#include "lithify/engine/pictures.hpp"

#include "drawn_surface.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace lithify::engine {

io::image draw_hillshade(const relief& surface) { return draw_hillshade(surface, surface); }

io::image draw_hillshade(const relief& surface, const relief& other) {
  const drawn_surface drawn(surface, surface.frame_offset);
  const auto own = io::elevations_of(drawn.view);
  const auto others = io::elevations_of(drawn_surface(other, other.frame_offset).view);
  io::hillshade_options options;
  options.colors = own;
  if (own && others) {
    options.colors = {std::min(own->lowest, others->lowest),
                      std::max(own->highest, others->highest)};
  }
  return io::hillshade(drawn.view, options);
}

io::image draw_difference(const relief& before,
                          const relief& after,
                          std::span<const field> columns) {
  require(before.size.x == after.size.x && before.size.y == after.size.y, errc::invalid_argument,
          "the two worlds are not of one size: their difference cannot be drawn");
  const std::vector<std::uint8_t> held = held_columns(columns);
  io::difference_options options;
  options.held = held;
  return io::difference(drawn_surface(before, 0).view, drawn_surface(after, 0).view, options);
}

io::image draw_materials(const relief& surface,
                         const snapshot& voxels,
                         const material_table& materials) {
  const std::vector<std::int32_t> tops = voxels.tops();
  std::vector<voxel> at;
  for (std::size_t c = 0; c < tops.size(); ++c) {
    const auto cell = static_cast<std::int32_t>(c);
    at.push_back({cell % surface.size.x, cell / surface.size.x, std::max(tops[c], 0)});
  }
  return io::material_map(drawn_surface(surface, surface.frame_offset).view, voxels.materials(at),
                          materials);
}

io::image draw_section(const relief& surface,
                       const snapshot& voxels,
                       const material_table& materials,
                       const cut& where) {
  const bool along_x = where.normal == cut::axis::y;
  const region_size& size = surface.size;
  const std::int32_t extent = along_x ? size.y : size.x;
  require(where.at >= 0 && where.at < extent, errc::outside_region,
          std::string("a section at ") + (along_x ? "y = " : "x = ") + std::to_string(where.at) +
              " is outside the region: allowed is 0 to " + std::to_string(extent - 1));
  voxel_box box = size.box();
  (along_x ? box.min.y : box.min.x) = where.at;
  (along_x ? box.max.y : box.max.x) = where.at + 1;
  const std::vector<material_id> material = voxels.box(box);
  const std::vector<double> all =
      elevations(surface.height, surface.geometry, surface.frame_offset);
  std::vector<double> line;
  for (std::int32_t i = 0; i < (along_x ? size.x : size.y); ++i) {
    const std::int64_t cell =
        along_x ? std::int64_t{where.at} * size.x + i : std::int64_t{i} * size.x + where.at;
    line.push_back(all[static_cast<std::size_t>(cell)]);
  }
  const double frame = static_cast<double>(surface.frame_offset) / one_voxel;
  return io::section({static_cast<std::int64_t>(line.size()), size.z, surface.geometry.cell_size_m,
                      surface.geometry.voxel_height_m,
                      surface.geometry.datum_m + frame * surface.geometry.voxel_height_m, material,
                      line, io::section_place{along_x, where.at}},
                     materials);
}

}  // namespace lithify::engine
