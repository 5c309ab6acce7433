// The overlay: insertion and look-up in tables that no cache holds, from insertion to published,
// consolidation alone, and point queries afterwards. OpenVDB runs beside it where it is installed
// (overlay_openvdb.cpp).
#include "device_bench.cuh"
#include "edit_workloads.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/deltas/detail/points.cuh"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

using deltas::overlay;
using deltas::staging;

struct one_each {
  LITHIFY_HD std::int64_t operator()(std::int64_t) const { return 1; }
};
struct write_edit {
  const voxel_edit* edit;
  LITHIFY_HD void operator()(std::int64_t i, deltas::delta_writer& to) const {
    to.write(edit[i].at, edit[i].material);
  }
};
/// A key of all 63 bits made from the item's number: nothing is read but the table.
struct write_random {
  LITHIFY_HD void operator()(std::int64_t i, deltas::delta_writer& to) const {
    to.write(morton_decode(mix64(static_cast<std::uint64_t>(i) + 1) >> 1),
             static_cast<material_id>(i));
  }
};
struct make_query {
  voxel* at;
  std::int64_t keys;
  std::int64_t hits;  ///< per cent
  LITHIFY_HD void operator()(std::int64_t i) const {
    const auto random =
        static_cast<std::int64_t>(mix64(static_cast<std::uint64_t>(i) ^ 0x5bd1e995) >> 1);
    const std::int64_t item = random % 100 < hits ? random / 100 % keys : keys + i;
    at[i] = morton_decode(mix64(static_cast<std::uint64_t>(item) + 1) >> 1);
  }
};
struct make_place {
  workload kind;
  std::int64_t n;
  bool in_order;
  voxel* at;
  LITHIFY_HD void operator()(std::int64_t i) const {
    const auto random = static_cast<std::int64_t>(mix64(static_cast<std::uint64_t>(i)) >> 1);
    at[i] = edited_voxel(kind, in_order ? i : random % n, n);
  }
};

constexpr region_size whole = {max_extent, max_extent, max_extent};

void insert(benchmark::State& state, std::int64_t keys) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  std::optional<staging> batch;
  measure(
      state, place,
      [&] {
        batch.reset();
        batch.emplace(place.ex(), keys);
      },
      [&] { batch->emit(place.ex(), keys, one_each{}, write_random{}); });
  state.SetItemsProcessed(state.iterations() * keys);
  state.counters["table_bytes"] =
      static_cast<double>(batch->table().count * sizeof(deltas::bucket));
}

void find(benchmark::State& state, std::int64_t keys, std::int64_t hits) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  octree::index index(place.ex(), whole);
  overlay world(place.ex(), index);
  staging batch(place.ex(), keys);
  batch.emit(place.ex(), keys, one_each{}, write_random{});
  world.commit(place.ex(), std::move(batch), 0);
  const std::int64_t queries = keys / 2;
  const device::buffer<voxel> at(place.ex(), queries);
  const device::buffer<material_id> out(place.ex(), queries);
  device::for_each_n(place.ex(), queries, make_query{at.data(), keys, hits});
  measure(
      state, place, [] {},
      [&] { read_points(place.ex(), world.current(), at.data(), queries, 0, out.data()); });
  state.SetItemsProcessed(state.iterations() * queries);
}

/// A copy that moves `bytes` a delta, half of them read and half written: what insertion (80) and
/// look-up (74) cannot beat.
void floor_of(benchmark::State& state, std::int64_t keys, std::int64_t bytes) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  const device::buffer<std::byte> from(place.ex(), keys * bytes / 2);
  const device::buffer<std::byte> to(place.ex(), keys * bytes / 2);
  device::fill(place.ex(), from.data(), from.size(), std::byte{1});
  measure(
      state, place, [] {}, [&] { device::copy(place.ex(), to.data(), from.data(), from.size()); });
  state.SetItemsProcessed(state.iterations() * keys);
}

/// Batches that are merged as they are committed; what a delta takes then.
void merged(benchmark::State& state, std::int64_t n) {
  if (!usable(state)) {
    return;
  }
  constexpr std::int64_t batches = 8;
  device_place place;
  const std::vector<voxel_edit> edits = edits_of(workload::scattered, n);
  const device::buffer<voxel_edit> uploaded(place.ex(), n);
  device::copy_to_device(place.ex(), uploaded.data(), edits.data(), n);
  octree::index index(place.ex(), edited_region);
  std::unique_ptr<overlay> world;
  double bytes = 0.0;
  std::size_t before = 0;
  measure(
      state, place,
      [&] {
        world.reset();
        before = place.pool().bytes_in_use();
        world = std::make_unique<overlay>(place.ex(), index);
      },
      [&] {
        for (std::int64_t b = 0; b < batches; ++b) {
          staging batch(place.ex(), n / batches);
          batch.emit(place.ex(), n / batches, one_each{},
                     write_edit{uploaded.data() + b * (n / batches)});
          world->commit(place.ex(), std::move(batch), b);
        }
        bytes = static_cast<double>(place.pool().bytes_in_use() - before);
      });
  state.SetItemsProcessed(state.iterations() * n);
  state.counters["bytes_a_delta"] = bytes / static_cast<double>(world->claimed());
}

/// Which part of a batch's way into the index is measured.
enum class part { published, consolidation };

void publish(benchmark::State& state, workload kind, std::int64_t n, part what) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  const std::vector<voxel_edit> edits = edits_of(kind, n);
  const device::buffer<voxel_edit> uploaded(place.ex(), n);
  device::copy_to_device(place.ex(), uploaded.data(), edits.data(), n);
  std::unique_ptr<octree::index> index;
  std::unique_ptr<overlay> world;
  const auto fresh = [&] {
    world.reset();
    index.reset();
    index = std::make_unique<octree::index>(place.ex(), edited_region);
    world = std::make_unique<overlay>(place.ex(), *index);
  };
  const auto commit = [&] {
    staging batch(place.ex(), n);
    batch.emit(place.ex(), n, one_each{}, write_edit{uploaded.data()});
    world->commit(place.ex(), std::move(batch), 0);
  };
  const auto consolidate = [&] { world->consolidate(place.ex(), consolidation_strategy::all); };
  if (what == part::published) {
    measure(state, place, fresh, [&] {
      commit();
      consolidate();
    });
  } else {
    measure(
        state, place,
        [&] {
          fresh();
          commit();
        },
        consolidate);
  }
  state.SetItemsProcessed(state.iterations() * n);
  state.counters["index_bytes_a_delta"] =
      static_cast<double>(index->statistics().bytes_reserved) / static_cast<double>(n);
}

void points(benchmark::State& state, workload kind, bool in_order, std::int64_t n) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  octree::index index(place.ex(), edited_region);
  overlay world(place.ex(), index);
  world.write(place.ex(), edits_of(kind, n), 0);
  world.consolidate(place.ex(), consolidation_strategy::all);
  const device::buffer<voxel> at(place.ex(), n);
  const device::buffer<material_id> out(place.ex(), n);
  device::for_each_n(place.ex(), n, make_place{kind, n, in_order, at.data()});
  measure(
      state, place, [] {},
      [&] { read_points(place.ex(), world.current(), at.data(), n, 0, out.data()); });
  state.SetItemsProcessed(state.iterations() * n);
}

template <class Body>
void add(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(named("overlay/" + name).c_str(), body)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  // 2^27 keys take 4 GB of table: on the CPU only where one asks for it.
  std::vector<std::int64_t> tables = {size_of_run(1 << 24, 1 << 12)};
  if (LITHIFY_ON_CUDA || large_sizes()) {
    tables.push_back(size_of_run(1 << 27, 1 << 14));
  }
  for (const std::int64_t keys : tables) {
    add("insert/" + std::to_string(keys), [keys](benchmark::State& s) { insert(s, keys); });
    for (const std::int64_t bytes : {80, 74}) {
      add("floor/" + std::to_string(bytes) + "_bytes/" + std::to_string(keys),
          [=](benchmark::State& s) { floor_of(s, keys, bytes); });
    }
    for (const std::int64_t hits : {100, 50, 0}) {
      add("find/" + std::to_string(keys) + "/hits:" + std::to_string(hits),
          [keys, hits](benchmark::State& s) { find(s, keys, hits); });
    }
  }
  const std::int64_t many = size_of_run(5'000'000, 6'400);
  const std::int64_t few = size_of_run(1'000'000, 1'280);
  add("merged/" + std::to_string(many), [=](benchmark::State& s) { merged(s, many); });
  for (const workload kind :
       {workload::clustered, workload::spread, workload::coherent, workload::scattered}) {
    const std::string word = to_string(kind);
    add("published/" + word + "/" + std::to_string(many),
        [=](benchmark::State& s) { publish(s, kind, many, part::published); });
    for (const std::int64_t n : {many, few}) {
      add("consolidate/" + word + "/" + std::to_string(n),
          [=](benchmark::State& s) { publish(s, kind, n, part::consolidation); });
    }
    add("points/" + word + "/random", [=](benchmark::State& s) { points(s, kind, false, many); });
    add("points/" + word + "/in_order", [=](benchmark::State& s) { points(s, kind, true, many); });
  }
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
