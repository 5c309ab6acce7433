// OpenVDB on the overlay's workloads: its documented best use (an accessor, one thread) and the
// best sorted, parallel form that we could write: sort by leaf, fill leaves in parallel, add them.
#include "bench_size.hpp"
#include "core_time.hpp"
#include "edit_workloads.hpp"

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <openvdb/openvdb.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace lithify::bench {
namespace {

using grid = openvdb::Int32Grid;
using leaf = grid::TreeType::LeafNodeType;

openvdb::Coord coord(voxel v) { return {v.x, v.y, v.z}; }

void write_by_accessor(grid& to, const std::vector<voxel_edit>& edits) {
  auto accessor = to.getAccessor();
  for (const voxel_edit& e : edits) {
    accessor.setValue(coord(e.at), e.material);
  }
}

/// For a grid that is empty: leaves need not be looked up.
void write_sorted(grid& to, const std::vector<voxel_edit>& edits) {
  struct item {
    std::uint64_t leaf_and_order;  // leaf number << 32 | order
    const voxel_edit* edit;
  };
  std::vector<item> items(edits.size());
  tbb::parallel_for(std::size_t{0}, edits.size(), [&](std::size_t i) {
    const voxel v = edits[i].at;
    const auto number =
        static_cast<std::uint64_t>((v.z >> 3) * (edited_region.columns() >> 6) +
                                   (v.y >> 3) * (edited_region.x >> 3) + (v.x >> 3));
    items[i] = {(number << 32) | i, &edits[i]};
  });
  tbb::parallel_sort(items.begin(), items.end(), [](const item& a, const item& b) {
    return a.leaf_and_order < b.leaf_and_order;
  });
  std::vector<std::size_t> first;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i == 0 || items[i].leaf_and_order >> 32 != items[i - 1].leaf_and_order >> 32) {
      first.push_back(i);
    }
  }
  first.push_back(items.size());
  std::vector<leaf*> leaves(first.size() - 1);
  tbb::parallel_for(std::size_t{0}, leaves.size(), [&](std::size_t l) {
    leaves[l] = new leaf(coord(items[first[l]].edit->at), to.background());  // the tree owns it
    for (std::size_t i = first[l]; i < first[l + 1]; ++i) {
      leaves[l]->setValueOn(leaf::coordToOffset(coord(items[i].edit->at)), items[i].edit->material);
    }
  });
  for (leaf* l : leaves) {
    to.tree().addLeaf(l);
  }
}

/// Our pools keep the memory of the round before; so that OpenVDB's leaves need not be fetched from
/// the system in every round either, the heap keeps it too.
void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

using writer = void (*)(grid&, const std::vector<voxel_edit>&);

void publish(benchmark::State& state, workload kind, std::int64_t n, writer write) {
  const std::vector<voxel_edit> edits = edits_of(kind, n);
  std::size_t bytes = 0;
  double core_time = 0.0;
  keep_freed_memory();
  write(*grid::create(air), edits);  // as ours: one round before the first
  for (auto _ : state) {
    const grid::Ptr to = grid::create(air);
    const double cores_before = core_seconds();
    const auto start = std::chrono::steady_clock::now();
    write(*to, edits);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(seconds.count());
    core_time += core_seconds() - cores_before;
    bytes = to->memUsage();
  }
  state.counters["core_ms"] = 1e3 * core_time / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations() * n);
  state.counters["index_bytes_a_delta"] = static_cast<double>(bytes) / static_cast<double>(n);
}

void points(benchmark::State& state, workload kind, bool in_order, std::int64_t n) {
  const grid::Ptr from = grid::create(air);
  write_by_accessor(*from, edits_of(kind, n));
  std::vector<openvdb::Coord> at;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto random = static_cast<std::int64_t>(mix64(static_cast<std::uint64_t>(i)) >> 1);
    at.push_back(coord(edited_voxel(kind, in_order ? i : random % n, n)));
  }
  std::vector<material_id> out(at.size());
  double core_time = 0.0;
  for (auto _ : state) {
    const double cores_before = core_seconds();
    const auto start = std::chrono::steady_clock::now();
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, at.size()), [&](const auto& range) {
      const auto accessor = from->getConstAccessor();
      for (std::size_t i = range.begin(); i < range.end(); ++i) {
        out[i] = static_cast<material_id>(accessor.getValue(at[i]));
      }
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(seconds.count());
    core_time += core_seconds() - cores_before;
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["core_ms"] = 1e3 * core_time / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations() * n);
}

template <class Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(("cpu/overlay/" + name).c_str(), body)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  const std::int64_t n = size_of_run(5'000'000, 6'400);
  for (const workload kind :
       {workload::clustered, workload::spread, workload::coherent, workload::scattered}) {
    const std::string word = to_string(kind);
    const std::string size = std::to_string(n);
    add("published/" + word + "/" + size + "/openvdb",
        [=](benchmark::State& s) { publish(s, kind, n, write_by_accessor); });
    add("published/" + word + "/" + size + "/openvdb_sorted",
        [=](benchmark::State& s) { publish(s, kind, n, write_sorted); });
    add("points/" + word + "/random/openvdb",
        [=](benchmark::State& s) { points(s, kind, false, n); });
    add("points/" + word + "/in_order/openvdb",
        [=](benchmark::State& s) { points(s, kind, true, n); });
  }
  return true;
}();

}  // namespace
}  // namespace lithify::bench
