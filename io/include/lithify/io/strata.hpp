/// Strata: which material lies where under the ground, as a list of layers from the top down.
///
/// In TOML, one `[[layer]]` each:
///
///     [[layer]]
///     material = "soil"
///     thickness_m = 2                 # below the base of the layer above (at first: the surface)
///
///     [[layer]]
///     material = "sandstone"
///     base_depth_m = 40               # its base lies this deep under the surface
///
///     [[layer]]
///     material = "limestone"
///     base_elevation_m = 900          # its base is a plane: at this elevation, ...
///     dip_deg = 12                    # ... sinking by this angle, [0, 90) ...
///     dip_direction_deg = 225         # ... towards this azimuth (0 north, 90 east), [0, 360) ...
///     at_m = [389000, 3795000]        # ... through this easting and northing; default: the centre
///
///     [[layer]]
///     material = "granite"            # the last layer has no base: it reaches the floor
///
/// A layer fills what lies between the base of the layer above and its own base. Where its base
/// rises above that, the layer is absent there: eroded away, or pinched out. A `thickness_m` under
/// a plane counts from the plane even where the plane is in the air, so that a dipping stack crops
/// out in bands.
#pragma once

#include "lithify/base/material.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lithify::io {

/// What bounds a layer from below.
enum class layer_base : std::uint8_t {
  thickness,  ///< `value_m` under the base of the layer above
  depth,      ///< `value_m` under the surface
  plane,      ///< elevation `value_m` at a point, dipping
  floor,      ///< nothing: the last layer
};

struct layer {
  material_id material = 0;
  layer_base base = layer_base::floor;
  double value_m = 0.0;
  double dip_deg = 0.0;            ///< plane only: [0, 90)
  double dip_direction_deg = 0.0;  ///< plane only: azimuth of the dip, [0, 360)
  bool centred = true;             ///< plane only: through the grid's centre, not (at_x_m, at_y_m)
  double at_x_m = 0.0;             ///< easting
  double at_y_m = 0.0;             ///< northing
  friend bool operator==(const layer&, const layer&) = default;
};

/// Layers from the top down; the last one, and no other, has the base `floor`.
struct strata {
  std::vector<layer> layers;
  friend bool operator==(const strata&, const strata&) = default;
};

/// The text of the strata that a world gets when none are stated: 2 m of soil, sandstone to 40 m,
/// limestone to 150 m, granite below; all parallel to the surface.
[[nodiscard]] std::string_view default_strata_toml();
[[nodiscard]] strata default_strata(const material_table& materials);

/// Strata from TOML text; `name` is what messages call its source.
/// Errors: invalid_argument (name, line, reason): broken TOML, an unknown key (with the nearest
/// known one), an unknown material or one that is not consolidated, not exactly one base, a number
/// that is not finite or out of range.
[[nodiscard]] strata parse_strata(std::string_view toml,
                                  const std::string& name,
                                  const material_table& materials);

/// The same from a file.
/// Errors: as parse_strata; not_found, io_failure.
[[nodiscard]] strata read_strata(const std::filesystem::path& file,
                                 const material_table& materials);

/// Checks strata that were not parsed.
/// Errors: invalid_argument.
void check_strata(const strata& s, const material_table& materials);

}  // namespace lithify::io
