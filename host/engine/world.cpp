#include "lithify/world.hpp"

#include "backend.hpp"
#include "checks.hpp"
#include "lithify/base/error.hpp"
#include "state_digest.hpp"

#include <cmath>

namespace lithify {

using engine::typed_memory;

world::world(std::unique_ptr<engine::backend_world> p) : impl_(std::move(p)) {}
world::world(world&&) noexcept = default;
world& world::operator=(world&&) noexcept = default;
world::~world() = default;

world world::create(const world_config& config, const std::string& device) {
  return typed_memory([&] {
    engine::require_config(config);
    return world(engine::make_backend(config, device));
  });
}

const world_config& world::config() const { return impl_->config(); }
std::string world::device() const {
  return typed_memory([&] { return impl_->device(); });
}

void world::build(std::span<const std::int64_t> offset,
                  std::span<const std::int32_t> top,
                  std::span<const material_id> material) {
  typed_memory([&] {
    engine::require_columns(config(), offset, top, material);
    impl_->build(offset, top, material);
  });
}

void world::load(const voxel_image& image, std::uint64_t batch_number, tick when) {
  typed_memory([&] {
    engine::require_image(config(), image);
    require(image.overlay_key.empty() || batch_number > 0, errc::invalid_argument,
            "an image with pending deltas needs a batch number of at least 1");
    impl_->load(image, batch_number, when);
  });
}

std::uint64_t world::commit(std::span<const voxel_edit> edits, tick when) {
  return typed_memory([&] {
    for (const voxel_edit& edit : edits) {
      engine::require_inside(config().size, edit.at);
      engine::require_material(config().materials, edit.material);
    }
    return impl_->commit(edits, when);
  });
}

std::uint64_t world::revert(std::span<const voxel> at, const snapshot& then, tick when) {
  require(impl_->owns(*then.impl_), errc::invalid_argument,
          "the snapshot is of another world: revert to one that this world's current() gave, or "
          "commit what the other one holds");
  const std::vector<material_id> materials = then.materials(at);
  return typed_memory([&] {
    std::vector<voxel_edit> edits(at.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      edits[i] = {at[i], materials[i]};
    }
    return commit(edits, when);
  });
}

snapshot world::current() const {
  return typed_memory([&] { return snapshot(impl_->current()); });
}

consolidation_report world::consolidate(consolidation_strategy strategy,
                                        const std::function<void(const char*)>& hook) {
  return typed_memory([&] { return impl_->consolidate(strategy, hook); });
}

world_statistics world::statistics() const { return impl_->statistics(); }
std::vector<std::pair<std::string, double>> world::stage_seconds() const {
  return typed_memory([&] { return impl_->stage_seconds(); });
}
void world::record_stages() {
  typed_memory([&] { impl_->record_stages(); });
}
std::vector<stage_run> world::stage_runs() const {
  return typed_memory([&] { return impl_->stage_runs(); });
}

void world::simulate(std::vector<pass_config> passes,
                     std::span<const field> columns,
                     const simulation_state& from) {
  typed_memory([&] {
    require(from.step >= 0 && std::isfinite(from.time_yr), errc::invalid_argument,
            "a simulation starts at a step of at least 0 and a finite time");
    require(!columns.empty() || (from.frame_offset == 0 && from.frame_remainder == 0),
            errc::invalid_argument, "a frame that has moved needs its column fields");
    impl_->simulate(std::move(passes), columns, from);
  });
}

step_report world::step(double dt_yr) {
  step_trace nothing;
  return step(dt_yr, {}, nothing);
}

step_report world::step(double dt_yr, const trace_request& asked, step_trace& noted) {
  return typed_memory([&] {
    require(std::isfinite(dt_yr) && dt_yr > 0.0, errc::invalid_argument,
            "a step must be a finite, positive number of years");
    if (asked.values) {
      engine::require_chunk(config().size, asked.values->chunk);
    }
    return impl_->step(dt_yr, asked, noted);
  });
}

simulation_state world::simulation() const { return impl_->simulation(); }
std::vector<field> world::column_fields() const {
  return typed_memory([&] { return impl_->column_fields(); });
}
std::vector<std::int64_t> world::surface() const {
  return typed_memory([&] { return impl_->surface(); });
}
drainage_map world::drainage() const {
  return typed_memory([&] { return impl_->drainage(); });
}
int128 world::stored() const {
  return typed_memory([&] { return impl_->stored(); });
}

digest128 world::state_digest() const {
  return typed_memory([&] {
    const engine::backend_world::state_parts parts = impl_->state();
    return engine::digest_of(
        engine::digest_parts{config(), parts.simulation, parts.columns, parts.content});
  });
}

}  // namespace lithify
