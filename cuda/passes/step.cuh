/// What the passes of one step share: words on the device, and the ground that they read.
///
/// A step enqueues everything and reads these words once. From the moment an emission overflowed,
/// every later kernel of the step returns at once (`halted`), so that the step can go on from
/// there.
#pragma once

#include "column_state.cuh"
#include "column_walk.cuh"
#include "grid.cuh"
#include "lithify/base/geometry.hpp"
#include "lithify/base/powers.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/device/prefetch.cuh"

#include <cstdint>
#include <vector>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// A sum of 64-bit amounts that cannot overflow: low and high halves are added apart.
struct wide_sum {
  std::uint64_t low = 0;
  std::int64_t high = 0;

  /// Requires: amount >= 0.
  LITHIFY_HD void add(std::int64_t amount) {
    device::atomic_add(&low, static_cast<std::uint64_t>(amount & 0xffffffff));
    device::atomic_add(&high, amount >> 32);
  }
  [[nodiscard]] int128 value() const { return (static_cast<int128>(high) << 32) + low; }
};

struct stage_words {
  wide_sum in, out, exported;
  std::int64_t capped = 0;
  std::int64_t uphill = 0;
  std::int64_t contacts = 0;
  std::uint64_t emitted = 0;  ///< deltas of the batch when the stage was done
};

/// Passes of a step and the boundary after them, at most.
inline constexpr int max_stages = 8;

struct step_words {
  std::uint64_t left_range = ~std::uint64_t{0};  ///< least (stage << 48 | cell) that left the range
  std::uint32_t may_cap = 0;                     ///< a flux came near what its donor has
  std::uint32_t unused = 0;                      ///< named: the host reads every byte
  stage_words stage[max_stages];

  LITHIFY_HD void leave_range(int number, std::int64_t cell) {
    device::atomic_min(
        &left_range, (static_cast<std::uint64_t>(number) << 48) | static_cast<std::uint64_t>(cell));
  }
};

/// The voxels as a walk reads them.
struct ground_view {
  deltas::snapshot_view world;  ///< at the step's start
  deltas::table_view staged;    ///< the step's batch so far
  region_size extent;
  const std::int32_t* solids;

  LITHIFY_HD region_size size() const { return extent; }
  LITHIFY_HD std::int32_t solid(material_id m) const { return solids[m]; }
  LITHIFY_HD material_id old(voxel v) const { return world.material(morton_encode(v)); }

  /// Asks a CPU's caches for what `old` will read.
  LITHIFY_HD void come_nearer([[maybe_unused]] voxel v) const {
    if constexpr (device::accesses_in_flight > 1) {
      const morton_key key = morton_encode(v);
      for (int t = 0; t < world.tables; ++t) {
        const deltas::table_view& table = world.table[t];
        if (table.count > 0) {
          device::prefetch(table.buckets + table.home(key));
        }
      }
      world.index.prefetch_material(world.index.descend(key, brick_level).value,
                                    octree::brick_position(key));
    }
  }

  /// Reads the table while others insert: atomic loads, and nobody else writes this column's keys.
  LITHIFY_HD material_id newest(voxel v) const {
    const morton_key key = morton_encode(v);
    std::uint64_t b = staged.count == 0 ? 0 : staged.home(key);
    for (std::uint64_t probe = 0; probe < staged.count; ++probe) {
      deltas::bucket& at = staged.buckets[b];
      for (int i = 0; i < deltas::bucket_slots; ++i) {
        const morton_key seen = device::atomic_load(&at.key[i]);
        if (seen == key) {
          return deltas::value_material(device::atomic_load(&at.value[i]));
        }
        if (seen == no_key) {
          return world.material(key);
        }
      }
      b = b + 1 == staged.count ? 0 : b + 1;
    }
    return world.material(key);
  }
};

/// The largest drops that stand, by the material of the higher cell: 2^-20 voxels.
struct steepest_drop {
  std::int64_t face = 0;    ///< to a neighbour across an edge of the cell
  std::int64_t corner = 0;  ///< to one across a corner
};

/// Everything that a stage of a step works with; raw pointers and values.
struct step_view {
  column_view columns = {};
  const std::uint8_t* faces = nullptr;
  const std::int64_t* held = nullptr;
  std::int64_t held_count = 0;
  std::int64_t nx = 0;
  std::int64_t cells = 0;
  bool loop_x = false;
  bool loop_y = false;
  const std::int32_t* solid = nullptr;      ///< quanta in a full voxel, by material id
  std::int32_t sediment_solid = 0;          ///< the same for sediment
  const steepest_drop* steepest = nullptr;  ///< by material id; nullptr without a talus pass
  /// Rock that a pass moved on as sediment and that its column still has to pay, quanta; 0 between
  /// passes. nullptr where no pass of the step does that.
  std::int64_t* rock_debt = nullptr;
  const deltas::staging_words* batch = nullptr;
  step_words* words = nullptr;
  ground_view ground = {};

  LITHIFY_HD bool halted() const { return batch->overflow != 0; }
  LITHIFY_HD std::int64_t debt(std::int64_t c) const {
    return rock_debt == nullptr ? 0 : rock_debt[c];
  }
  LITHIFY_HD void clear_debt(std::int64_t c) const {
    if (rock_debt != nullptr) {
      rock_debt[c] = 0;
    }
  }
  LITHIFY_HD grid_view grid() const { return {nx, cells / nx, loop_x, loop_y, faces}; }

  LITHIFY_HD column load(std::int64_t c) const {
    column out;
    out.x = static_cast<std::int32_t>(c % nx);
    out.y = static_cast<std::int32_t>(c / nx);
    out.rock_top = columns.rock_top[c];
    out.n_loose = columns.n_loose[c];
    out.residual = columns.residual[c];
    out.ledger = columns.sediment[c];
    out.rock = columns.rock_material[c];
    out.debt = debt(c);
    return out;
  }
  LITHIFY_HD void store(std::int64_t c, const column& value) const {
    columns.rock_top[c] = value.rock_top;
    columns.n_loose[c] = value.n_loose;
    columns.residual[c] = static_cast<std::int32_t>(value.residual);
    columns.sediment[c] = value.ledger;
    columns.rock_material[c] = value.rock;
    clear_debt(c);
  }
};

/// Which columns a stage settles.
enum class settled_columns { free, held };

/// Settles columns and emits what that changes, in cell order. Gives the emission's number.
/// Free columns are settled by the pass that moved their matter, held ones by the boundary alone.
int emit_settled(device::exec ex,
                 const step_view& step,
                 int stage,
                 settled_columns which,
                 deltas::staging& batch);

/// Linear diffusion, as diffusion.cu describes it: one step in fixed point.
struct diffusion_plan {
  std::int64_t coefficient = 0;  ///< kappa dt_sub / dx^2, 2^-60
  std::int64_t substeps = 1;
  double stable_dt_yr = 0.0;
  /// The same by material id, where a material has a diffusivity of its own; else empty.
  std::vector<std::int64_t> by_material = {};
  std::int64_t mantle = 1;  ///< quanta of sediment from which on a column creeps as sediment does
};
/// Sediment as deep as creep reaches, quanta. Requires: voxel_height_m > 0.
[[nodiscard]] std::int64_t mantle_quanta(double voxel_height_m, std::int32_t sediment_solid);
/// `materials`: those of a simulation; nullptr: none has a diffusivity of its own.
/// Errors: invalid_argument if the step needs more than 1,000 substeps.
[[nodiscard]] diffusion_plan plan_diffusion(double diffusivity_m2_per_yr,
                                            double cell_size_m,
                                            double dt_yr,
                                            const material_table* materials = nullptr);
/// Moves sediment between ledgers. `frame_offset`: held columns stand at boundary_height - offset.
/// Errors: out_of_memory.
void diffuse(device::exec ex,
             const step_view& step,
             int stage,
             const diffusion_plan& plan,
             std::int64_t frame_offset);

/// Areas whose powers are looked up: nearly all, few cells have that many above them.
inline constexpr std::int64_t tabled_areas = 4096;

/// Stream power, as stream_power.cu describes it: one step's factors.
struct stream_power_plan {
  double straight = 0.0;  ///< k dt / distance, for a material of erodibility 1
  double slant = 0.0;
  double m = 0.45;
  double cell_area_m2 = 1.0;
  const double* powers = nullptr;       ///< (a cell area)^m for a < tabled_areas
  const double* erodibility = nullptr;  ///< by material id

  /// F = k dt A^m / l for a drainage area in cells. Finite always, for an erodibility may be 0.
  LITHIFY_HD double factor(std::int64_t area, bool diagonal) const {
    const double power = area < tabled_areas
                             ? powers[area]
                             : pow_positive(static_cast<double>(area) * cell_area_m2, m);
    const double f = (diagonal ? slant : straight) * power;
    return f < 0x1p900 ? f : 0x1p900;
  }
};
[[nodiscard]] stream_power_plan plan_stream_power(double k,
                                                  double m,
                                                  double cell_size_m,
                                                  double dt_yr);
/// The table of a plan, (a cell_size_m^2)^m. Errors: out_of_memory.
[[nodiscard]] device::buffer<double> area_powers(device::exec ex, double cell_size_m, double m);
/// Cuts river beds and takes what they lose out of the region. Sync: routes the flow.
/// Errors: out_of_memory.
void cut_rivers(device::exec ex,
                const step_view& step,
                int stage,
                const stream_power_plan& plan,
                std::int64_t frame_offset);
/// What a talus pass did.
struct talus_outcome {
  std::int64_t sweeps = 1;          ///< that moved matter
  std::int64_t steep_faces = 0;     ///< still too steep by a quantum or more
  std::int64_t largest_excess = 0;  ///< by which a cell must fall, 2^-20 voxels
};
/// The drops that stand at this repose angle. Requires: 1 <= repose_deg <= 89.
[[nodiscard]] steepest_drop steepest_drop_of(double repose_deg, const region_geometry& geometry);
/// Moves sediment and rock that stand too steep, as talus.cu describes it. Sync, every 32 sweeps.
/// Errors: out_of_memory.
[[nodiscard]] talus_outcome let_slide(device::exec ex,
                                      const step_view& step,
                                      std::int64_t max_sweeps,
                                      std::int64_t frame_offset);

/// Brings held columns to the height that they keep, as boundary.cu describes it.
void hold_boundary(device::exec ex, const step_view& step, int stage, std::int64_t frame_offset);

}  // namespace lithify::passes::inline LITHIFY_BACKEND
