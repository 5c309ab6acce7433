#include "lithify/base/error.hpp"
#include "lithify/device/stage_timer.cuh"
#include "stages.cuh"
#include "uplift.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <variant>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

struct parameter_checker {
  void operator()(const uplift_parameters& p) const {
    require(std::isfinite(p.rate_m_per_yr), errc::invalid_argument,
            "uplift: rate_m_per_yr must be finite");
  }
  void operator()(const diffusion_parameters& p) const {
    require(std::isfinite(p.diffusivity_m2_per_yr) && p.diffusivity_m2_per_yr >= 0.0,
            errc::invalid_argument,
            "diffusion: diffusivity_m2_per_yr must be finite and not negative");
  }
  void operator()(const stream_power_parameters& p) const {
    require(std::isfinite(p.k) && p.k >= 0.0, errc::invalid_argument,
            "stream_power: k must be finite and not negative");
    require(p.m >= 0.0 && p.m <= 4.0, errc::invalid_argument,
            "stream_power: m must be from 0 to 4");
  }
  void operator()(const talus_parameters& p) const {
    require(p.max_sweeps >= 0 && p.max_sweeps <= 1'000'000, errc::invalid_argument,
            "talus: max_sweeps must be from 0 to 1,000,000");
  }
};

/// One stage. `moved`: it has moved its matter, only its emission is missing.
void run_stage(device::exec ex,
               stage& s,
               int number,
               bool moved,
               const step_view& step,
               deltas::staging& batch) {
  if (s.pass == nullptr) {
    if (!moved) {
      hold_boundary(ex, step, number, s.frame.offset);
    }
    s.emission = emit_settled(ex, step, number, settled_columns::held, batch);
  } else if (std::holds_alternative<diffusion_parameters>(*s.pass)) {
    if (!moved) {
      diffuse(ex, step, number, s.diffusion, s.frame.offset);
    }
    s.emission = emit_settled(ex, step, number, settled_columns::free, batch);
  } else if (std::holds_alternative<stream_power_parameters>(*s.pass)) {
    if (!moved) {
      cut_rivers(ex, step, number, s.rivers, s.frame.offset);
    }
    s.emission = emit_settled(ex, step, number, settled_columns::free, batch);
  } else if (const auto* scree = std::get_if<talus_parameters>(s.pass)) {
    if (!moved) {
      s.talus = let_slide(ex, step, scree->max_sweeps, s.frame.offset);
    }
    s.emission = emit_settled(ex, step, number, settled_columns::free, batch);
  }
}

}  // namespace

const char* stage::name() const { return pass == nullptr ? "boundary" : pass_name(*pass); }

void check_passes(const std::vector<pass_config>& passes) {
  require(passes.size() < max_stages, errc::invalid_argument, "too many passes");
  for (std::size_t i = 0; i < passes.size(); ++i) {
    std::visit(parameter_checker{}, passes[i]);
    for (std::size_t j = 0; j < i; ++j) {
      require(passes[i].index() != passes[j].index(), errc::invalid_argument,
              std::string("pass '") + pass_name(passes[i]) + "' is listed twice");
    }
  }
}

std::vector<stage> plan_stages(const std::vector<pass_config>& passes,
                               const region_geometry& geometry,
                               const material_table& materials,
                               frame_position frame,
                               double dt_yr,
                               const river_tables& tables) {
  std::vector<stage> stages;
  for (const pass_config& pass : passes) {
    stage s;
    s.pass = &pass;
    if (const auto* lift = std::get_if<uplift_parameters>(&pass)) {
      s.lift = uplift_increment(lift->rate_m_per_yr, geometry.voxel_height_m, dt_yr);
      raise(frame, s.lift);
    } else if (const auto* creep = std::get_if<diffusion_parameters>(&pass)) {
      s.diffusion =
          plan_diffusion(creep->diffusivity_m2_per_yr, geometry.cell_size_m, dt_yr, &materials);
      s.diffusion.mantle =
          mantle_quanta(geometry.voxel_height_m, materials[sediment].solid_quanta());
    } else if (const auto* rivers = std::get_if<stream_power_parameters>(&pass)) {
      s.rivers = plan_stream_power(rivers->k, rivers->m, geometry.cell_size_m, dt_yr);
      s.rivers.powers = tables.powers;
      s.rivers.erodibility = tables.erodibility;
    }
    s.frame = frame;
    stages.push_back(s);
  }
  stages.emplace_back().frame = frame;
  return stages;
}

std::vector<pass_budget> plan_step(const std::vector<pass_config>& passes,
                                   const region_geometry& geometry,
                                   const material_table& materials,
                                   double dt_yr) {
  check_passes(passes);
  std::vector<pass_budget> lines;
  for (const stage& s : plan_stages(passes, geometry, materials, {}, dt_yr, {})) {
    if (s.pass != nullptr) {
      pass_budget& line = lines.emplace_back();
      line.pass = s.name();
      line.substeps = s.diffusion.substeps;
      line.stable_dt_yr = s.diffusion.stable_dt_yr;
    }
  }
  return lines;
}

void run_stages(device::exec ex,
                std::vector<stage>& stages,
                step_view step,
                deltas::staging& batch,
                const std::function<void(const stage&)>& settled) {
  std::size_t first = 0;
  bool moved = false;
  for (;;) {
    for (std::size_t i = first; i < stages.size(); ++i) {
      step.batch = batch.words();
      step.ground.staged = batch.table();
      {
        const device::stage_scope timed(ex, std::string("step.") + stages[i].name());
        run_stage(ex, stages[i], static_cast<int>(i), moved && i == first, step, batch);
      }
      if (settled) {
        if (batch.overflowed(ex) >= 0) {
          break;  // it goes on from here once the table has grown
        }
        settled(stages[i]);
      }
    }
    const int overflowed = batch.overflowed(ex);
    if (overflowed < 0) {
      return;
    }
    first = 0;
    while (stages[first].emission != overflowed) {
      ++first;
    }
    moved = true;
    batch.grow(ex);
  }
}

void require_in_range(const std::vector<stage>& stages, const step_words& words, std::int64_t nx) {
  if (words.left_range == ~std::uint64_t{0}) {
    return;
  }
  const std::int64_t cell = static_cast<std::int64_t>(words.left_range & 0xffffffffffffULL);
  throw error(errc::out_of_range,
              std::string("pass '") + stages[words.left_range >> 48].name() + "': column (" +
                  std::to_string(cell % nx) + ", " + std::to_string(cell / nx) +
                  ") would leave the region's range of heights; the step is not done");
}

void write_budgets(const std::vector<stage>& stages,
                   const step_words& words,
                   double voxel_height_m,
                   step_report& report) {
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const stage_words& from = words.stage[i];
    pass_budget line;
    line.pass = stages[i].name();
    line.in = from.in.value();
    line.out = from.out.value();
    line.exported = from.exported.value();
    line.raised_m = std::ldexp(static_cast<double>(stages[i].lift), -52) * voxel_height_m;
    line.capped = from.capped;
    line.uphill = from.uphill;
    line.contacts = from.contacts;
    const bool scree =
        stages[i].pass != nullptr && std::holds_alternative<talus_parameters>(*stages[i].pass);
    line.substeps = scree ? stages[i].talus.sweeps : stages[i].diffusion.substeps;
    line.stable_dt_yr = stages[i].diffusion.stable_dt_yr;
    line.steep_faces = stages[i].talus.steep_faces;
    line.largest_excess_m =
        std::ldexp(static_cast<double>(stages[i].talus.largest_excess), -fraction_bits) *
        voxel_height_m;
    if (stages[i].emission >= 0) {
      line.deltas = static_cast<std::int64_t>(from.emitted - before);
      before = from.emitted;
    }
    report.deltas += line.deltas;
    report.passes.push_back(std::move(line));
  }
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
