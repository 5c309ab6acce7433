// Versions of the index: held ones answer as before whatever comes after; dropped ones, and nothing
// else, give their slots back; an update that fails, throws or is dropped leaves no trace.
#include "index_checks.cuh"
#include "lithify/base/error.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::test;
using octree::index;
using octree::index_version;

constexpr region_size small_region{40, 70, 33};

struct fixture {
  device::memory_pool pool;
  device::stream s;
  device::exec ex{s.ref(), &pool};
};

/// All that a version tells: every node and brick that it can reach.
struct answers {
  voxel_image image;
  std::vector<std::vector<material_id>> lod;

  answers(device::exec ex, const index& i, const index_version& v) : image(i.image(ex, v)) {
    region_size cubes = v.view().size;
    for (int level = 0; level <= root_level(v.view().size); ++level) {
      lod.push_back(read_level(ex, v.view(), cubes, level));
      cubes = {(cubes.x + 1) / 2, (cubes.y + 1) / 2, (cubes.z + 1) / 2};
    }
  }
  [[nodiscard]] bool equal(const answers& other) const {
    return first_difference(image, other.image) == nullptr && lod == other.lod;
  }
};

std::shared_ptr<const index_version> write(device::exec ex, index& to, const edit_map& edits) {
  const device_edits on_device(ex, edits);
  return to.publish(ex, to.merge(ex, on_device.view()));
}

/// An index with the same content that has no history.
std::array<std::int64_t, 4> fresh_slots(device::exec ex, const plain_world& world) {
  index made(ex, world.size());
  edit_map every;
  plain_world::for_each(world.size().box(),
                        [&](voxel v) { every[morton_encode(v)] = world.at(v); });
  write(ex, made, every);
  return slots(made);
}

TEST(index_versions, held_versions_stay_as_they_were) {
  for (const std::uint64_t seed : test::seeds(1, 3)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fixture f;
    f.pool.poison_freed(true);
    random_bits random(seed);
    plain_world world(small_region);
    index tested(f.ex, small_region);
    struct held {
      std::shared_ptr<const index_version> version;
      answers before;
    };
    std::deque<held> kept;
    for (int batch = 0; batch < 100; ++batch) {
      const auto version = write(f.ex, tested, random_batch(random, world));
      if (random() % 4 == 0) {
        kept.push_back({version, answers(f.ex, tested, *version)});
      }
      if (!kept.empty() && random() % 8 == 0) {  // drop one from anywhere
        const auto at = static_cast<std::ptrdiff_t>(random() % kept.size());
        ASSERT_TRUE(kept[static_cast<std::size_t>(at)].before.equal(
            answers(f.ex, tested, *kept[static_cast<std::size_t>(at)].version)));
        kept.erase(kept.begin() + at);
      }
    }
    for (const held& h : kept) {
      ASSERT_TRUE(h.before.equal(answers(f.ex, tested, *h.version)));
    }
    ASSERT_GT(tested.statistics().waiting, 0);
    kept.clear();
    tested.reclaim(f.ex);
    EXPECT_EQ(tested.statistics().waiting, 0);
    EXPECT_EQ(slots(tested), fresh_slots(f.ex, world));
    ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *tested.current(), world));
  }
}

TEST(index_versions, one_old_version_does_not_pin_what_comes_after) {
  fixture f;
  random_bits random(5);
  plain_world world(small_region);
  index tested(f.ex, small_region);
  for (int batch = 0; batch < 5; ++batch) {
    write(f.ex, tested, random_batch(random, world));
  }
  const auto old = tested.current();
  const answers before(f.ex, tested, *old);
  const std::array<std::int64_t, 4> of_old = slots(tested);
  const std::int64_t pinned = of_old[0] + of_old[1] + of_old[2] + of_old[3];
  std::size_t bytes = 0;
  for (int batch = 0; batch < 1000; ++batch) {
    edit_map edits;
    for (int i = 0; i < 40; ++i) {
      const voxel v{below(random, 40), below(random, 70), below(random, 33)};
      world.at(v) = edits[morton_encode(v)] = static_cast<material_id>(random() % 9);
    }
    write(f.ex, tested, edits);
    ASSERT_LE(tested.statistics().waiting, pinned) << "batch " << batch;
    bytes = batch == 200 ? f.pool.bytes_in_use() : bytes;
  }
  EXPECT_LE(f.pool.bytes_in_use(), bytes + 65536);
  ASSERT_TRUE(before.equal(answers(f.ex, tested, *old)));
  ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *tested.current(), world));
}

TEST(index_versions, a_dropped_update_leaves_no_trace) {
  fixture f;
  random_bits random(6);
  plain_world world(small_region);
  index tested(f.ex, small_region);
  for (int batch = 0; batch < 20; ++batch) {
    plain_world never = world;
    const std::array<std::int64_t, 4> before = slots(tested);
    {
      const device_edits edits(f.ex, random_batch(random, never));
      const octree::index_update dropped = tested.merge(f.ex, edits.view());
      tested.reclaim(f.ex);  // whatever it frees, the update below takes what it found
    }
    EXPECT_EQ(slots(tested), before);
    write(f.ex, tested, random_batch(random, world));
    ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *tested.current(), world));
  }
}

TEST(index_versions, slots_freed_under_an_update_do_not_disturb_it) {
  fixture f;
  random_bits random(7);
  plain_world world(small_region);
  index tested(f.ex, small_region);
  for (int batch = 0; batch < 30; ++batch) {
    auto held = tested.current();
    write(f.ex, tested, random_batch(random, world));
    const device_edits edits(f.ex, random_batch(random, world));
    octree::index_update update = tested.merge(f.ex, edits.view());
    held.reset();
    tested.reclaim(f.ex);
    const auto version = tested.publish(f.ex, std::move(update));
    ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *version, world));
    EXPECT_EQ(slots(tested), fresh_slots(f.ex, world));
    EXPECT_EQ(tested.statistics().waiting, 0);
  }
}

TEST(index_versions, only_the_newest_update_of_the_current_version_is_published) {
  fixture f;
  random_bits random(8);
  plain_world world(small_region);
  index tested(f.ex, small_region);
  const device_edits edits(f.ex, random_batch(random, world));
  octree::index_update first = tested.merge(f.ex, edits.view());
  octree::index_update second = tested.merge(f.ex, edits.view());
  EXPECT_THROW(tested.publish(f.ex, std::move(first)), lithify::error);
  const auto version = tested.publish(f.ex, std::move(second));
  ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *version, world));
}

TEST(index_versions, a_step_that_throws_changes_nothing) {
  fixture f;
  random_bits random(9);
  plain_world world(small_region);
  index tested(f.ex, small_region);
  write(f.ex, tested, random_batch(random, world));
  const auto before = tested.current();
  plain_world never = world;
  const device_edits edits(f.ex, random_batch(random, never));
  struct stop_after {
    int steps;
  };
  const auto hook = [](void* at, const char*) {
    if (static_cast<stop_after*>(at)->steps-- == 0) {
      throw std::runtime_error("stop");
    }
  };
  for (int steps = 0; steps < 3; ++steps) {
    stop_after stop{steps};
    EXPECT_THROW((void)tested.merge(f.ex, edits.view(), hook, &stop), std::runtime_error);
    EXPECT_EQ(tested.current(), before);
    ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *before, world));
  }
  stop_after stop{3};  // there is no fourth step
  (void)tested.merge(f.ex, edits.view(), hook, &stop);
}

/// Refuses allocation after allocation of `change`, until it goes through; counts the refusals.
template <class Change>
void refuse_each(
    fixture& f, index& tested, const plain_world& world, std::int64_t& refusals, Change change) {
  const auto before = tested.current();
  const std::array<std::int64_t, 4> taken = slots(tested);
  for (std::int64_t k = 0;; ++k) {
    f.pool.fail_allocation(k);
    bool refused = false;
    try {
      change();
    } catch (const lithify::error& e) {
      ASSERT_EQ(e.code(), errc::out_of_memory);
      refused = true;
    }
    f.pool.fail_allocation(-1);
    if (!refused) {
      EXPECT_GT(k, 0) << "nothing was refused";
      refusals += k;
      return;
    }
    ASSERT_EQ(tested.current(), before) << "allocation " << k;
    ASSERT_EQ(slots(tested), taken) << "allocation " << k;
    if (k % 8 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_equal(f.ex, tested, *before, world));
    }
  }
}

TEST(index_versions, a_refused_allocation_changes_nothing) {
  std::int64_t refusals = 0;
  for (const std::uint64_t seed : test::seeds(1, 4)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fixture f;
    random_bits random(seed);
    plain_world world(small_region);
    index tested(f.ex, small_region);
    std::shared_ptr<const index_version> held = write(f.ex, tested, random_batch(random, world));
    plain_world next = world;
    const device_edits edits(f.ex, random_batch(random, next));
    ASSERT_NO_FATAL_FAILURE(
        refuse_each(f, tested, world, refusals, [&] { (void)tested.merge(f.ex, edits.view()); }));

    const voxel_image image = tested.image(f.ex, *tested.current());
    ASSERT_NO_FATAL_FAILURE(
        refuse_each(f, tested, world, refusals, [&] { (void)tested.load(f.ex, image); }));

    const std::vector<std::int64_t> offset(static_cast<std::size_t>(small_region.columns()) + 1);
    const octree::column_spans air_only{offset.data(), nullptr, nullptr};
    ASSERT_NO_FATAL_FAILURE(
        refuse_each(f, tested, world, refusals, [&] { (void)tested.bulk_build(f.ex, air_only); }));

    // Publishing goes through whatever is refused; what could not be freed waits.
    for (std::int64_t k = 0; k < 30; ++k) {
      const device_edits more(f.ex, random_batch(random, next));
      octree::index_update update = tested.merge(f.ex, more.view());
      held = k % 3 == 0 ? tested.current() : held;
      f.pool.fail_allocation(k % 10);
      world = next;
      (void)tested.publish(f.ex, std::move(update));
      f.pool.fail_allocation(-1);
    }
    held.reset();
    tested.reclaim(f.ex);
    EXPECT_EQ(tested.statistics().waiting, 0);
  }
  EXPECT_GT(refusals, 40) << "most batches take several allocations";
}

#if !LITHIFY_ON_CUDA  // needs a stream that the test can hold back
TEST(index_versions, work_that_reads_a_version_keeps_its_slots) {
  fixture f;
  random_bits random(12);
  plain_world world(small_region);
  index tested(f.ex, small_region);
  write(f.ex, tested, random_batch(random, world));
  const device::stream reader = device::stream::delaying(3);
  std::atomic<bool> go{false};
  std::atomic<bool>* const gate = &go;
  {
    const auto version = tested.current();
    device::for_each_n({reader.ref(), &f.pool}, 1, [=](std::int64_t) {
      while (!gate->load()) {
      }
    });
    version->used_by(reader.ref());
  }
  write(f.ex, tested, {{0, 7}, {1, 8}});
  tested.reclaim(f.ex);
  EXPECT_GT(tested.statistics().waiting, 0);
  go = true;
  reader.ref().synchronize();
  tested.reclaim(f.ex);
  EXPECT_EQ(tested.statistics().waiting, 0);
}
#endif

}  // namespace
