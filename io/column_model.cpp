#include "lithify/io/column_model.hpp"

#include "dem_formats.hpp"
#include "lithify/base/angles.hpp"
#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace lithify::io {

namespace {

// Base of a layer at a cell: a constant, or a plane over cell indices.
struct base_plane {
  double at_origin_m = 0.0;  // at the centre of cell (0, 0)
  double per_x_m = 0.0;      // a cell eastwards
  double per_y_m = 0.0;
};

void check_grid(const elevation_grid& grid, const column_options& options) {
  require(grid.nx >= 1 && grid.ny >= 1 && grid.nx <= max_extent && grid.ny <= max_extent,
          errc::invalid_argument,
          "a region has 1 to 2,097,152 columns a side, the grid has " + std::to_string(grid.nx) +
              " x " + std::to_string(grid.ny) + ": crop or resample it");
  const auto cells = static_cast<std::size_t>(grid.nx * grid.ny);
  require(grid.elevation_m.size() == cells && grid.valid.size() == cells, errc::invalid_argument,
          "a grid's arrays do not match its size");
  for (const double length : {options.voxel_height_m, grid.cell_size_m}) {
    require(std::isfinite(length) && length > 0.0, errc::invalid_argument,
            "voxel height and cell size must be positive");
  }
  require(options.basement_m >= 0.0 && std::isfinite(options.basement_m) &&
              options.headroom_m >= 0.0 && std::isfinite(options.headroom_m),
          errc::invalid_argument, "basement and headroom must not be negative");
}

class column_builder {
 public:
  column_builder(const elevation_grid& grid,
                 const strata& layers,
                 const material_table& materials,
                 const column_options& options)
      : grid_(grid), layers_(layers.layers), options_(options) {
    const region_place place = place_region(grid, options);
    m_.size = place.size;
    m_.geometry = place.geometry;
    check_strata(layers, materials);
    for (const layer& l : layers_) {
      solid_.push_back(materials[l.material].solid_quanta());
      planes_.push_back(plane_of(l));
    }
    base_.resize(layers_.size());
  }

  column_model build() {
    const auto columns = grid_.valid.size();
    m_.span_offset.reserve(columns + 1);
    m_.rock_top.reserve(columns);
    m_.residual.reserve(columns);
    m_.rock_material.reserve(columns);
    m_.span_offset.push_back(0);
    for (std::int64_t y = 0; y < grid_.ny; ++y) {
      for (std::int64_t x = 0; x < grid_.nx; ++x) {
        add_column(x, y);
        m_.span_offset.push_back(static_cast<std::int64_t>(m_.span_top.size()));
      }
    }
    return std::move(m_);
  }

 private:
  base_plane plane_of(const layer& l) const {
    const double fall = tangent_of_degrees(l.dip_deg);
    const auto [east, north] = sine_and_cosine_of_degrees(l.dip_direction_deg);
    const double cell = grid_.cell_size_m;
    const double at_x =
        l.centred ? static_cast<double>(grid_.nx) / 2 : (l.at_x_m - grid_.origin_x_m) / cell;
    const double at_y =
        l.centred ? static_cast<double>(grid_.ny) / 2 : (l.at_y_m - grid_.origin_y_m) / cell;
    base_plane p;
    p.per_x_m = -fall * east * cell;
    p.per_y_m = -fall * north * cell;
    p.at_origin_m = l.value_m + p.per_x_m * (0.5 - at_x) + p.per_y_m * (0.5 - at_y);
    return p;
  }

  // Bases from the top down, each at most the one above: what a layer does not reach is empty.
  void find_bases(double surface_m, std::int64_t x, std::int64_t y) {
    double above = surface_m;   // base of the layer above, also where it lies in the air
    double lowest = surface_m;  // the lowest base so far
    for (std::size_t k = 0; k + 1 < layers_.size(); ++k) {
      const base_plane& p = planes_[k];
      switch (layers_[k].base) {
        case layer_base::thickness:
          above = above - layers_[k].value_m;
          break;
        case layer_base::depth:
          above = surface_m - layers_[k].value_m;
          break;
        default:
          above = p.at_origin_m + p.per_x_m * static_cast<double>(x) +
                  p.per_y_m * static_cast<double>(y);
          break;
      }
      lowest = std::min(lowest, above);
      base_[k] = lowest;
    }
    base_.back() = -HUGE_VAL;
  }

  void add_column(std::int64_t x, std::int64_t y) {
    const auto cell = static_cast<std::size_t>(y * grid_.nx + x);
    if (grid_.valid[cell] == 0) {
      m_.rock_top.push_back(outside_column);
      m_.residual.push_back(0);
      m_.rock_material.push_back(air);
      return;
    }
    const double surface_m = grid_.elevation_m[cell];
    find_bases(surface_m, x, y);
    std::size_t top_layer = 0;
    while (base_[top_layer] >= surface_m) {
      ++top_layer;
    }
    const std::int32_t top = add_surface(surface_m, top_layer);
    add_spans(top, top_layer);
  }

  // Gives the topmost voxel. Its solid is the least that reaches the elevation, so never none.
  std::int32_t add_surface(double surface_m, std::size_t top_layer) {
    const double voxels = (surface_m - m_.geometry.datum_m) / options_.voxel_height_m;
    auto height = static_cast<std::int64_t>(std::floor(voxels * static_cast<double>(one_voxel)));
    // Without basement the lowest surface is the floor: a quantum keeps its column inside the
    // world.
    height = std::clamp<std::int64_t>(height, 1, std::int64_t{m_.size.z} << fraction_bits);
    const std::int64_t top = (height - 1) >> fraction_bits;
    const std::int64_t fraction = height - (top << fraction_bits);  // 1..2^20
    const std::int64_t solid = solid_[top_layer];
    const std::int64_t residual = (fraction * solid + one_voxel - 1) >> fraction_bits;
    m_.rock_top.push_back(static_cast<std::int32_t>(top));
    m_.residual.push_back(static_cast<std::int32_t>(residual));
    m_.rock_material.push_back(layers_[top_layer].material);
    return static_cast<std::int32_t>(top);
  }

  // First voxel whose centre lies at or above the base of layer k.
  std::int32_t first_voxel(std::size_t k, std::int32_t top) const {
    const double at = (base_[k] - m_.geometry.datum_m) / options_.voxel_height_m - 0.5;
    return static_cast<std::int32_t>(
        std::clamp(std::ceil(at), 0.0, static_cast<double>(top) + 1.0));
  }

  void add_spans(std::int32_t top, std::size_t top_layer) {
    const auto first_span = m_.span_top.size();
    for (std::size_t k = layers_.size(); k-- > top_layer;) {
      // Layer k ends where the layer above it begins; the surface's layer owns the topmost voxel.
      const std::int32_t end = k == top_layer ? top + 1 : std::min(first_voxel(k - 1, top), top);
      const std::int32_t begin = m_.span_top.size() == first_span ? 0 : m_.span_top.back();
      if (end <= begin) {
        continue;
      }
      if (m_.span_top.size() > first_span && m_.span_material.back() == layers_[k].material) {
        m_.span_top.back() = end;
      } else {
        m_.span_top.push_back(end);
        m_.span_material.push_back(layers_[k].material);
      }
    }
  }

  const elevation_grid& grid_;
  const std::vector<layer>& layers_;
  const column_options& options_;
  std::vector<std::int32_t> solid_;
  std::vector<base_plane> planes_;
  std::vector<double> base_;  // of the column at hand
  column_model m_;
};

}  // namespace

region_place place_region(const elevation_grid& grid, const column_options& options) {
  check_grid(grid, options);
  double lowest = 0.0;
  double highest = 0.0;
  bool any = false;
  for (std::size_t i = 0; i < grid.valid.size(); ++i) {
    if (grid.valid[i] != 0) {
      const double z = grid.elevation_m[i];
      require(std::isfinite(z), errc::invalid_argument, "an elevation is not finite");
      lowest = any ? std::min(lowest, z) : z;
      highest = any ? std::max(highest, z) : z;
      any = true;
    }
  }
  require(any, errc::invalid_argument, "no cell of the grid holds an elevation");
  const double voxel = options.voxel_height_m;
  const double datum = std::floor((lowest - options.basement_m) / voxel) * voxel;
  const double height = std::max(std::ceil((highest + options.headroom_m - datum) / voxel), 1.0);
  require(height <= max_extent, errc::invalid_argument,
          "the region would be " + shortest(height) +
              " voxels high, at most 2,097,152 are possible: choose a larger voxel height");
  return {{static_cast<std::int32_t>(grid.nx), static_cast<std::int32_t>(grid.ny),
           static_cast<std::int32_t>(height)},
          {grid.cell_size_m, voxel, datum, grid.origin_x_m, grid.origin_y_m, grid.crs_wkt}};
}

column_model build_columns(const elevation_grid& grid,
                           const strata& layers,
                           const material_table& materials,
                           const column_options& options) {
  return column_builder(grid, layers, materials, options).build();
}

}  // namespace lithify::io
