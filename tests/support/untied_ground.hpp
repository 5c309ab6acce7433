/// Ground with depressions on which no tie decides where water goes: no two cells are equally high,
/// and over the lowest pass out of a depression there is one way.
#pragma once

#include "lithify/base/hash128.hpp"
#include "routing_oracle.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <vector>

namespace lithify::test {

/// How ground drains whose cells are all unlike in height.
class drained_ground {
 public:
  explicit drained_ground(const terrain& t) : ground_(&t), set_(t.height.size() + 1) {
    std::iota(set_.begin(), set_.end(), std::size_t{0});
    std::vector<std::int64_t> rising;
    for (std::int64_t c = 0; c < t.cells(); ++c) {
      if (!t.is_outside(c)) {
        rising.push_back(c);
      }
    }
    std::sort(rising.begin(), rising.end(),
              [&](std::int64_t a, std::int64_t b) { return t.at(a) < t.at(b); });
    for (const std::int64_t c : rising) {
      add(c);
    }
  }

  std::int64_t depressions = 0;
  /// Neighbours of a pass that lead the same way as another one does.
  std::vector<std::pair<std::int64_t, std::int64_t>> ties;  ///< (pass, such a neighbour)

 private:
  std::size_t find(std::size_t c) {
    while (set_[c] != c) {
      c = set_[c] = set_[set_[c]];
    }
    return c;
  }

  /// Adds the next higher cell: it joins the basins that it touches.
  void add(std::int64_t c) {
    const auto here = static_cast<std::size_t>(c);
    const std::size_t outside = ground_->height.size();
    std::int64_t steepest = -1;
    uint128 best = 0;
    std::map<std::size_t, std::int64_t> ways;  // by basin: a lower neighbour
    std::vector<std::pair<std::int64_t, std::size_t>> more;
    for (const auto& n : ground_->neighbours(c)) {
      if (ground_->at(n.cell) < ground_->at(c)) {
        const auto drop = static_cast<uint128>(ground_->at(c) - ground_->at(n.cell));
        const uint128 slope = drop * drop * (n.diagonal ? 1U : 2U);
        if (slope > best) {
          best = slope;
          steepest = n.cell;
        }
        const std::size_t basin = find(static_cast<std::size_t>(n.cell));
        if (!ways.emplace(basin, n.cell).second) {
          more.emplace_back(n.cell, basin);
        }
      }
    }
    std::size_t own = outside;
    if (!ground_->is_open(c)) {
      depressions += steepest < 0 ? 1 : 0;
      own = steepest < 0 ? here : find(static_cast<std::size_t>(steepest));
    }
    own = find(own);
    for (const auto& [n, basin] : more) {
      if (basin != own) {
        ties.emplace_back(c, n);
      }
    }
    set_[here] = own;
    for (const auto& [basin, n] : ways) {
      // Two components without the outside keep it as their name.
      const std::size_t a = find(basin), b = find(here);
      set_[std::min(a, b)] = std::max(a, b);
    }
  }

  const terrain* ground_;
  std::vector<std::size_t> set_;
};

/// Makes all heights of `t` unlike and closes every second way over a pass with a peak, until there
/// is none.
inline void untie(terrain& t) {
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    std::int64_t& h = t.height[static_cast<std::size_t>(c)];
    h = h * t.cells() + c;
  }
  std::int64_t peak = std::int64_t{1} << 40;
  for (drained_ground now(t); !now.ties.empty(); now = drained_ground(t)) {
    for (const auto& [pass, n] : now.ties) {
      t.height[static_cast<std::size_t>(n)] = ++peak;
    }
  }
}

}  // namespace lithify::test
