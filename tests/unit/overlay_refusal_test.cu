// What is refused half way: the batch of a commit comes back to its owner, and tables that work
// still reads stay until it has.
#include "lithify/base/error.hpp"
#include "overlay_rig.cuh"
#include "refused_allocations.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;

constexpr region_size small = {64, 48, 32};

/// A batch that has just the room for its edits, so that its table is listed as it is.
staging batch_of(device::exec ex, const test::emission& edits) {
  staging batch(ex, static_cast<std::int64_t>(edits.edit.size()));
  edits.emit(ex, batch);
  return batch;
}

TEST(OverlayRefusal, ACommitWithoutHostMemoryLeavesItsBatchWhole) {
  test::emission edits;
  edits.add_item({{{9, 8, 7}, 3}, {{1, 1, 1}, 2}, {{2, 1, 1}, 2}, {{3, 1, 1}, 2}});
  int refused = 0;
  for (std::int64_t n = 0;; ++n) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    device::memory_pool pool;
    const device::stream s;
    const device::exec ex{s.ref(), &pool};
    octree::index index(ex, small);
    overlay world(ex, index);
    staging batch = batch_of(ex, edits);
    const std::uint64_t buckets = batch.table().count;
    bool done = true;
    test::set_allocations_left(n);
    try {
      world.commit(ex, std::move(batch), 5);
    } catch (const std::bad_alloc&) {
      done = false;
    }
    const bool spared = test::allocations_left() >= 0;  // the commit makes fewer allocations
    test::set_allocations_left(-1);
    if (done && spared) {
      break;
    }
    if (!done) {
      ++refused;
      EXPECT_EQ(world.current().batch_number(), 0U);
      ASSERT_EQ(batch.table().count, buckets);  // NOLINT(bugprone-use-after-move): it is whole
      world.commit(ex, std::move(batch), 5);
    }
    EXPECT_EQ(world.claimed(), 4);
    EXPECT_EQ(test::material(ex, world.current(), {9, 8, 7}), 3);
    ASSERT_LT(n, 1000);
  }
  EXPECT_GT(refused, 3);
}

#if !LITHIFY_ON_CUDA  // needs a stream that the test can hold back

/// Holds a stream back until it is opened, for 0.3 s at most.
class gate {
 public:
  explicit gate(device::exec ex) {
    const auto open = open_;
    device::enqueue(ex.stream, [open] {
      const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
      while (!open->load() && std::chrono::steady_clock::now() < end) {
      }
      open->store(true);
    });
  }
  ~gate() { open(); }
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  void open() { open_->store(true); }
  [[nodiscard]] bool is_open() const { return open_->load(); }

 private:
  std::shared_ptr<std::atomic<bool>> open_ = std::make_shared<std::atomic<bool>>(false);
};

// The steps that were submitted before one was refused still read the tables.
TEST(OverlayRefusal, TablesStayUntilTheStepsOfARefusedConsolidationHaveRun) {
  int held = 0;
  for (const std::string at : {"select", "sort", "bricks"}) {
    SCOPED_TRACE(at);
    device::memory_pool pool;
    const device::stream s;
    const device::stream slow = device::stream::delaying(7);
    const device::exec ex{s.ref(), &pool};
    octree::index index(ex, small);
    overlay world(ex, index);
    world.write(ex, std::vector<voxel_edit>{{{9, 8, 7}, 3}, {{1, 1, 1}, 2}}, 0);
    world.write(ex, std::vector<voxel_edit>{{{9, 8, 7}, 4}}, 0);
    std::vector<std::weak_ptr<const table>> tables;
    for (const auto& t : world.current().tables()) {
      tables.emplace_back(t);
    }
    ASSERT_EQ(tables.size(), 2U);
    std::unique_ptr<gate> closed;
    const device::exec late{slow.ref(), &pool};
    try {
      world.consolidate(late, consolidation_strategy::all, [&](const char* step) {
        if (step == at) {
          closed = std::make_unique<gate>(late);
          pool.fail_allocation(0);
        }
      });
      FAIL() << "an allocation was to be refused";
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::out_of_memory) << e.what();
    }
    pool.fail_allocation(-1);
    world.consolidate(ex, consolidation_strategy::all);  // nobody lists the tables any more
    if (!closed->is_open()) {
      ++held;
      for (const auto& t : tables) {
        EXPECT_FALSE(t.expired());
      }
    }
    closed->open();
    slow.ref().synchronize();
    world.write(ex, {}, 0);  // sweeps
    for (const auto& t : tables) {
      EXPECT_TRUE(t.expired());
    }
    EXPECT_EQ(test::material(ex, world.current(), {9, 8, 7}), 4);
  }
  EXPECT_GT(held, 0) << "no refusal came while the stream was held back";
}

// Its table stays for as long as work of its stream may use it.
TEST(OverlayRefusal, ABatchThatCameBackGoesInOrderWithItsStream) {
  test::emission edits;
  edits.add_item({{{9, 8, 7}, 3}, {{1, 1, 1}, 2}});
  constexpr std::int64_t plenty = 100'000;
  std::int64_t n = plenty;  // at first none is refused
  for (bool refused = false; !refused;) {
    device::memory_pool pool;
    const device::stream s;
    const device::stream slow = device::stream::delaying(7);
    const device::exec ex{s.ref(), &pool};
    const device::exec late{slow.ref(), &pool};
    octree::index index(ex, small);
    overlay world(ex, index);
    std::optional<staging> batch(batch_of(late, edits));
    const table_view table = batch->table();
    test::set_allocations_left(n);
    try {
      world.commit(late, std::move(*batch), 5);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    const std::int64_t left = test::allocations_left();
    test::set_allocations_left(-1);
    if (!refused) {
      n = n == plenty ? plenty - left - 1 : n - 1;  // from the last one backwards
      ASSERT_GE(n, 0);
      continue;
    }
    const gate closed(late);
    batch.reset();
    const device::buffer<bucket> next(ex, static_cast<std::int64_t>(table.count));
    if (!closed.is_open()) {
      EXPECT_NE(next.data(), table.buckets);
    }
  }
}

#endif

}  // namespace
