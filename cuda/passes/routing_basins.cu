/// Basins and their minimum spanning tree.
///
/// Boruvka, all components at once: each takes the lowest pass that leads out of it and hangs its
/// tree of basins, turned so that the pass leaves from its root, to the component on the other
/// side. Of two that took the same pass the one with the lower number stays. The outside (basin 0)
/// takes none. Passes are totally ordered by (height of the higher cell, lower cell number, higher
/// one), so that the tree is unique, and so are the rounds.
///
/// The first round looks at every cell; what still joins different components after it is listed,
/// and the list shrinks round by round.
#include "lithify/base/error.hpp"
#include "routing_steps.cuh"

#include <bit>
#include <limits>
#include <utility>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

constexpr pass_code no_pass = -1;

/// A pass with all that its order needs.
struct mountain_pass {
  std::int64_t height;
  std::int64_t low;  ///< cell numbers
  std::int64_t high;

  LITHIFY_HD bool before(const mountain_pass& other) const {
    if (height != other.height) {
      return height < other.height;
    }
    return low != other.low ? low < other.low : high < other.high;
  }
};

/// A pass between two components.
struct link {
  pass_code code;
  std::int32_t low;   ///< component of the pass's lower-numbered cell
  std::int32_t high;  ///< and of the other one
};

struct graph_view {
  grid_view grid;
  const std::int64_t* height;
  const std::int32_t* basin;
  const std::int64_t* pits;
  pass_code* best;            ///< by component, named by its root basin: the lowest pass out of it
  std::int64_t* best_height;  ///< and how high it is, or less high than `best` for a moment
  std::int32_t* joined;       ///< by component: the one that it was hung to, itself while a root
  std::int32_t* up;           ///< by basin: the basin that it drains to, -1 at a component's root
  pass_code* way;             ///< by basin: the pass to it
  std::int64_t basins;        ///< with the outside

  LITHIFY_HD std::int64_t low(pass_code p) const { return p / directions; }
  LITHIFY_HD std::int64_t high(pass_code p) const {
    return grid.to(p / directions, static_cast<int>(p % directions));
  }
  LITHIFY_HD mountain_pass pass(pass_code p) const {
    const std::int64_t a = low(p);
    const std::int64_t b = high(p);
    return {height[a] > height[b] ? height[a] : height[b], a, b};
  }
  /// The pass from cell c in direction d, to cell n.
  LITHIFY_HD pass_code code(std::int64_t c, int d, std::int64_t n) const {
    return c < n ? c * directions + d : n * directions + (directions - 1 - d);
  }
  /// Whether a component may have use for a pass of this height.
  LITHIFY_HD bool wants(std::int32_t component, std::int64_t pass_height) const {
    return pass_height <= device::atomic_load(&best_height[component]);
  }
  /// Offers a pass to a component, which keeps the lowest.
  LITHIFY_HD void offer(std::int32_t component, pass_code p, const mountain_pass& offered) const {
    device::atomic_min(&best_height[component], offered.height);
    pass_code seen = device::atomic_load(&best[component]);
    while (seen == no_pass || offered.before(pass(seen))) {
      const pass_code held = device::atomic_cas(&best[component], seen, p);
      if (held == seen) {
        return;
      }
      seen = held;
    }
  }
  /// The component that a basin belongs to now; shortens the way for those that ask later.
  LITHIFY_HD std::int32_t component(std::int32_t b) const {
    std::int32_t at = device::atomic_load(&joined[b]);
    for (std::int32_t over = device::atomic_load(&joined[at]); over != at;
         over = device::atomic_load(&joined[at])) {
      at = over;
    }
    device::atomic_store(&joined[b], at);
    return at;
  }
  /// Hangs the component of root `r` to basin `to` by pass `p`, which leaves from basin `from`:
  /// every basin between `from` and the root now drains the other way.
  LITHIFY_HD void hang(std::int32_t r, std::int32_t from, std::int32_t to, pass_code p) const {
    for (std::int32_t b = from;;) {
      const std::int32_t next = up[b];
      const pass_code next_way = way[b];
      up[b] = to;
      way[b] = p;
      if (b == r) {
        return;
      }
      to = b;
      p = next_way;
      b = next;
    }
  }
};

/// The lowest pass out of a cell's basin among its own.
void offer_from_cells(device::exec ex, const graph_view& g) {
  device::for_each_n(ex, g.grid.cells(), [=] LITHIFY_HD(std::int64_t c) {
    const std::int32_t b = g.basin[c];
    if (b <= 0 || !g.wants(b, g.height[c])) {
      return;
    }
    int found = -1;
    std::int64_t cell = -1;
    std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
    for (int d = 0; d < directions; ++d) {
      const std::int64_t n = g.grid.to(c, d);
      if (n < 0 || g.basin[n] == b || g.basin[n] < 0) {
        continue;
      }
      const std::int64_t h = g.height[c] > g.height[n] ? g.height[c] : g.height[n];
      // Among passes of this cell the lower other end has the lower pair of numbers.
      if (h < lowest || (h == lowest && n < cell)) {
        found = d;
        cell = n;
        lowest = h;
      }
    }
    if (found >= 0 && g.wants(b, lowest)) {
      g.offer(b, g.code(c, found, cell), {lowest, c < cell ? c : cell, c < cell ? cell : c});
    }
  });
}

/// The first `n` of `links`.
void offer_links(device::exec ex, const graph_view& g, const link* links, std::int64_t n) {
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const link l = links[i];
    const mountain_pass offered = g.pass(l.code);
    if (l.low != 0 && g.wants(l.low, offered.height)) {
      g.offer(l.low, l.code, offered);
    }
    if (l.high != 0 && g.wants(l.high, offered.height)) {
      g.offer(l.high, l.code, offered);
    }
  });
}

/// The component on the other side of a component's lowest pass, as it was before the round.
struct other_side {
  graph_view g;
  const std::int32_t* before;  ///< component by basin
  LITHIFY_HD std::int32_t operator()(std::int32_t r) const {
    const std::int32_t a = before[g.basin[g.low(g.best[r])]];
    return a == r ? before[g.basin[g.high(g.best[r])]] : a;
  }
};

/// Hangs every component to the one behind its lowest pass.
void hang_components(device::exec ex, const graph_view& g, const std::int32_t* before) {
  const other_side other{g, before};
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t i) {
    const auto r = static_cast<std::int32_t>(i);
    if (before[r] != r || g.best[r] == no_pass) {
      return;
    }
    const std::int32_t to = other(r);
    if (g.best[to] == g.best[r] && r < to) {
      return;
    }
    const std::int32_t a = g.basin[g.low(g.best[r])];
    const std::int32_t b = g.basin[g.high(g.best[r])];
    const bool from_low = before[a] == r;
    g.hang(r, from_low ? a : b, from_low ? b : a, g.best[r]);
    g.joined[r] = to;
  });
}

/// Component by basin, and no pass for any.
void start_round(device::exec ex, const graph_view& g, std::int32_t* before) {
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t b) {
    before[b] = g.component(static_cast<std::int32_t>(b));
    g.best[b] = no_pass;
    g.best_height[b] = std::numeric_limits<std::int64_t>::max();
  });
}

/// Cells in order, a few at a time: a group's passes are counted and written by one thread.
constexpr std::int64_t cells_a_group = 64;

/// Calls f(link) for every pass between different components whose lower-numbered direction is
/// the cell's.
template <class F>
LITHIFY_HD void each_link(const graph_view& g, const std::int32_t* before, std::int64_t c, F f) {
  const std::int32_t b = g.basin[c];
  if (b < 0) {
    return;
  }
  for (int d = directions / 2; d < directions; ++d) {
    const std::int64_t n = g.grid.to(c, d);
    if (n < 0 || g.basin[n] < 0 || g.basin[n] == b) {
      continue;
    }
    const std::int32_t here = before[b];
    const std::int32_t there = before[g.basin[n]];
    if (here != there) {
      f(c < n ? link{g.code(c, d, n), here, there} : link{g.code(c, d, n), there, here});
    }
  }
}

/// Links between components, and room for those that a round leaves.
struct link_list {
  device::buffer<link> links;
  device::buffer<link> left;
  std::int64_t count = 0;
};

/// Every pass between different components. Sync.
link_list list_links(device::exec ex, const graph_view& g, const std::int32_t* before) {
  const std::int64_t n = g.grid.cells();
  const std::int64_t groups = (n + cells_a_group - 1) / cells_a_group;
  const device::buffer<std::int64_t> offsets(ex, groups + 1);
  std::int64_t* const offset = offsets.data();
  device::exclusive_scan(
      ex, groups,
      [=] LITHIFY_HD(std::int64_t k) -> std::int64_t {
        std::int64_t count = 0;
        for (std::int64_t c = k * cells_a_group; c < n && c < (k + 1) * cells_a_group; ++c) {
          each_link(g, before, c, [&](const link&) { ++count; });
        }
        return count;
      },
      offset);
  link_list list;
  list.count = device::read(ex, offset + groups);
  // Powers of two: the pool has such blocks from the step before.
  const auto room =
      static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(list.count)));
  list.links = device::buffer<link>(ex, room);
  list.left = device::buffer<link>(ex, room);
  link* const to = list.links.data();
  device::for_each_n(ex, groups, [=] LITHIFY_HD(std::int64_t k) {
    std::int64_t at = offset[k];
    for (std::int64_t c = k * cells_a_group; c < n && c < (k + 1) * cells_a_group; ++c) {
      each_link(g, before, c, [&](const link& l) { to[at++] = l; });
    }
  });
  return list;
}

/// Drops the links whose ends are joined, and gives the others their components of now. Sync.
void keep_those_apart(device::exec ex, link_list& list, const std::int32_t* before) {
  const link* const from = list.links.data();
  link* const to = list.left.data();
  list.count = device::select_if(
      ex, list.count,
      [=] LITHIFY_HD(std::int64_t i) -> bool {
        return before[from[i].low] != before[from[i].high];
      },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t k) -> void {
        to[k] = {from[i].code, before[from[i].low], before[from[i].high]};
      });
  std::swap(list.links, list.left);
}

/// Components that the outside is no part of keep one pit: the lowest, ties to the lower number.
void keep_lowest_pits(device::exec ex, const graph_view& g, std::int32_t* before) {
  start_round(ex, g, before);
  // `best` holds basins here.
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t b) {
    const std::int32_t r = before[b];
    if (r == 0) {
      return;
    }
    std::int64_t seen = device::atomic_load(&g.best[r]);
    const std::int64_t h = g.height[g.pits[b - 1]];
    while (seen < 0 || h < g.height[g.pits[seen - 1]] ||
           (h == g.height[g.pits[seen - 1]] && b < seen)) {
      const std::int64_t held = device::atomic_cas(&g.best[r], seen, b);
      if (held == seen) {
        return;
      }
      seen = held;
    }
  });
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t i) {
    const auto r = static_cast<std::int32_t>(i);
    if (r == 0 || before[r] != r) {
      return;
    }
    const auto lowest = static_cast<std::int32_t>(g.best[r]);
    g.hang(r, lowest, -1, no_pass);
  });
}

}  // namespace

void label_basins(device::exec ex,
                  const receiver_of& receiver,
                  const device::buffer<std::int64_t>& pits,
                  std::int32_t* basin) {
  constexpr std::int32_t unknown = -2;
  device::for_each_n(ex, receiver.grid.cells(), [=] LITHIFY_HD(std::int64_t c) {
    const std::uint8_t d = receiver.direction[c];
    basin[c] = d == flow::outside ? -1 : d == flow::outlet ? 0 : unknown;
  });
  const std::int64_t* const pit = pits.data();
  device::for_each_n(ex, pits.size(), [=] LITHIFY_HD(std::int64_t i) {
    basin[pit[i]] = static_cast<std::int32_t>(i + 1);
  });
  // Down to a cell that knows its basin, then the same way again telling all others. Two threads
  // on one way write the same.
  device::for_each_n(ex, receiver.grid.cells(), [=] LITHIFY_HD(std::int64_t c) {
    std::int64_t at = c;
    std::int32_t found = device::atomic_load(&basin[at]);
    while (found == unknown) {
      at = receiver(at);
      found = device::atomic_load(&basin[at]);
    }
    for (at = c; device::atomic_load(&basin[at]) == unknown; at = receiver(at)) {
      device::atomic_store(&basin[at], found);
    }
  });
}

device::buffer<pass_code> spanning_passes(device::exec ex,
                                          const grid_view& grid,
                                          const std::int64_t* height,
                                          const device::buffer<std::int64_t>& pits,
                                          const std::int32_t* basin) {
  const std::int64_t n = pits.size() + 1;
  require(n <= std::numeric_limits<std::int32_t>::max(), errc::out_of_memory,
          "routing: more than 2^31 basins");
  const device::buffer<pass_code> best(ex, n);
  const device::buffer<std::int64_t> best_height(ex, n);
  const device::buffer<std::int32_t> joined(ex, n);
  const device::buffer<std::int32_t> up(ex, n);
  const device::buffer<std::int32_t> before(ex, n);
  device::buffer<pass_code> way(ex, n);
  const graph_view g{
      grid,      height,     basin, pits.data(), best.data(), best_height.data(), joined.data(),
      up.data(), way.data(), n};
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t b) {
    g.joined[b] = static_cast<std::int32_t>(b);
    g.up[b] = -1;
    g.way[b] = no_pass;
  });
  start_round(ex, g, before.data());
  offer_from_cells(ex, g);
  hang_components(ex, g, before.data());
  start_round(ex, g, before.data());
  link_list list = list_links(ex, g, before.data());
  while (list.count > 0) {
    offer_links(ex, g, list.links.data(), list.count);
    hang_components(ex, g, before.data());
    start_round(ex, g, before.data());
    keep_those_apart(ex, list, before.data());
  }
  keep_lowest_pits(ex, g, before.data());
  return way;
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
