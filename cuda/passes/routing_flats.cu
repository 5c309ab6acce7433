/// Flats: connected cells of one height. Cells of a flat with a lower edge drain to it, by the
/// fewest steps; a flat without one becomes a basin that drains to its lowest cell number.
#include "routing_steps.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

constexpr std::int32_t unreached = -1;

/// The undecided cells that have a neighbour as high as themselves. `level` and `root` are only
/// written and read at those.
struct flats_view {
  grid_view grid;
  const std::int64_t* height;
  std::uint8_t* direction;
  std::int32_t* level;  ///< steps to the lower edge or to the pit
  std::int64_t* root;   ///< union-find over flats without a lower edge

  LITHIFY_HD bool flat(std::int64_t c) const { return direction[c] == undecided; }
  /// The neighbour in direction d if it is as high as c, else -1.
  LITHIFY_HD std::int64_t even(std::int64_t c, int d) const {
    const std::int64_t n = grid.neighbour(c, d);
    return n >= 0 && height[n] == height[c] ? n : -1;
  }
  LITHIFY_HD bool has_even(std::int64_t c) const {
    for (int d = 0; d < directions; ++d) {
      if (even(c, d) >= 0) {
        return true;
      }
    }
    return false;
  }
  LITHIFY_HD bool beside_edge(std::int64_t c) const {
    for (int d = 0; d < directions; ++d) {
      const std::int64_t n = even(c, d);
      if (n >= 0 && !flat(n)) {
        return true;
      }
    }
    return false;
  }
  /// Root of c in the union-find; shortens the way.
  LITHIFY_HD std::int64_t find(std::int64_t c) const {
    for (;;) {
      const std::int64_t up = device::atomic_load(&root[c]);
      if (up == c) {
        return c;
      }
      const std::int64_t over = device::atomic_load(&root[up]);
      if (over != up) {
        device::atomic_cas(&root[c], up, over);
      }
      c = up;
    }
  }
  /// Joins by hanging the root with the higher number under the other one: the lowest number of a
  /// flat can hang under none, and is its root in the end, in whatever order cells are joined.
  LITHIFY_HD void unite(std::int64_t a, std::int64_t b) const {
    for (;;) {
      a = find(a);
      b = find(b);
      if (a == b) {
        return;
      }
      const std::int64_t high = a > b ? a : b;
      const std::int64_t low = a > b ? b : a;
      if (device::atomic_cas(&root[high], high, low) == high) {
        return;
      }
    }
  }
  /// Towards the neighbour that is one step nearer, the one of the lowest number.
  LITHIFY_HD std::uint8_t nearer(std::int64_t c) const {
    std::int64_t best = -1;
    std::uint8_t chosen = flow::sink;
    for (int d = 0; d < directions && level[c] > 0; ++d) {
      const std::int64_t n = even(c, d);
      if (n >= 0 && (flat(n) ? level[n] : 0) == level[c] - 1 && (best < 0 || n < best)) {
        best = n;
        chosen = static_cast<std::uint8_t>(d);
      }
    }
    return chosen;
  }
};

/// The items of `from` (nullptr: 0 .. n) for which `pred` holds, in their order. Sync.
template <class Pred>
device::buffer<std::int64_t> filter(device::exec ex,
                                    const std::int64_t* from,
                                    std::int64_t n,
                                    Pred pred) {
  const device::buffer<std::int64_t> room(ex, n);
  std::int64_t* const to = room.data();
  const std::int64_t count = device::select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> bool { return pred(from == nullptr ? i : from[i]); },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t k) -> void {
        to[k] = from == nullptr ? i : from[i];
      });
  device::buffer<std::int64_t> found(ex, count);
  device::copy(ex, found.data(), to, count);
  return found;
}

struct is_undecided {
  const std::uint8_t* direction;
  LITHIFY_HD bool operator()(std::int64_t c) const { return direction[c] == undecided; }
};
struct is_flat {
  flats_view flats;
  LITHIFY_HD bool operator()(std::int64_t c) const { return flats.has_even(c); }
};
struct is_unreached {
  flats_view flats;
  LITHIFY_HD bool operator()(std::int64_t c) const { return flats.level[c] == unreached; }
};
struct is_sink {
  const std::uint8_t* direction;
  LITHIFY_HD bool operator()(std::int64_t c) const { return direction[c] == flow::sink; }
};

/// Levels by breadth first search from the cells of `list` for which `seed(c)` holds; these get
/// `first`.
template <class Seed>
void spread(device::exec ex,
            const flats_view& flats,
            const device::buffer<std::int64_t>& list,
            std::int32_t first,
            Seed seed) {
  const device::buffer<std::int64_t> items(ex, list.size());
  const device::buffer<std::int64_t> count(ex, 1);
  const std::int64_t* const from = list.data();
  std::int64_t* const to = items.data();
  device::select_if(
      ex, list.size(), [=] LITHIFY_HD(std::int64_t i) -> bool { return seed(from[i]); },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t k) -> void { to[k] = from[i]; }, count.data());
  const std::int64_t* const seeds = count.data();
  device::for_each_n(ex, list.size(), [=] LITHIFY_HD(std::int64_t k) {
    if (k < *seeds) {
      flats.level[to[k]] = first;
    }
  });
  device::for_each_wave(
      ex, to, count.data(),
      [=] LITHIFY_DEVICE(std::int64_t c, std::int64_t wave, const auto& push) -> void {
        const auto level = static_cast<std::int32_t>(first + wave + 1);
        for (int d = 0; d < directions; ++d) {
          const std::int64_t n = flats.even(c, d);
          if (n >= 0 && flats.flat(n) &&
              device::atomic_cas(&flats.level[n], unreached, level) == unreached) {
            push(n);
          }
        }
      });
}

struct beside_lower_edge {
  flats_view flats;
  LITHIFY_HD bool operator()(std::int64_t c) const { return flats.beside_edge(c); }
};
struct is_root {
  flats_view flats;
  LITHIFY_HD bool operator()(std::int64_t c) const { return flats.root[c] == c; }
};

/// Joins the cells of flats without a lower edge.
void join(device::exec ex, const flats_view& flats, const device::buffer<std::int64_t>& closed) {
  const std::int64_t* const cells = closed.data();
  device::for_each_n(ex, closed.size(),
                     [=] LITHIFY_HD(std::int64_t i) { flats.root[cells[i]] = cells[i]; });
  device::for_each_n(ex, closed.size(), [=] LITHIFY_HD(std::int64_t i) {
    for (int d = directions / 2; d < directions; ++d) {
      const std::int64_t n = flats.even(cells[i], d);
      if (n >= 0) {
        flats.unite(cells[i], n);
      }
    }
  });
}

/// Directions from levels; a level of 0 is a pit.
void follow_levels(device::exec ex,
                   const flats_view& flats,
                   const device::buffer<std::int64_t>& list) {
  const device::buffer<std::uint8_t> chosen(ex, list.size());
  const std::int64_t* const cells = list.data();
  std::uint8_t* const choice = chosen.data();
  device::for_each_n(ex, list.size(),
                     [=] LITHIFY_HD(std::int64_t i) { choice[i] = flats.nearer(cells[i]); });
  device::for_each_n(ex, list.size(),
                     [=] LITHIFY_HD(std::int64_t i) { flats.direction[cells[i]] = choice[i]; });
}

}  // namespace

device::buffer<std::int64_t> drain_flats(device::exec ex,
                                         const grid_view& grid,
                                         const std::int64_t* height,
                                         std::uint8_t* direction) {
  const device::buffer<std::int64_t> open =
      filter(ex, nullptr, grid.cells(), is_undecided{direction});
  flats_view flats{grid, height, direction, nullptr, nullptr};
  const device::buffer<std::int64_t> list = filter(ex, open.data(), open.size(), is_flat{flats});
  device::buffer<std::int32_t> levels;
  device::buffer<std::int64_t> roots;
  if (list.size() > 0) {
    levels = device::buffer<std::int32_t>(ex, grid.cells());
    flats.level = levels.data();
    const std::int64_t* const cells = list.data();
    device::for_each_n(ex, list.size(),
                       [=] LITHIFY_HD(std::int64_t i) { flats.level[cells[i]] = unreached; });
    spread(ex, flats, list, 1, beside_lower_edge{flats});
    const device::buffer<std::int64_t> closed =
        filter(ex, list.data(), list.size(), is_unreached{flats});
    if (closed.size() > 0) {
      roots = device::buffer<std::int64_t>(ex, grid.cells());
      flats.root = roots.data();
      join(ex, flats, closed);
      spread(ex, flats, closed, 0, is_root{flats});
    }
    follow_levels(ex, flats, list);
  }
  const std::int64_t* const cells = open.data();
  device::for_each_n(ex, open.size(), [=] LITHIFY_HD(std::int64_t i) {
    if (direction[cells[i]] == undecided) {
      direction[cells[i]] = flow::sink;
    }
  });
  return filter(ex, open.data(), open.size(), is_sink{direction});
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
