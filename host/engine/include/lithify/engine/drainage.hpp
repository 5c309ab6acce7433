/// Rivers for people: slopes, maps and the slope-area plot of a surface and the water on it.
#pragma once

#include "lithify/engine/pictures.hpp"
#include "lithify/io/map_file.hpp"
#include "lithify/world.hpp"

#include <span>
#include <vector>

namespace lithify::engine {

/// Drop to the receiver over the distance to it, metres a metre; 0 at outlets and sinks, NaN
/// outside.
[[nodiscard]] std::vector<double> slopes(const relief& surface, const drainage_map& water);

/// A power law S = ks A^-theta through the medians of slope in bins of ten a decade of area, over
/// columns that drain at least `least_cells` and fall. 0 bins: there are none.
struct slope_area_fit {
  double ks = 0.0;              ///< m^(2 theta)
  double theta = 0.0;           ///< the concavity
  std::vector<double> area_m2;  ///< middle of each bin
  std::vector<double> slope;    ///< its median
};
[[nodiscard]] slope_area_fit fit_slope_area(const relief& surface,
                                            const drainage_map& water,
                                            std::int64_t least_cells = 100);

/// Drainage area over shaded relief.
[[nodiscard]] io::image draw_drainage(const relief& surface, const drainage_map& water);
/// Slopes of columns over their drainage areas: at most 100 in a tenth of a decade, the medians of
/// all, and the law through the medians of large areas.
[[nodiscard]] io::image draw_slope_area(const relief& surface, const drainage_map& water);

/// Solid that left at each column since the start, as discs over shaded relief; at columns that are
/// not held it ended in a sink.
/// Errors: invalid_argument if the columns do not say (no rivers ran) or are not those of
/// `surface`.
[[nodiscard]] io::image draw_export(const relief& surface, std::span<const field> columns);

/// The layers elevation, drainage_area, receiver, slope and, where `before` has the surface at the
/// start of the last `dt_yr` years, erosion_rate.
/// Errors: invalid_argument if `before` is not of the same size.
[[nodiscard]] io::map_file flow_map(const relief& surface,
                                    const drainage_map& water,
                                    std::span<const std::int64_t> before,
                                    double dt_yr);

}  // namespace lithify::engine
