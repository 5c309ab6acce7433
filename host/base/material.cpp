#include "lithify/base/material.hpp"

#include "lithify/base/error.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace lithify {

namespace {

constexpr std::size_t builtin_count = 17;

// Names, ids, densities, erosion resistance and frost susceptibility: the specification's tested
// table. Porosities: mid-range values of Freeze & Cherry (1979), Groundwater, table 2.4; the
// sediment's is the default of Landlab's SPACE (phi = 0.3 for mixed grain sizes).
//
// Erodibility: 10 / erosion resistance where that is stated, chosen between neighbours elsewhere;
// only granite meets a measurement. Stock & Montgomery (1999) fit K at m = 0.4, in m^0.2/yr: 1e-7
// .. 1e-6 for granite and metamorphic rock, 1e-5 .. 1e-4 for volcaniclastic rock, 1e-4 .. 1e-2 for
// mudstone. The same incision at m = 0.45 takes K A^-0.05, half of it over areas of 1e6 .. 1e7 m2:
// 5e-8 .. 5e-7, 5e-6 .. 5e-5, 5e-5 .. 5e-3 m^0.1/yr. With k = 2e-6 granite has 4e-7, the upper end;
// the table's soil and sediment, 2e-5, are choices, and so are limestone and sandstone.
// Repose: loose 30 .. 37 degrees: 33.7 is atan(2/3), that of slabs of sand in models after Werner
// 1995, and sand and gravel heaped up in talus stood at 33.1 on average (GSA Bulletin 80, 2123,
// 1969); coarse gravel stands steeper. The rest is chosen: soil, clay and dirt, which cohere, 45;
// rock at least 60, massive rock 75 (cliffs of granite stand near vertical, bedded rock does not).
std::vector<material> builtin() {
  using enum material_kind;
  return {
      {"air", empty, 0.0, 1.225, 0.0, 0.0},
      {"water", empty, 0.0, 1000.0, 0.0, 0.0},
      {"soil", consolidated, 0.45, 1400.0, 1.0, 0.1, 10.0, 45.0},
      {"sand", consolidated, 0.40, 1600.0, 0.0, 0.0, 10.0, 33.7},
      {"rock", consolidated, 0.05, 2700.0, 0.0, 0.0, 1.0, 60.0},
      {"granite", consolidated, 0.01, 2750.0, 50.0, 0.05, 0.2, 75.0},
      {"basalt", consolidated, 0.10, 2900.0, 0.0, 0.0, 0.5, 75.0},
      {"limestone", consolidated, 0.10, 2500.0, 10.0, 0.3, 1.0, 65.0},
      {"sandstone", consolidated, 0.15, 2300.0, 5.0, 0.5, 2.0, 60.0},
      {"clay", consolidated, 0.45, 1800.0, 2.0, 0.0, 5.0, 45.0},
      {"gravel", consolidated, 0.30, 1850.0, 0.0, 0.0, 10.0, 37.0},
      {"ice", empty, 0.0, 917.0, 0.0, 0.0},
      {"snow", empty, 0.0, 300.0, 0.0, 0.0},
      {"lava", consolidated, 0.0, 3100.0, 0.0, 0.0, 0.5, 75.0},
      {"magma", consolidated, 0.0, 2600.0, 0.0, 0.0, 0.5, 60.0},
      {"dirt", consolidated, 0.45, 1300.0, 0.0, 0.0, 10.0, 45.0},
      {"sediment", loose, 0.30, 1855.0, 0.0, 0.0, 10.0, 33.7},
  };
}

}  // namespace

std::int32_t material::solid_quanta() const {
  if (kind == material_kind::empty) {
    return 0;
  }
  return static_cast<std::int32_t>(std::lround((1.0 - porosity) * static_cast<double>(one_voxel)));
}

material_table::material_table() : materials_(builtin()) {}

std::optional<material_id> material_table::find(std::string_view name) const {
  for (std::size_t i = 0; i < materials_.size(); ++i) {
    if (materials_[i].name == name) {
      return static_cast<material_id>(i);
    }
  }
  return std::nullopt;
}

material_id material_table::set(const material& m) {
  require(!m.name.empty(), errc::invalid_argument, "a material needs a name");
  for (const double value :
       std::array{m.porosity, m.density_kg_per_m3, m.erosion_resistance, m.frost_susceptibility,
                  m.erodibility, m.diffusivity_m2_per_yr.value_or(0.0)}) {
    require(std::isfinite(value) && value >= 0.0, errc::invalid_argument,
            "material '" + m.name + "': properties must be finite and not negative");
  }
  require(m.porosity < 1.0 && (m.kind == material_kind::empty || m.solid_quanta() > 0),
          errc::invalid_argument, "material '" + m.name + "': porosity must be below 1");
  require(m.repose_deg >= 1.0 && m.repose_deg <= 89.0, errc::invalid_argument,
          "material '" + m.name + "': repose_deg must be from 1 to 89");
  if (const auto id = find(m.name)) {
    require(*id >= builtin_count || materials_[*id].kind == m.kind, errc::invalid_argument,
            "material '" + m.name + "' is built in: its kind cannot change");
    materials_[*id] = m;
    return *id;
  }
  require(materials_.size() <= std::numeric_limits<material_id>::max(), errc::invalid_argument,
          "a material table holds at most 65,536 materials");
  materials_.push_back(m);
  return static_cast<material_id>(materials_.size() - 1);
}

}  // namespace lithify
