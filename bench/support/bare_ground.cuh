/// Rough ground for passes that run without a simulation around them.
#pragma once

#include "columns.cuh"
#include "lithify/base/hash128.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "routing.cuh"
#include "step.cuh"

#include <cmath>
#include <cstdint>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {

inline constexpr double dx = 100.0;     // m
inline constexpr double voxel_m = 1.0;  // height
inline constexpr double k = 2e-5;       // m^0.1 / yr
inline constexpr double kappa = 0.05;   // m^2 / yr
inline constexpr double dt = 1000.0;    // yr
inline constexpr double m_exponent = 0.45;
inline constexpr double uplift_m = 1e-3 * dt;  // m a step
inline constexpr double ground_m = 400.0;
inline constexpr double repose_deg = 34.0;

inline double noise_m(std::int64_t c) {
  return static_cast<double>(mix64(static_cast<std::uint64_t>(c)) >> 44) * 0x1p-20;
}

/// Columns whose height lies in their ledgers alone, so that the passes run without voxels.
class bare_ground {
 public:
  bare_ground(device::exec ex, std::int32_t n)
      : n_(n),
        columns_(ex, std::int64_t{n} * n, true),
        solid_(ex, passes::all_materials),
        erodibility_(ex, passes::all_materials),
        steepest_(ex, passes::all_materials),
        debt_(ex, std::int64_t{n} * n),
        batch_(ex, 1),
        words_(ex, 1) {
    const auto cells = static_cast<std::size_t>(std::int64_t{n} * n);
    std::vector<std::int64_t> ledger(cells);
    for (std::size_t c = 0; c < cells; ++c) {
      ledger[c] =
          std::llround(std::ldexp(ground_m + noise_m(static_cast<std::int64_t>(c)), 20) / voxel_m);
    }
    device::fill(ex, columns_.rock_top.data(), columns_.rock_top.size(), 0);
    device::fill(ex, columns_.n_loose.data(), columns_.rock_top.size(), 0);
    device::fill(ex, columns_.residual.data(), columns_.rock_top.size(), 1 << 20);
    device::fill(ex, columns_.rock_material.data(), columns_.rock_top.size(), material_id{4});
    for (auto* const zero :
         {&columns_.remainder_east, &columns_.remainder_north, &columns_.exported}) {
      device::fill(ex, zero->data(), zero->size(), std::int64_t{0});
    }
    device::fill(ex, columns_.remainder_river.data(), columns_.remainder_river.size(), 0);
    device::fill(ex, columns_.boundary_height.data(), columns_.rock_top.size(), not_held);
    device::copy_to_device(ex, columns_.sediment.data(), ledger.data(), columns_.sediment.size());
    device::fill(ex, solid_.data(), solid_.size(), 1 << 20);
    device::fill(ex, erodibility_.data(), erodibility_.size(), 1.0);
    region_geometry geometry;
    geometry.cell_size_m = dx;
    geometry.voxel_height_m = voxel_m;
    device::fill(ex, steepest_.data(), steepest_.size(),
                 passes::steepest_drop_of(repose_deg, geometry));
    device::fill(ex, debt_.data(), debt_.size(), std::int64_t{0});
    device::fill(ex, batch_.data(), 1, deltas::staging_words{});
    device::fill(ex, words_.data(), 1, passes::step_words{});
    powers_ = passes::area_powers(ex, dx, m_exponent);
    layout_ = passes::make_layout(ex, columns_.view(), {n, n, 4096}, {});
    passes::set_boundary(ex, columns_.view(), layout_, solid_.data(), 0);
  }

  [[nodiscard]] std::int64_t cells() const { return std::int64_t{n_} * n_; }
  [[nodiscard]] passes::step_view view() const {
    passes::step_view step;
    step.columns = columns_.view();
    step.faces = layout_.faces.data();
    step.nx = n_;
    step.cells = cells();
    step.solid = solid_.data();
    step.sediment_solid = 1 << 20;
    step.batch = batch_.data();
    step.words = words_.data();
    step.steepest = steepest_.data();
    step.rock_debt = debt_.data();
    return step;
  }
  void cut(device::exec ex) {
    passes::stream_power_plan plan = passes::plan_stream_power(k, m_exponent, dx, dt);
    plan.powers = powers_.data();
    plan.erodibility = erodibility_.data();
    passes::cut_rivers(ex, view(), 0, plan, frame_);
  }
  void raise() { frame_ += std::llround(std::ldexp(uplift_m / voxel_m, 20)); }
  void creep(device::exec ex) {
    passes::diffuse(ex, view(), 1, passes::plan_diffusion(kappa, dx, dt), frame_);
  }
  /// Nothing slides: the ground is far from that steep.
  void slide(device::exec ex) { (void)passes::let_slide(ex, view(), 64, frame_); }
  void step(device::exec ex) {
    raise();
    cut(ex);
    creep(ex);
  }
  /// Heights as routing gets them.
  void read_heights(device::exec ex, std::int64_t* height) {
    const passes::step_view step = view();
    const std::int64_t frame = frame_;
    device::for_each_n(ex, cells(), [=] LITHIFY_HD(std::int64_t c) {
      height[c] = step.faces[c] & passes::face::held ? step.columns.boundary_height[c] - frame
                                                     : step.columns.height(c, step.solid);
    });
  }

 private:
  std::int32_t n_;
  passes::column_arrays columns_;
  device::buffer<std::int32_t> solid_;
  device::buffer<double> erodibility_;
  device::buffer<passes::steepest_drop> steepest_;
  device::buffer<std::int64_t> debt_;
  device::buffer<double> powers_;
  device::buffer<deltas::staging_words> batch_;
  device::buffer<passes::step_words> words_;
  passes::column_layout layout_;
  std::int64_t frame_ = 0;
};

}  // namespace lithify::bench::inline LITHIFY_BACKEND
