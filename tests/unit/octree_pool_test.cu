// Pools: slots stay where they are, free ones are taken first and in order, refusals change
// nothing.
#include "device_modes.cuh"
#include "lithify/base/error.hpp"
#include "pool.cuh"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// A slot as large as a page: 4,096 slots a slab.
struct wide_slot {
  std::uint64_t word[512];
};

std::vector<std::uint64_t> taken(const slot_source& source, std::int64_t n) {
  std::vector<std::uint64_t> slots;
  for (std::int64_t i = 0; i < n; ++i) {
    slots.push_back(source[i]);
  }
  return slots;
}

void number_slots(device::exec ex, slab_view<wide_slot> view, std::int64_t n) {
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    view[static_cast<std::uint64_t>(i)]->word[511] = static_cast<std::uint64_t>(i) * 3;
  });
}

std::int64_t wrong_slots(device::exec ex, slab_view<wide_slot> view, std::int64_t n) {
  return device::select_if(
      ex, n,
      [=] LITHIFY_HD(std::int64_t i) -> bool {
        return view[static_cast<std::uint64_t>(i)]->word[511] != static_cast<std::uint64_t>(i) * 3;
      },
      [=] LITHIFY_HD(std::int64_t, std::int64_t) {});
}

void add_free(device::exec ex, slot_list& list, const std::vector<std::uint64_t>& slots) {
  const auto n = static_cast<std::int64_t>(slots.size());
  list.reserve(ex, ex.stream, n);
  device::copy_to_device(ex, list.end(), slots.data(), n);
  list.add(n);
}

std::vector<std::uint64_t> contents(device::exec ex, const slot_list& list) {
  std::vector<std::uint64_t> slots(static_cast<std::size_t>(list.count()));
  device::copy_to_host(ex, slots.data(), list.data(), list.count());
  return slots;
}

TEST(octree_pool, grows_by_slabs_that_do_not_move) {
  device::in_every_mode([](device::exec ex) {
    pool<wide_slot> p(ex);
    const slab_view<wide_slot> view = p.view();
    p.reserve(ex, pool<wide_slot>::slab_slots);
    p.take(pool<wide_slot>::slab_slots, 0);
    const std::size_t one = p.bytes();
    number_slots(ex, view, pool<wide_slot>::slab_slots);
    p.reserve(ex, 1);  // a second slab
    EXPECT_GT(p.bytes(), one);
    p.take(1, 0);
    number_slots(ex, view, pool<wide_slot>::slab_slots + 1);
    EXPECT_EQ(wrong_slots(ex, view, pool<wide_slot>::slab_slots + 1), 0);
    EXPECT_EQ(p.in_use(), pool<wide_slot>::slab_slots + 1);
  });
}

TEST(octree_pool, hands_out_free_slots_first) {
  device::memory_pool memory;
  const device::stream s;
  const device::exec ex{s.ref(), &memory};
  pool<wide_slot> p(ex);
  p.reserve(ex, 10);
  p.take(10, 0);
  add_free(ex, p.free_slots(), {7, 3, 5});
  EXPECT_EQ(p.in_use(), 7);
#if !LITHIFY_ON_CUDA  // the list is device memory
  EXPECT_EQ(taken(p.source(), 5), (std::vector<std::uint64_t>{7, 3, 5, 10, 11}));
#endif
  const std::int64_t free = p.free_slots().count();
  add_free(ex, p.free_slots(), {1});  // after an update looked: it does not take it
  p.take(4, free);
  EXPECT_EQ(contents(ex, p.free_slots()), std::vector<std::uint64_t>{1});
  EXPECT_EQ(p.in_use(), 10);
  EXPECT_EQ(p.source().high_water, 11U);
}

TEST(octree_pool, a_refused_slab_changes_nothing) {
  constexpr std::int64_t two_slabs = 2 * pool<wide_slot>::slab_slots;
  for (std::int64_t k = 0; k < 4; ++k) {
    device::memory_pool memory;
    const device::stream s;
    const device::exec ex{s.ref(), &memory};
    pool<wide_slot> p(ex);
    memory.fail_allocation(k);
    EXPECT_THROW(p.reserve(ex, two_slabs), lithify::error);
    EXPECT_EQ(p.in_use(), 0);
    EXPECT_EQ(p.source().high_water, 0U);
    p.reserve(ex, two_slabs);
    number_slots(ex, p.view(), two_slabs);
    EXPECT_EQ(wrong_slots(ex, p.view(), two_slabs), 0);
  }
}

TEST(octree_pool, a_full_pool_refuses_and_changes_nothing) {
  device::memory_pool memory;
  const device::stream s;
  const device::exec ex{s.ref(), &memory};
  pool<wide_slot> p(ex);
  try {
    p.reserve(ex, max_slabs * pool<wide_slot>::slab_slots + 1);
    FAIL();
  } catch (const lithify::error& e) {
    EXPECT_EQ(e.code(), errc::out_of_memory);
  }
  EXPECT_EQ(p.in_use(), 0);
  EXPECT_EQ(p.source().high_water, 0U);
  p.reserve(ex, 10);
  number_slots(ex, p.view(), 10);
  EXPECT_EQ(wrong_slots(ex, p.view(), 10), 0);
}

TEST(octree_slot_list, keeps_order_while_it_grows_and_shrinks) {
  device::memory_pool memory;
  const device::stream s;
  const device::exec ex{s.ref(), &memory};
  slot_list list;
  std::vector<std::uint64_t> expected;
  for (std::uint64_t round = 0; round < 60; ++round) {
    std::vector<std::uint64_t> more(round % 7);
    for (std::uint64_t& slot : more) {
      slot = round * 100 + (&slot - more.data());
    }
    add_free(ex, list, more);
    expected.insert(expected.end(), more.begin(), more.end());
    const auto gone = static_cast<std::ptrdiff_t>(expected.size() / 3);
    list.drop(gone);
    expected.erase(expected.begin(), expected.begin() + gone);
    ASSERT_EQ(contents(ex, list), expected) << "round " << round;
  }
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
