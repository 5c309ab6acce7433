/// Flow routing written out sequentially from its definition: steepest descent, flats by queues,
/// basins by walking down, Kruskal over all passes, reversal; and priority flood beside it.
#pragma once

#include "lithify/base/fixed_point.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace lithify::test {

/// Heights of a region with holes, and what its sides are.
struct terrain {
  std::int64_t nx = 0;
  std::int64_t ny = 0;
  std::vector<std::int64_t> height;
  std::vector<bool> outside = {};
  bool open_west = true, open_east = true, open_south = true, open_north = true;
  bool loop_x = false, loop_y = false;

  [[nodiscard]] std::int64_t cells() const { return nx * ny; }
  [[nodiscard]] std::int64_t at(std::int64_t c) const {
    return height[static_cast<std::size_t>(c)];
  }
  [[nodiscard]] bool is_outside(std::int64_t c) const {
    return !outside.empty() && outside[static_cast<std::size_t>(c)];
  }
  /// The cell beside (x, y), inside or not, -1 beyond a side.
  [[nodiscard]] std::int64_t beside(std::int64_t c, int dx, int dy) const {
    std::int64_t x = c % nx + dx;
    std::int64_t y = c / nx + dy;
    x = loop_x ? (x + nx) % nx : x;
    y = loop_y ? (y + ny) % ny : y;
    return x < 0 || x >= nx || y < 0 || y >= ny ? -1 : x + y * nx;
  }
  [[nodiscard]] bool is_open(std::int64_t c) const {
    const std::int64_t x = c % nx;
    const std::int64_t y = c / nx;
    bool open = false;
    if (nx > 1 && !loop_x) {
      open = (x == 0 && open_west) || (x == nx - 1 && open_east);
    }
    if (ny > 1 && !loop_y) {
      open = open || (y == 0 && open_south) || (y == ny - 1 && open_north);
    }
    for (const auto& [dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
      const std::int64_t n = beside(c, dx, dy);
      open = open || (n >= 0 && is_outside(n));
    }
    return open && !is_outside(c);
  }
  struct neighbour {
    std::int64_t cell;
    bool diagonal;
  };
  /// Neighbours inside, by rising number.
  [[nodiscard]] std::vector<neighbour> neighbours(std::int64_t c) const {
    std::vector<neighbour> found;
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const std::int64_t n = beside(c, dx, dy);
        if ((dx != 0 || dy != 0) && n >= 0 && !is_outside(n)) {
          found.push_back({n, dx != 0 && dy != 0});
        }
      }
    }
    std::sort(found.begin(), found.end(),
              [](const neighbour& a, const neighbour& b) { return a.cell < b.cell; });
    return found;
  }
};

/// Sequential routing; `receiver` of an outlet or a sink is itself, -1 outside.
class routing_oracle {
 public:
  explicit routing_oracle(const terrain& t)
      : receiver(static_cast<std::size_t>(t.cells()), none), t_(t) {
    descend();
    drain_flats();
    join_basins();
    accumulate();
  }

  std::vector<std::int64_t> receiver;
  std::vector<std::int64_t> area;
  std::vector<std::int64_t> upstream_first;  ///< every cell inside, donors before receivers

 private:
  static constexpr std::int64_t none = -2;

  std::int64_t& to(std::int64_t c) { return receiver[static_cast<std::size_t>(c)]; }

  void descend() {
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (t_.is_outside(c)) {
        to(c) = -1;
        continue;
      }
      if (t_.is_open(c)) {
        to(c) = c;
        continue;
      }
      // Squared slopes over a common denominator: 2 drop^2 straight, drop^2 on a diagonal.
      uint128 best = 0;
      for (const auto& n : t_.neighbours(c)) {
        const std::int64_t drop = t_.at(c) - t_.at(n.cell);
        const uint128 slope = drop <= 0 ? 0
                                        : static_cast<uint128>(drop) * static_cast<uint128>(drop) *
                                              (n.diagonal ? 1U : 2U);
        if (slope > best) {
          best = slope;
          to(c) = n.cell;
        }
      }
    }
  }

  /// Breadth first over undecided cells as high as their queue; a cell's receiver is the lowest
  /// number among the neighbours one step nearer.
  void spread(std::vector<std::int64_t> wave, std::map<std::int64_t, std::int64_t>& level) {
    for (std::int64_t step = 1; !wave.empty(); ++step) {
      std::set<std::int64_t> next;
      for (const std::int64_t c : wave) {
        for (const auto& n : t_.neighbours(c)) {
          if (t_.at(n.cell) == t_.at(c) && level.count(n.cell) == 0 && to(n.cell) == none) {
            next.insert(n.cell);
          }
        }
      }
      for (const std::int64_t c : next) {
        level[c] = step;
      }
      wave.assign(next.begin(), next.end());
    }
  }

  void drain_flats() {
    std::map<std::int64_t, std::int64_t> level;
    // From cells that are decided and beside an undecided one of their height.
    std::vector<std::int64_t> edge;
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (to(c) != none && to(c) != -1) {
        edge.push_back(c);
      }
    }
    spread(edge, level);
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (to(c) == none && level.count(c) == 0) {
        level[c] = 0;  // the lowest number of a closed flat comes first
        spread({c}, level);
      }
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> chosen;
    for (const auto& [c, steps] : level) {
      std::int64_t best = c;
      for (const auto& n : t_.neighbours(c)) {
        const auto at = level.find(n.cell);
        const bool decided = at == level.end();
        if (steps > 0 && t_.at(n.cell) == t_.at(c) && (decided ? 0 : at->second) == steps - 1) {
          best = n.cell;
          break;
        }
      }
      chosen.emplace_back(c, best);
    }
    for (const auto& [c, r] : chosen) {
      to(c) = r;
    }
  }

  void join_basins() {
    std::vector<std::int64_t> pit_of(receiver.size(), -1);  // outlets: cells(), the outside
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (t_.is_outside(c)) {
        continue;
      }
      std::int64_t at = c;
      while (to(at) != at) {
        at = to(at);
      }
      pit_of[static_cast<std::size_t>(c)] = t_.is_open(at) ? t_.cells() : at;
    }
    const auto pit = [&](std::int64_t c) { return pit_of[static_cast<std::size_t>(c)]; };
    std::vector<pass> passes;
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (t_.is_outside(c)) {
        continue;
      }
      for (const auto& n : t_.neighbours(c)) {
        if (c < n.cell && pit(c) != pit(n.cell)) {
          passes.emplace_back(std::max(t_.at(c), t_.at(n.cell)), std::min(t_.at(c), t_.at(n.cell)),
                              c, n.cell);
        }
      }
    }
    std::sort(passes.begin(), passes.end());
    std::vector<std::int64_t> set(receiver.size() + 1);
    std::iota(set.begin(), set.end(), 0);
    const auto find = [&](std::int64_t p) {
      for (; set[static_cast<std::size_t>(p)] != p; p = set[static_cast<std::size_t>(p)]) {
        set[static_cast<std::size_t>(p)] =
            set[static_cast<std::size_t>(set[static_cast<std::size_t>(p)])];
      }
      return p;
    };
    std::map<std::int64_t, std::vector<pass>> tree;  // by pit
    for (const pass& p : passes) {
      const auto& [higher, lower, one, other] = p;
      const std::int64_t a = find(pit(one));
      const std::int64_t b = find(pit(other));
      if (a != b) {
        set[static_cast<std::size_t>(a)] = b;
        tree[pit(one)].push_back(p);
        tree[pit(other)].push_back(p);
      }
    }
    // From the outside, then from the lowest pit of what it does not reach.
    std::set<std::int64_t> reached;
    reach(t_.cells(), tree, pit_of, reached);
    std::vector<std::pair<std::int64_t, std::int64_t>> pits;
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (pit(c) == c) {
        pits.emplace_back(t_.at(c), c);
      }
    }
    std::sort(pits.begin(), pits.end());
    for (const auto& [h, p] : pits) {
      if (reached.count(p) == 0) {
        reach(p, tree, pit_of, reached);
      }
    }
  }

  /// Height of the higher cell, of the lower one, the lower number, the higher one: their order.
  using pass = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  using passes_by_pit = std::map<std::int64_t, std::vector<pass>>;

  void reach(std::int64_t root,
             passes_by_pit& tree,
             const std::vector<std::int64_t>& pit_of,
             std::set<std::int64_t>& reached) {
    std::vector<std::int64_t> stack = {root};
    reached.insert(root);
    while (!stack.empty()) {
      const std::int64_t here = stack.back();
      stack.pop_back();
      for (const auto& [higher, lower, a, b] : tree[here]) {
        const bool from_b = pit_of[static_cast<std::size_t>(a)] == here;
        const std::int64_t from = from_b ? b : a;
        const std::int64_t basin = pit_of[static_cast<std::size_t>(from)];
        if (!reached.insert(basin).second) {
          continue;
        }
        stack.push_back(basin);
        std::int64_t next = from_b ? a : b;
        for (std::int64_t at = from;;) {
          const std::int64_t before = std::exchange(to(at), next);
          if (before == at) {
            break;
          }
          next = at;
          at = before;
        }
      }
    }
  }

  void accumulate() {
    std::vector<int> donors(receiver.size(), 0);
    area.assign(receiver.size(), 0);
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (to(c) >= 0) {
        area[static_cast<std::size_t>(c)] = 1;
        donors[static_cast<std::size_t>(to(c))] += to(c) != c ? 1 : 0;
      }
    }
    for (std::int64_t c = 0; c < t_.cells(); ++c) {
      if (to(c) >= 0 && donors[static_cast<std::size_t>(c)] == 0) {
        upstream_first.push_back(c);
      }
    }
    for (std::size_t i = 0; i < upstream_first.size(); ++i) {
      const std::int64_t c = upstream_first[i];
      const std::int64_t r = to(c);
      if (r != c) {
        area[static_cast<std::size_t>(r)] += area[static_cast<std::size_t>(c)];
        if (--donors[static_cast<std::size_t>(r)] == 0) {
          upstream_first.push_back(r);
        }
      }
    }
  }

  const terrain& t_;
};

/// Water levels by priority flood from the open cells: the lowest height over which a cell can
/// drain. The greatest int64 where nothing is open, and outside. `from`: the cell over which water
/// comes to each, itself at the shore.
inline std::vector<std::int64_t> flooded(const terrain& t,
                                         std::vector<std::int64_t>* from = nullptr) {
  std::vector<std::int64_t> over(static_cast<std::size_t>(t.cells()), -1);
  std::vector<std::int64_t> level(static_cast<std::size_t>(t.cells()),
                                  std::numeric_limits<std::int64_t>::max());
  std::priority_queue<std::pair<std::int64_t, std::int64_t>,
                      std::vector<std::pair<std::int64_t, std::int64_t>>, std::greater<>>
      shore;
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    if (!t.is_outside(c) && t.is_open(c)) {
      level[static_cast<std::size_t>(c)] = t.at(c);
      over[static_cast<std::size_t>(c)] = c;
      shore.emplace(t.at(c), c);
    }
  }
  while (!shore.empty()) {
    const auto [h, c] = shore.top();
    shore.pop();
    for (const auto& n : t.neighbours(c)) {
      std::int64_t& l = level[static_cast<std::size_t>(n.cell)];
      if (l == std::numeric_limits<std::int64_t>::max()) {
        l = std::max(h, t.at(n.cell));
        over[static_cast<std::size_t>(n.cell)] = c;
        shore.emplace(l, n.cell);
      }
    }
  }
  if (from != nullptr) {
    *from = std::move(over);
  }
  return level;
}

/// The height that the way along `receiver` rises to from each cell; the greatest int64 where it
/// does not end in an open cell, and outside.
inline std::vector<std::int64_t> highest_on_the_way(const terrain& t,
                                                    const std::vector<std::int64_t>& receiver) {
  constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> level(t.height.size(), unknown);
  for (std::int64_t c = 0; c < t.cells(); ++c) {
    std::vector<std::int64_t> way;
    std::int64_t at = c;
    for (; !t.is_outside(at) && level[static_cast<std::size_t>(at)] == unknown;
         at = receiver[static_cast<std::size_t>(at)]) {
      way.push_back(at);
      if (receiver[static_cast<std::size_t>(at)] == at) {
        level[static_cast<std::size_t>(at)] = t.is_open(at) ? t.at(at) : never;
      }
    }
    if (t.is_outside(c)) {
      level[static_cast<std::size_t>(c)] = never;
      continue;
    }
    std::int64_t high = level[static_cast<std::size_t>(at)];
    for (; !way.empty(); way.pop_back()) {
      high = std::max(high, t.at(way.back()));
      level[static_cast<std::size_t>(way.back())] = high;
    }
  }
  return level;
}

}  // namespace lithify::test
