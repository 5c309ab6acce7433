/// Plain sweeps of scree, written from the description in cuda/passes/talus.cu: the oracle of
/// sweeps that leave cells alone. Shares no code with the library.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lithify::test {

/// Sediment so deep that no rock moves, its sides held.
struct plain_scree {
  int nx, ny;
  std::int64_t solid, straight, slant;  ///< quanta a voxel; drops that stand, 2^-20 voxels
  std::vector<std::int64_t> loose;      ///< quanta by cell
  /// 1: every sweep looks at every cell. 64: a cell that got what it gave, and beside which nothing
  /// changed, waits until another one of its block is looked at.
  std::size_t block = 1;

  [[nodiscard]] bool held(int x, int y) const {
    return (nx > 1 && (x == 0 || x == nx - 1)) || (ny > 1 && (y == 0 || y == ny - 1));
  }

  void sweep() {
    const std::vector<std::int64_t> before = loose;
    const std::vector<bool> looked_at = cells_to_look_at();
    std::vector<bool> moved(loose.size());
    for (int y = 0; y < ny; ++y) {
      for (int x = 0; x < nx; ++x) {
        if (!held(x, y) && looked_at[at(x, y)]) {
          slide(x, y, before, moved);
        }
      }
    }
    for (int y = 0; y < ny; ++y) {
      for (int x = 0; x < nx; ++x) {
        const std::size_t c = at(x, y);
        if (!held(x, y) && loose[c] != before[c]) {
          for_all_around(x, y, [&](std::size_t n, bool) { awake_[n] = true; });
        } else {
          waiting_[c] = waiting_[c] || moved[c];
        }
      }
    }
  }

  /// Faces that exceed what stands by a quantum or more.
  [[nodiscard]] std::int64_t steep_faces() const {
    std::int64_t n = 0;
    for (int y = 0; y < ny; ++y) {
      for (int x = 0; x < nx; ++x) {
        for (const face& f : held(x, y) ? std::vector<face>{} : steep(x, y, loose)) {
          n += (f.excess * solid) >> 20 < 1 ? 0 : 1;
        }
      }
    }
    return n;
  }

 private:
  [[nodiscard]] std::size_t at(int x, int y) const { return static_cast<std::size_t>(y * nx + x); }

  /// f(n, diagonal) for the cell itself and those around it, rows from the south.
  template <class F>
  void for_all_around(int x, int y, F f) const {
    for (int j = std::max(y - 1, 0); j <= std::min(y + 1, ny - 1); ++j) {
      for (int i = std::max(x - 1, 0); i <= std::min(x + 1, nx - 1); ++i) {
        f(at(i, j), i != x && j != y);
      }
    }
  }

  /// Those that are awake, and those that wait in the block of one; none of them is any more.
  std::vector<bool> cells_to_look_at() {
    awake_.resize(loose.size(), true);
    waiting_.resize(loose.size());
    if (block == 1) {
      return std::vector<bool>(loose.size(), true);
    }
    std::vector<bool> cells(loose.size());
    for (std::size_t first = 0; first < cells.size(); first += block) {
      const std::size_t end = std::min(first + block, cells.size());
      bool any = false;
      for (std::size_t c = first; c < end; ++c) {
        any = any || awake_[c];
      }
      for (std::size_t c = first; any && c < end; ++c) {
        cells[c] = awake_[c] || waiting_[c];
        awake_[c] = waiting_[c] = false;
      }
    }
    return cells;
  }

  struct face {
    std::size_t to;
    std::int64_t excess;
    std::int64_t given = 0;
  };

  /// Faces of a cell that are too steep.
  [[nodiscard]] std::vector<face> steep(int x,
                                        int y,
                                        const std::vector<std::int64_t>& quanta) const {
    const auto height = [&](std::size_t n) { return (quanta[n] << 20) / solid; };
    std::vector<face> over;
    for_all_around(x, y, [&](std::size_t n, bool diagonal) {
      const std::int64_t excess = height(at(x, y)) - height(n) - (diagonal ? slant : straight);
      if (excess > 0) {
        over.push_back({n, excess});
      }
    });
    return over;
  }

  void slide(int x, int y, const std::vector<std::int64_t>& before, std::vector<bool>& moved) {
    std::vector<face> over = steep(x, y, before);
    std::int64_t largest = 0, sum = 0;
    for (const face& f : over) {
      largest = std::max(largest, f.excess);
      sum += f.excess;
    }
    if ((largest * solid) >> 20 < 1) {
      return;
    }
    const std::int64_t amount = std::max<std::int64_t>(1, largest * solid / (2 << 20));
    std::int64_t left = amount;
    for (face& f : over) {
      f.given = f.excess * amount / sum;
      left -= f.given;
    }
    // By largest remainder; of equals the first.
    std::vector<face*> order;
    for (face& f : over) {
      order.push_back(&f);
    }
    std::stable_sort(order.begin(), order.end(), [&](const face* a, const face* b) {
      return a->excess * amount % sum > b->excess * amount % sum;
    });
    for (std::int64_t i = 0; i < left; ++i) {
      ++order[static_cast<std::size_t>(i)]->given;
    }
    for (const face& f : over) {
      const int to = static_cast<int>(f.to);
      loose[f.to] += held(to % nx, to / nx) ? 0 : f.given;
      moved[f.to] = true;
    }
    loose[at(x, y)] -= amount;
    moved[at(x, y)] = true;
  }

  std::vector<bool> awake_, waiting_;
};

}  // namespace lithify::test
