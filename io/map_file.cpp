#include "map_file.hpp"

#include "lithify/base/error.hpp"

#include <array>
#include <cmath>

namespace lithify::io {

void check_map(const map_file& map) {
  constexpr std::int64_t most_cells = std::int64_t{1} << 42;
  require(map.nx >= 1 && map.ny >= 1 && map.nx <= most_cells / map.ny, errc::invalid_argument,
          "a map needs at least one cell");
  require(std::isfinite(map.cell_size_m) && map.cell_size_m > 0.0, errc::invalid_argument,
          "a map's cell size must be positive");
  require(!map.layers.empty(), errc::invalid_argument, "a map needs a layer");
  for (const map_layer& layer : map.layers) {
    const field& f = layer.values;
    require(f.shape == std::vector<std::int64_t>{map.ny, map.nx} &&
                f.count() == static_cast<std::size_t>(map.nx * map.ny),
            errc::invalid_argument, "layer '" + f.name + "' does not fit the map's grid");
    require(f.type != field_type::uint16, errc::invalid_argument,
            "layer '" + f.name + "' is of a type that maps do not hold");
  }
}

}  // namespace lithify::io
