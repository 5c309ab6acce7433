/// Ground on which no two cells are equally high, so that no tie decides where water goes.
#pragma once

#include "routing_oracle.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace lithify::test {

/// Lifts cells as little as it takes until all heights are unlike; their order stays.
inline void make_unlike(terrain& t) {
  std::vector<std::size_t> rising(t.height.size());
  std::iota(rising.begin(), rising.end(), std::size_t{0});
  std::stable_sort(rising.begin(), rising.end(),
                   [&](std::size_t a, std::size_t b) { return t.height[a] < t.height[b]; });
  for (std::size_t i = 1; i < rising.size(); ++i) {
    std::int64_t& h = t.height[rising[i]];
    h = std::max(h, t.height[rising[i - 1]] + 1);
  }
}

/// Cells in depressions whose way out leads over another pass than priority flood comes in by.
/// Requires: heights are unlike, so that the lowest pass out of a depression is one cell.
inline std::int64_t cells_over_other_passes(const terrain& t,
                                            const std::vector<std::int64_t>& receiver,
                                            std::int64_t& cells_in_depressions) {
  std::vector<std::int64_t> from;
  const std::vector<std::int64_t> level = flooded(t, &from);
  std::int64_t wrong = 0;
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    const auto at = static_cast<std::size_t>(c);
    if (t.is_outside(c) || level[at] == std::numeric_limits<std::int64_t>::max() ||
        level[at] == t.at(c)) {
      continue;
    }
    ++cells_in_depressions;
    std::int64_t pass = c;
    for (std::int64_t on = c; receiver[static_cast<std::size_t>(on)] != on;) {
      on = receiver[static_cast<std::size_t>(on)];
      pass = t.at(on) > t.at(pass) ? on : pass;
    }
    std::int64_t spill = c;
    while (t.at(spill) != level[at]) {
      spill = from[static_cast<std::size_t>(spill)];
    }
    wrong += pass != spill ? 1 : 0;
  }
  return wrong;
}

}  // namespace lithify::test
