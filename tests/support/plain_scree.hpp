/// Plain sweeps of scree that look at every cell, written from the equation in
/// cuda/passes/talus.cu: the oracle of sweeps that leave cells alone. Shares no code with the
/// library.
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

  [[nodiscard]] bool held(int x, int y) const {
    return (nx > 1 && (x == 0 || x == nx - 1)) || (ny > 1 && (y == 0 || y == ny - 1));
  }
  void sweep() {
    const std::vector<std::int64_t> before = loose;
    const auto at = [&](int x, int y) { return static_cast<std::size_t>(y * nx + x); };
    const auto height = [&](std::size_t c) { return (before[c] << 20) / solid; };
    for (int y = 0; y < ny; ++y) {
      for (int x = 0; x < nx; ++x) {
        if (held(x, y)) {
          continue;
        }
        struct faces {
          std::size_t to;
          std::int64_t excess;
          std::int64_t given = 0;
        };
        std::vector<faces> over;
        std::int64_t largest = 0, sum = 0;
        for (int dy = -1; dy <= 1; ++dy) {
          for (int dx = -1; dx <= 1; ++dx) {
            if (x + dx < 0 || x + dx >= nx || y + dy < 0 || y + dy >= ny) {
              continue;
            }
            const std::int64_t excess = height(at(x, y)) - height(at(x + dx, y + dy)) -
                                        (dx != 0 && dy != 0 ? slant : straight);
            if (excess > 0) {
              over.push_back({at(x + dx, y + dy), excess});
              largest = std::max(largest, excess);
              sum += excess;
            }
          }
        }
        if ((largest * solid) >> 20 < 1) {
          continue;
        }
        const std::int64_t amount = std::max<std::int64_t>(1, largest * solid / (2 << 20));
        std::int64_t left = amount;
        for (faces& f : over) {
          f.given = f.excess * amount / sum;
          left -= f.given;
        }
        // By largest remainder; of equals the first.
        std::vector<faces*> order;
        for (faces& f : over) {
          order.push_back(&f);
        }
        std::stable_sort(order.begin(), order.end(), [&](const faces* a, const faces* b) {
          return a->excess * amount % sum > b->excess * amount % sum;
        });
        for (std::int64_t i = 0; i < left; ++i) {
          ++order[static_cast<std::size_t>(i)]->given;
        }
        for (const faces& f : over) {
          const int to = static_cast<int>(f.to);
          loose[f.to] += held(to % nx, to / nx) ? 0 : f.given;
        }
        loose[at(x, y)] -= amount;
      }
    }
  }
};

}  // namespace lithify::test
