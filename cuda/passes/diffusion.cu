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
#include "surface_runs.cuh"

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

/// What crosses a face, and what of it is no whole quantum yet.
struct crossing {
  std::int64_t quanta;
  std::int64_t remainder;  ///< 2^-52 quanta, of either sign
};

/// Rounds coefficient drop_s / 2^80 + remainder / 2^52 quanta towards zero, `drop_s` being the drop
/// times the sediment's solid. The first term is cut to 2^-52, towards zero too.
/// Requires: coefficient < 2^58, |drop_s| < 2^62, |remainder| < 2^52.
/// The product has 120 bits: it is made of four of 32 bits each, which vector units have, and its
/// magnitude is taken apart at 2^80 and 2^28.
LITHIFY_INLINE crossing cross_face(std::uint64_t coefficient,
                                   std::int64_t drop_s,
                                   std::int64_t remainder) {
  static_assert(coefficient_bits + fraction_bits == 80 && remainder_bits == 52);
  constexpr std::uint64_t low = 0xffffffff;
  constexpr std::uint64_t one = std::uint64_t{1} << remainder_bits;
  const std::uint64_t sign = drop_s < 0 ? ~std::uint64_t{0} : 0;
  const std::uint64_t drop = (static_cast<std::uint64_t>(drop_s) ^ sign) - sign;
  const std::uint64_t a0 = coefficient & low, a1 = coefficient >> 32;
  const std::uint64_t b0 = drop & low, b1 = drop >> 32;
  const std::uint64_t bottom = a0 * b0;
  const std::uint64_t middle = a1 * b0 + a0 * b1 + (bottom >> 32);
  const std::uint64_t top = a1 * b1 + (middle >> 32);
  const std::uint64_t fraction = (top & 0xffff) << 36 | (middle & low) << 4 | (bottom & low) >> 28;
  // Seen from the drop's side: 2^52 on top, so that a remainder of the other sign shows in `sum`.
  const std::uint64_t kept = (static_cast<std::uint64_t>(remainder) ^ sign) - sign;
  const std::uint64_t sum = fraction + kept + one;
  const std::uint64_t whole = (top >> 16) + (sum >> remainder_bits) - 1;
  // Below zero nothing crosses, and the remainder keeps its sign.
  const bool below = static_cast<std::int64_t>(whole) < 0;
  const std::uint64_t quanta = below ? 0 : whole;
  const std::uint64_t rest = (sum & (one - 1)) - (below ? one : 0);
  return {static_cast<std::int64_t>((quanta ^ sign) - sign),
          static_cast<std::int64_t>((rest ^ sign) - sign)};
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
  std::int64_t* rock;   ///< height without sediment, where there is more than one substep
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

/// The coefficient of a column's material.
LITHIFY_HD std::int64_t coefficient_at(const diffusion_view& d, std::int64_t c) {
  const column_view& columns = d.step.columns;
  const std::int64_t loose = std::int64_t{columns.n_loose[c]} * d.s + columns.sediment[c];
  return d.by_material[loose >= d.mantle ? ::lithify::sediment : columns.rock_material[c]];
}

/// Heights at the start.
struct start_run {
  diffusion_view d;

  LITHIFY_INLINE void operator()(std::int64_t first, std::int64_t last) const {
    if (d.step.halted()) {
      return;
    }
    const surface_run surface(d.step, d.frame_offset, 0, first, last);
    for (std::int64_t c = first; c < last; ++c) {
      d.height[c] = surface.height[c - first];
    }
    for (std::int64_t c = first; c < last && d.rock != nullptr; ++c) {
      d.rock[c] = surface.rock[c - first];
    }
    for (std::int64_t c = first; c < last && d.by_material != nullptr; ++c) {
      d.by_cell[c] = coefficient_at(d, c);
    }
  }
};

/// Rates and their rounding: each cell has its east and its north face.
struct cross_run {
  diffusion_view d;

  LITHIFY_INLINE void operator()(std::int64_t first, std::int64_t last) const {
    if (d.step.halted()) {
      return;
    }
    const column_view& columns = d.step.columns;
    const bool looped = d.to.loop_x || d.to.loop_y;
    const bool in_arrays = last + d.to.nx <= d.to.cells;
    if (in_arrays) {
      const int shut = looped ? face::side : 0;
      cross_in_row(first, last, 1, face::east, shut, columns.remainder_east, d.east);
      cross_in_row(first, last, d.to.nx, face::north, shut, columns.remainder_north, d.north);
    }
    for (std::int64_t c = first; c < last && (looped || !in_arrays); ++c) {
      if (!in_arrays || (d.step.faces[c] & face::side) != 0) {
        cross_one(c, d.to.east(c), face::east, columns.remainder_east, d.east);
        cross_one(c, d.to.north(c), face::north, columns.remainder_north, d.north);
      }
    }
  }

 private:
  /// The faces on one side of each cell of a run, to the cell that comes `step` later in the
  /// arrays. Cells with a bit of `shut` come again.
  LITHIFY_INLINE void cross_in_row(std::int64_t first,
                                   std::int64_t last,
                                   std::int64_t step,
                                   int side,
                                   int shut,
                                   std::int64_t* remainder,
                                   std::int64_t* flux) const {
    std::int64_t open[device::items_a_run];  // all bits set, or none
    std::int64_t coefficient[device::items_a_run];
    std::int64_t moved[device::items_a_run];
    std::int64_t rest[device::items_a_run];
    const int count = static_cast<int>(last - first);
    const std::uint8_t* const faces = d.step.faces + first;
    const std::int64_t* const at = d.height + first;
    for (int k = 0; k < count; ++k) {
      open[k] = (faces[k] & (side | shut)) == side ? -1 : 0;
      coefficient[k] = d.coefficient;
    }
    if (d.by_material != nullptr) {
      const std::int64_t* const own = d.by_cell + first;
      for (int k = 0; k < count; ++k) {
        coefficient[k] = at[k] < at[k + step] ? own[k + step] : own[k];
      }
    }
    const std::int64_t* const kept = remainder + first;
    std::int64_t low = 0;
    for (int k = 0; k < count; ++k) {
      const std::int64_t other = at[k + step];
      low |= open[k] & ((at[k] < d.low ? -1 : 0) | (other < d.low ? -1 : 0));
      // Unsigned: over a shut face a drop need not have a value.
      const auto drop = static_cast<std::uint64_t>(at[k]) - static_cast<std::uint64_t>(other);
      const crossing now =
          cross_face(static_cast<std::uint64_t>(coefficient[k]),
                     static_cast<std::int64_t>(drop * static_cast<std::uint32_t>(d.s)), kept[k]);
      moved[k] = now.quanta & open[k];
      rest[k] = (now.remainder & open[k]) | (kept[k] & ~open[k]);
    }
    for (int k = 0; k < count; ++k) {
      remainder[first + k] = rest[k];
      flux[first + k] = moved[k];
    }
    if (low != 0) {
      device::atomic_store(&d.step.words->may_cap, 1U);
    }
  }

  /// The face from column c to column `to`.
  LITHIFY_HD void cross_one(std::int64_t c,
                            std::int64_t to,
                            int side,
                            std::int64_t* remainder,
                            std::int64_t* flux) const {
    if ((d.step.faces[c] & side) == 0) {
      flux[c] = 0;
      return;
    }
    const std::int64_t h = d.height[c];
    const std::int64_t other = d.height[to];
    if ((h < other ? h : other) < d.low) {
      device::atomic_store(&d.step.words->may_cap, 1U);
    }
    const std::int64_t coefficient =
        d.by_material == nullptr ? d.coefficient : d.by_cell[h < other ? to : c];
    const crossing now =
        cross_face(static_cast<std::uint64_t>(coefficient), (h - other) * d.s, remainder[c]);
    flux[c] = now.quanta;
    remainder[c] = now.remainder;
  }
};

/// Cuts what a donor cannot give. A face has one donor, and only that donor writes it here.
struct cap_run {
  diffusion_view d;

  LITHIFY_HD void operator()(std::int64_t first, std::int64_t last) const {
    if (d.step.halted() || device::atomic_load(&d.step.words->may_cap) == 0) {
      return;
    }
    for (std::int64_t c = first; c < last; ++c) {
      if ((d.step.faces[c] & (face::inside | face::held)) == face::inside) {
        cap(c);
      }
    }
  }

 private:
  LITHIFY_HD void cap(std::int64_t c) const {
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
  }
};

/// Antisymmetric: every face is added once and subtracted once. Nothing crosses one of a column
/// that is outside.
struct apply_run {
  diffusion_view d;
  bool more;  ///< another substep comes, which asks for heights

  LITHIFY_INLINE void operator()(std::int64_t first, std::int64_t last) const {
    if (d.step.halted()) {
      return;
    }
    std::int64_t ledger[device::items_a_run];
    const int count = static_cast<int>(last - first);
    std::int64_t* const sediment = d.step.columns.sediment + first;
    const std::int64_t* const east = d.east + first;
    const std::int64_t* const north = d.north + first;
    for (int k = 0; k < count; ++k) {
      ledger[k] = sediment[k] - east[k] - north[k];
    }
    if (d.to.loop_x || d.to.loop_y) {
      for (int k = 0; k < count; ++k) {
        ledger[k] += d.east[d.to.west(first + k)] + d.north[d.to.south(first + k)];
      }
    } else {
      for (int k = 0; k < count; ++k) {
        ledger[k] += east[k - 1] + north[k - d.to.nx];
      }
    }
    for (int k = 0; k < count; ++k) {
      sediment[k] = ledger[k];
    }
    for (int k = 0; k < count && more; ++k) {
      update_height(first + k, ledger[k]);
    }
  }

 private:
  LITHIFY_HD void update_height(std::int64_t c, std::int64_t ledger) const {
    if ((d.step.faces[c] & (face::inside | face::held)) != face::inside) {
      return;
    }
    const column_view& columns = d.step.columns;
    const std::int64_t loose = std::int64_t{columns.n_loose[c]} * d.s + ledger;
    d.height[c] =
        loose >= 0 ? d.rock[c] + d.by_s(loose << fraction_bits) : columns.height(c, d.step.solid);
  }
};

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
  // Without a second substep nobody asks for heights after the first.
  device::buffer<std::int64_t> rock(ex, plan.substeps > 1 ? step.cells : 0);
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
  device::for_each_run(ex, step.cells, start_run{d});
  for (std::int64_t i = 1; i <= plan.substeps; ++i) {
    device::for_each_run(ex, step.cells, cross_run{d});
    device::for_each_run(ex, step.cells, cap_run{d});
    device::for_each_run(ex, step.cells, apply_run{d, i < plan.substeps});
  }
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
