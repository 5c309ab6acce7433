/// The simulation: columns that belong to a snapshot, and steps that change both at once.
///
/// A step works on a copy of the columns and swaps it in once the batch is committed, so that an
/// error anywhere leaves columns and world as they were.
#include "columns.cuh"
#include "lithify/base/error.hpp"
#include "lithify/passes/detail/simulation.cuh"
#include "routing.cuh"
#include "stages.cuh"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// Tables of a stream power pass; empty without one.
struct river_buffers {
  device::buffer<double> powers;
  device::buffer<double> erodibility;
};

namespace {

bool finite_and_positive(double value) { return std::isfinite(value) && value > 0.0; }

void check_sides(const region_sides& sides, region_size size) {
  const auto looped = [](side_kind s) { return s == side_kind::looped; };
  require(looped(sides.west) == looped(sides.east) && looped(sides.south) == looped(sides.north),
          errc::invalid_argument, "a looped side needs a looped side opposite");
  require((!sides.loop_x() || size.x >= 3) && (!sides.loop_y() || size.y >= 3),
          errc::invalid_argument, "looped sides need at least 3 cells between them");
}

/// Quanta by material id, for every id that a voxel may hold.
device::buffer<std::int32_t> upload_solids(device::exec ex, const material_table& materials) {
  std::vector<std::int32_t> solids(all_materials, 0);
  for (std::size_t i = 0; i < materials.size(); ++i) {
    solids[i] = materials[static_cast<material_id>(i)].solid_quanta();
  }
  device::buffer<std::int32_t> out(ex, all_materials);
  device::copy_to_device(ex, out.data(), solids.data(), all_materials);
  return out;
}

/// Erodibility by material id, for every id that a voxel may hold.
device::buffer<double> upload_erodibility(device::exec ex, const material_table& materials) {
  std::vector<double> factors(all_materials, 0.0);
  for (std::size_t i = 0; i < materials.size(); ++i) {
    factors[i] = materials[static_cast<material_id>(i)].erodibility;
  }
  device::buffer<double> out(ex, all_materials);
  device::copy_to_device(ex, out.data(), factors.data(), all_materials);
  return out;
}

river_buffers make_river_tables(device::exec ex,
                                const std::vector<pass_config>& passes,
                                const region_geometry& geometry,
                                const material_table& materials) {
  for (const pass_config& pass : passes) {
    if (const auto* rivers = std::get_if<stream_power_parameters>(&pass)) {
      return {area_powers(ex, geometry.cell_size_m, rivers->m), upload_erodibility(ex, materials)};
    }
  }
  return {};
}

/// Steepest drops by material id, for every id that a voxel may hold.
device::buffer<steepest_drop> upload_drops(device::exec ex,
                                           const material_table& materials,
                                           const region_geometry& geometry) {
  std::vector<steepest_drop> drops(all_materials);
  for (std::size_t i = 0; i < materials.size(); ++i) {
    drops[i] = steepest_drop_of(materials[static_cast<material_id>(i)].repose_deg, geometry);
  }
  device::buffer<steepest_drop> out(ex, all_materials);
  device::copy_to_device(ex, out.data(), drops.data(), all_materials);
  return out;
}

bool slides(const std::vector<pass_config>& passes) {
  return std::any_of(passes.begin(), passes.end(), [](const pass_config& p) {
    return std::holds_alternative<talus_parameters>(p);
  });
}

/// Surface heights.
void read_surface(device::exec ex,
                  const column_view& columns,
                  const std::int32_t* solid,
                  std::int64_t n,
                  std::int64_t* height,
                  std::int64_t outside) {
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t c) {
    height[c] = columns.outside(c) ? outside : columns.height(c, solid);
  });
}

std::vector<stage_field> stage_fields(const column_arrays& columns) {
  std::vector<stage_field> fields;
  column_arrays::each(
      columns, [&]<class T>(const char* name, const char* unit, const device::buffer<T>& values) {
        fields.push_back({name, unit, field_type_of<T>, values.data()});
      });
  return fields;
}

/// Columns that a step or a reader may change, with the layout that belongs to them.
struct working_columns {
  column_arrays columns;
  std::shared_ptr<const column_layout> layout;
};

}  // namespace

struct simulation::impl {
  deltas::overlay& overlay;
  region_geometry geometry;
  region_size size;
  region_sides sides;
  material_table materials;
  std::vector<pass_config> passes;
  device::buffer<std::int32_t> solid;
  std::int32_t sediment_solid;
  river_buffers rivers;
  device::buffer<steepest_drop> steepest;  ///< empty without a talus pass
  std::int64_t staging_bound;

  column_arrays columns;
  std::shared_ptr<const column_layout> layout;
  frame_position frame;
  std::optional<deltas::snapshot> seen;  ///< the voxels that `columns` belong to

  [[nodiscard]] bool stale(const deltas::snapshot& now) const {
    return now.batch_number() != seen->batch_number();
  }
  [[nodiscard]] bool has_rivers() const { return rivers.powers.size() > 0; }
  void require_columns() const {
    require(seen.has_value(), errc::invalid_argument,
            "the simulation has no columns: load or derive them first");
  }

  /// A copy of the columns, brought up to date with `now` where others wrote.
  [[nodiscard]] working_columns refreshed(device::exec ex, const deltas::snapshot& now) const {
    working_columns out{copy_columns(ex, columns), layout};
    if (stale(now)) {
      const deltas::reading voxels(ex, now);
      refresh_columns(ex, voxels.merged(), solid.data(), out.columns.view());
      out.layout =
          std::make_shared<const column_layout>(make_layout(ex, out.columns.view(), size, sides));
      set_boundary(ex, out.columns.view(), *out.layout, solid.data(), frame.offset);
    }
    return out;
  }

  [[nodiscard]] int128 measured(device::exec ex,
                                const deltas::snapshot& world,
                                const column_arrays& with) const {
    const deltas::reading voxels(ex, world);
    return measure_solid(ex, voxels.merged(), solid.data(), with.view());
  }

  /// All that the stages of a step need but its batch.
  [[nodiscard]] step_view view(const working_columns& work,
                               const deltas::reading& voxels,
                               step_words* words) const {
    step_view step;
    step.columns = work.columns.view();
    step.faces = work.layout->faces.data();
    step.held = work.layout->held.data();
    step.held_count = work.layout->held.size();
    step.nx = work.layout->nx;
    step.cells = work.layout->cells();
    step.loop_x = sides.loop_x();
    step.loop_y = sides.loop_y();
    step.solid = solid.data();
    step.sediment_solid = sediment_solid;
    step.steepest = steepest.data();
    step.words = words;
    step.ground = {voxels.view(), {}, size, solid.data()};
    return step;
  }

  /// Takes over columns that belong to `now`. Never throws.
  void adopt(column_arrays&& next,
             std::shared_ptr<const column_layout> with,
             frame_position at,
             deltas::snapshot now) {
    columns = std::move(next);
    layout = std::move(with);
    frame = at;
    seen = std::move(now);
  }
};

simulation::simulation(device::exec ex,
                       deltas::overlay& overlay,
                       const region_geometry& geometry,
                       const material_table& materials,
                       std::vector<pass_config> passes,
                       const region_sides& sides) {
  require(finite_and_positive(geometry.cell_size_m) && finite_and_positive(geometry.voxel_height_m),
          errc::invalid_argument, "cell_size_m and voxel_height_m must be finite and positive");
  check_passes(passes);
  const region_size size = overlay.current().size();
  check_sides(sides, size);
  river_buffers rivers = make_river_tables(ex, passes, geometry, materials);
  device::buffer<steepest_drop> drops;
  if (slides(passes)) {
    drops = upload_drops(ex, materials, geometry);
  }
  // Chosen: one column in four changes; a step that needs more says so, and it is remembered.
  const std::int64_t bound = std::max<std::int64_t>(1024, size.columns() / 4);
  impl_ = std::make_unique<impl>(impl{overlay,
                                      geometry,
                                      size,
                                      sides,
                                      materials,
                                      std::move(passes),
                                      upload_solids(ex, materials),
                                      materials[sediment].solid_quanta(),
                                      std::move(rivers),
                                      std::move(drops),
                                      bound,
                                      {},
                                      nullptr,
                                      {},
                                      std::nullopt});
}

simulation::~simulation() = default;

void simulation::load(device::exec ex, std::span<const field> columns, frame_position frame) {
  impl& my = *impl_;
  require(frame.remainder >= 0 && frame.remainder < (std::int64_t{1} << 32), errc::invalid_argument,
          "the frame's remainder must be in [0, 2^32)");
  // 2^32 steps of the greatest uplift go on from there.
  constexpr std::int64_t farthest = std::int64_t{1} << 62;
  require(frame.offset >= -farthest && frame.offset <= farthest, errc::invalid_argument,
          "the frame's offset must be from -2^62 to 2^62");
  deltas::snapshot now = my.overlay.current();
  column_arrays next = upload_fields(ex, columns, my.size, my.has_rivers());
  auto layout =
      std::make_shared<const column_layout>(make_layout(ex, next.view(), my.size, my.sides));
  const deltas::reading voxels(ex, now);
  check_columns(ex, voxels.merged(), my.solid.data(), next.view(), *layout, frame.offset);
  my.adopt(std::move(next), std::move(layout), frame, std::move(now));
}

void simulation::derive(device::exec ex) {
  impl& my = *impl_;
  deltas::snapshot now = my.overlay.current();
  column_arrays next(ex, my.size.columns(), my.has_rivers());
  const deltas::reading voxels(ex, now);
  derive_columns(ex, voxels.merged(), my.solid.data(), next.view());
  auto layout =
      std::make_shared<const column_layout>(make_layout(ex, next.view(), my.size, my.sides));
  set_boundary(ex, next.view(), *layout, my.solid.data(), 0);
  my.adopt(std::move(next), std::move(layout), {}, std::move(now));
}

std::vector<field> simulation::fields(device::exec ex) const {
  impl_->require_columns();
  const deltas::snapshot now = impl_->overlay.current();
  return download_fields(ex, impl_->refreshed(ex, now).columns, impl_->size);
}

frame_position simulation::frame() const { return impl_->frame; }

std::vector<std::int64_t> simulation::surface(device::exec ex) const {
  impl_->require_columns();
  const working_columns work = impl_->refreshed(ex, impl_->overlay.current());
  const std::int64_t n = impl_->size.columns();
  device::buffer<std::int64_t> height(ex, n);
  read_surface(ex, work.columns.view(), impl_->solid.data(), n, height.data(), outside_height);
  std::vector<std::int64_t> out(static_cast<std::size_t>(n));
  device::copy_to_host(ex, out.data(), height.data(), n);
  return out;
}

flow_network simulation::drainage(device::exec ex) const {
  impl_->require_columns();
  const working_columns work = impl_->refreshed(ex, impl_->overlay.current());
  const std::int64_t n = impl_->size.columns();
  const grid_view grid = work.layout->grid();
  const device::buffer<std::int64_t> height(ex, n);
  read_surface(ex, work.columns.view(), impl_->solid.data(), n, height.data(), no_ground);
  const flow_routes routes = route(ex, grid, height.data());
  const device::buffer<std::int64_t> receiver(ex, n);
  read_receivers(ex, grid, routes, receiver.data());
  flow_network out;
  out.receiver.resize(static_cast<std::size_t>(n));
  out.area.resize(static_cast<std::size_t>(n));
  device::copy_to_host(ex, out.receiver.data(), receiver.data(), n);
  device::copy_to_host(ex, out.area.data(), routes.area.data(), n);
  return out;
}

int128 simulation::stored(device::exec ex) const {
  impl_->require_columns();
  return impl_->measured(ex, *impl_->seen, impl_->columns);
}

std::size_t simulation::bytes() const {
  const impl& my = *impl_;
  std::size_t sum = my.layout ? my.layout->faces.bytes() + my.layout->held.bytes() : 0;
  column_arrays::each(my.columns,
                      [&](const char*, const char*, const auto& values) { sum += values.bytes(); });
  return sum;
}

void simulation::reserve_deltas(std::int64_t bound) {
  require(bound > 0, errc::invalid_argument, "a table must admit at least one delta");
  impl_->staging_bound = bound;
}

step_report simulation::step(device::exec ex, double dt_yr, tick when, const stage_watch& watch) {
  impl& my = *impl_;
  my.require_columns();
  require(finite_and_positive(dt_yr), errc::invalid_argument, "dt_yr must be finite and positive");
  std::vector<stage> stages = plan_stages(my.passes, my.geometry, my.materials, my.frame, dt_yr,
                                          {my.rivers.powers.data(), my.rivers.erodibility.data()});
  const deltas::snapshot world = my.overlay.current();
  working_columns work = my.refreshed(ex, world);
  step_report report;
  if (my.stale(world)) {
    report.edited = my.measured(ex, world, work.columns) - my.measured(ex, *my.seen, my.columns);
  }

  deltas::staging batch(ex, my.staging_bound);
  device::buffer<step_words> words(ex, 1);
  device::fill(ex, words.data(), 1, step_words{});
  const deltas::reading voxels(ex, world);
  step_view view = my.view(work, voxels, words.data());
  device::buffer<std::int64_t> debts;
  if (my.steepest.size() > 0) {
    debts = device::buffer<std::int64_t>(ex, view.cells);
    device::fill(ex, debts.data(), view.cells, std::int64_t{0});
    view.rock_debt = debts.data();
  }
  const auto show = [&](const char* pass, frame_position frame) {
    watch(
        {pass, frame.offset, frame.remainder, my.size, stage_fields(work.columns), batch.table()});
  };
  std::function<void(const stage&)> settled;
  if (watch) {
    show("start", my.frame);
    settled = [&](const stage& s) { show(s.name(), s.frame); };
  }
  run_stages(ex, stages, view, batch, settled);
  const step_words done = device::read(ex, words.data());
  require_in_range(stages, done, my.size.x);
  write_budgets(stages, done, my.geometry.voxel_height_m, report);

  my.overlay.commit(ex, std::move(batch), when);
  my.adopt(std::move(work.columns), std::move(work.layout), stages.back().frame,
           my.overlay.current());
  my.staging_bound = std::max(my.staging_bound, report.deltas + report.deltas / 4);
  return report;
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
