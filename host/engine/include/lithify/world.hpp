/// The façade of Lithify: worlds, snapshots and simulations on whatever device is there.
///
/// A `world` is one region on one device. Writers (commit, consolidate, step) are serialised by the
/// world's write lock; snapshots are immutable, cheap to copy, safe from any thread, and readers
/// never wait for a writer. Plain C++20: no CUDA, no Thrust.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/geometry.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/base/material.hpp"
#include "lithify/base/types.hpp"
#include "lithify/deltas/overlay_types.hpp"
#include "lithify/octree/query_types.hpp"
#include "lithify/octree/voxel_image.hpp"
#include "lithify/passes/pass_types.hpp"
#include "lithify/passes/trace.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lithify {

namespace engine {
class backend_world;  // one per backend, behind virtual calls
class backend_snapshot;
}  // namespace engine

/// When and how deltas go into the index by themselves.
struct overlay_policy {
  std::int64_t threshold = 1000;  ///< claimed overlay slots above which a commit consolidates
  consolidation_strategy strategy = consolidation_strategy::lazy_threshold;
};

struct world_config {
  region_size size;
  region_geometry geometry;
  material_table materials;
  overlay_policy overlay;
  std::size_t memory_limit_bytes = 0;  ///< of device memory; 0 = what the device has
  region_sides sides = {};             ///< what a simulation finds beyond the region
};

/// An immutable state of a world's voxels.
class snapshot {
 public:
  /// Material of a voxel, or the LOD material of the cube of 2^lod voxels that holds it.
  /// Errors: outside_region.
  [[nodiscard]] material_id material(voxel at, int lod = 0) const;
  /// Many at once; one device call.
  [[nodiscard]] std::vector<material_id> materials(std::span<const voxel> at, int lod = 0) const;

  /// LOD materials of the cubes that meet `box`, x fastest, from cube floor(min / 2^lod).
  /// Errors: outside_region unless the box lies in the region; invalid_argument if it is empty.
  [[nodiscard]] std::vector<material_id> box(const voxel_box& box, int lod = 0) const;
  /// The box as clipped cubes of one material, none finer than `lod`; they tile it.
  [[nodiscard]] std::vector<cube_run> runs(const voxel_box& box, int lod = 0) const;
  /// Spans of the columns of a box, bottom to top; at a LOD of the columns of cubes that meet it,
  /// heights in voxels and cut to the box's.
  [[nodiscard]] column_list columns(const voxel_box& box, int lod = 0) const;
  /// Highest voxel that is not air of every column of the region, x fastest; -1 if none.
  [[nodiscard]] std::vector<std::int32_t> tops() const;

  /// Whether the overlay holds the voxel with a material other than the index's.
  [[nodiscard]] bool has_delta(voxel at) const;
  /// Number of such voxels.
  [[nodiscard]] std::int64_t delta_count() const;
  /// Number of the batch that wrote the voxel last, while the overlay holds it.
  [[nodiscard]] std::optional<std::uint64_t> patch_version(voxel at) const;

  /// Number of the newest batch in the snapshot.
  [[nodiscard]] std::uint64_t batch_number() const;
  /// The tick that it was committed with; a step's is its number.
  [[nodiscard]] tick newest_tick() const;
  /// Hash of the voxels alone (the Merkle content hash of octree/README.md).
  [[nodiscard]] digest128 content_digest() const;
  /// The same in parts, as `voxels`: an entry a chunk of columns (lithify/passes/trace.hpp), bottom
  /// to top.
  [[nodiscard]] traced_part chunk_digests() const;
  /// Canonical copy of the voxels, pending deltas in its overlay arrays.
  [[nodiscard]] voxel_image image() const;

 private:
  friend class world;
  explicit snapshot(std::shared_ptr<const engine::backend_snapshot> p) : impl_(std::move(p)) {}
  std::shared_ptr<const engine::backend_snapshot> impl_;
};

struct consolidation_report {
  std::int64_t tables = 0;
  std::int64_t deltas = 0;
  std::int64_t bricks = 0;
  std::int64_t changed_voxels = 0;
};

/// Device memory by what it is for, in bytes.
struct memory_use {
  std::size_t index = 0;    ///< octree: slabs of nodes and bricks, their tables
  std::size_t overlay = 0;  ///< published tables
  std::size_t columns = 0;  ///< column fields of a simulation
};

struct world_statistics {
  std::int64_t overlay_slots = 0;  ///< claimed slots of published tables
  std::int64_t tables = 0;
  std::int64_t dense_bricks = 0, sparse_bricks = 0, node_blocks = 0, directory_pages = 0;
  std::size_t device_bytes = 0;  ///< in use now, for everything
  std::size_t peak_device_bytes = 0;
  memory_use memory;  ///< in use now; what else there is belongs to work that is going on, and to
                      ///< what snapshots sorted or still hold
  std::uint64_t host_bytes_read = 0;  ///< device to host, since creation
  std::int64_t consolidations = 0;
  std::int64_t deltas_consolidated = 0;
};

/// One run of a stage, in seconds since `world::record_stages`, measured on the device.
struct stage_run {
  std::string stage;  ///< as in `world::stage_seconds`
  double begin = 0.0;
  double seconds = 0.0;
};

/// State of a simulation beside voxels and columns.
struct simulation_state {
  std::int64_t step = 0;
  double time_yr = 0.0;
  std::int64_t frame_offset = 0;     ///< 2^-20 voxel heights
  std::int64_t frame_remainder = 0;  ///< 2^-52 voxel heights
  std::uint64_t random_key = 0;      ///< Philox: what passes that draw numbers start from,
  std::uint64_t random_counter = 0;  ///< and how many they have drawn; none of today's does
};

/// Where water runs over a surface: an entry a column, in cell order.
struct drainage_map {
  /// The cell that it drains to: one of its 8 neighbours, itself at outlets and sinks, -1 outside.
  std::vector<std::int64_t> receiver;
  /// Columns that drain through it, itself included; 0 outside.
  std::vector<std::int64_t> area;
};

class world {
 public:
  /// A world of uniform air on `device` ("auto", "cpu", "cuda", "cuda:N").
  /// Errors: invalid_argument (config), not_found (no such device, and why), out_of_memory.
  [[nodiscard]] static world create(const world_config& config, const std::string& device = "auto");
  world(world&&) noexcept;
  world& operator=(world&&) noexcept;
  ~world();

  [[nodiscard]] const world_config& config() const;
  /// "cpu" or "cuda:N".
  [[nodiscard]] std::string device() const;

  /// Replaces the voxels by columns of spans: `offset` (columns + 1, x fastest), exclusive tops
  /// rising in a column, materials. Equals writing every voxel, without the overlay.
  /// Errors: invalid_argument, out_of_memory; the world is as before then.
  void build(std::span<const std::int64_t> offset,
             std::span<const std::int32_t> top,
             std::span<const material_id> material);
  /// Replaces the voxels by an image; its overlay arrays become one table. `batch_number` and
  /// `when` are what the newest batch has from then on.
  /// Errors: as `build`.
  void load(const voxel_image& image, std::uint64_t batch_number, tick when = 0);

  /// Writes voxels as one batch, visible at once; among equal voxels the last one wins.
  /// Gives the batch number. Errors: outside_region (names the voxel), out_of_memory: nothing is
  /// written then.
  std::uint64_t commit(std::span<const voxel_edit> edits, tick when = 0);
  /// Writes back what the voxels were in `then`, as one batch. Errors: those of `commit`, and
  /// invalid_argument where `then` is a snapshot of another world: nothing is written then.
  std::uint64_t revert(std::span<const voxel> at, const snapshot& then, tick when = 0);

  [[nodiscard]] snapshot current() const;

  /// Moves deltas into the index. `hook` runs after each named step; if it throws, the world is as
  /// before. It may commit, but not replace the voxels or consolidate.
  consolidation_report consolidate(consolidation_strategy strategy = consolidation_strategy::all,
                                   const std::function<void(const char* step)>& hook = {});

  [[nodiscard]] world_statistics statistics() const;
  /// Seconds spent in each named stage of writing since creation, measured on the device, in the
  /// order of their first runs. "step.diffusion" is a part of "step". Sync.
  [[nodiscard]] std::vector<std::pair<std::string, double>> stage_seconds() const;
  /// From now on every run of a stage is kept, until the next call. Waits for running writes.
  /// Cost: 24 bytes a run on the host, about 20 runs a step.
  void record_stages();
  /// The runs that began since; none without `record_stages`. Sync.
  [[nodiscard]] std::vector<stage_run> stage_runs() const;

  /// Starts simulating with these passes. `columns` empty: derived from the voxels.
  void simulate(std::vector<pass_config> passes,
                std::span<const field> columns = {},
                const simulation_state& from = {});
  /// One step. Requires: simulate was called. Errors: out_of_range, out_of_memory: nothing changed.
  step_report step(double dt_yr);
  /// The same step, which notes down what it is asked to. Requires: the chunk is in the region.
  /// Errors: also outside_region.
  step_report step(double dt_yr, const trace_request& asked, step_trace& noted);
  [[nodiscard]] simulation_state simulation() const;
  [[nodiscard]] std::vector<field> column_fields() const;
  /// Surface height of every column, 2^-20 voxel heights; the least int64 where it is outside.
  [[nodiscard]] std::vector<std::int64_t> surface() const;
  /// Where water runs over that surface now. Requires: simulate was called.
  [[nodiscard]] drainage_map drainage() const;
  /// Solid in the world by a full sum, in quanta. While simulating: as the last step left it; what
  /// was committed since counts from the next step on, which reports it as `edited`.
  [[nodiscard]] int128 stored() const;

  /// Digest of everything that is state: see octree/README.md and README.md of host/engine.
  [[nodiscard]] digest128 state_digest() const;

 private:
  explicit world(std::unique_ptr<engine::backend_world> p);
  std::unique_ptr<engine::backend_world> impl_;
};

}  // namespace lithify
