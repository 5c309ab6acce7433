/// Basins and their minimum spanning tree.
///
/// Boruvka, all components at once: each takes the lowest pass that leads out of it and hangs its
/// tree of basins, turned so that the pass leaves from its root, to the component on the other
/// side. Of two that took the same pass the one with the lower number stays. The outside (basin 0)
/// takes none. Passes are totally ordered by (height of the higher cell, height of the lower one,
/// lower cell number, higher one), so that the tree is unique, and so are the rounds; numbers
/// decide between equal heights alone, and water leaves a saddle by its lower side.
///
/// A pass is seen from its higher cell. Of its ways down into one neighbouring basin it lists the
/// one to the lowest cell, ties to the lower number, and the list shrinks round by round.
#include "lithify/base/error.hpp"
#include "lithify/device/bits.cuh"
#include "lithify/device/runs.cuh"
#include "routing_steps.cuh"

#include <limits>
#include <utility>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

constexpr pass_code no_pass = -1;

/// A pass with all that its order needs.
struct mountain_pass {
  std::int64_t height;  ///< of the higher cell
  std::int64_t foot;    ///< of the lower one
  std::int64_t low;     ///< cell numbers
  std::int64_t high;

  LITHIFY_HD bool before(const mountain_pass& other) const {
    if (height != other.height) {
      return height < other.height;
    }
    if (foot != other.foot) {
      return foot < other.foot;
    }
    return low != other.low ? low < other.low : high < other.high;
  }
};

/// A pass between two components.
struct link {
  std::int64_t height;  ///< of the pass's higher cell
  pass_code code;
  std::int32_t from;  ///< component of the pass's higher cell
  std::int32_t to;    ///< and of the lower one
};

struct graph_view {
  grid_view grid;
  const std::int64_t* height;
  const std::int32_t* basin;
  const std::int64_t* pits;
  const link* links;
  std::int64_t* best;         ///< by component, named by its root basin: its lowest link, -1: none
  std::int64_t* best_height;  ///< and how high that is
  std::int32_t* joined;       ///< by component: the one that it was hung to, itself while a root
  std::int32_t* up;           ///< by basin: the basin it drains to, -1 at a component's root
  pass_code* way;             ///< by basin: the pass to it
  std::int64_t basins;        ///< with the outside

  LITHIFY_HD std::int64_t higher(pass_code p) const { return p / directions; }
  LITHIFY_HD std::int64_t lower(pass_code p) const {
    return grid.known(p / directions, static_cast<int>(p % directions));
  }
  LITHIFY_HD mountain_pass pass(pass_code p) const {
    const std::int64_t a = higher(p);
    const std::int64_t b = lower(p);
    return {height[a], height[b], a < b ? a : b, a < b ? b : a};
  }
  /// Offers a link's height to a component, which keeps the lowest.
  LITHIFY_HD void offer_height(std::int32_t component, std::int64_t h) const {
    if (component != 0 && h < device::atomic_load(&best_height[component])) {
      device::atomic_min(&best_height[component], h);
    }
  }
  /// Offers a link to a component whose lowest height is known. Of equally high ones it keeps the
  /// first in the order of passes.
  LITHIFY_HD void offer(std::int32_t component, std::int64_t i) const {
    if (component == 0 || links[i].height != best_height[component]) {
      return;
    }
    std::int64_t seen = device::atomic_load(&best[component]);
    while (seen < 0 || pass(links[i].code).before(pass(links[seen].code))) {
      const std::int64_t held = device::atomic_cas(&best[component], seen, i);
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

void offer_links(device::exec ex, const graph_view& g, std::int64_t n) {
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    const link l = g.links[i];
    g.offer_height(l.from, l.height);
    g.offer_height(l.to, l.height);
  });
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    g.offer(g.links[i].from, i);
    g.offer(g.links[i].to, i);
  });
}

/// Hangs every component to the one behind its lowest pass. `before`: component by basin.
void hang_components(device::exec ex, const graph_view& g, const std::int32_t* before) {
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t i) {
    const auto r = static_cast<std::int32_t>(i);
    if (before[r] != r || g.best[r] < 0) {
      return;
    }
    const link l = g.links[g.best[r]];
    const std::int32_t to = l.from == r ? l.to : l.from;
    if (g.best[to] == g.best[r] && r < to) {
      return;
    }
    const std::int32_t a = g.basin[g.higher(l.code)];
    const std::int32_t b = g.basin[g.lower(l.code)];
    g.hang(r, l.from == r ? a : b, l.from == r ? b : a, l.code);
    g.joined[r] = to;
  });
}

/// Component by basin, and no pass for any.
void start_round(device::exec ex, const graph_view& g, std::int32_t* before) {
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t b) {
    before[b] = g.component(static_cast<std::int32_t>(b));
    g.best[b] = -1;
    g.best_height[b] = std::numeric_limits<std::int64_t>::max();
  });
}

/// test(n), 0 or 1, of every neighbour n on the grid, as bits by direction.
template <class Test>
LITHIFY_HD int neighbour_bits(const grid_view& grid, std::int64_t c, Test test) {
  int bits = 0;
  for (int d = 0; d < directions; ++d) {
    const std::int64_t n = grid.to(c, d);
    bits |= n < 0 ? 0 : test(n) << d;
  }
  return bits;
}

/// By direction d, eight bits each: the directions to those neighbours of a cell that are also
/// neighbours of its neighbour in direction d.
constexpr std::uint64_t directions_beside() {
  std::uint64_t packed = 0;
  for (int d = 0; d < directions; ++d) {
    for (int e = 0; e < directions; ++e) {
      const int dx = grid_view::step_x(d) - grid_view::step_x(e);
      const int dy = grid_view::step_y(d) - grid_view::step_y(e);
      if (d != e && dx * dx <= 1 && dy * dy <= 1) {
        packed |= std::uint64_t{1} << (directions * d + e);
      }
    }
  }
  return packed;
}

/// The directions beside any of those that are set in `bits`.
LITHIFY_INLINE std::uint64_t beside_any(std::uint64_t bits) {
  constexpr std::uint64_t beside = directions_beside();
  constexpr std::uint64_t low_bits = 0x0101010101010101;
  // Without products, which vector units have none of in this width. A byte a direction, bit d of
  // the d-th one; then all bits of the bytes that are not 0.
  std::uint64_t spread = bits;
  spread |= spread << 8;
  spread |= spread << 16;
  spread |= spread << 32;
  spread &= 0x8040201008040201;
  const std::uint64_t chosen = (spread + 0x7f * low_bits) >> 7 & low_bits;
  std::uint64_t found = ((chosen << 8) - chosen) & beside;
  found |= found >> 32;
  found |= found >> 16;
  found |= found >> 8;
  return found & 0xff;
}

/// Directions as bits in which a cell stands above another basin; none to a cell that also lies
/// beside a lower neighbour of the cell's own basin, from where the pass is lower. Bits of the
/// neighbours: of other basins (`foreign`), lower ones, and those as high and of a lower number.
LITHIFY_INLINE std::uint64_t ways_down(std::uint64_t foreign,
                                       std::uint64_t lower,
                                       std::uint64_t level) {
  return foreign & ((lower & ~beside_any(lower & ~foreign)) | level);
}

/// A cell's ways down, on a side or not. Columns outside are higher than all.
LITHIFY_HD int ways_down(const graph_view& g, std::int64_t c) {
  const std::int32_t* const basin = g.basin;
  const std::int64_t* const height = g.height;
  const std::int32_t b = basin[c];
  const std::int64_t h = height[c];
  const int foreign = neighbour_bits(
      g.grid, c, [=](std::int64_t n) -> int { return static_cast<int>(basin[n] != b); });
  const int lower = neighbour_bits(
      g.grid, c, [=](std::int64_t n) -> int { return static_cast<int>(height[n] < h); });
  const int level = neighbour_bits(g.grid, c, [=](std::int64_t n) -> int {
    return static_cast<int>((height[n] == h) & (n < c));
  });
  return b < 0 ? 0
               : static_cast<int>(ways_down(static_cast<std::uint64_t>(foreign),
                                            static_cast<std::uint64_t>(lower),
                                            static_cast<std::uint64_t>(level)));
}

/// Leaves one of a cell's ways down to each basin below it: a pass.
LITHIFY_HD std::uint8_t one_a_basin(const graph_view& g, std::int64_t c, int bits) {
  if ((bits & (bits - 1)) == 0) {
    return static_cast<std::uint8_t>(bits);
  }
  for (int d = 0; bits >> d != 0; ++d) {
    if ((bits >> d & 1) == 0) {
      continue;
    }
    std::int64_t to = g.grid.to(c, d);
    const std::int32_t below = g.basin[to];
    int chosen = d;
    for (int e = d + 1; bits >> e != 0; ++e) {
      const std::int64_t m = (bits >> e & 1) != 0 ? g.grid.to(c, e) : -1;
      if (m >= 0 && g.basin[m] == below) {
        // Of equally high ones the lower number, which across a loop need not come first.
        const std::int64_t rise = g.height[m] - g.height[to];
        const bool better = rise < 0 || (rise == 0 && m < to);
        bits &= ~(1 << (better ? chosen : e));
        chosen = better ? e : chosen;
        to = better ? m : to;
      }
    }
  }
  return static_cast<std::uint8_t>(bits);
}

/// Directions of the cells' passes as bits, a byte a cell; 0 for those past the last cell.
struct find_passes {
  graph_view g;
  std::uint8_t* passes;

  LITHIFY_INLINE void operator()(std::int64_t first, std::int64_t last) const {
    const std::int64_t cells = g.grid.cells();
    const bool surrounded = first > g.grid.nx && last + g.grid.nx < cells;
    if (surrounded) {
      find_in_row(first, last);
    }
    for (std::int64_t c = first; c < last; ++c) {
      if (!surrounded || (g.grid.faces[c] & face::side) != 0) {
        passes[c] = c < cells ? one_a_basin(g, c, ways_down(g, c)) : std::uint8_t{0};
      }
    }
  }

 private:
  /// Cells that all have eight neighbours in the arrays.
  LITHIFY_INLINE void find_in_row(std::int64_t first, std::int64_t last) const {
    std::int32_t foreign[device::items_a_run];
    std::uint64_t ways[device::items_a_run];
    const int count = static_cast<int>(last - first);
    if (!find_foreign(first, count, foreign)) {
      for (int k = 0; k < count; ++k) {
        passes[first + k] = 0;
      }
      return;
    }
    const std::int64_t nx = g.grid.nx;
    const std::int64_t* const at = g.height + first;
    for (int k = 0; k < count; ++k) {
      const std::int64_t h = at[k];
      const std::uint64_t lower = bit(at[k - nx - 1] < h, 0) | bit(at[k - nx] < h, 1) |
                                  bit(at[k - nx + 1] < h, 2) | bit(at[k - 1] < h, 3) |
                                  bit(at[k + 1] < h, 4) | bit(at[k + nx - 1] < h, 5) |
                                  bit(at[k + nx] < h, 6) | bit(at[k + nx + 1] < h, 7);
      const std::uint64_t level = bit(at[k - nx - 1] == h, 0) | bit(at[k - nx] == h, 1) |
                                  bit(at[k - nx + 1] == h, 2) | bit(at[k - 1] == h, 3);
      ways[k] = ways_down(static_cast<std::uint32_t>(foreign[k]), lower, level);
    }
    for (int k = 0; k < count; ++k) {
      // One on a side has other neighbours than those in the arrays: it comes again.
      const bool side = (g.grid.faces[first + k] & face::side) != 0;
      passes[first + k] =
          side ? std::uint8_t{0} : one_a_basin(g, first + k, static_cast<int>(ways[k]));
    }
  }
  /// Bits of the neighbours in other basins; gives whether there are any.
  LITHIFY_INLINE bool find_foreign(std::int64_t first, int count, std::int32_t* foreign) const {
    const std::int64_t nx = g.grid.nx;
    const std::int32_t* const at = g.basin + first;
    std::int32_t any = 0;
    for (int k = 0; k < count; ++k) {
      const std::int32_t b = at[k];
      const std::int32_t bits = (at[k - nx - 1] != b ? 1 : 0) | (at[k - nx] != b ? 2 : 0) |
                                (at[k - nx + 1] != b ? 4 : 0) | (at[k - 1] != b ? 8 : 0) |
                                (at[k + 1] != b ? 16 : 0) | (at[k + nx - 1] != b ? 32 : 0) |
                                (at[k + nx] != b ? 64 : 0) | (at[k + nx + 1] != b ? 128 : 0);
      foreign[k] = b < 0 ? 0 : bits;
      any |= foreign[k];
    }
    return any != 0;
  }
  LITHIFY_INLINE static std::uint64_t bit(bool set, int d) {
    return set ? std::uint64_t{1} << d : 0;
  }
};

/// Cells whose passes one thread lists together, and the words of their bits.
constexpr std::int64_t words_a_group = 8;
constexpr std::int64_t cells_a_group = words_a_group * sizeof(std::uint64_t);

/// Calls f(code) for every pass of a group of cells, whose bits lie in `words`, a byte a cell.
template <class F>
LITHIFY_HD void each_pass(const std::uint64_t* words, std::int64_t group, F f) {
  for (std::int64_t w = group * words_a_group; w < (group + 1) * words_a_group; ++w) {
    for (std::uint64_t left = words[w]; left != 0; left &= left - 1) {
      f(w * 64 + device::lowest_bit(left));
    }
  }
}

/// Links between components, and room for those that a round leaves.
struct link_list {
  device::buffer<link> links;
  device::buffer<link> left;
  std::int64_t count = 0;
};

/// Every pass between basins, one a cell and basin. Sync.
link_list list_links(device::exec ex, const graph_view& g) {
  const std::int64_t n = g.grid.cells();
  const std::int64_t groups = (n + cells_a_group - 1) / cells_a_group;
  const device::buffer<std::uint64_t> marks(ex, groups * words_a_group);
  const device::buffer<std::int64_t> offsets(ex, groups + 1);
  const std::uint64_t* const words = marks.data();
  std::int64_t* const offset = offsets.data();
  device::for_each_run(ex, groups * cells_a_group,
                       find_passes{g, reinterpret_cast<std::uint8_t*>(marks.data())});
  device::exclusive_scan(
      ex, groups,
      [=] LITHIFY_HD(std::int64_t k) -> std::int64_t {
        std::int64_t count = 0;
        for (std::int64_t w = 0; w < words_a_group; ++w) {
          count += device::bits_set(words[k * words_a_group + w]);
        }
        return count;
      },
      offset);
  link_list list;
  list.count = device::read(ex, offset + groups);
  // Powers of two: the pool has such blocks from the step before.
  std::int64_t room = 1;
  while (room < list.count) {
    room *= 2;
  }
  list.links = device::buffer<link>(ex, room);
  list.left = device::buffer<link>(ex, room);
  link* const to = list.links.data();
  device::for_each_n(ex, groups, [=] LITHIFY_HD(std::int64_t k) {
    std::int64_t at = offset[k];
    each_pass(words, k, [&](pass_code code) {
      const std::int64_t c = g.higher(code);
      to[at++] = {g.height[c], code, g.basin[c], g.basin[g.lower(code)]};
    });
  });
  return list;
}

/// Drops the links whose ends are joined, and gives the others their components of now. Sync.
void keep_those_apart(device::exec ex, link_list& list, const std::int32_t* before) {
  const link* const links = list.links.data();
  link* const to = list.left.data();
  list.count = device::select_if(
      ex, list.count,
      [=] LITHIFY_HD(std::int64_t i) -> bool {
        return before[links[i].from] != before[links[i].to];
      },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t k) -> void {
        to[k] = {links[i].height, links[i].code, before[links[i].from], before[links[i].to]};
      });
  std::swap(list.links, list.left);
}

/// Every basin a component of its own.
void unjoin(device::exec ex, const graph_view& g) {
  device::for_each_n(ex, g.basins, [=] LITHIFY_HD(std::int64_t b) {
    g.joined[b] = static_cast<std::int32_t>(b);
    g.up[b] = -1;
    g.way[b] = no_pass;
  });
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
  const device::buffer<std::int64_t> best(ex, n);
  const device::buffer<std::int64_t> best_height(ex, n);
  const device::buffer<std::int32_t> joined(ex, n);
  const device::buffer<std::int32_t> up(ex, n);
  const device::buffer<std::int32_t> before(ex, n);
  device::buffer<pass_code> way(ex, n);
  graph_view g{grid,
               height,
               basin,
               pits.data(),
               nullptr,
               best.data(),
               best_height.data(),
               joined.data(),
               up.data(),
               way.data(),
               n};
  unjoin(ex, g);
  start_round(ex, g, before.data());
  link_list list = list_links(ex, g);
  while (list.count > 0) {
    g.links = list.links.data();
    offer_links(ex, g, list.count);
    hang_components(ex, g, before.data());
    start_round(ex, g, before.data());
    keep_those_apart(ex, list, before.data());
  }
  keep_lowest_pits(ex, g, before.data());
  return way;
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
