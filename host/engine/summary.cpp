#include "lithify/engine/run.hpp"

#include <nlohmann/json.hpp>

namespace lithify::engine {

std::string to_json(const run_summary& s) {
  using json = nlohmann::ordered_json;
  json seconds = json::object();
  for (const auto& [stage, taken] : s.seconds) {
    seconds[stage] = taken;
  }
  json files = json::array();
  for (const auto& file : s.files) {
    files.push_back(file.string());
  }
  // 128-bit numbers are strings: JSON readers have no integers that large.
  const json budget = {{"in", to_decimal(s.budget.in)},
                       {"out", to_decimal(s.budget.out)},
                       {"stored", to_decimal(s.stored)},
                       {"stored_at_start", to_decimal(s.budget.stored_at_start)},
                       {"exported", to_decimal(s.budget.exported)},
                       {"edited", to_decimal(s.budget.edited)},
                       {"residual", to_decimal(s.residual)}};
  const json summary = {{"steps", s.steps},
                        {"first_step", s.first_step},
                        {"stopped", s.stopped},
                        {"simulated_yr", s.time_yr},
                        {"device", s.device},
                        {"size", {s.size.x, s.size.y, s.size.z}},
                        {"deltas_emitted", s.deltas_emitted},
                        {"deltas_consolidated", s.deltas_consolidated},
                        {"consolidations", s.consolidations},
                        {"capped_fluxes", s.capped},
                        {"steep_faces", s.steep_faces},
                        {"largest_excess_m", s.largest_excess_m},
                        {"budget", budget},
                        {"digest", to_string(s.digest)},
                        {"seconds", seconds},
                        {"peak_host_bytes", s.peak_host_bytes},
                        {"peak_device_bytes", s.peak_device_bytes},
                        {"files", files},
                        {"warnings", s.warnings}};
  return summary.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace lithify::engine
