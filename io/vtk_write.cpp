/// The view as groups of a checkpoint. Source: "VTKHDF format specification" (Kitware), version
/// 1.0, OverlappingAMR. VTK 9.2 reads texts in ASCII only, and complains where a level has no
/// group of points' or fields' data.
#include "cf_grid.hpp"
#include "hdf5_file.hpp"
#include "vtk_view.hpp"

#include <array>
#include <cmath>
#include <string>

namespace lithify::io {

namespace {

void put_level(h5_writer& file,
               const std::string& path,
               const view_level& level,
               const region_geometry& g) {
  file.group(path);
  file.attribute(path, "lod", std::int32_t{level.lod});
  const std::array<double, 3> spacing = {std::ldexp(g.cell_size_m, level.lod),
                                         std::ldexp(g.cell_size_m, level.lod),
                                         std::ldexp(g.voxel_height_m, level.lod)};
  file.attribute(path, "Spacing", h5_type_of<double>(), spacing.size(), spacing.data());
  std::vector<std::int32_t> ends;  // both inclusive
  for (const voxel_box& b : level.boxes) {
    ends.insert(ends.end(), {b.min.x, b.max.x - 1, b.min.y, b.max.y - 1, b.min.z, b.max.z - 1});
  }
  file.array<std::int32_t>(path + "/AMRBox", ends,
                           {static_cast<std::int64_t>(level.boxes.size()), 6});
  file.group(path + "/PointData");
  file.group(path + "/FieldData");
  file.group(path + "/CellData");
  file.array<material_id>(path + "/CellData/material", level.materials);
}

void put_levels(h5_writer& file,
                const std::vector<view_level>& levels,
                const region_geometry& g,
                double floor_m) {
  file.group("/VTKHDF");
  const std::array<std::int64_t, 2> version = {1, 0};
  file.attribute("/VTKHDF", "Version", h5_type_of<std::int64_t>(), version.size(), version.data());
  file.ascii_attribute("/VTKHDF", "Type", "OverlappingAMR");
  file.ascii_attribute("/VTKHDF", "GridDescription", "XYZ");
  const std::array<double, 3> origin = {g.origin_x_m, g.origin_y_m, floor_m};
  file.attribute("/VTKHDF", "Origin", h5_type_of<double>(), origin.size(), origin.data());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    put_level(file, "/VTKHDF/Level" + std::to_string(i), levels[i], g);
  }
}

void put_surface(h5_writer& file,
                 const view_surface& surface,
                 const region_geometry& g,
                 double floor_m) {
  // A column that is looked at is the first of its 2^lod, not the one in their middle.
  const double spacing_m = std::ldexp(g.cell_size_m, surface.lod);
  const double shift_m = (g.cell_size_m - spacing_m) / 2;
  const cf_grid grid{
      "/surface", surface.nx, surface.ny, spacing_m, g.origin_x_m + shift_m, g.origin_y_m + shift_m,
      g.crs_wkt};
  file.group("/surface");
  put_grid(file, grid);
  const std::string path = "/surface/elevation";
  file.array<std::int32_t>(path, surface.top, {surface.ny, surface.nx});
  put_on_grid(file, grid, "elevation");
  file.attribute(path, "long_name", std::string("top of the highest voxel that is not air"));
  file.attribute(path, "units", std::string("m"));
  file.attribute(path, "scale_factor", g.voxel_height_m);
  file.attribute(path, "add_offset", floor_m);
  file.attribute(path, "_FillValue", std::int32_t{0});
}

}  // namespace

void put_view(h5_writer& file,
              const world_view& view,
              const region_geometry& geometry,
              double floor_m) {
  put_levels(file, view.levels, geometry, floor_m);
  put_surface(file, view.surface, geometry, floor_m);
}

}  // namespace lithify::io
