/// Walks over one column: how a ledger becomes voxels, and how much solid lies above a height.
///
/// Pure functions of the column and of the ground, used by count and by fill alike, so that both
/// see the same path. A `Ground` offers
///   solid(m)     quanta in a full voxel of m
///   size()       the region
///   old(v)       material at the step's start: for voxels below rock_top, which no pass writes
///   newest(v)    material now, earlier emissions of the step included: for voxels above the column
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/material.hpp"
#include "lithify/device/backend.cuh"

#include <cstdint>

namespace lithify::passes::inline LITHIFY_BACKEND {

/// One column in registers.
struct column {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t rock_top = 0;
  std::int32_t n_loose = 0;
  std::int64_t residual = 0;
  std::int64_t ledger = 0;
  material_id rock = 0;
  std::int64_t debt = 0;  ///< quanta of rock that a pass moved on as sediment

  [[nodiscard]] LITHIFY_HD std::int32_t top() const { return rock_top + n_loose; }
};

/// Drops to the next ground below rock_top, whole, with the sediment that lies on it.
/// Gives false if there is none.
template <class Ground>
LITHIFY_HD bool descend(const Ground& ground, column& c) {
  std::int32_t loose = 0;
  for (std::int32_t z = c.rock_top - 1; z >= 0; --z) {
    const material_id m = ground.old({c.x, c.y, z});
    if (m == sediment) {
      ++loose;
    } else if (ground.solid(m) > 0) {
      c.rock_top = z;
      c.n_loose = loose;
      c.rock = m;
      c.residual = ground.solid(m);
      return true;
    } else {
      loose = 0;
    }
  }
  return false;
}

/// Takes what the column's rock owes, voxel by voxel. Sediment on a voxel that goes, and in a cave
/// that is opened, becomes part of the ledger: what lies on the rock now came after it had gone, so
/// that the column is empty from its ground up to where it ended before. Gives false if no ground
/// is left.
template <class Ground, class Sink>
LITHIFY_HD bool pay_debt(const Ground& ground, column& c, Sink& sink) {
  const std::int64_t s = ground.solid(sediment);
  while (c.debt >= c.residual) {
    for (; c.n_loose > 0; --c.n_loose) {
      sink.write({c.x, c.y, c.top()}, air);
      c.ledger += s;
    }
    c.debt -= c.residual;
    c.residual = 0;
    sink.write({c.x, c.y, c.rock_top}, air);
    for (std::int32_t z = c.rock_top - 1; z >= 0 && c.residual == 0; --z) {
      const material_id m = ground.old({c.x, c.y, z});
      if (m == sediment) {
        sink.write({c.x, c.y, z}, air);
        c.ledger += s;
      } else if (ground.solid(m) > 0) {
        c.rock_top = z;
        c.rock = m;
        c.residual = ground.solid(m);
      }
    }
    if (c.residual == 0) {
      return false;
    }
  }
  c.residual -= c.debt;
  c.debt = 0;
  return true;
}

/// Pays the debt, then turns the ledger into voxels: at 1.5 s a loose voxel is laid on top, below 0
/// one is taken back, so that a column does not emit the same voxel every second step; without
/// loose voxels the rock gives. Gives false if the column would leave the region's range of
/// heights; it is then half done.
template <class Ground, class Sink>
LITHIFY_HD bool settle(const Ground& ground, column& c, Sink& sink) {
  const std::int64_t s = ground.solid(sediment);
  const std::int32_t top_before = c.top();
  if (c.debt > 0 && !pay_debt(ground, c, sink)) {
    return false;
  }
  while (2 * c.ledger >= 3 * s) {
    if (c.top() + 1 >= ground.size().z) {
      return false;
    }
    sink.write({c.x, c.y, c.top() + 1}, sediment);
    ++c.n_loose;
    c.ledger -= s;
    // Sediment that floated above a gap is part of the column once the gap is closed. Up to the top
    // that the column had there is none: this walk itself has emptied it.
    while (c.top() >= top_before && c.top() + 1 < ground.size().z &&
           ground.newest({c.x, c.y, c.top() + 1}) == sediment) {
      ++c.n_loose;
    }
  }
  while (c.ledger < 0) {
    if (c.n_loose > 0) {
      sink.write({c.x, c.y, c.top()}, air);
      --c.n_loose;
      c.ledger += s;
      continue;
    }
    c.residual += c.ledger;
    c.ledger = 0;
    if (c.residual <= 0) {
      const std::int64_t debt = c.residual;
      sink.write({c.x, c.y, c.rock_top}, air);
      if (!descend(ground, c)) {
        return false;
      }
      c.ledger = debt;
    }
  }
  return true;
}

/// Solid that must come to the column (negative: leave it) so that its surface stands at `target`
/// (2^-20 voxels above the floor), within one quantum below. Loose material goes first, then rock,
/// voxel by voxel, each with its own solid: what `settle` takes for that amount ends at `target`.
/// Where that opens a cave the column ends at the cave's floor, and the next call fills it.
/// Gives false if no ground would be left.
template <class Ground>
LITHIFY_HD bool solid_to_reach(const Ground& ground,
                               column c,
                               std::int64_t target,
                               std::int64_t& amount) {
  const std::int64_t s = ground.solid(sediment);
  std::int64_t loose = c.n_loose * s + c.ledger;
  amount = 0;
  for (bool opened = false;; opened = true) {
    const std::int64_t rock = ground.solid(c.rock);
    const std::int64_t above_floor = target - (std::int64_t{c.rock_top} << fraction_bits);
    const std::int64_t above_rock = above_floor - (c.residual << fraction_bits) / rock;
    if (above_rock >= 0) {
      const std::int64_t missing = ((above_rock * s) >> fraction_bits) - loose;
      // Rock that leaves and sediment that comes would cancel: the rock must leave first.
      amount += opened && missing > 0 ? 0 : missing;
      return true;
    }
    if (above_floor > 0) {
      const std::int64_t kept = (above_floor * rock) >> fraction_bits;
      if (kept > 0) {
        amount += kept - c.residual - loose;
        return true;
      }
    }
    amount -= c.residual + loose;
    if (!descend(ground, c)) {
      return false;
    }
    loose = c.n_loose * s;
  }
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
