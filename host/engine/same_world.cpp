#include "same_world.hpp"

#include "lithify/base/error.hpp"
#include "lithify/io/column_model.hpp"

#include <algorithm>
#include <cstdio>
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

std::string text(const region_size& s) {
  return std::to_string(s.x) + " x " + std::to_string(s.y) + " x " + std::to_string(s.z) +
         " voxels";
}

/// As many digits as tell two numbers apart.
std::string text(double value) {
  char digits[32];
  (void)std::snprintf(digits, sizeof digits, "%.17g", value);
  return digits;
}

io::region_place place_of(const world_source& source) {
  if (source.checkpoint.empty()) {
    return io::place_region(io::read_dem(source.dem, source.import), source.columns);
  }
  const io::checkpoint_summary from = io::read_summary(source.checkpoint);
  return {from.size, from.geometry};
}

}  // namespace

void require_same_materials(const scenario& s, const io::checkpoint& from, const fs::path& file) {
  const std::string material = first_difference(s.materials, from.materials);
  if (!material.empty()) {
    refuse(file, "another material '" + material + "' than the scenario");
  }
}

void require_same_region(const scenario& s, const io::checkpoint& from, const fs::path& file) {
  const io::region_place place = place_of(s.world);
  const region_geometry& a = from.geometry;
  const region_geometry& b = place.geometry;
  const struct {
    const char* what;
    double of_checkpoint, of_scenario;
  } lengths[] = {{"cell size", a.cell_size_m, b.cell_size_m},
                 {"voxel height", a.voxel_height_m, b.voxel_height_m},
                 {"easting of the south-west corner", a.origin_x_m, b.origin_x_m},
                 {"northing of the south-west corner", a.origin_y_m, b.origin_y_m},
                 {"elevation of the floor", a.datum_m, b.datum_m}};
  for (const auto& length : lengths) {
    if (length.of_checkpoint != length.of_scenario) {
      refuse(file, "another " + std::string(length.what) + " than the scenario: " +
                       text(length.of_checkpoint) + " m, not " + text(length.of_scenario) + " m");
    }
  }
  if (s.world.checkpoint.empty() && !(from.sides == s.world.sides)) {
    refuse(file, "other kinds of sides than the scenario");
  }
  if (!(from.voxels.size == place.size)) {
    refuse(file, "another size than the scenario: " + text(from.voxels.size) + ", not " +
                     text(place.size));
  }
}

}  // namespace lithify::engine
