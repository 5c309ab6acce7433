/// Stream power: rivers cut their beds, limited by what they can detach.
///
/// Equation: dz/dt = -K A^m S (n = 1), A the drainage area in m^2, S the slope to the receiver, K =
/// k times the erodibility of the material at the surface. Parameters: k in m^(1 - 2m) / yr,
/// default 2e-6, chosen between what Stock & Montgomery (1999) fit to granite and to volcaniclastic
/// rock (1e-7 .. 1e-6, 1e-5 .. 1e-4 m^0.2/yr at m = 0.4; half of that in m^0.1/yr at m = 0.45 over
/// areas of 1e6 .. 1e7 m2, for K A^m is what they measure); m 0.45, [0, 4] (0.5 has no scale: Kwang
/// & Parker 2017). Anchors: Landlab StreamPowerEroder, fastscapelib spl_eroder.
/// Discretisation: implicit, upwind along routing's tree (Braun & Willett 2013):
///   z_i = (z_i + F z_r) / (1 + F),  F = K dt A^m / l,  l the distance to the receiver,
/// in FP64 from the receiver's final height, so that any order that respects the tree gives the
/// same bits. Every step routes anew.
/// Stability: none needed. Where the receiver is not lower, nothing is cut, and the cell is counted
/// (`uphill`): a carved depression waits until its outlet has been cut down.
/// A cut that comes to another material goes on with that one's K for the rest of the step, cell by
/// cell; from rock to rock it is counted in `contacts` (incision.cuh).
/// Conserved: solid. A cell's cut, in quanta of what is cut (loose material first, then rock, voxel
/// by voxel with its own solid), is rounded once, towards zero; the remainder, in 2^-31 quanta,
/// waits in the cell for the next step, so that short steps cut what long ones do. All of it leaves
/// through the cell's outlet in the same step: `exported`, and added to the outlet's column; in a
/// part of the region without an open cell it ends in that part's lowest pit, as `out`.
/// Boundary: held columns stand at their target.
/// Limits: where hard beds lie over soft ones, a scarp in both climbs faster than the hard bed's
/// K A^m (1.4 .. 2.0 times in scripts/scenarios/canyon.toml): the lip's slope counts the whole drop
/// below it, the soft beds' too. Neither shorter steps nor finer cells end that (2.28, 2.23, 2.20,
/// 2.19 times over cells of 200 .. 25 m: tests/physics/river_beds_test.cu). In uniform rock a scarp
/// climbs at K A^m.
#include "incision.cuh"
#include "lithify/base/powers.hpp"
#include "routing.cuh"
#include "surface_runs.cuh"

#include <bit>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// In place of a cut: the receiver is not lower.
constexpr double uphill = -1.0;

/// What a sweep down reads and writes of a cell, together: a sweep goes through the grid along
/// rivers, so that every array more is a cache line more.
struct alignas(32) river_cell {
  double height;           ///< at the start, then at the end
  double factor;           ///< F of the material at the surface
  std::int64_t base;       ///< of the layer at the surface
  std::int32_t outlet;     ///< root of the cell's tree: itself at the start
  std::int32_t solid = 0;  ///< quanta in a full voxel of the material at the surface

  /// What is cut, in quanta, not whole ones, or `uphill`. It takes the base's place, which nobody
  /// needs then.
  LITHIFY_HD void set_cut(double quanta) { base = std::bit_cast<std::int64_t>(quanta); }
  LITHIFY_HD double cut() const { return std::bit_cast<double>(base); }
};

/// Work arrays of one step.
struct incision_view {
  step_view step;
  stream_power_plan plan;
  int stage;
  river_cell* cells;
  const std::int64_t* area;
  const std::uint8_t* direction;
};

/// Heights at the start. Held columns stand at their target.
struct read_heights {
  step_view step;
  std::int64_t frame_offset;
  std::int64_t* height;

  LITHIFY_INLINE void operator()(std::int64_t first, std::int64_t last) const {
    const surface_run surface(step, frame_offset, no_ground, first, last);
    for (std::int64_t c = first; c < last; ++c) {
      height[c] = surface.height[c - first];
    }
  }
};

/// Cells as they are before the sweep. The base of a layer of rock lies as deep as this step will
/// probably cut: voxels are looked up here, where no cell waits for another.
struct start_cells {
  incision_view v;
  const std::int64_t* height;

  LITHIFY_HD void operator()(std::int64_t first, std::int64_t last) const {
    std::int32_t deep[device::items_a_run];
    int found = 0;
    for (std::int64_t c = first; c < last; ++c) {
      const river_cell cell = start(c);
      v.cells[c] = cell;
      const std::int32_t top = v.step.columns.rock_top[c];
      if (top > 0 && cell.base == std::int64_t{top} << fraction_bits &&
          depth(c, cell) < static_cast<double>(cell.base)) {
        deep[found++] = static_cast<std::int32_t>(c - first);
        v.step.ground.come_nearer(below(c, top));
      }
    }
    for (int k = 0; k < found; ++k) {
      lower_base(first + deep[k]);
    }
  }

 private:
  LITHIFY_HD river_cell start(std::int64_t c) const {
    const column_view& columns = v.step.columns;
    const std::uint8_t d = v.direction[c];
    river_cell cell{static_cast<double>(height[c]), 0.0, 0, static_cast<std::int32_t>(c)};
    if (d < directions) {
      const std::int32_t s = v.step.sediment_solid;
      const std::int64_t loose = std::int64_t{columns.n_loose[c]} * s + columns.sediment[c];
      const material_id rock = columns.rock_material[c];
      const material_id m = loose > 0 ? sediment : rock;
      cell.solid = v.step.solid[m];
      cell.base = loose > 0 ? surface_height(columns.rock_top[c], 0, columns.residual[c], 0,
                                             v.step.solid[rock], s)
                            : std::int64_t{columns.rock_top[c]} << fraction_bits;
      cell.factor = v.plan.factor(v.area[c], grid_view::diagonal(d)) * v.plan.erodibility[m];
    }
    return cell;
  }
  /// How far down the cell may be cut: as if its receiver stood, and once more for what that loses.
  LITHIFY_HD double depth(std::int64_t c, const river_cell& cell) const {
    const std::int64_t p = receiver_of{v.step.grid(), v.direction}(c);
    const double receiver = p < 0 ? cell.height : static_cast<double>(height[p]);
    if (!(receiver < cell.height)) {
      return cell.height;
    }
    const double z = implicit_height(cell.height, receiver, cell.factor);
    return z - (cell.height - z);
  }
  LITHIFY_HD voxel below(std::int64_t c, std::int32_t z) const {
    return {static_cast<std::int32_t>(c % v.step.nx), static_cast<std::int32_t>(c / v.step.nx),
            z - 1};
  }
  LITHIFY_HD void lower_base(std::int64_t c) const {
    river_cell& cell = v.cells[c];
    const double low = depth(c, cell);
    const material_id rock = v.step.columns.rock_material[c];
    for (std::int32_t z = v.step.columns.rock_top[c];
         z > 0 && low < static_cast<double>(cell.base) && v.step.ground.old(below(c, z)) == rock;
         --z) {
      cell.base -= one_voxel;
    }
  }
};

/// One cell, its receiver being done.
struct cut_cell {
  incision_view v;
  const river_cell* nearby = v.cells;  ///< what a sweep has to come nearer

  LITHIFY_HD void operator()(std::int64_t i, std::int64_t p) const {
    river_cell& own = v.cells[i];
    if (p < 0) {
      own.set_cut(0.0);
      return;
    }
    const double before = own.height;
    const double receiver = v.cells[p].height;
    own.outlet = v.cells[p].outlet;
    if (!(receiver < before)) {
      own.set_cut(uphill);
      return;
    }
    const double z = implicit_height(before, receiver, own.factor);
    if (z >= static_cast<double>(own.base)) {
      own.height = z;
      own.set_cut(quanta_of(before - z, own.solid));
      return;
    }
    cut_deep(i, before, receiver);
  }

 private:
  /// Through the layer at the surface.
  LITHIFY_HD void cut_deep(std::int64_t i, double before, double receiver) const {
    const double f = v.plan.factor(v.area[i], grid_view::diagonal(v.direction[i]));
    const incision deep =
        incise(v.step.ground, v.step.load(i), before, receiver, f, v.plan.erodibility);
    if (!deep.in_range) {
      v.step.words->leave_range(v.stage, i);
    }
    v.cells[i].height = deep.height;
    v.cells[i].set_cut(deep.quanta);
    device::atomic_add(&v.step.words->stage[v.stage].contacts, std::int64_t{deep.contacts});
  }
};

/// Sums that one thread collects over neighbouring cells before it shares them.
class export_tally {
 public:
  LITHIFY_HD explicit export_tally(const incision_view& v) : v_(v) {}
  LITHIFY_HD void add(std::int64_t c) {
    const double cut = v_.cells[c].cut();
    if (cut == uphill) {
      ++uphill_;
    } else if (cut > 0.0) {
      std::int32_t& waiting = v_.step.columns.remainder_river[c];
      const whole_cut now = take_whole(cut, waiting);
      waiting = now.waiting;
      move(c, now.quanta);
    }
  }
  LITHIFY_HD void finish() {
    pass_on();
    stage_words& words = v_.step.words->stage[v_.stage];
    if (exported_ > 0) {
      words.exported.add(exported_);
    }
    if (sunk_ > 0) {
      words.out.add(sunk_);
    }
    if (uphill_ > 0) {
      device::atomic_add(&words.uphill, uphill_);
    }
  }

 private:
  LITHIFY_HD void move(std::int64_t c, std::int64_t quanta) {
    if (quanta == 0) {
      return;
    }
    v_.step.columns.sediment[c] -= quanta;
    if (v_.cells[c].outlet != at_) {
      pass_on();
      at_ = v_.cells[c].outlet;
    }
    sum_ += quanta;
  }
  LITHIFY_HD void pass_on() {
    if (sum_ > 0) {
      device::atomic_add(&v_.step.columns.exported[at_], sum_);
      (v_.direction[at_] == flow::outlet ? exported_ : sunk_) += sum_;
      sum_ = 0;
    }
  }

  const incision_view& v_;
  std::int64_t at_ = -1;
  std::int64_t sum_ = 0;
  std::int64_t exported_ = 0;
  std::int64_t sunk_ = 0;
  std::int64_t uphill_ = 0;
};

/// Takes the cuts from the ledgers and books them at the outlets.
void carry_away(device::exec ex, const incision_view& v) {
  // Cells of a thread. Chosen: neighbours mostly share their outlet; on a GPU, where a loop has no
  // runs either, fewer, so that a grid of a million cells is work for all of it.
  constexpr std::int64_t together = device::items_a_run > 1 ? 256 : 32;
  const std::int64_t cells = v.step.cells;
  device::for_each_n(ex, (cells + together - 1) / together, [=] LITHIFY_HD(std::int64_t k) {
    export_tally tally(v);
    for (std::int64_t c = k * together; c < cells && c < (k + 1) * together; ++c) {
      tally.add(c);
    }
    tally.finish();
  });
}

}  // namespace

stream_power_plan plan_stream_power(double k, double m, double cell_size_m, double dt_yr) {
  constexpr double root_of_two = 0x1.6a09e667f3bcdp+0;
  stream_power_plan plan;
  plan.straight = k * dt_yr / cell_size_m;
  plan.slant = plan.straight / root_of_two;
  plan.m = m;
  plan.cell_area_m2 = cell_size_m * cell_size_m;
  return plan;
}

device::buffer<double> area_powers(device::exec ex, double cell_size_m, double m) {
  device::buffer<double> made(ex, tabled_areas);
  double* const power = made.data();
  const double cell = cell_size_m * cell_size_m;
  device::for_each_n(ex, tabled_areas, [=] LITHIFY_HD(std::int64_t a) {
    power[a] = pow_positive(static_cast<double>(a > 0 ? a : 1) * cell, m);
  });
  return made;
}

void cut_rivers(device::exec ex,
                const step_view& step,
                int stage,
                const stream_power_plan& plan,
                std::int64_t frame_offset) {
  if (device::read(ex, &step.batch->overflow) != 0) {
    return;  // an earlier emission did not fit: the step comes back
  }
  const device::buffer<std::int64_t> height(ex, step.cells);
  device::for_each_run(ex, step.cells, read_heights{step, frame_offset, height.data()});
  const flow_routes routes = route(ex, step.grid(), height.data());
  const device::buffer<river_cell> cells(ex, step.cells);
  const incision_view v{
      step, plan, stage, cells.data(), routes.area.data(), routes.direction.data()};
  device::for_each_run(ex, step.cells, start_cells{v, height.data()});
  device::tree_sweep_down(ex, routes.order, receiver_of{step.grid(), v.direction}, cut_cell{v});
  carry_away(ex, v);
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
