#include "lithify/deltas/overlay_types.hpp"

#include <array>
#include <utility>

namespace lithify {

namespace {

constexpr std::array<std::pair<std::string_view, consolidation_strategy>, 2> strategies = {{
    {"all", consolidation_strategy::all},
    {"lazy_threshold", consolidation_strategy::lazy_threshold},
}};

}  // namespace

std::string_view to_string(consolidation_strategy s) noexcept {
  for (const auto& [word, strategy] : strategies) {
    if (strategy == s) {
      return word;
    }
  }
  return "unknown";
}

std::optional<consolidation_strategy> parse_strategy(std::string_view word) noexcept {
  for (const auto& [name, strategy] : strategies) {
    if (name == word) {
      return strategy;
    }
  }
  return std::nullopt;
}

}  // namespace lithify
