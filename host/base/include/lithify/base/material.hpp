/// The material table: what a material id stands for, and how much solid a voxel of it holds.
///
/// Ids 0..16 are built in (names and values of the specification's tested table; 16 `sediment` is
/// the one grain class that hillslopes move). A scenario may add materials and change properties,
/// never a built-in name. Materials are matched by name, never by number, across files.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lithify {

/// How a material takes part in a column.
enum class material_kind : std::uint8_t {
  empty,         ///< holds no solid: air, water, ice, snow
  consolidated,  ///< rock, or ground that stays where it is until a pass erodes it
  loose,         ///< a grain class: moves between columns in whole quanta
};

struct material {
  std::string name;
  material_kind kind = material_kind::consolidated;
  double porosity = 0.0;              ///< pore volume / bulk volume, [0, 1)
  double density_kg_per_m3 = 0.0;     ///< bulk density
  double erosion_resistance = 0.0;    ///< relative to soil = 1; 0 = not stated
  double frost_susceptibility = 0.0;  ///< fraction, 0 = not stated
  double erodibility = 1.0;           ///< factor on the k of stream power
  double repose_deg = 60.0;           ///< steepest slope that stands, [1, 89]
  /// Of hillslope creep; nothing: what the pass says.
  std::optional<double> diffusivity_m2_per_yr = std::nullopt;

  /// Quanta of solid in a full voxel: round((1 - porosity) 2^20), 0 for kind `empty`.
  [[nodiscard]] std::int32_t solid_quanta() const;
};

inline constexpr material_id water = 1;
inline constexpr material_id sediment = 16;

/// Materials by id; at most 65,536.
class material_table {
 public:
  /// The built-in table, ids 0..16.
  material_table();

  [[nodiscard]] std::size_t size() const { return materials_.size(); }
  [[nodiscard]] const material& operator[](material_id id) const { return materials_.at(id); }
  [[nodiscard]] const std::vector<material>& all() const { return materials_; }
  /// Id of a name (lower case, exact), or nothing.
  [[nodiscard]] std::optional<material_id> find(std::string_view name) const;
  /// Adds a material, or replaces the properties of the one that has its name; gives the id.
  /// Errors: invalid_argument for an empty name, a porosity outside [0, 1), a repose angle outside
  /// [1, 89], a value that is not finite or negative, or a built-in id whose kind would change.
  material_id set(const material& m);

 private:
  std::vector<material> materials_;
};

}  // namespace lithify
