/// Pictures of a world: pure functions from plain arrays to images.
///
/// Maps have north at the top. Cells without data are transparent. Small grids are drawn with
/// several pixels a cell, large ones with several cells a pixel (the nearest), so that the longer
/// side of a map has 480 to 4096 pixels. Colours and numbers are for people: pictures are no state
/// and in no digest, yet the same arrays give the same pixels.
#pragma once

#include "lithify/base/material.hpp"
#include "lithify/base/types.hpp"
#include "lithify/io/png.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace lithify::io {

/// A surface over cells in cell order (x fastest, then y northwards); borrows its arrays.
struct surface_view {
  std::int64_t nx = 0;
  std::int64_t ny = 0;
  double cell_size_m = 1.0;
  std::span<const double> height_m;     ///< nx * ny elevations
  std::span<const std::uint8_t> valid;  ///< nx * ny, 0 = no data; empty: all cells are valid
};

/// Metres.
struct elevation_range {
  double lowest = 0.0;
  double highest = 0.0;
};
/// Of the valid cells; empty: there are none. Errors: invalid_argument.
[[nodiscard]] std::optional<elevation_range> elevations_of(const surface_view& surface);

struct hillshade_options {
  double azimuth_deg = 315.0;  ///< where the light comes from: 0 north, 90 east
  double altitude_deg = 45.0;  ///< of the light above the horizon
  double exaggeration = 1.0;   ///< of heights
  bool tint = true;            ///< colour by elevation; false: grey, 255 max(0, cos incidence)
  bool legend = true;          ///< a strip with the colours' elevations and a scale bar
  /// Elevations of the first and the last colour; empty: the surface's own.
  std::optional<elevation_range> colors;
};

/// Shaded relief (Lambert's cosine law on Horn's 1981 third-order gradient).
/// Errors: invalid_argument when the arrays do not match the size.
[[nodiscard]] image hillshade(const surface_view& surface, const hillshade_options& options = {});

struct difference_options {
  double limit_m = 0.0;  ///< full colour at this change; 0: the 98th percentile of the changes
  bool legend = true;
  /// Per cell, not 0: held at its elevation. Such a cell is grey, in the legend a held side, and
  /// not among the changes; empty: none.
  std::span<const std::uint8_t> held = {};
};

/// Change of height, `after` - `before`: red where ground was lost, blue where it was gained, over
/// the grey relief of `after`. The scale is symmetric about 0.
/// Requires: both surfaces on the same grid. A cell is shown where both are valid.
/// Errors: invalid_argument.
[[nodiscard]] image difference(const surface_view& before,
                               const surface_view& after,
                               const difference_options& options = {});

/// Materials at the surface over shaded relief, with a legend of those that occur.
/// `top` has an entry a cell; relief is left flat where `surface.height_m` is empty.
/// Errors: invalid_argument.
[[nodiscard]] image material_map(const surface_view& surface,
                                 std::span<const material_id> top,
                                 const material_table& materials);

/// One number a cell on a logarithmic scale over shaded relief: drainage area, say. What is not
/// positive is drawn as the lowest.
/// Errors: invalid_argument.
[[nodiscard]] image logarithmic_map(const surface_view& surface,
                                    std::span<const double> values,
                                    const std::string& unit);

/// What leaves at single cells: discs whose area is in proportion, over shaded relief, and the sum.
/// Around the map is a border, for discs at its edge are whole.
/// Where `sinks` is not 0 it ended inside: a disc of another colour, counted apart; empty: nowhere.
/// Errors: invalid_argument.
[[nodiscard]] image outlet_map(const surface_view& surface,
                               std::span<const double> volume_m3,
                               std::span<const std::uint8_t> sinks);

/// Where a section cuts: along a row of cells or across.
struct section_place {
  bool west_to_east = true;  ///< else from south to north
  std::int64_t cell = 0;     ///< the row from the south, or the column from the west
};

/// A vertical cut: nx columns side by side, nz voxels up; borrows its arrays.
struct section_view {
  std::int64_t nx = 0;
  std::int64_t nz = 0;
  double cell_size_m = 1.0;  ///< along the cut
  double voxel_height_m = 1.0;
  double floor_m = 0.0;                     ///< elevation of the lower face of voxel 0
  std::span<const material_id> material;    ///< nx * nz, x fastest, then z upwards
  std::span<const double> surface_m;        ///< nx elevations, NaN = none; empty: no line is drawn
  std::optional<section_place> place = {};  ///< written above it
};

/// The cut with axes in metres, exaggerated vertically to a readable height (the factor is written
/// on it), cropped to the ground around the surface, with a legend of the materials that can be
/// seen: a layer thinner than a pixel, or hidden by the surface's line, is not in it.
/// Errors: invalid_argument.
[[nodiscard]] image section(const section_view& cut, const material_table& materials);

/// The colour of a material in every picture: fixed for built-in ones, from the name for others.
[[nodiscard]] rgba material_color(material_id id, const material_table& materials);

}  // namespace lithify::io
