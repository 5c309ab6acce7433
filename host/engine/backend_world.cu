/// The façade's implementation over the device layers, compiled once per backend.
///
/// One `core` holds everything that snapshots share with the world, so that a snapshot outlives it.
/// Writers hold `write_`, which is recursive: a consolidation's hook may commit. Readers borrow a
/// stream of their own and touch nothing that a writer changes but the overlay's current snapshot,
/// which it hands out by itself.
#include "backend.hpp"
#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/device/stage_timer.cuh"
#include "lithify/passes/detail/simulation.cuh"
#include "world_core.cuh"

#include <algorithm>
#include <mutex>

namespace lithify::engine::inline LITHIFY_BACKEND {

namespace {

/// Above `hard_cap` thresholds of claimed slots a write is refused rather than let grow.
constexpr std::int64_t hard_cap = 8;

class device_world final : public backend_world {
 public:
  device_world(const world_config& config, int ordinal)
      : config_(config), core_(std::make_shared<world_core>(config, ordinal)), ordinal_(ordinal) {}

  const world_config& config() const override { return config_; }
  std::string device() const override {
    return LITHIFY_ON_CUDA != 0 ? "cuda:" + std::to_string(ordinal_) : std::string("cpu");
  }

  void build(std::span<const std::int64_t> offset,
             std::span<const std::int32_t> top,
             std::span<const material_id> material) override {
    const writing lock(*this);
    require_replaceable();
    const device::stage_scope timed(exec(), "build");
    const deltas::snapshot before = core_->overlay.current();
    core_->overlay.reset(
        exec(), core_->index.bulk_build(exec(), {offset.data(), top.data(), material.data()}),
        before.batch_number(), before.newest_tick());
    simulation_.reset();
  }

  void load(const voxel_image& image, std::uint64_t batch_number, tick when) override {
    const writing lock(*this);
    require_replaceable();
    const device::stage_scope timed(exec(), "load");
    std::vector<voxel_edit> pending(image.overlay_key.size());
    for (std::size_t i = 0; i < pending.size(); ++i) {
      pending[i] = {morton_decode(image.overlay_key[i]), image.overlay_material[i]};
    }
    core_->overlay.reset(exec(), core_->index.load(exec(), image), batch_number, when, pending);
    simulation_.reset();
  }

  std::uint64_t commit(std::span<const voxel_edit> edits, tick when) override {
    const writing lock(*this);
    make_room();
    const std::uint64_t batch = write(edits, when);
    drain();
    return batch;
  }

  std::shared_ptr<const backend_snapshot> current() const override {
    return make_snapshot(core_, core_->overlay.current());
  }

  bool owns(const backend_snapshot& s) const override { return is_of(s, *core_); }

  consolidation_report consolidate(consolidation_strategy strategy,
                                   const std::function<void(const char*)>& hook) override {
    const writing lock(*this);
    require(!consolidating_, errc::invalid_argument, "a consolidation is running: one at a time");
    return merge(strategy, hook);
  }

  world_statistics statistics() const override {
    world_statistics now;
    {
      const std::lock_guard lock(counters_);
      now = statistics_;
    }
    now.device_bytes = core_->pool.bytes_in_use();
    now.peak_device_bytes = core_->pool.peak_bytes();
    now.host_bytes_read = core_->pool.host_bytes_read();
    return now;
  }

  std::vector<std::pair<std::string, double>> stage_seconds() const override {
    use_device(ordinal_);
    std::vector<std::pair<std::string, double>> seconds;
    for (const device::stage_clock::total& t : core_->clock.totals()) {
      seconds.emplace_back(t.name, t.seconds);
    }
    return seconds;
  }

  void record_stages() override {
    const std::lock_guard lock(write_);
    core_->clock.record(exec().stream);
  }

  std::vector<stage_run> stage_runs() const override {
    use_device(ordinal_);
    std::vector<stage_run> runs;
    for (device::stage_clock::run& r : core_->clock.runs()) {
      runs.push_back({std::move(r.name), r.begin, r.seconds});
    }
    return runs;
  }

  void simulate(std::vector<pass_config> passes,
                std::span<const field> columns,
                const simulation_state& from) override {
    const writing lock(*this);
    const device::stage_scope timed(exec(), "simulate");
    auto made =
        std::make_unique<passes::simulation>(exec(), core_->overlay, config_.geometry,
                                             config_.materials, std::move(passes), config_.sides);
    if (columns.empty()) {
      made->derive(exec());
    } else {
      made->load(exec(), columns, {from.frame_offset, from.frame_remainder});
    }
    simulation_ = std::move(made);
    state_ = from;
  }

  step_report step(double dt_yr, const trace_request& asked, step_trace& noted) override {
    const writing lock(*this);
    make_room();
    step_report report = simulate_step(dt_yr, watch_of(asked, noted));
    ++state_.step;
    state_.time_yr += dt_yr;
    const passes::frame_position frame = simulation_->frame();
    state_.frame_offset = frame.offset;
    state_.frame_remainder = frame.remainder;
    drain();
    return report;
  }

  simulation_state simulation() const override {
    const std::lock_guard lock(write_);
    return state_;
  }
  std::vector<field> column_fields() const override {
    const std::lock_guard lock(write_);
    return simulation_ ? simulation_->fields(exec()) : std::vector<field>{};
  }
  std::vector<std::int64_t> surface() const override {
    const std::lock_guard lock(write_);
    return simulating().surface(exec());
  }
  drainage_map drainage() const override {
    const std::lock_guard lock(write_);
    passes::flow_network water = simulating().drainage(exec());
    return {std::move(water.receiver), std::move(water.area)};
  }
  int128 stored() const override {
    const std::lock_guard lock(write_);
    return simulation_ ? simulation_->stored(exec())
                       : core_->solid(exec(), core_->overlay.current(), config_.materials);
  }
  state_parts state() const override {
    const std::lock_guard lock(write_);
    return {state_, simulation_ ? simulation_->fields(exec()) : std::vector<field>{},
            make_snapshot(core_, core_->overlay.current())->content_digest()};
  }

 private:
  /// Holds the write lock; at the end takes the statistics anew.
  class writing {
   public:
    explicit writing(device_world& w) : world_(w), lock_(w.write_) {}
    ~writing() { world_.note_statistics(); }
    writing(const writing&) = delete;
    writing& operator=(const writing&) = delete;

   private:
    device_world& world_;
    std::lock_guard<std::recursive_mutex> lock_;
  };

  device::exec exec() const { return core_->writer(); }

  passes::simulation& simulating() const {
    require(simulation_ != nullptr, errc::invalid_argument,
            "the world is not simulating: call simulate first");
    return *simulation_;
  }

  std::uint64_t write(std::span<const voxel_edit> edits, tick when) {
    const device::stage_scope timed(exec(), "commit");
    return core_->overlay.write(exec(), edits, when);
  }

  /// A watch that notes down what is asked; empty where nothing is.
  passes::stage_watch watch_of(const trace_request& asked, step_trace& noted) const {
    noted = {};
    if (!asked.digests && !asked.values) {
      return {};
    }
    return [this, &asked, &noted](const passes::stage_state& state) {
      if (asked.digests) {
        noted.digests.push_back(passes::digest_stage(exec(), state));
      }
      if (asked.values && asked.values->pass == state.pass) {
        noted.values = passes::read_chunk(exec(), state, asked.values->chunk);
      }
    };
  }

  step_report simulate_step(double dt_yr, const passes::stage_watch& watch) {
    passes::simulation& s = simulating();
    const device::stage_scope timed(exec(), "step");
    return s.step(exec(), dt_yr, state_.step + 1, watch);
  }

  consolidation_report merge(consolidation_strategy strategy,
                             const std::function<void(const char*)>& hook) {
    const device::stage_scope timed(exec(), "consolidate");
    consolidating_ = true;
    deltas::consolidation_counts done;
    try {
      done = core_->overlay.consolidate(exec(), strategy, hook);
    } catch (...) {
      consolidating_ = false;
      throw;
    }
    consolidating_ = false;
    const std::lock_guard lock(counters_);
    if (done.tables > 0) {
      ++statistics_.consolidations;
      statistics_.deltas_consolidated += done.deltas;
    }
    return {done.tables, done.deltas, done.bricks, done.changed};
  }

  /// Consolidates down to half the threshold once it is passed. One at a time: a commit inside a
  /// consolidation's hook starts none.
  void drain_to_low_water() {
    const std::int64_t threshold = config_.overlay.threshold;
    if (consolidating_ || core_->overlay.claimed() <= threshold) {
      return;
    }
    while (core_->overlay.claimed() > threshold / 2) {
      if (merge(config_.overlay.strategy, {}).tables == 0) {
        return;
      }
    }
  }

  /// After a write: what was written stays written, so a lack of memory is left to the next write.
  void drain() {
    try {
      drain_to_low_water();
    } catch (const error& e) {
      if (e.code() != errc::out_of_memory) {
        throw;
      }
    }
  }

  /// Before a write: with the overlay above its hard cap, consolidate or refuse.
  void make_room() {
    if (core_->overlay.claimed() / hard_cap >= config_.overlay.threshold) {
      drain_to_low_water();
    }
  }

  /// A consolidation's hook may commit, but the index can take no second update while one is made.
  void require_replaceable() const {
    require(!consolidating_, errc::invalid_argument,
            "a world cannot be replaced while a consolidation runs");
  }

  void note_statistics() {
    const octree::index_statistics index = core_->index.statistics();
    const deltas::snapshot now = core_->overlay.current();
    const std::int64_t tables = static_cast<std::int64_t>(now.tables().size());
    memory_use memory{index.bytes_reserved, 0, simulation_ ? simulation_->bytes() : 0};
    for (const auto& t : now.tables()) {
      memory.overlay += t->buckets.bytes();
    }
    const std::lock_guard lock(counters_);
    statistics_.memory = memory;
    statistics_.overlay_slots = core_->overlay.claimed();
    statistics_.tables = tables;
    statistics_.dense_bricks = index.dense_bricks;
    statistics_.sparse_bricks = index.sparse_bricks;
    statistics_.node_blocks = index.blocks;
    statistics_.directory_pages = index.pages;
  }

  world_config config_;
  std::shared_ptr<world_core> core_;
  int ordinal_;

  mutable std::recursive_mutex write_;  // guards what follows, up to counters_
  std::unique_ptr<passes::simulation> simulation_;
  simulation_state state_;
  bool consolidating_ = false;

  mutable std::mutex counters_;  // guards what follows; held for moments only
  world_statistics statistics_;
};

}  // namespace

std::unique_ptr<backend_world> make_device_world(const world_config& config, int ordinal) {
  return std::make_unique<device_world>(config, ordinal);
}

}  // namespace lithify::engine::inline LITHIFY_BACKEND
