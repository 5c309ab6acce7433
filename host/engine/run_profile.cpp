// The format: Trace Event Format (Google, 2016), complete events ("X") and names of threads ("M").
#include "run_profile.hpp"

#include "lithify/engine/trace_files.hpp"
#include "lithify/io/text_file.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <new>
#include <utility>

namespace lithify::engine {

namespace {

using json = nlohmann::ordered_json;

/// Nanoseconds are the last digit that a reader can use.
double microseconds(double seconds) { return std::round(seconds * 1e9) * 1e-3; }

}  // namespace

void run_profile::add(track on, const char* name, double begin, double seconds) noexcept {
  try {
    spans_.push_back({on, name, begin, seconds});
  } catch (const std::bad_alloc&) {
    // It is called where scopes end.
  }
}

void run_profile::add(const std::vector<stage_run>& stages, double origin) {
  for (const stage_run& s : stages) {
    add(track::device, s.stage.c_str(), origin + s.begin, s.seconds);
  }
}

std::string run_profile::write(const std::filesystem::path& file, const std::string& device) const {
  std::string text = profile_begin;
  const auto line = [&](const json& event, const char* end) {
    text += event.dump(-1, ' ', false, json::error_handler_t::replace) + end;
  };
  const std::pair<track, std::string> names[] = {
      {track::run, "run"}, {track::checkpoints, "checkpoint writer"}, {track::device, device}};
  for (const auto& [on, name] : names) {
    line({{"name", "thread_name"},
          {"ph", "M"},
          {"pid", 1},
          {"tid", static_cast<int>(on)},
          {"args", {{"name", name}}}},
         ",\n");
  }
  for (const span& s : spans_) {
    line({{"name", s.name},
          {"ph", "X"},
          {"ts", microseconds(s.begin)},
          {"dur", microseconds(s.seconds)},
          {"pid", 1},
          {"tid", static_cast<int>(s.on)}},
         ",\n");
  }
  line({{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", "lithify run"}}}},
       "\n]}\n");
  return io::write_text(file, text);
}

}  // namespace lithify::engine
