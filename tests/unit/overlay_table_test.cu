// The overlay's tables one by one: sizes, summaries, merging, and when tables are merged.
#include "collect.cuh"
#include "lithify/base/error.hpp"
#include "overlay_rig.cuh"
#include "table_ops.cuh"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <vector>

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::in_every_order;
using test::to_device;
using test::to_host;

struct entry {
  morton_key key;
  std::uint64_t value;
};

struct insert_entry {
  table_view to;
  const entry* from;
  std::uint32_t* refused;
  LITHIFY_HD void operator()(std::int64_t i) const {
    if (!to.insert(from[i].key, from[i].value)) {
      device::atomic_add(refused, 1U);
    }
  }
};

/// A table sized for `room` keys that holds `entries`; gives how many it refused.
struct filled {
  device::buffer<bucket> buckets;
  std::uint32_t refused;
  [[nodiscard]] table_view view() const {
    return {buckets.data(), static_cast<std::uint64_t>(buckets.size())};
  }
};
filled fill_table(device::exec ex, std::int64_t room, const std::vector<entry>& entries) {
  filled made{device::buffer<bucket>(ex, buckets_for(room)), 0};
  clear_buckets(ex, made.buckets.data(), made.buckets.size());
  const device::buffer<entry> from = to_device(ex, entries);
  device::buffer<std::uint32_t> refused(ex, 1);
  device::fill(ex, refused.data(), 1, 0U);
  device::for_each_n(ex, from.size(), insert_entry{made.view(), from.data(), refused.data()});
  made.refused = device::read(ex, refused.data());
  return made;
}

/// All slots, as a map; a key that stands twice is a failure.
std::map<morton_key, std::uint64_t> contents(device::exec ex, table_view t) {
  std::map<morton_key, std::uint64_t> held;
  for (const bucket& b : to_host(ex, t.buckets, static_cast<std::int64_t>(t.count))) {
    for (int i = 0; i < bucket_slots; ++i) {
      if (b.key[i] != no_key) {
        EXPECT_TRUE(held.emplace(b.key[i], b.value[i]).second) << "key " << b.key[i] << " twice";
      } else {
        EXPECT_EQ(b.value[i], 0U);
      }
    }
  }
  return held;
}

struct find_key {
  table_view in;
  const morton_key* key;
  std::uint64_t* out;
  LITHIFY_HD void operator()(std::int64_t i) const { out[i] = in.find(key[i]); }
};

TEST(OverlayTable, AdmitsWhatItWasSizedForAtALoadOfSixTenths) {
  for (const std::int64_t keys : {0, 1, 4, 5, 23, 24, 25, 1000, 1000000, 123456789}) {
    const std::int64_t buckets = buckets_for(keys);
    EXPECT_GE(admitted_by(buckets), static_cast<std::uint64_t>(keys));
    EXPECT_LE(static_cast<double>(admitted_by(buckets)), 0.6 * 8 * static_cast<double>(buckets));
    if (keys > 24) {
      EXPECT_LT(admitted_by(buckets - 1), static_cast<std::uint64_t>(keys));
    }
  }
  // 28 bytes a live delta at most, once a bucket is shared.
  EXPECT_LE(static_cast<double>(buckets_for(1000000)) * sizeof(bucket) / 1e6, 28.0);
}

TEST(OverlayTable, HoldsTheHighestValueOfEveryKeyWhateverTheOrder) {
  std::mt19937_64 random(1);
  std::vector<entry> entries;
  std::map<morton_key, std::uint64_t> expected;
  for (std::uint64_t order = 1; order <= 20000; ++order) {
    const morton_key key = random() % 5000 * (random() % 3 + 1);
    const std::uint64_t value = pack_value(order, static_cast<material_id>(random()));
    entries.push_back({key, value});
    expected[key] = value;
  }
  in_every_order([&](device::exec ex) {
    const filled t = fill_table(ex, static_cast<std::int64_t>(expected.size()), entries);
    EXPECT_EQ(t.refused, 0U);
    EXPECT_EQ(contents(ex, t.view()), expected);
    std::vector<morton_key> keys;
    std::vector<std::uint64_t> values;
    for (morton_key key = 0; key < 16000; ++key) {
      const auto found = expected.find(key);
      keys.push_back(key);
      values.push_back(found == expected.end() ? 0 : found->second);
    }
    const device::buffer<morton_key> asked = to_device(ex, keys);
    device::buffer<std::uint64_t> out(ex, asked.size());
    device::for_each_n(ex, asked.size(), find_key{t.view(), asked.data(), out.data()});
    EXPECT_EQ(to_host(ex, out.data(), out.size()), values);
  });
}

TEST(OverlayTable, FillsItsLastSlotAndThenRefuses) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  std::vector<entry> entries;
  for (std::uint64_t i = 0; i < 41; ++i) {
    entries.push_back({i * 977, pack_value(i + 1, 1)});
  }
  const filled t = fill_table(ex, 24, entries);  // 5 buckets, 40 slots
  EXPECT_EQ(t.refused, 1U);
  EXPECT_EQ(contents(ex, t.view()).size(), 40U);
  std::vector<morton_key> keys = {40 * 977 + 1};  // a miss in a full table comes to an end
  const device::buffer<morton_key> asked = to_device(ex, keys);
  device::buffer<std::uint64_t> out(ex, 1);
  device::for_each_n(ex, 1, find_key{t.view(), asked.data(), out.data()});
  EXPECT_EQ(device::read(ex, out.data()), 0U);
}

TEST(OverlayTable, AnEmptyViewFindsNothing) {
  EXPECT_EQ(table_view{}.find(0), 0U);
  EXPECT_EQ(table_view{}.find(12345), 0U);
}

TEST(OverlayTable, SummaryCountsVoxelsAndBoundsThem) {
  in_every_order([](device::exec ex) {
    EXPECT_EQ(summarize(ex, fill_table(ex, 100, {}).view()).claimed, 0);
    EXPECT_TRUE(summarize(ex, fill_table(ex, 100, {}).view()).bounds.empty());
    const std::vector<voxel> at = {{5, 2097151, 70}, {900, 3, 71}, {17, 40, 8}};
    std::vector<entry> entries;
    for (const voxel v : at) {
      entries.push_back({morton_encode(v), pack_value(1, 1)});
      entries.push_back({morton_encode(v), pack_value(2, 3)});
    }
    const table_summary sum = summarize(ex, fill_table(ex, 1000, entries).view());
    EXPECT_EQ(sum.claimed, 3);
    EXPECT_EQ(sum.bounds, (voxel_box{{5, 3, 8}, {901, 2097152, 72}}));
  });
}

TEST(OverlayTable, MergeKeepsTheNewestVersionAndSizesItExactly) {
  std::mt19937_64 random(2);
  // Newest first; the second is the largest, so that the count does not go by age.
  const std::vector<std::int64_t> sizes = {300, 4000, 1, 900};
  std::vector<std::vector<entry>> batches;
  for (const std::int64_t n : sizes) {
    batches.emplace_back();
    for (std::int64_t i = 0; i < n; ++i) {
      batches.back().push_back({random() % 3000, pack_value(static_cast<std::uint64_t>(i) + 1,
                                                            static_cast<material_id>(random()))});
    }
  }
  // The oracle: raise every batch's orders by the deltas of the older ones.
  std::map<morton_key, std::uint64_t> expected;
  std::uint64_t raise = 0;
  for (std::size_t b = batches.size(); b-- > 0;) {
    for (const entry& e : batches[b]) {
      expected[e.key] = e.value + (raise << 16);
    }
    raise += batches[b].size();
  }
  in_every_order([&](device::exec ex) {
    std::vector<filled> tables;
    std::vector<merge_source> sources;
    std::vector<table::batch> first = {{1, 90, 9}};
    const std::vector<table::batch> last = {{1, 5, 2}, {400, 6, 3}};
    for (std::size_t b = 0; b < batches.size(); ++b) {
      tables.push_back(fill_table(ex, 3000, batches[b]));
      const table_summary sum = summarize(ex, tables.back().view());
      sources.push_back({tables.back().view(), sum.claimed, batches[b].size(), sum.bounds,
                         b == 3 ? std::span(last) : std::span(first)});
    }
    const table merged = merge_tables(ex, sources);
    EXPECT_EQ(contents(ex, view_of(merged)), expected);
    EXPECT_EQ(merged.claimed, static_cast<std::int64_t>(expected.size()));
    EXPECT_EQ(merged.buckets.size(), buckets_for(merged.claimed));
    EXPECT_EQ(merged.orders, 5201U);
    EXPECT_EQ(merged.bounds, summarize(ex, view_of(merged)).bounds);
    ASSERT_EQ(merged.batches.size(), 5U);
    EXPECT_EQ(merged.batches[0].first_order, 1U);
    EXPECT_EQ(merged.batches[0].number, 5U);
    EXPECT_EQ(merged.batches[1].first_order, 400U);
    EXPECT_EQ(merged.batches[2].first_order, 901U);
    EXPECT_EQ(merged.batches[3].first_order, 902U);
    EXPECT_EQ(merged.batches[4].first_order, 4902U);
    EXPECT_EQ(merged.batches[4].number, 90U);
    EXPECT_EQ(merged.batches[4].when, 9);
  });
}

TEST(OverlayTable, OrdersPastTheirBitsAreNotMerged) {
  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  const filled t = fill_table(ex, 10, {{1, pack_value(1, 1)}});
  const merge_source old{t.view(), 1, max_order - 4, {{0, 0, 0}, {1, 1, 1}}, {}};
  const merge_source fits{t.view(), 1, 4, {{0, 0, 0}, {1, 1, 1}}, {}};
  const merge_source passes{t.view(), 1, 5, {{0, 0, 0}, {1, 1, 1}}, {}};
  EXPECT_EQ(merge_tables(ex, std::vector{fits, old}).orders, max_order);
  EXPECT_THROW((void)merge_tables(ex, std::vector{passes, old}), error);
}

TEST(OverlayTable, MergesTheNewestUpToTheFirstThatIsLarger) {
  const auto depth = [](std::int64_t batch, std::vector<std::int64_t> sizes) {
    return merge_depth(batch, sizes, 4);
  };
  EXPECT_EQ(depth(1, {}), 0);
  EXPECT_EQ(depth(1000, {1, 1, 1}), 0);  // there is room
  EXPECT_EQ(depth(1, {10, 100, 1000, 10000}), 1);
  EXPECT_EQ(depth(10, {1, 1, 1, 1000}), 3);
  EXPECT_EQ(depth(1, {1, 1, 4, 5}), 2);
  EXPECT_EQ(depth(1, {1, 2, 4, 8}), 4);
  EXPECT_EQ(depth(5, {9, 9, 9, 9, 9, 9, 9, 9}), 8);
  EXPECT_EQ(depth(1, {1, 1, 1, 1, 1, 90, 900, 9000}), 5);
  EXPECT_EQ(depth(1, {1, 1, 1, 10, 20, 90, 900, 9000}), 5);  // at most 4 stand in any case
}

TEST(OverlayTable, ManySmallBatchesCostLittle) {
  // Keys that merges copy over commits of one voxel each: fewer than 2 sqrt(n) a commit.
  constexpr int commits = 10000;
  std::vector<std::int64_t> sizes;
  std::int64_t copied = 0;
  for (int commit = 0; commit < commits; ++commit) {
    const int depth = merge_depth(1, sizes, 4);
    std::int64_t made = 1;
    for (int t = 0; t < depth; ++t) {
      made += sizes[static_cast<std::size_t>(t)];
    }
    copied += depth > 0 ? made : 0;
    sizes.erase(sizes.begin(), sizes.begin() + depth);
    sizes.insert(sizes.begin(), made);
    ASSERT_LE(sizes.size(), 4U);
  }
  EXPECT_LT(copied, 2 * 100 * commits);
}

}  // namespace
