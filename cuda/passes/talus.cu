/// Talus: slopes steeper than the repose angle of what lies at the surface slide, until none is.
///
/// Equation: |dz/dl| <= tan(repose) over each of the 8 faces of a cell, by the projection that
/// moves matter downhill; it takes no time (anchors: eikonal "excess topography" of
/// libtopotoolbox; Musgrave et al. 1989).
/// Discretisation: Jacobi sweeps. The excess of a face is its drop less the drop that may stand,
/// tan(repose) dl, of the higher cell's material: sediment where any lies there, else the rock at
/// the top. A sweep moves from each cell half its largest excess in all (half a face diverges),
/// shared among its faces in proportion to their excesses by largest remainder. In quanta that is
///   e s s' / (s + s'),  s of the material, s' of sediment, and at least 1,
/// so that the face that was steepest ends at its threshold where nothing else moves. Sediment goes
/// first; where all of it goes, the rock below is judged by its own angle in the same sweep; what
/// moves off rock becomes sediment.
/// Stability: sweeps end when no face exceeds its threshold by a quantum, or after `max_sweeps`
/// (default 64, chosen: the next steps go on with the few faces that are left. The first four steps
/// of the demo use all 64 and leave 706, 152, 68, 57 of them; allowed 1,000, they take 512, 167,
/// 164, 441); both numbers are reported, with the faces that are still too steep and the worst of
/// them: by how much its cell must fall for the face to stand. Over rock that stands by itself that
/// is no more than the sediment on it: what trickles down a cliff when the sweeps end is a film of
/// micrometres, tens of metres above sediment's angle. Conserved: solid, exactly: every quantum
/// leaves one ledger and enters another.
/// Parameters: repose_deg of each material, degrees, [1, 89]; defaults and sources in material.cpp
/// (loose 30-37, rock 60 and more).
/// Boundary: held columns stand at their target and take without limit; they give nothing, since
/// what stands beyond a side is not known to be loose. Nothing crosses to an outside column.
/// Limits: what a cell gives in one step below its top voxel of rock is reckoned with that voxel's
/// solid and repose angle; the next step sees the layer that lies there.
///
/// Only cells that a sweep changed, and those beside them, are looked at by the next: a bit a cell,
/// a word for a block of 64 of them. A cell that got what it gave, so that nothing around it need
/// have changed, waits until a cell of its block is looked at.
#include "apportion.cuh"
#include "grid.cuh"
#include "lithify/base/angles.hpp"
#include "lithify/device/group.cuh"
#include "step.cuh"

#include <algorithm>
#include <cmath>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

constexpr int block_cells = 64;  // bits of a mask
/// Sweeps between two looks at whether anything moved, at most. Chosen: a look costs a round trip.
constexpr std::int64_t most_at_once = 32;

struct sweep_words {
  std::int64_t last_moved = -1;  ///< last sweep that moved anything
  std::int64_t steep_faces = 0;
  std::int64_t largest_excess = 0;  ///< 2^-20 voxels
};

struct talus_view {
  step_view step;
  grid_view grid;
  std::int64_t frame_offset;
  std::int64_t* height;  ///< before the sweep; of columns outside: nothing is above them
  std::int64_t* loose;   ///< sediment on the column, quanta, before the sweep
  std::uint64_t* awake;  ///< by block, a bit a cell: the sweep has to look at it
  std::uint64_t* moved;  ///< the same: the sweep moved matter into or out of it
  std::uint64_t* even;   ///< the same: when it was last looked at it got what it gave
  sweep_words* words;

  LITHIFY_HD bool free(std::int64_t c) const {
    return (step.faces[c] & (face::inside | face::held)) == face::inside;
  }
};

struct column_height {
  std::int64_t height;
  std::int64_t loose;
};

/// Height of columns outside: no drop leads there, and none from there can overflow.
constexpr std::int64_t above_all = std::int64_t{1} << 61;

/// Height of a free column's rock, without what it owes.
LITHIFY_HD std::int64_t bare_height(const talus_view& t, std::int64_t c) {
  const column_view& columns = t.step.columns;
  const std::int64_t left = columns.residual[c] - t.step.rock_debt[c];
  return (std::int64_t{columns.rock_top[c]} << fraction_bits) +
         floor_div(left << fraction_bits, t.step.solid[columns.rock_material[c]]);
}

/// A free column as its ledger and its debt of rock make it.
LITHIFY_HD column_height measure(const talus_view& t, std::int64_t c) {
  const std::int64_t s = t.step.sediment_solid;
  const std::int64_t loose = t.step.columns.n_loose[c] * s + t.step.columns.sediment[c];
  return {bare_height(t, c) + floor_div(loose << fraction_bits, s), loose};
}

/// What exceeds the repose angle of one material at one cell.
struct excess_of_faces {
  std::int64_t face[directions];  ///< 2^-20 voxels, 0 where the face stands
  std::int64_t sum = 0;
  std::int64_t largest = 0;
  std::int64_t solid;  ///< of the material

  /// A height in quanta of that material.
  LITHIFY_HD std::int64_t quanta(std::int64_t excess) const {
    return static_cast<std::int64_t>((static_cast<int128>(excess) * solid) >> fraction_bits);
  }
  /// Quanta that a sweep moves: half the largest excess, nothing where it is below a quantum.
  LITHIFY_HD std::int64_t half(std::int64_t into) const {
    if (quanta(largest) < 1) {
      return 0;
    }
    const std::int64_t exact =
        multiply_divide(largest, solid * into, (solid + into) << fraction_bits).quotient;
    return exact > 0 ? exact : 1;
  }
};

/// The excess of cell c, were it `h` high and of material m.
LITHIFY_HD excess_of_faces look(const talus_view& t,
                                std::int64_t c,
                                std::int64_t h,
                                material_id m) {
  const steepest_drop stands = t.step.steepest[m];
  excess_of_faces e;
  e.solid = t.step.solid[m];
  for (int d = 0; d < directions; ++d) {
    const std::int64_t n = t.grid.neighbour(c, d);
    const std::int64_t over =
        n < 0 ? 0 : h - t.height[n] - (grid_view::diagonal(d) ? stands.corner : stands.face);
    e.face[d] = over > 0 ? over : 0;
    e.sum += e.face[d];
    e.largest = e.face[d] > e.largest ? e.face[d] : e.largest;
  }
  return e;
}

LITHIFY_HD std::int64_t lower_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Whether nothing stands too steep at cell c, which lies on no side, were it of material m: what
/// `look` would find out, for most cells sooner.
LITHIFY_HD bool stands(const talus_view& t, std::int64_t c, material_id m) {
  const std::int64_t nx = t.grid.nx;
  const std::int64_t* const at = t.height + c;
  const std::int64_t straight = lower_of(lower_of(at[-nx], at[-1]), lower_of(at[1], at[nx]));
  const std::int64_t slant =
      lower_of(lower_of(at[-nx - 1], at[-nx + 1]), lower_of(at[nx - 1], at[nx + 1]));
  const steepest_drop most = t.step.steepest[m];
  return (*at - straight <= most.face) & (*at - slant <= most.corner);
}

/// What lies at a cell's surface.
LITHIFY_HD material_id surface(const talus_view& t, std::int64_t c) {
  return t.loose[c] > 0 ? ::lithify::sediment : t.step.columns.rock_material[c];
}

/// The excess of a cell as it is.
LITHIFY_HD excess_of_faces look(const talus_view& t, std::int64_t c) {
  return look(t, c, t.height[c], surface(t, c));
}

/// Sets the bit of a cell.
LITHIFY_HD void mark(std::uint64_t* masks, std::int64_t c) {
  device::atomic_or(&masks[c / block_cells], std::uint64_t{1} << (c % block_cells));
}

/// Sets the bits of c - 1, c and c + 1.
LITHIFY_HD void mark_three(std::uint64_t* masks, std::int64_t c) {
  const std::int64_t at = c % block_cells;
  device::atomic_or(&masks[c / block_cells], at > 0 ? std::uint64_t{7} << (at - 1) : 3);
  if (at == 0) {
    mark(masks, c - 1);
  } else if (at == block_cells - 1) {
    mark(masks, c + 1);
  }
}

/// Nothing has moved, and every cell is awake.
void wake_all(device::exec ex, const talus_view& t, std::int64_t blocks) {
  device::for_each_n(ex, blocks, [=] LITHIFY_HD(std::int64_t b) {
    const std::int64_t left = t.step.cells - b * block_cells;
    t.awake[b] = left < block_cells ? (std::uint64_t{1} << left) - 1 : ~std::uint64_t{0};
    t.moved[b] = 0;
    t.even[b] = 0;
  });
}

/// Heights at the start.
void start(device::exec ex, const talus_view& t) {
  device::for_each_n(ex, t.step.cells, [=] LITHIFY_HD(std::int64_t c) {
    if (t.step.halted()) {
      return;
    }
    column_height at{above_all, 0};
    if (t.free(c)) {
      at = measure(t, c);
    } else if (t.step.faces[c] & face::inside) {
      at.height = t.step.columns.boundary_height[c] - t.frame_offset;
    }
    t.height[c] = at.height;
    t.loose[c] = at.loose;
  });
}

/// Hands `amount` to the neighbours of c in proportion to the excesses, which it uses up.
LITHIFY_HD void hand_out(const talus_view& t,
                         std::int64_t c,
                         std::int64_t sweep,
                         std::int64_t amount,
                         excess_of_faces& e) {
  share(amount, e.sum, e.face);
  for (int d = 0; d < directions; ++d) {
    if (e.face[d] > 0) {
      const std::int64_t n = t.grid.neighbour(c, d);
      device::atomic_add(&t.step.columns.sediment[n], e.face[d]);
      mark(t.moved, n);
    }
  }
  mark(t.moved, c);
  if (device::atomic_load(&t.words->last_moved) != sweep) {  // a load is shared, a store is not
    device::atomic_store(&t.words->last_moved, sweep);
  }
}

/// Moves what one cell gives in a sweep: of its sediment, and, where that goes entirely, of the
/// rock below, or else a trickle of sediment from above would hold a cliff for ever.
LITHIFY_HD void slide(const talus_view& t, std::int64_t c, std::int64_t sweep) {
  if (!t.free(c) || ((t.step.faces[c] & face::side) == 0 && stands(t, c, surface(t, c)))) {
    return;
  }
  const std::int64_t s = t.step.sediment_solid;
  const std::int64_t loose = t.loose[c];
  std::int64_t bare = t.height[c];
  if (loose > 0) {
    excess_of_faces e = look(t, c, t.height[c], ::lithify::sediment);
    const std::int64_t half = e.half(s);
    if (half > 0) {
      device::atomic_add(&t.step.columns.sediment[c], -(half < loose ? half : loose));
      hand_out(t, c, sweep, half < loose ? half : loose, e);
    }
    if (half < loose) {
      return;
    }
    bare = bare_height(t, c);
  }
  excess_of_faces e = look(t, c, bare, t.step.columns.rock_material[c]);
  if (const std::int64_t amount = e.half(s); amount > 0) {
    t.step.rock_debt[c] += amount;
    hand_out(t, c, sweep, amount, e);
  }
}

/// Takes over what a sweep moved to or from a cell, and wakes it and those beside it for the next.
LITHIFY_HD void settle_in(const talus_view& t, std::int64_t c) {
  if (!t.free(c)) {
    return;
  }
  const column_height now = measure(t, c);
  if (now.height == t.height[c] && now.loose == t.loose[c]) {
    mark(t.even, c);
    return;
  }
  t.height[c] = now.height;
  t.loose[c] = now.loose;
  if ((t.step.faces[c] & face::side) == 0) {
    mark_three(t.awake, c - t.grid.nx);
    mark_three(t.awake, c);
    mark_three(t.awake, c + t.grid.nx);
    return;
  }
  mark(t.awake, c);
  for (int d = 0; d < directions; ++d) {
    if (const std::int64_t n = t.grid.neighbour(c, d); n >= 0) {
      mark(t.awake, n);
    }
  }
}

LITHIFY_HD void count_steep(const talus_view& t, std::int64_t c) {
  if (!t.free(c)) {
    return;
  }
  const excess_of_faces e = look(t, c);
  const bool covered = t.loose[c] > 0;
  const std::int64_t bare = covered ? bare_height(t, c) : t.height[c];
  const excess_of_faces rock = look(t, c, bare, t.step.columns.rock_material[c]);
  std::int64_t steep = 0;
  std::int64_t largest = 0;
  for (int d = 0; d < directions; ++d) {
    if (e.quanta(e.face[d]) > 0) {
      // All the sediment and what rock is too high, or less.
      const std::int64_t most = t.height[c] - bare + rock.face[d];
      const std::int64_t over = covered && most < e.face[d] ? most : e.face[d];
      largest = over > largest ? over : largest;
      ++steep;
    }
  }
  if (steep > 0) {
    device::atomic_add(&t.words->steep_faces, steep);
    device::atomic_max(&t.words->largest_excess, largest);
  }
}

/// The three kinds of work on the cells of a block.
enum class work : std::uint8_t { slide, settle_in, count_steep };

/// One block in a sweep: its cells whose bits are set, which are cleared. Nobody else reads or sets
/// bits that a kernel clears: `slide` takes `awake` and `even` and sets `moved`, `settle_in` the
/// other way round.
template <work Kind>
struct block_work {
  talus_view t;
  std::int64_t sweep;

  LITHIFY_DEVICE void operator()(const device::lane_group& g, std::int64_t b, std::byte*) const {
    std::uint64_t cells = Kind == work::settle_in ? t.moved[b] : t.awake[b];
    // Cells that got what they gave wait until another of their block is awake; they are counted.
    if (Kind == work::count_steep || (Kind == work::slide && cells != 0)) {
      cells |= t.even[b];
    }
    if (cells == 0 || t.step.halted()) {
      return;
    }
    g.each_bit(cells, [&](int i) {
      const std::int64_t c = b * block_cells + i;
      if constexpr (Kind == work::slide) {
        slide(t, c, sweep);
      } else if constexpr (Kind == work::settle_in) {
        settle_in(t, c);
      } else {
        count_steep(t, c);
      }
    });
    g.once([&] {
      if constexpr (Kind == work::settle_in) {
        t.moved[b] = 0;
      } else {
        t.awake[b] = 0;
        t.even[b] = 0;
      }
    });
  }
};

}  // namespace

steepest_drop steepest_drop_of(double repose_deg, const region_geometry& geometry) {
  // The root of 2 as a constant: a face over a corner is that much longer. No drop reaches 2^60.
  constexpr double root_of_two = 0x1.6a09e667f3bcdp+0, never = 0x1p60;
  const double drop = tangent_of_degrees(repose_deg) * geometry.cell_size_m /
                      geometry.voxel_height_m * static_cast<double>(one_voxel);
  return {static_cast<std::int64_t>(std::min(drop, never)),
          static_cast<std::int64_t>(std::min(drop * root_of_two, never))};
}

talus_outcome let_slide(device::exec ex,
                        const step_view& step,
                        std::int64_t max_sweeps,
                        std::int64_t frame_offset) {
  device::buffer<std::int64_t> height(ex, step.cells);
  device::buffer<std::int64_t> loose(ex, step.cells);
  const std::int64_t blocks = (step.cells + block_cells - 1) / block_cells;
  device::buffer<std::uint64_t> awake(ex, blocks);
  device::buffer<std::uint64_t> moved(ex, blocks);
  device::buffer<std::uint64_t> even(ex, blocks);
  device::buffer<sweep_words> words(ex, 1);
  device::fill(ex, words.data(), 1, sweep_words{});
  const talus_view t{step,         step.grid(),  frame_offset, height.data(), loose.data(),
                     awake.data(), moved.data(), even.data(),  words.data()};
  wake_all(ex, t, blocks);
  start(ex, t);
  sweep_words seen;
  std::int64_t done = 0;
  for (std::int64_t more = 1; done < max_sweeps && seen.last_moved == done - 1;
       more = std::min(2 * more, most_at_once)) {
    for (const std::int64_t end = std::min(done + more, max_sweeps); done < end; ++done) {
      device::for_each_group<0>(ex, blocks, block_work<work::slide>{t, done});
      device::for_each_group<0>(ex, blocks, block_work<work::settle_in>{t, done});
    }
    seen = device::read(ex, words.data());
  }
  if (seen.last_moved == done - 1) {
    device::for_each_group<0>(ex, blocks, block_work<work::count_steep>{t, done});
    seen = device::read(ex, words.data());
  }
  return {seen.last_moved + 1, seen.steep_faces, seen.largest_excess};
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
