#include "same_world.hpp"

#include "lithify/base/error.hpp"
#include "lithify/io/column_model.hpp"
#include "texts.hpp"

#include <algorithm>
#include <string>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

std::string first_difference(const material_table& a, const material_table& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i >= a.size() || i >= b.size()) {
      return (i < a.size() ? a : b).all()[i].name;
    }
    const material& m = a.all()[i];
    const material& n = b.all()[i];
    if (m.name != n.name || m.kind != n.kind || m.solid_quanta() != n.solid_quanta()) {
      return m.name;
    }
  }
  return "";
}

[[noreturn]] void refuse(const fs::path& file, const std::string& difference) {
  throw error(errc::invalid_argument, "checkpoint '" + file.string() + "' has " + difference +
                                          "; take the scenario that it was made with");
}

io::region_place place_of(const world_source& source) {
  if (source.checkpoint.empty()) {
    return io::place_region(io::read_dem(source.dem, source.import), source.columns);
  }
  const io::checkpoint_summary from = io::read_summary(source.checkpoint);
  return {from.size, from.geometry};
}

}  // namespace

std::optional<differing_length> first_differing_length(const region_geometry& a,
                                                       const region_geometry& b) {
  const differing_length lengths[] = {
      {"cell size", a.cell_size_m, b.cell_size_m},
      {"voxel height", a.voxel_height_m, b.voxel_height_m},
      {"easting of the south-west corner", a.origin_x_m, b.origin_x_m},
      {"northing of the south-west corner", a.origin_y_m, b.origin_y_m},
      {"elevation of the floor", a.datum_m, b.datum_m}};
  for (const differing_length& length : lengths) {
    if (length.a != length.b) {
      return length;
    }
  }
  return std::nullopt;
}

void require_same_materials(const scenario& s, const io::checkpoint& from, const fs::path& file) {
  const std::string material = first_difference(s.materials, from.materials);
  if (!material.empty()) {
    refuse(file, "another material '" + material + "' than the scenario");
  }
}

void require_same_region(const scenario& s, const io::checkpoint& from, const fs::path& file) {
  const io::region_place place = place_of(s.world);
  if (const auto differs = first_differing_length(from.geometry, place.geometry)) {
    refuse(file, "another " + std::string(differs->what) + " than the scenario: " +
                     exact_text(differs->a) + " m, not " + exact_text(differs->b) + " m");
  }
  if (s.world.checkpoint.empty() && !(from.sides == s.world.sides)) {
    refuse(file, "other kinds of sides than the scenario");
  }
  if (!(from.voxels.size == place.size)) {
    refuse(file, "another size than the scenario: " + size_text(from.voxels.size) +
                     " voxels, not " + size_text(place.size) + " voxels");
  }
}

}  // namespace lithify::engine
