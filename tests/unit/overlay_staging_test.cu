// A batch while it is staged: orders, overflow, growing.
#include "lithify/base/error.hpp"
#include "overlay_rig.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::emission;
using test::in_every_order;
using test::to_host;

using contents = std::map<morton_key, std::uint64_t>;

contents read_table(device::exec ex, const staging& batch) {
  contents held;
  const table_view t = batch.table();
  for (const bucket& b : to_host(ex, t.buckets, static_cast<std::int64_t>(t.count))) {
    for (int i = 0; i < bucket_slots; ++i) {
      if (b.key[i] != no_key) {
        held[b.key[i]] = b.value[i];
      }
    }
  }
  return held;
}

/// Emissions of random items, many of them without edits, on few voxels, so that they collide.
std::vector<emission> random_step(std::uint64_t seed, int emissions, int items) {
  std::mt19937_64 random(seed);
  std::vector<emission> step(static_cast<std::size_t>(emissions));
  for (emission& e : step) {
    const auto n = static_cast<int>(random() % static_cast<std::uint64_t>(items + 1));
    for (int i = 0; i < n; ++i) {
      std::vector<voxel_edit> edits;
      for (std::uint64_t k = random() % 4; k > 0; --k) {
        edits.push_back(
            {{static_cast<std::int32_t>(random() % 16), static_cast<std::int32_t>(random() % 16),
              static_cast<std::int32_t>(random() % 8)},
             static_cast<material_id>(random() % 100)});
      }
      e.add_item(edits);
    }
  }
  return step;
}

/// The oracle: orders count the edits in item order, emission after emission; the last one wins.
contents expected(const std::vector<emission>& step) {
  contents held;
  std::uint64_t order = 0;
  for (const emission& e : step) {
    for (const voxel_edit& edit : e.edit) {
      held[morton_encode(edit.at)] = pack_value(++order, edit.material);
    }
  }
  return held;
}

std::uint64_t total(const std::vector<emission>& step) {
  std::uint64_t sum = 0;
  for (const emission& e : step) {
    sum += e.edit.size();
  }
  return sum;
}

TEST(Staging, OrdersFollowTheItems) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<emission> step = random_step(seed, 5, 300);
    in_every_order([&](device::exec ex) {
      staging batch(ex, static_cast<std::int64_t>(total(step)));
      for (std::size_t e = 0; e < step.size(); ++e) {
        EXPECT_EQ(step[e].emit(ex, batch), static_cast<int>(e));
      }
      EXPECT_EQ(batch.overflowed(ex), -1);
      EXPECT_EQ(read_table(ex, batch), expected(step));
      const staging_words words = device::read(ex, batch.words());
      EXPECT_EQ(words.emitted, total(step));
    });
  }
}

// Growing wherever an emission did not fit, and going on from there, gives exactly what a table
// that is large enough from the start gives.
TEST(Staging, GrowingAndGoingOnEqualsALargeEnoughTable) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<emission> step = random_step(seed, 6, 300);
    in_every_order([&](device::exec ex) {
      staging batch(ex, static_cast<std::int64_t>(seed % 5) * 40);
      int grown = 0;
      for (std::size_t from = 0;;) {
        for (std::size_t e = from; e < step.size(); ++e) {
          EXPECT_EQ(step[e].emit(ex, batch), static_cast<int>(e));
        }
        const int stopped = batch.overflowed(ex);
        if (stopped < 0) {
          break;
        }
        ASSERT_GE(stopped, static_cast<int>(from));
        ASSERT_LT(grown++, 7);
        from = static_cast<std::size_t>(stopped);
        batch.grow(ex);
        EXPECT_EQ(batch.overflowed(ex), -1);
      }
      EXPECT_GT(grown, 0);
      EXPECT_EQ(read_table(ex, batch), expected(step));
      EXPECT_EQ(device::read(ex, batch.words()).emitted, total(step));
    });
  }
}

TEST(Staging, AnEmissionThatDoesNotFitLeavesNoTrace) {
  in_every_order([](device::exec ex) {
    staging batch(ex, 24);
    emission fits;
    fits.add_item(std::vector<voxel_edit>(20, voxel_edit{{1, 2, 3}, 7}));
    emission large;
    large.add_item(std::vector<voxel_edit>(2, voxel_edit{{4, 4, 4}, 8}));
    large.add_item(std::vector<voxel_edit>(3, voxel_edit{{5, 4, 4}, 8}));
    emission small;
    small.add_item({{{6, 4, 4}, 9}});
    fits.emit(ex, batch);
    EXPECT_EQ(large.emit(ex, batch), 1);
    small.emit(ex, batch);  // would fit, but comes after
    EXPECT_EQ(batch.overflowed(ex), 1);
    const staging_words words = device::read(ex, batch.words());
    EXPECT_EQ(words.emitted, 20U);
    EXPECT_EQ(words.overflow_count, 5U);
    EXPECT_EQ(read_table(ex, batch), (contents{{morton_encode({1, 2, 3}), pack_value(20, 7)}}));
  });
}

/// A table of more than 8 MiB, which the CPU fills by parts, and emissions that fill it up: voxels
/// all over a region, one voxel over and over (more than a list of its part takes), and a few.
constexpr std::int64_t large_batch = 330'000;
std::vector<emission> large_step() {
  std::mt19937_64 random(7);
  const auto anywhere = [&] {
    return voxel_edit{
        {static_cast<std::int32_t>(random() % 4096), static_cast<std::int32_t>(random() % 64),
         static_cast<std::int32_t>(random() % 8)},
        static_cast<material_id>(random() % 100)};
  };
  std::vector<emission> step(3);
  for (std::int64_t left = large_batch - 60'100; left > 0;) {
    std::vector<voxel_edit> edits(
        std::min(random() % 4 * (random() % 100 == 0 ? 500 : 1), static_cast<std::uint64_t>(left)));
    std::generate(edits.begin(), edits.end(), anywhere);
    step[0].add_item(edits);
    left -= static_cast<std::int64_t>(edits.size());
  }
  std::vector<voxel_edit> same(60'000);
  std::generate(same.begin(), same.end(), [&] {
    return voxel_edit{{1, 2, 3}, static_cast<material_id>(random() % 100)};
  });
  step[1].add_item({});
  step[1].add_item(same);
  for (int i = 0; i < 100; ++i) {
    step[2].add_item({anywhere()});
  }
  return step;
}

TEST(Staging, ALargeTableHoldsTheLastWriteOfEveryVoxel) {
  const std::vector<emission> step = large_step();
  ASSERT_EQ(total(step), static_cast<std::uint64_t>(large_batch));
  const contents wanted = expected(step);
  emission none_left;
  none_left.add_item(std::vector<voxel_edit>(1000, voxel_edit{{9, 9, 9}, 9}));
  in_every_order([&](device::exec ex) {
    staging batch(ex, large_batch);
    ASSERT_GT(batch.table().count * sizeof(bucket), std::size_t{8} << 20);
    for (const emission& e : step) {
      e.emit(ex, batch);
    }
    EXPECT_EQ(batch.overflowed(ex), -1);
    EXPECT_TRUE(read_table(ex, batch) == wanted);
    EXPECT_EQ(none_left.emit(ex, batch), 3);
    EXPECT_EQ(batch.overflowed(ex), 3);
    EXPECT_TRUE(read_table(ex, batch) == wanted);
  });
}

// More keys than the last buckets of parts have slots for: their probes leave the parts, the last
// one's over the end of the table.
TEST(Staging, ALargeTableHoldsWhatLeavesItsPart) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  staging batch(ex, large_batch);
  const table_view table = batch.table();
  std::vector<voxel_edit> edits;
  std::int64_t leaving = 0;
  for (std::int32_t i = 0; i < 1 << 21; ++i) {
    const voxel at{i & 4095, i >> 12 & 63, i >> 18};
    const std::uint64_t home = table.home(morton_encode(at));
    const bool at_the_end = home % 4096 == 4095 || home + 1 == table.count;
    if (at_the_end || (i % 20 == 0 && edits.size() < 100'000)) {
      edits.push_back({at, static_cast<material_id>(i % 100)});
      leaving += at_the_end ? 1 : 0;
    }
  }
  ASSERT_GT(leaving, static_cast<std::int64_t>(2 * bucket_slots * (table.count / 4096)));
  emission all;
  for (const voxel_edit& e : edits) {
    all.add_item({e});
  }
  all.emit(ex, batch);
  EXPECT_EQ(batch.overflowed(ex), -1);
  EXPECT_TRUE(read_table(ex, batch) == expected({all}));
}

struct many {
  std::int64_t count;
  LITHIFY_HD std::int64_t operator()(std::int64_t) const { return count; }
};
struct nothing {
  LITHIFY_HD void operator()(std::int64_t, delta_writer&) const {}
};
struct one_voxel_each {
  LITHIFY_HD void operator()(std::int64_t i, delta_writer& to) const {
    to.write({static_cast<std::int32_t>(i), 0, 0}, 1);
  }
};

TEST(Staging, RefusesABatchPastItsOrdersBeforeItStarts) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  EXPECT_THROW(staging(ex, std::int64_t{1} << 48), error);
  EXPECT_THROW(staging(ex, -1), error);
  staging batch(ex, 10);
  batch.emit(ex, 4, many{std::int64_t{1} << 46}, nothing{});
  EXPECT_EQ(batch.overflowed(ex), 0);
  try {
    batch.grow(ex);
    FAIL() << "2^48 deltas were admitted";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
  }
}

TEST(Staging, GrowingWithoutMemoryLeavesTheBatch) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  staging batch(ex, 10);
  batch.emit(ex, 100, many{1}, one_voxel_each{});
  ASSERT_EQ(batch.overflowed(ex), 0);
  pool.fail_allocation(0);
  EXPECT_THROW(batch.grow(ex), error);
  EXPECT_EQ(batch.overflowed(ex), 0);
  batch.grow(ex);
  EXPECT_EQ(batch.emit(ex, 100, many{1}, one_voxel_each{}), 0);
  EXPECT_EQ(batch.overflowed(ex), -1);
  EXPECT_EQ(read_table(ex, batch).size(), 100U);
}

TEST(Staging, EmittingWithoutMemoryLeavesTheBatch) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  for (const std::int64_t bound : {std::int64_t{1000}, large_batch}) {
    staging batch(ex, bound);
    int refused = 0;
    for (;; ++refused) {
      pool.fail_allocation(refused);
      try {
        EXPECT_EQ(batch.emit(ex, 1000, many{1}, one_voxel_each{}), 0);
        break;
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::out_of_memory);
        EXPECT_EQ(device::read(ex, batch.words()).emitted, 0U);
      }
      ASSERT_LT(refused, 10);
    }
    pool.fail_allocation(-1);
    EXPECT_GT(refused, 0);
    EXPECT_EQ(batch.overflowed(ex), -1);
    EXPECT_EQ(read_table(ex, batch).size(), 1000U);
  }
}

TEST(Staging, AFillThatContradictsItsCountIsFoundOut) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  for (const std::int64_t counted : {0, 2}) {
    staging batch(ex, 1000);
    batch.emit(ex, 100, many{counted}, one_voxel_each{});
    try {
      (void)batch.overflowed(ex);
      FAIL() << "count " << counted;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::internal);
      EXPECT_NE(std::string(e.what()).find("than it had counted"), std::string::npos) << e.what();
    }
  }
}

TEST(Staging, EmitsWithoutTheHost) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  staging batch(ex, 1000);
  const std::uint64_t before = pool.host_bytes_read();
  for (int i = 0; i < 5; ++i) {
    batch.emit(ex, 100, many{1}, one_voxel_each{});
  }
  EXPECT_EQ(pool.host_bytes_read(), before);
  (void)batch.overflowed(ex);
  EXPECT_LE(pool.host_bytes_read(), before + 64);
}

TEST(Staging, DroppedItGivesItsMemoryBack) {
  device::memory_pool pool;
  const device::stream s;
  {
    staging batch({s.ref(), &pool}, 1000);
    batch.emit({s.ref(), &pool}, 100, many{1}, one_voxel_each{});
  }
  EXPECT_EQ(pool.bytes_in_use(), 0U);
}

}  // namespace
