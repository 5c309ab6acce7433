#include "lithify/engine/run.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>
#include <utility>

namespace lithify::engine {

namespace {

using json = nlohmann::ordered_json;

/// `f(words, count)` for every counter, with the words that say what is counted.
template <class F>
void each_counter(const pass_budget& line, F f) {
  if (line.pass == "diffusion") {
    f("substeps", line.substeps);
  } else if (line.pass == "talus") {
    f("sweeps", line.substeps);
  }
  f("deltas", line.deltas);
  f("fluxes capped to what their donor had", line.capped);
  f("cells not cut, their receiver not lower", line.uphill);
  f("contacts of two rocks cut through within a step", line.contacts);
  f("faces left too steep by the last step", line.steep_faces);
}

std::string in_metres(const char* format, double m) {
  char text[48];
  std::snprintf(text, sizeof(text), format, m);
  return text;
}

json to_object(const pass_budget& line) {
  return {{"pass", line.pass},
          {"in", to_decimal(line.in)},
          {"out", to_decimal(line.out)},
          {"exported", to_decimal(line.exported)},
          {"raised_m", line.raised_m},
          {"deltas", line.deltas},
          {"substeps", line.substeps},
          {"capped", line.capped},
          {"uphill", line.uphill},
          {"contacts", line.contacts},
          {"steep_faces", line.steep_faces},
          {"largest_excess_m", line.largest_excess_m}};
}

}  // namespace

std::string to_words(const pass_budget& line) {
  std::string words;
  const auto add = [&](const std::string& more) { words += (words.empty() ? "" : "; ") + more; };
  const std::pair<const char*, int128> amounts[] = {
      {"in ", line.in}, {"out ", line.out}, {"exported ", line.exported}};
  for (const auto& [what, quanta] : amounts) {
    if (quanta != 0) {
      add(what + to_decimal(quanta));
    }
  }
  if (line.raised_m != 0.0) {
    add(in_metres("raised %.6g m", line.raised_m));
  }
  each_counter(line, [&](const char* what, std::int64_t count) {
    if (count != 0) {
      add(std::to_string(count) + " " + what);
    }
  });
  if (line.largest_excess_m > 0.0) {
    add(in_metres("the worst by %.3g m", line.largest_excess_m));
  }
  return words.empty() ? "nothing" : words;
}

std::string to_json(const run_summary& s) {
  json seconds = json::object();
  for (const auto& [stage, taken] : s.seconds) {
    seconds[stage] = taken;
  }
  json files = json::array();
  for (const auto& file : s.files) {
    files.push_back(file.string());
  }
  json passes = json::array();
  for (const pass_budget& line : s.passes) {
    passes.push_back(to_object(line));
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
                        {"passes", passes},
                        {"budget", budget},
                        {"digest", to_string(s.digest)},
                        {"seconds", seconds},
                        {"peak_host_bytes", s.peak_host_bytes},
                        {"peak_device_bytes", s.peak_device_bytes},
                        {"device_memory",
                         {{"index", s.device_memory.index},
                          {"overlay", s.device_memory.overlay},
                          {"columns", s.device_memory.columns}}},
                        {"files", files},
                        {"warnings", s.warnings}};
  return summary.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace lithify::engine
