/// What a backend does for the façade: one implementation, compiled once per device kind.
///
/// Plain C++20, internal. `world` and `snapshot` check arguments that come from users before they
/// call in here; a backend may rely on what each call's **Requires** says. Snapshots may be used
/// from any thread, also while a writer works and after the world is gone.
#pragma once

#include "lithify/world.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lithify::engine {

class backend_snapshot {
 public:
  virtual ~backend_snapshot() = default;
  [[nodiscard]] virtual region_size size() const = 0;
  /// Requires: every voxel is inside the region, 0 <= lod <= coordinate_bits.
  [[nodiscard]] virtual std::vector<material_id> materials(std::span<const voxel> at,
                                                           int lod) const = 0;
  /// Requires: the box is not empty and inside the region; the same of `runs` and `columns`.
  [[nodiscard]] virtual std::vector<material_id> box(const voxel_box& box, int lod) const = 0;
  [[nodiscard]] virtual std::vector<cube_run> runs(const voxel_box& box, int lod) const = 0;
  [[nodiscard]] virtual column_list columns(const voxel_box& box, int lod) const = 0;
  [[nodiscard]] virtual std::vector<std::int32_t> tops() const = 0;
  [[nodiscard]] virtual bool has_delta(voxel at) const = 0;
  [[nodiscard]] virtual std::int64_t delta_count() const = 0;
  [[nodiscard]] virtual std::optional<std::uint64_t> patch_version(voxel at) const = 0;
  [[nodiscard]] virtual std::uint64_t batch_number() const = 0;
  [[nodiscard]] virtual tick newest_tick() const = 0;
  [[nodiscard]] virtual digest128 content_digest() const = 0;
  [[nodiscard]] virtual traced_part chunk_digests() const = 0;
  [[nodiscard]] virtual voxel_image image() const = 0;
};

class backend_world {
 public:
  virtual ~backend_world() = default;
  [[nodiscard]] virtual const world_config& config() const = 0;
  [[nodiscard]] virtual std::string device() const = 0;

  /// Requires: offsets, tops and materials are checked.
  virtual void build(std::span<const std::int64_t> offset,
                     std::span<const std::int32_t> top,
                     std::span<const material_id> material) = 0;
  /// Requires: the image is checked against the configuration.
  virtual void load(const voxel_image& image, std::uint64_t batch_number, tick when) = 0;
  /// Requires: every voxel is inside the region, every material in the table.
  virtual std::uint64_t commit(std::span<const voxel_edit> edits, tick when) = 0;
  [[nodiscard]] virtual std::shared_ptr<const backend_snapshot> current() const = 0;
  /// Whether `s` is a state of this world.
  [[nodiscard]] virtual bool owns(const backend_snapshot& s) const = 0;
  virtual consolidation_report consolidate(consolidation_strategy strategy,
                                           const std::function<void(const char* step)>& hook) = 0;
  [[nodiscard]] virtual world_statistics statistics() const = 0;
  [[nodiscard]] virtual std::vector<std::pair<std::string, double>> stage_seconds() const = 0;
  virtual void record_stages() = 0;
  [[nodiscard]] virtual std::vector<stage_run> stage_runs() const = 0;

  virtual void simulate(std::vector<pass_config> passes,
                        std::span<const field> columns,
                        const simulation_state& from) = 0;
  /// Requires: a chunk that is asked for is in the region.
  virtual step_report step(double dt_yr, const trace_request& asked, step_trace& noted) = 0;
  [[nodiscard]] virtual simulation_state simulation() const = 0;
  [[nodiscard]] virtual std::vector<field> column_fields() const = 0;
  [[nodiscard]] virtual std::vector<std::int64_t> surface() const = 0;
  [[nodiscard]] virtual drainage_map drainage() const = 0;
  [[nodiscard]] virtual int128 stored() const = 0;
  /// Everything that the state digest covers, of one moment between two writes.
  struct state_parts {
    simulation_state simulation;
    std::vector<field> columns;
    digest128 content;
  };
  [[nodiscard]] virtual state_parts state() const = 0;
};

/// The backend that `device` names ("auto", "cpu", "cuda", "cuda:N").
/// Errors: invalid_argument (no such word), not_found (no such device, and why).
[[nodiscard]] std::unique_ptr<backend_world> make_backend(const world_config& config,
                                                          const std::string& device);

}  // namespace lithify::engine
