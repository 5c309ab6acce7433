/// Stream power: rivers cut their beds, limited by what they can detach.
///
/// Equation: dz/dt = -K A^m S (n = 1), A the drainage area in m^2, S the slope to the receiver, K =
/// k times the erodibility of the material at the surface. k in m^(1 - 2m) / yr, default 2e-6; m
/// 0.45 (0.5 has no scale: Kwang & Parker 2017). Anchors: Landlab StreamPowerEroder, fastscapelib
/// spl_eroder.
/// Discretisation: implicit, upwind along routing's tree (Braun & Willett 2013):
///   z_i = (z_i + F z_r) / (1 + F),  F = K dt A^m / l,  l the distance to the receiver,
/// in FP64 from the receiver's final height, so that any order that respects the tree gives the
/// same bits. Every step routes anew.
/// Stability: none needed. Where the receiver is not lower, nothing is cut, and the cell is counted
/// (`uphill`): a carved depression waits until its outlet has been cut down.
/// A cut that comes to another material goes on with that one's K for the rest of the step, cell by
/// cell, counted in `contacts` (incision.cuh).
/// Conserved: solid. A cell's cut is rounded once, towards zero, to quanta of what is cut: loose
/// material first, then rock, voxel by voxel with its own solid. All of it leaves through the
/// cell's outlet in the same step: `exported`, and added to the outlet's column; in a part of the
/// region without an open cell it ends in that part's lowest pit, as `out`.
/// Boundary: held columns stand at their target.
#include "incision.cuh"
#include "lithify/base/powers.hpp"
#include "routing.cuh"
#include "step.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// In place of a cut: the receiver is not lower.
constexpr std::int64_t uphill = -1;

/// Work arrays of one step.
struct incision_view {
  step_view step;
  stream_power_plan plan;
  std::int64_t frame_offset;
  int stage;
  std::int64_t* height;  ///< at the start
  std::int64_t* base;    ///< of the layer at the surface
  material_id* surface;  ///< material of that layer
  double* after;         ///< height at the end
  std::int64_t* cut;     ///< quanta, or `uphill`
  std::int64_t* outlet;  ///< root of the cell's tree
  const std::int64_t* area;
  const std::uint8_t* direction;
};

/// Heights and the layers at the surface. Held columns stand at their target.
void start(device::exec ex, const incision_view& v) {
  device::for_each_n(ex, v.step.cells, [=] LITHIFY_HD(std::int64_t c) {
    const column_view& columns = v.step.columns;
    const std::uint8_t f = v.step.faces[c];
    if (!(f & face::inside)) {
      v.height[c] = no_ground;
      return;
    }
    const std::int32_t s = v.step.sediment_solid;
    const std::int32_t rock = v.step.solid[columns.rock_material[c]];
    const std::int64_t bare =
        surface_height(columns.rock_top[c], 0, columns.residual[c], 0, rock, s);
    const std::int64_t loose = std::int64_t{columns.n_loose[c]} * s + columns.sediment[c];
    v.height[c] = f & face::held ? columns.boundary_height[c] - v.frame_offset
                                 : columns.height(c, v.step.solid);
    v.base[c] = loose > 0 ? bare : std::int64_t{columns.rock_top[c]} << fraction_bits;
    v.surface[c] = loose > 0 ? sediment : columns.rock_material[c];
  });
}

/// One cell, its receiver being done.
struct cut_cell {
  incision_view v;

  LITHIFY_HD void operator()(std::int64_t i, std::int64_t p) const {
    const double before = static_cast<double>(v.height[i]);
    v.after[i] = before;
    v.cut[i] = 0;
    v.outlet[i] = p < 0 ? i : v.outlet[p];
    if (p < 0) {
      return;
    }
    const double receiver = v.after[p];
    if (!(receiver < before)) {
      v.cut[i] = uphill;
      return;
    }
    const double f = v.plan.factor(v.area[i], grid_view::diagonal(v.direction[i]));
    const material_id m = v.surface[i];
    const double z = implicit_height(before, receiver, f * v.plan.erodibility[m]);
    if (z >= static_cast<double>(v.base[i])) {
      v.after[i] = z;
      v.cut[i] = quanta_of(before - z, v.step.solid[m]);
      return;
    }
    const incision deep =
        incise(v.step.ground, v.step.load(i), before, receiver, f, v.plan.erodibility);
    if (!deep.in_range) {
      v.step.words->leave_range(v.stage, i);
    }
    v.after[i] = deep.height;
    v.cut[i] = deep.quanta;
    device::atomic_add(&v.step.words->stage[v.stage].contacts, std::int64_t{deep.contacts});
  }
};

/// Sums that one thread collects over neighbouring cells before it shares them.
class export_tally {
 public:
  LITHIFY_HD explicit export_tally(const incision_view& v) : v_(v) {}
  LITHIFY_HD void add(std::int64_t c) {
    const std::int64_t quanta = v_.cut[c];
    if (quanta == uphill) {
      ++uphill_;
    } else if (quanta > 0) {
      v_.step.columns.sediment[c] -= quanta;
      if (v_.outlet[c] != at_) {
        pass_on();
        at_ = v_.outlet[c];
      }
      sum_ += quanta;
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
  constexpr std::int64_t together = 256;  // chosen: neighbours mostly share their outlet
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
  const std::int64_t n = step.cells;
  const device::buffer<std::int64_t> height(ex, n);
  const device::buffer<std::int64_t> base(ex, n);
  const device::buffer<material_id> surface(ex, n);
  incision_view v{step,           plan,    frame_offset, stage,   height.data(), base.data(),
                  surface.data(), nullptr, nullptr,      nullptr, nullptr,       nullptr};
  start(ex, v);
  const flow_routes routes = route(ex, step.grid(), height.data());
  const device::buffer<double> after(ex, n);
  const device::buffer<std::int64_t> cut(ex, n);
  const device::buffer<std::int64_t> outlet(ex, n);
  v.after = after.data();
  v.cut = cut.data();
  v.outlet = outlet.data();
  v.area = routes.area.data();
  v.direction = routes.direction.data();
  device::tree_sweep_down(ex, routes.order, receiver_of{step.grid(), v.direction}, cut_cell{v});
  carry_away(ex, v);
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
