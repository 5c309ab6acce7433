#include "first_surface.hpp"

#include "checkpoint_folder.hpp"
#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "same_scenario.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace lithify::engine {

namespace {

relief relief_of(const io::checkpoint& c) {
  return {c.voxels.size, c.geometry, c.state.frame_offset, surface_of(c)};
}

/// Whether two scenarios' texts name one ground.
bool of_same_ground(const std::string& one, const std::string& other) {
  const std::vector<std::string> keys = differing_keys(one, other);
  return std::none_of(keys.begin(), keys.end(), is_of_ground);
}

bool same_place(const region_geometry& a, const region_geometry& b) {
  const auto all = [](const region_geometry& g) {
    return std::tie(g.cell_size_m, g.voxel_height_m, g.datum_m, g.origin_x_m, g.origin_y_m,
                    g.crs_wkt);
  };
  return all(a) == all(b);
}

/// The state before the first step, if it is that of this run. Equal solid alone does not say so:
/// other ground may have just as much, as where a DEM is turned.
std::optional<io::checkpoint> first_state(const resumed_run& run, const region_size& size) {
  try {
    io::checkpoint first = io::read_checkpoint(checkpoint_folder(run.folder).name(0));
    if (first.voxels.size == size && same_place(first.geometry, run.geometry) &&
        first.state.budget.stored_at_start == run.stored_at_start &&
        of_same_ground(first.scenario, run.scenario)) {
      return first;
    }
  } catch (const error&) {  // then there is none
  }
  return std::nullopt;
}

/// Solid of a world that is made of a model.
int128 solid_of(const io::column_model& model, const material_table& materials) {
  int128 sum = 0;
  for (std::size_t c = 0; c < model.rock_top.size(); ++c) {
    std::int32_t below = 0;
    for (std::int64_t s = model.span_offset[c]; s < model.span_offset[c + 1]; ++s) {
      const auto span = static_cast<std::size_t>(s);
      sum += int128{model.span_top[span] - below} *
             materials[model.span_material[span]].solid_quanta();
      below = model.span_top[span];
    }
    if (model.rock_top[c] != outside_column) {
      sum += model.residual[c] - materials[model.rock_material[c]].solid_quanta();
    }
  }
  return sum;
}

int128 solid_of(const io::checkpoint& c) {
  const io::budget_totals& b = c.state.budget;
  return b.stored_at_start + b.in - b.out - b.exported + b.edited;
}

}  // namespace

relief first_surface(const scenario& s, const resumed_run& run, const region_size& size) {
  if (const auto first = first_state(run, size)) {
    return relief_of(*first);
  }
  const auto require_same = [&](int128 solid) {
    require(solid == run.stored_at_start && of_same_ground(run.scenario, s.text), errc::not_found,
            "the run started from other ground than the scenario's, and its first checkpoint is "
            "not kept");
  };
  if (s.world.checkpoint.empty()) {
    const io::column_model model = read_columns(s.world, s.materials);
    require_same(solid_of(model, s.materials));
    return {model.size, model.geometry, 0, surface_of(model, s.materials)};
  }
  const io::checkpoint first = io::read_checkpoint(s.world.checkpoint);
  require_same(solid_of(first));
  return relief_of(first);
}

}  // namespace lithify::engine
