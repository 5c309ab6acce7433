/// Linear hillslope diffusion: soil creep as a flux of loose material down the slope.
///
/// Equation: dz/dt = -div q, q = -kappa grad z (Culling 1960; anchors: Landlab LinearDiffuser,
/// fastscapelib diffusion_adi). kappa in m^2/yr, default 0.01 (Landlab's default).
/// Discretisation: explicit finite volumes on the 4 faces of a cell. A face moves
///   kappa dt / dx^2 (h_i - h_j) s(sediment)
/// quanta of solid per substep, h in voxel heights: bulk that arrives has the sediment's porosity,
/// and a rock that gives it falls by what its own solid asks for.
/// Stability: dt <= dx^2 / (4 kappa), reported; a step is cut into equal substeps of at most 0.8 of
/// it (kappa dt / dx^2 <= 0.2): at the bound itself a chequerboard is only just not amplified. A
/// step of more than 1,000 substeps is refused.
/// Conserved: solid, exactly. A face's flux is rounded once, towards zero; the remainder, in 2^-52
/// quanta, waits for the next substep. The coefficient is rounded once, to 2^-60.
/// Diffusivity: the pass's, or that of the material of the face's higher column where that has one
/// of its own: sediment where it lies half a metre deep or more, else the rock at the top; a step
/// sees the materials that it starts with. (A depth in metres: whole voxels would make creep depend
/// on the voxel height. Chosen: soil production falls by e over 0.25-0.5 m, Heimsath et al. 1997;
/// what moves with the soil is about that deep.)
/// Boundary: held columns stand at their target all the time and give or take without limit;
/// boundary.cu settles the bill. Nothing crosses a face between two of them, a face to an outside
/// column, or a side.
/// Limits: a donor gives at most what stands above the region's floor; fluxes cut to that are
/// counted in `capped`.
#include "apportion.cuh"
#include "lithify/base/error.hpp"
#include "step.cuh"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

constexpr int coefficient_bits = 60;
constexpr double largest_coefficient = 0.2;
// Chosen: what a step does beside its substeps costs as much as a few of them, so that a longer
// step saves nothing more, and signals and checkpoints wait for its end.
constexpr double most_substeps = 1000.0;
constexpr double mantle_m = 0.5;  // the docstring says why

/// a / 2^bits, truncated towards zero. Requires: bits < 64.
LITHIFY_HD int128 shift_trunc(int128 a, int bits) {
  // The sign as a mask, not as a branch: slopes to either side are as frequent.
  const auto sign = static_cast<std::uint64_t>(static_cast<std::int64_t>(a >> 64) >> 63);
  return (a + (sign & ((std::uint64_t{1} << bits) - 1))) >> bits;
}

/// Quanta that cross a face from i to j, `drop` = h_i - h_j; keeps the remainder.
/// No overflow: |drop| < 2^42, s <= 2^20, coefficient < 2^58.
LITHIFY_HD std::int64_t face_flux(std::int64_t coefficient,
                                  std::int64_t drop,
                                  std::int32_t s,
                                  std::int64_t& remainder) {
  const int128 exact = shift_trunc(static_cast<int128>(coefficient) * (drop * s),
                                   coefficient_bits + fraction_bits - remainder_bits) +
                       remainder;
  const std::int64_t whole = static_cast<std::int64_t>(shift_trunc(exact, remainder_bits));
  remainder = static_cast<std::int64_t>(exact - (static_cast<int128>(whole) << remainder_bits));
  return whole;
}

/// Divides by a constant with one product: n / d for 0 <= n < 2^63.
/// Source: Granlund & Montgomery 1994, "Division by invariant integers using multiplication": with
/// 2^l >= d and m = floor(2^(63 + l) / d) + 1, floor(n m / 2^(63 + l)) = floor(n / d).
struct divider {
  std::uint64_t factor = 0;
  int shift = 63;

  explicit divider(std::uint64_t d) {
    while ((std::uint64_t{1} << (shift - 63)) < d) {
      ++shift;
    }
    factor = static_cast<std::uint64_t>((static_cast<uint128>(1) << shift) / d) + 1;
  }
  LITHIFY_HD std::int64_t operator()(std::int64_t n) const {
    return static_cast<std::int64_t>(
        (static_cast<uint128>(factor) * static_cast<std::uint64_t>(n)) >> shift);
  }
};

/// Solid that a column of this height can give: all above the region's floor, as sediment.
LITHIFY_HD std::int64_t available(std::int64_t height, std::int32_t s) {
  return height > 0 ? (height * s) >> fraction_bits : 0;
}

/// The cell across a face, also across a looped side. Where there is none the number is that of
/// some cell whose face is shut, or of the room in front of the fluxes.
struct face_neighbours {
  std::int64_t nx;
  std::int64_t cells;
  bool loop_x;
  bool loop_y;

  LITHIFY_HD std::int64_t east(std::int64_t c) const {
    return loop_x && c % nx == nx - 1 ? c + 1 - nx : c + 1;
  }
  LITHIFY_HD std::int64_t west(std::int64_t c) const {
    return loop_x && c % nx == 0 ? c - 1 + nx : c - 1;
  }
  LITHIFY_HD std::int64_t north(std::int64_t c) const {
    return loop_y && c + nx >= cells ? c + nx - cells : c + nx;
  }
  LITHIFY_HD std::int64_t south(std::int64_t c) const {
    return loop_y && c < nx ? c - nx + cells : c - nx;
  }
};

/// Work arrays of one step of diffusion. Fluxes have room in front for the faces of the first row.
struct diffusion_view {
  step_view step;
  face_neighbours to;
  std::int64_t* height;
  std::int64_t* rock;   ///< height without sediment
  std::int64_t* east;   ///< flux to (x + 1, y), quanta
  std::int64_t* north;  ///< flux to (x, y + 1)
  std::int64_t coefficient;
  const std::int64_t* by_material;  ///< nullptr where `coefficient` holds for all
  std::int64_t* by_cell;            ///< the material's at the cell, where there is by_material
  std::int64_t mantle;              ///< sediment from which on a column creeps as sediment does
  std::int64_t frame_offset;
  std::int32_t s;
  std::int64_t low;  ///< beside a column below this height a donor may be asked for too much
  divider by_s;
  int stage;
};

/// Heights at the start; faces of the row before the first carry nothing.
void start(device::exec ex, const diffusion_view& d) {
  device::for_each_n(ex, d.step.cells, [=] LITHIFY_HD(std::int64_t c) {
    if (d.step.halted()) {
      return;
    }
    const column_view& columns = d.step.columns;
    const std::uint8_t f = d.step.faces[c];
    d.height[c] = 0;
    if (d.by_material != nullptr) {
      const std::int64_t loose = std::int64_t{columns.n_loose[c]} * d.s + columns.sediment[c];
      d.by_cell[c] =
          d.by_material[loose >= d.mantle ? ::lithify::sediment : columns.rock_material[c]];
    }
    if (f & face::inside) {
      const std::int32_t rock = d.step.solid[columns.rock_material[c]];
      d.rock[c] = surface_height(columns.rock_top[c], 0, columns.residual[c], 0, rock, d.s);
      d.height[c] = f & face::held ? columns.boundary_height[c] - d.frame_offset
                                   : columns.height(c, d.step.solid);
    }
  });
}

/// The flux from column c, whose height is h, over its face to column `to`.
LITHIFY_HD std::int64_t cross(const diffusion_view& d,
                              std::int64_t c,
                              std::int64_t to,
                              std::int64_t h,
                              std::int64_t& remainder) {
  const std::int64_t other = d.height[to];
  if ((h < other ? h : other) < d.low) {
    device::atomic_store(&d.step.words->may_cap, 1U);
  }
  const std::int64_t coefficient =
      d.by_material == nullptr ? d.coefficient : d.by_cell[h < other ? to : c];
  return face_flux(coefficient, h - other, d.s, remainder);
}

/// Rates and their rounding: one thread a cell writes its east and its north face.
void cross_faces(device::exec ex, const diffusion_view& d) {
  device::for_each_n(ex, d.step.cells, [=] LITHIFY_HD(std::int64_t c) {
    if (d.step.halted()) {
      return;
    }
    const std::uint8_t f = d.step.faces[c];
    const std::int64_t h = d.height[c];
    d.east[c] = f & face::east ? cross(d, c, d.to.east(c), h, d.step.columns.remainder_east[c]) : 0;
    d.north[c] =
        f & face::north ? cross(d, c, d.to.north(c), h, d.step.columns.remainder_north[c]) : 0;
  });
}

/// Cuts what a donor cannot give. A face has one donor, and only that donor writes it here.
void cap_donors(device::exec ex, const diffusion_view& d) {
  device::for_each_n(ex, d.step.cells, [=] LITHIFY_HD(std::int64_t c) {
    if (d.step.halted() || device::atomic_load(&d.step.words->may_cap) == 0 ||
        (d.step.faces[c] & (face::inside | face::held)) != face::inside) {
      return;
    }
    std::int64_t* const at[4] = {&d.east[c], &d.north[c], &d.east[d.to.west(c)],
                                 &d.north[d.to.south(c)]};
    std::int64_t flux[4];
    std::int64_t asked = 0;
    for (int i = 0; i < 4; ++i) {
      const std::int64_t q = device::atomic_load(at[i]);
      flux[i] = i < 2 ? (q > 0 ? q : 0) : (q < 0 ? -q : 0);
      asked += flux[i];
    }
    const std::int64_t have = available(d.height[c], d.s);
    if (asked <= have) {
      return;
    }
    std::int64_t cut[4] = {flux[0], flux[1], flux[2], flux[3]};
    share(have, asked, cut);
    for (int i = 0; i < 4; ++i) {
      if (cut[i] != flux[i]) {
        device::atomic_store(at[i], i < 2 ? cut[i] : -cut[i]);
        device::atomic_add(&d.step.words->stage[d.stage].capped, std::int64_t{1});
      }
    }
  });
}

/// Antisymmetric: every face is added once and subtracted once.
void apply(device::exec ex, const diffusion_view& d) {
  device::for_each_n(ex, d.step.cells, [=] LITHIFY_HD(std::int64_t c) {
    const std::uint8_t f = d.step.faces[c];
    if (d.step.halted() || !(f & face::inside)) {
      return;
    }
    const column_view& columns = d.step.columns;
    const std::int64_t ledger = columns.sediment[c] + d.east[d.to.west(c)] - d.east[c] +
                                d.north[d.to.south(c)] - d.north[c];
    columns.sediment[c] = ledger;
    if (!(f & face::held)) {
      const std::int64_t loose = std::int64_t{columns.n_loose[c]} * d.s + ledger;
      d.height[c] =
          loose >= 0 ? d.rock[c] + d.by_s(loose << fraction_bits) : columns.height(c, d.step.solid);
    }
  });
}

/// Six digits at most.
std::string digits(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

std::int64_t mantle_quanta(double voxel_height_m, std::int32_t sediment_solid) {
  const double quanta = mantle_m / voxel_height_m * sediment_solid;
  return std::llround(std::fmin(std::fmax(quanta, 1.0), 0x1p62));
}

diffusion_plan plan_diffusion(double diffusivity_m2_per_yr,
                              double cell_size_m,
                              double dt_yr,
                              const material_table* materials) {
  const double area = cell_size_m * cell_size_m;
  std::vector<double> own;  // by material
  double largest = diffusivity_m2_per_yr;
  const bool several =
      materials != nullptr &&
      std::any_of(materials->all().begin(), materials->all().end(),
                  [](const material& m) { return m.diffusivity_m2_per_yr.has_value(); });
  if (several) {
    largest = 0.0;
    for (const material& m : materials->all()) {
      own.push_back(m.diffusivity_m2_per_yr.value_or(diffusivity_m2_per_yr));
      largest = m.solid_quanta() > 0 ? std::fmax(largest, own.back()) : largest;
    }
  }
  const double total = largest * dt_yr / area;
  const double substeps = std::fmax(1.0, std::ceil(total / largest_coefficient));
  require(substeps <= most_substeps, errc::invalid_argument,
          "diffusion: a step of " + digits(dt_yr) + " years needs " + digits(substeps) +
              " substeps, at most " + digits(most_substeps) + " are taken: shorten it to " +
              digits(dt_yr * most_substeps / substeps) + " years or less");
  const auto coefficient = [&](double kappa) {
    return std::llround(std::ldexp(kappa * dt_yr / area / substeps, coefficient_bits));
  };
  diffusion_plan plan;
  plan.substeps = static_cast<std::int64_t>(substeps);
  plan.coefficient = coefficient(diffusivity_m2_per_yr);
  plan.stable_dt_yr = largest > 0.0 ? area / (4.0 * largest) : 0.0;
  if (several) {
    plan.by_material.assign(all_materials, 0);
    for (std::size_t i = 0; i < own.size(); ++i) {
      // What holds no solid is never at the top: its diffusivity is none that the substeps obey.
      plan.by_material[i] = coefficient(std::fmin(own[i], largest));
    }
  }
  return plan;
}

void diffuse(device::exec ex,
             const step_view& step,
             int stage,
             const diffusion_plan& plan,
             std::int64_t frame_offset) {
  device::buffer<std::int64_t> height(ex, step.cells);
  device::buffer<std::int64_t> rock(ex, step.cells);
  device::buffer<std::int64_t> east(ex, step.cells + 1);
  device::buffer<std::int64_t> north(ex, step.cells + step.nx);
  device::buffer<std::int64_t> by_material, by_cell;
  if (!plan.by_material.empty()) {
    by_material = device::buffer<std::int64_t>(ex, all_materials);
    device::copy_to_device(ex, by_material.data(), plan.by_material.data(), all_materials);
    by_cell = device::buffer<std::int64_t>(ex, step.cells);
  }
  device::fill(ex, east.data(), 1, std::int64_t{0});
  device::fill(ex, north.data(), step.nx, std::int64_t{0});
  // A flux is at most 0.2 drop s / 2^20 + 1, a quarter of what a donor has at least
  // 0.25 h s / 2^20 - 2, and the drop is no more than h where no column is below the floor: from
  // 64 quanta upwards no sum of four fluxes passes what is there.
  const std::int64_t low = (std::int64_t{64} << fraction_bits) / step.sediment_solid + 1;
  const diffusion_view d{step,
                         {step.nx, step.cells, step.loop_x, step.loop_y},
                         height.data(),
                         rock.data(),
                         east.data() + 1,
                         north.data() + step.nx,
                         plan.coefficient,
                         by_material.data(),
                         by_cell.data(),
                         plan.mantle,
                         frame_offset,
                         step.sediment_solid,
                         low,
                         divider(static_cast<std::uint64_t>(step.sediment_solid)),
                         stage};
  start(ex, d);
  for (std::int64_t i = 0; i < plan.substeps; ++i) {
    cross_faces(ex, d);
    cap_donors(ex, d);
    apply(ex, d);
  }
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
