// Waves and tree sweeps over random forests, in every work order, on streams that run at once and
// on streams that delay, and with several numbers of threads.
#include "device_modes.cuh"
#include "lithify/base/hash128.hpp"
#include "lithify/device/threads.hpp"
#include "lithify/device/tree_sweep.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

using numbers = std::vector<std::int64_t>;

/// Parents by item, -1 at roots. `reach`: how far a parent lies away; 1 makes chains.
struct forest {
  numbers parent;
  std::vector<std::int32_t> children;

  forest(std::int64_t n, std::int64_t reach, std::uint64_t seed)
      : parent(static_cast<std::size_t>(n), -1), children(static_cast<std::size_t>(n), 0) {
    // Through a permutation, so that parents have higher and lower numbers than their children.
    numbers name(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < name.size(); ++i) {
      name[i] = static_cast<std::int64_t>(i);
      std::swap(name[i], name[mix64(seed + i) % (i + 1)]);
    }
    for (std::size_t i = 1; i < name.size(); ++i) {
      const std::uint64_t draw = mix64(seed ^ (i << 20));
      const auto back = static_cast<std::int64_t>(draw >> 8) % reach + 1;
      const std::int64_t p = static_cast<std::int64_t>(i) - back;
      if (p < 0 || draw % 97 == 0 || children[static_cast<std::size_t>(name[p])] == 254) {
        continue;
      }
      parent[static_cast<std::size_t>(name[i])] = name[static_cast<std::size_t>(p)];
      ++children[static_cast<std::size_t>(name[static_cast<std::size_t>(p)])];
    }
  }
};

struct swept {
  numbers sum;    ///< of mix64 over the subtree
  numbers depth;  ///< items above
};

swept sweep(exec ex, const forest& trees, int times) {
  const auto n = static_cast<std::int64_t>(trees.parent.size());
  const buffer<std::int64_t> parents = to_device(ex, trees.parent);
  const buffer<std::int32_t> counts = to_device(ex, trees.children);
  const buffer<std::int64_t> sums(ex, n);
  const buffer<std::int64_t> depths(ex, n);
  const tree_order order(ex, n);
  const std::int64_t* const above = parents.data();
  const std::int32_t* const below = counts.data();
  std::int64_t* const sum = sums.data();
  std::int64_t* const depth = depths.data();
  const auto parent = [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return above[i]; };
  for (int k = 0; k < times; ++k) {
    fill(ex, depth, n, std::int64_t{-1});
    tree_sum_up(
        ex, order, parent,
        [=] LITHIFY_HD(std::int64_t first, std::int64_t last, std::uint8_t * to) -> void {
          for (std::int64_t i = first; i < last; ++i) {
            to[i - first] = static_cast<std::uint8_t>(below[i]);
          }
        },
        [=] LITHIFY_HD(std::int64_t i) -> std::int64_t {
          return static_cast<std::int64_t>(mix64(static_cast<std::uint64_t>(i)) >> 32);
        },
        sum);
    tree_sweep_down(ex, order, parent, [=] LITHIFY_HD(std::int64_t i, std::int64_t p) -> void {
      depth[i] = p < 0 ? 0 : depth[p] + 1;
    });
  }
  return {to_host(ex, sums), to_host(ex, depths)};
}

void expect_swept(exec ex, const forest& trees, int times = 1) {
  const std::size_t n = trees.parent.size();
  swept expected{numbers(n, 0), numbers(n, 0)};
  for (std::size_t i = 0; i < n; ++i) {
    const auto own = static_cast<std::int64_t>(mix64(i) >> 32);
    expected.sum[i] += own;
    for (std::int64_t p = trees.parent[i]; p >= 0; p = trees.parent[static_cast<std::size_t>(p)]) {
      expected.sum[static_cast<std::size_t>(p)] += own;
      ++expected.depth[i];
    }
  }
  const swept found = sweep(ex, trees, times);
  EXPECT_EQ(found.sum, expected.sum);
  EXPECT_EQ(found.depth, expected.depth);
}

TEST(device_tree_sweep, sums_up_and_counts_down) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : {0, 1, 2, 3, 33, 2047, 2048, 2049, 5000}) {
      for (const std::int64_t reach : {1, 5, 3000}) {
        SCOPED_TRACE(testing::Message() << n << " items, reach " << reach);
        expect_swept(ex, forest(n, reach, 11));
      }
    }
  });
}

TEST(device_tree_sweep, one_order_sweeps_again) {
  in_every_mode([](exec ex) { expect_swept(ex, forest(6000, 9, 5), 3); });
}

TEST(device_tree_sweep, any_number_of_threads) {
  for (const int threads : {1, 2, 3, 16}) {
    with_threads(threads, [&] {
      memory_pool pool;
      const stream s;
      const exec ex{s.ref(), &pool};
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(testing::Message() << threads << " threads, seed " << seed);
        expect_swept(ex, forest(60000, seed % 2 == 0 ? 40 : 2000, seed));
      }
    });
  }
}

/// Distances from item 0 on a ring with chords, wave by wave.
numbers ring_distances(exec ex, std::int64_t n) {
  const buffer<std::int64_t> items(ex, n);
  const buffer<std::int64_t> count(ex, 1);
  const buffer<std::int64_t> distances(ex, n);
  std::int64_t* const distance = distances.data();
  fill(ex, distance, n, std::int64_t{-1});
  fill(ex, distance, 1, std::int64_t{0});
  fill(ex, items.data(), 1, std::int64_t{0});
  fill(ex, count.data(), 1, std::int64_t{1});
  for_each_wave(ex, items.data(), count.data(),
                [=] LITHIFY_DEVICE(std::int64_t i, std::int64_t wave, const auto& push) -> void {
                  for (const std::int64_t next : {(i + 1) % n, (i + n - 1) % n, i * 7 % n}) {
                    if (atomic_cas(&distance[next], std::int64_t{-1}, wave + 1) == -1) {
                      push(next);
                    }
                  }
                });
  EXPECT_EQ(read(ex, count.data()), n);
  numbers all = to_host(ex, items);
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i], static_cast<std::int64_t>(i));
  }
  return to_host(ex, distances);
}

TEST(device_wave, reaches_everything_in_the_fewest_steps) {
  in_every_mode([](exec ex) {
    for (const std::int64_t n : {1, 2, 50, 4000, 100000}) {
      numbers expected(static_cast<std::size_t>(n), -1);
      numbers queue = {0};
      expected[0] = 0;
      for (std::size_t head = 0; head < queue.size(); ++head) {
        const std::int64_t i = queue[head];
        for (const std::int64_t next : {(i + 1) % n, (i + n - 1) % n, i * 7 % n}) {
          if (expected[static_cast<std::size_t>(next)] < 0) {
            expected[static_cast<std::size_t>(next)] = expected[static_cast<std::size_t>(i)] + 1;
            queue.push_back(next);
          }
        }
      }
      EXPECT_EQ(ring_distances(ex, n), expected) << n;
    }
  });
}

std::int64_t wave_of_nothing(exec ex) {
  const buffer<std::int64_t> items(ex, 4);
  const buffer<std::int64_t> count(ex, 1);
  fill(ex, count.data(), 1, std::int64_t{0});
  for_each_wave(
      ex, items.data(), count.data(),
      [=] LITHIFY_DEVICE(std::int64_t i, std::int64_t, const auto& push) -> void { push(i); });
  return read(ex, count.data());
}

TEST(device_wave, nothing_to_start_with) {
  in_every_mode([](exec ex) { EXPECT_EQ(wave_of_nothing(ex), 0); });
}

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
