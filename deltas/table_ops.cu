#include "lithify/base/error.hpp"
#include "lithify/device/prefetch.cuh"
#include "table_ops.cuh"

#include <algorithm>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

/// Bits of one axis in a Morton key. The bits of an axis alone, in place, order like its
/// coordinate.
constexpr morton_key axis_mask = 0x1249249249249249ULL;

/// What one thread of a GPU clears, so that stores coalesce; on a CPU a thread clears a bucket.
struct alignas(16) slot_pair {
  std::uint64_t a;
  std::uint64_t b;
};
constexpr std::int64_t pairs_a_bucket = sizeof(bucket) / sizeof(slot_pair);
constexpr std::int64_t pairs_a_task = device::accesses_in_flight == 1 ? 1 : pairs_a_bucket;

struct partial_summary {
  std::int64_t claimed;
  morton_key low[3];
  morton_key high[3];
};

struct join_summaries {
  LITHIFY_HD partial_summary operator()(const partial_summary& a, const partial_summary& b) const {
    partial_summary joined{a.claimed + b.claimed, {}, {}};
    for (int axis = 0; axis < 3; ++axis) {
      joined.low[axis] = a.low[axis] < b.low[axis] ? a.low[axis] : b.low[axis];
      joined.high[axis] = a.high[axis] > b.high[axis] ? a.high[axis] : b.high[axis];
    }
    return joined;
  }
};

struct summarize_bucket {
  table_view t;
  LITHIFY_HD partial_summary operator()(std::int64_t b) const {
    partial_summary sum{0, {no_key, no_key, no_key}, {0, 0, 0}};
    for (const morton_key key : t.buckets[b].key) {
      if (key == no_key) {
        break;  // slots fill from the front
      }
      ++sum.claimed;
      for (int axis = 0; axis < 3; ++axis) {
        const morton_key along = key & (axis_mask << axis);
        sum.low[axis] = along < sum.low[axis] ? along : sum.low[axis];
        sum.high[axis] = along > sum.high[axis] ? along : sum.high[axis];
      }
    }
    return sum;
  }
};

/// Tables that are looked into, by falling size.
struct table_set {
  table_view table[max_tables + 1];
  int count = 0;
  LITHIFY_HD bool holds(morton_key key) const {
    for (int t = 0; t < count; ++t) {
      if (table[t].find(key) != 0) {
        return true;
      }
    }
    return false;
  }
};

/// Keys of one bucket that none of `others` holds.
struct count_new_keys {
  table_view t;
  table_set others;
  LITHIFY_HD std::int64_t operator()(std::int64_t b) const {
    std::int64_t found = 0;
    for (const morton_key key : t.buckets[b].key) {
      if (key == no_key) {
        break;
      }
      found += others.holds(key) ? 0 : 1;
    }
    return found;
  }
};

struct add {
  LITHIFY_HD std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a + b; }
};

/// Number of voxels that at least one source holds. Sync.
std::int64_t count_distinct(device::exec ex, std::span<const merge_source> sources) {
  std::vector<const merge_source*> by_size;
  for (const merge_source& s : sources) {
    by_size.push_back(&s);
  }
  // The largest table is counted without a look, and only the smaller ones are looked up.
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto* a, const auto* b) { return a->claimed > b->claimed; });
  table_set larger;
  std::int64_t distinct = 0;
  for (const merge_source* s : by_size) {
    distinct += larger.count == 0 ? s->claimed
                                  : device::reduce<std::int64_t>(
                                        ex, static_cast<std::int64_t>(s->view.count),
                                        std::int64_t{0}, add{}, count_new_keys{s->view, larger});
    larger.table[larger.count++] = s->view;
  }
  return distinct;
}

voxel_box join(const voxel_box& a, const voxel_box& b) {
  if (a.empty() || b.empty()) {
    return a.empty() ? b : a;
  }
  return {{std::min(a.min.x, b.min.x), std::min(a.min.y, b.min.y), std::min(a.min.z, b.min.z)},
          {std::max(a.max.x, b.max.x), std::max(a.max.y, b.max.y), std::max(a.max.z, b.max.z)}};
}

}  // namespace

void clear_buckets(device::exec ex, bucket* buckets, std::int64_t count) {
  auto* const pairs = reinterpret_cast<slot_pair*>(buckets);
  device::for_each_n(ex, count * pairs_a_bucket / pairs_a_task, [=] LITHIFY_HD(std::int64_t task) {
    for (std::int64_t i = task * pairs_a_task; i < (task + 1) * pairs_a_task; ++i) {
      const std::uint64_t word = i % pairs_a_bucket < pairs_a_bucket / 2 ? no_key : 0;
      pairs[i] = {word, word};
    }
  });
}

void insert_all(device::exec ex, table_view from, table_view to, std::uint64_t raise) {
  // A bucket's keys start their accesses together; the target is large enough, so none can fail.
  device::for_each_n(ex, static_cast<std::int64_t>(from.count), [=] LITHIFY_HD(std::int64_t b) {
    const bucket& source = from.buckets[b];
    std::uint64_t home[bucket_slots];
    int n = 0;
    for (; n < bucket_slots && source.key[n] != no_key; ++n) {
      home[n] = to.home(source.key[n]);
      device::prefetch(&to.buckets[home[n]].key);
      device::prefetch(&to.buckets[home[n]].value);
    }
    for (int i = 0; i < n; ++i) {
      to.insert_from(home[i], source.key[i], source.value[i] + (raise << 16));
    }
  });
}

table_summary summarize(device::exec ex, table_view t) {
  const auto sum =
      device::reduce<partial_summary>(ex, static_cast<std::int64_t>(t.count),
                                      partial_summary{0, {no_key, no_key, no_key}, {0, 0, 0}},
                                      join_summaries{}, summarize_bucket{t});
  if (sum.claimed == 0) {
    return {};
  }
  const auto coordinate = [](morton_key along, int axis) {
    return static_cast<std::int32_t>(gather_bits(along >> axis));
  };
  return {sum.claimed,
          {{coordinate(sum.low[0], 0), coordinate(sum.low[1], 1), coordinate(sum.low[2], 2)},
           {coordinate(sum.high[0], 0) + 1, coordinate(sum.high[1], 1) + 1,
            coordinate(sum.high[2], 2) + 1}}};
}

table merge_tables(device::exec ex, std::span<const merge_source> sources) {
  table made;
  for (auto s = sources.rbegin(); s != sources.rend(); ++s) {  // oldest first: orders rise
    require(s->orders <= max_order - made.orders, errc::invalid_argument,
            "the tables that wait for a consolidation hold 2^48 deltas; consolidate first");
    for (const table::batch& b : s->batches) {
      made.batches.push_back({b.first_order + made.orders, b.number, b.when});
    }
    made.orders += s->orders;
    made.bounds = join(made.bounds, s->bounds);
  }
  made.claimed = count_distinct(ex, sources);
  made.buckets = device::buffer<bucket>(ex, buckets_for(made.claimed));
  clear_buckets(ex, made.buckets.data(), made.buckets.size());
  const table_view to{made.buckets.data(), static_cast<std::uint64_t>(made.buckets.size())};
  std::uint64_t raise = 0;
  for (auto s = sources.rbegin(); s != sources.rend(); ++s) {
    insert_all(ex, s->view, to, raise);
    raise += s->orders;
  }
  ex.stream.synchronize();
  return made;
}

int merge_depth(std::int64_t batch, std::span<const std::int64_t> sizes, int most) {
  const int n = static_cast<int>(sizes.size());
  int depth = 0;
  std::int64_t newer = batch;
  while (depth < n &&
         (1 + n - depth > most || (depth > 0 && sizes[static_cast<std::size_t>(depth)] <= newer))) {
    newer += sizes[static_cast<std::size_t>(depth)];
    ++depth;
  }
  return depth;
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
