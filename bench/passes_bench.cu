// Steps of passes over a rough hill: cell-steps a second (a substep of every cell is one), and the
// bytes that a step must move, beside what a plain copy moves on this machine in the same run.
#include "copy_bandwidth.cuh"
#include "device_bench.cuh"
#include "lithify/base/hash128.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/passes/detail/simulation.cuh"
#include "pass_bytes.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

constexpr double gentle_cells_m = 10.0;
/// The hill at 35 degrees and its roughness at 60: half of it must slide.
constexpr double steep_cells_m = 1.0;
constexpr double voxel_height_m = 1.0;

/// Edge of the hill, in cells.
std::int32_t edge() {
  return static_cast<std::int32_t>(size_of_run(LITHIFY_ON_CUDA ? 4096 : 1024, 32));
}

/// Columns of rock with a cover of sediment, 24 to 56 voxels high, rough by 2 voxels.
struct hill_spans {
  std::vector<std::int64_t> offset = {0};
  std::vector<std::int32_t> top;
  std::vector<material_id> material;

  explicit hill_spans(std::int32_t n) {
    for (std::int32_t y = 0; y < n; ++y) {
      for (std::int32_t x = 0; x < n; ++x) {
        const double wave = std::sin(x * 0.05) * std::sin(y * 0.07);
        const auto rough = static_cast<std::int32_t>(
            mix64(static_cast<std::uint64_t>(y) * 4096 + static_cast<std::uint64_t>(x)) % 3);
        const std::int32_t rock = 40 + static_cast<std::int32_t>(std::lround(14.0 * wave)) + rough;
        top.insert(top.end(), {rock, rock + 2});
        material.insert(material.end(), {material_id{4}, sediment});
        offset.push_back(static_cast<std::int64_t>(top.size()));
      }
    }
  }
};

/// A world of such columns, simulated.
class hill {
 public:
  hill(device_place& place,
       const std::vector<pass_config>& passes,
       double cell_size_m = gentle_cells_m)
      : index_(place.ex(), {edge(), edge(), 128}), overlay_(place.ex(), index_) {
    static const hill_spans made(edge());  // once: a benchmark's body runs several times
    overlay_.reset(
        place.ex(),
        index_.bulk_build(place.ex(), {made.offset.data(), made.top.data(), made.material.data()}),
        0);
    region_geometry geometry;
    geometry.cell_size_m = cell_size_m;
    geometry.voxel_height_m = voxel_height_m;
    simulation_ = std::make_unique<passes::simulation>(place.ex(), overlay_, geometry,
                                                       material_table(), passes);
    simulation_->derive(place.ex());
  }

  [[nodiscard]] passes::simulation& simulation() { return *simulation_; }
  void consolidate(device_place& place) {
    overlay_.consolidate(place.ex(), consolidation_strategy::all);
  }

 private:
  octree::index index_;
  deltas::overlay overlay_;
  std::unique_ptr<passes::simulation> simulation_;
};

/// Steps of `dt_yr` years with these passes; consolidated outside the measured time.
void steps(benchmark::State& state,
           const std::vector<pass_config>& passes,
           double dt_yr,
           double cell_size_m) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  const double bandwidth = copy_bandwidth(place);
  hill ground(place, passes, cell_size_m);
  const double cells = static_cast<double>(edge()) * edge();
  double substeps = 0.0, sweeps = 0.0, deltas = 0.0, count = 0.0;
  tick now = 0;
  measure(
      state, place, [&] { ground.consolidate(place); },
      [&] {
        const step_report report = ground.simulation().step(place.ex(), dt_yr, ++now);
        for (const pass_budget& line : report.passes) {
          substeps += line.pass == "diffusion" ? static_cast<double>(line.substeps) : 0.0;
          // The last sweep is the one that finds nothing to move.
          sweeps += line.pass == "talus" ? static_cast<double>(line.substeps + 1) : 0.0;
        }
        deltas += static_cast<double>(report.deltas);
        count += 1.0;
      });
  using benchmark::Counter;
  const double runs = static_cast<double>(state.iterations());
  const double cell_steps = cells * std::max(1.0, (substeps + sweeps) / count);
  const double bytes =
      cells * (step_bytes + (substep_bytes * substeps + sweep_bytes * sweeps) / count);
  state.counters["cell_steps/s"] = Counter(cell_steps * runs, Counter::kIsRate);
  state.counters["bytes/s"] = Counter(bytes * runs, Counter::kIsRate);
  state.counters["copy_bytes/s"] = bandwidth;
  state.counters["deltas/step"] = deltas / count;
  if (sweeps > 0.0) {
    state.counters["sweeps/step"] = sweeps / count;
  }
}

/// The full sum over the world that budgets are checked with.
void stored(benchmark::State& state) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  hill ground(place, {diffusion_parameters{}});
  measure(
      state, place, [] {},
      [&] { benchmark::DoNotOptimize(ground.simulation().stored(place.ex())); });
  state.SetItemsProcessed(state.iterations() * edge() * edge());
}

void add(const char* name,
         const std::vector<pass_config>& passes,
         double dt_yr,
         double cell_size_m = gentle_cells_m) {
  benchmark::RegisterBenchmark(
      named(std::string("passes/") + name).c_str(),
      [=](benchmark::State& state) { steps(state, passes, dt_yr, cell_size_m); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  const diffusion_parameters creep{0.01};
  add("uplift", {uplift_parameters{2e-6}}, 1000.0);
  add("diffusion_1_substep", {creep}, 1900.0);
  add("diffusion_16_substeps", {creep}, 31900.0);
  add("uplift_and_diffusion", {uplift_parameters{2e-6}, creep}, 1000.0);
  add("talus_that_stands", {talus_parameters{}}, 1000.0);
  add("talus_that_slides", {talus_parameters{}}, 1000.0, steep_cells_m);
  benchmark::RegisterBenchmark(named("passes/stored").c_str(), stored)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
