#include "first_surface.hpp"

#include "checkpoint_folder.hpp"
#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "same_scenario.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace lithify::engine {

namespace {

relief relief_of(const io::checkpoint& c) {
  return {c.voxels.size, c.geometry, c.state.frame_offset, surface_of(c)};
}

/// The state before the first step, if it is that of this run: no other has just this much solid.
std::optional<io::checkpoint> first_state(const resumed_run& run, const region_size& size) {
  try {
    io::checkpoint first = io::read_checkpoint(checkpoint_folder(run.folder).name(0));
    if (first.voxels.size == size && first.state.budget.stored_at_start == run.stored_at_start) {
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
    const std::vector<std::string> keys = differing_keys(run.scenario, s.text);
    require(solid == run.stored_at_start && std::none_of(keys.begin(), keys.end(), is_of_ground),
            errc::not_found,
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
