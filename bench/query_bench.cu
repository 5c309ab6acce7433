// Queries on a terrain: layered ground under air, with a million deltas at its surface. Points read
// the index (random and row by row); boxes, columns, digest and solid read the merged view.
#include "device_bench.cuh"
#include "lithify/base/material.hpp"
#include "lithify/base/philox.hpp"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/octree/detail/merged.cuh"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

constexpr std::int32_t height = 256;

/// Height of the ground: a few octaves of smooth hills, in integers so that every machine has it.
std::int32_t ground(std::int32_t x, std::int32_t y) {
  std::int64_t sum = 0;
  for (int octave = 8; octave >= 3; --octave) {
    const std::int32_t edge = 1 << octave;
    const auto corner = [&](std::int32_t i, std::int32_t j) {
      const std::uint64_t cell =
          (static_cast<std::uint64_t>(i) << 32) | static_cast<std::uint32_t>(j);
      return static_cast<std::int64_t>(random_bits(7, static_cast<std::uint64_t>(octave), cell, 0) %
                                       static_cast<std::uint64_t>(edge));
    };
    const std::int32_t i = x / edge;
    const std::int32_t j = y / edge;
    const std::int64_t u = x % edge;
    const std::int64_t v = y % edge;
    sum += ((edge - u) * ((edge - v) * corner(i, j) + v * corner(i, j + 1)) +
            u * ((edge - v) * corner(i + 1, j) + v * corner(i + 1, j + 1))) /
           (std::int64_t{edge} * edge);
  }
  return static_cast<std::int32_t>(16 + sum * (height - 64) / 504);
}

/// A terrain with deltas where its surface moved up by a voxel.
class terrain {
 public:
  explicit terrain(device::exec ex) : size_{edge(), edge(), height}, index_(ex, size_) {
    std::vector<std::int64_t> offset{0};
    std::vector<std::int32_t> top;
    std::vector<material_id> material;
    std::map<morton_key, material_id> raised;
    for (std::int32_t y = 0; y < size_.y; ++y) {
      for (std::int32_t x = 0; x < size_.x; ++x) {
        const std::int32_t surface = ground(x, y);
        top.insert(top.end(), {surface / 2, surface - 3, surface});
        material.insert(material.end(), {3, 4, sediment});
        offset.push_back(static_cast<std::int64_t>(top.size()));
        raised[morton_encode({x, y, surface})] = sediment;
      }
    }
    auto update = index_.bulk_build(ex, {offset.data(), top.data(), material.data()});
    version_ = index_.publish(ex, std::move(update));
    keep_run(ex, raised);
    octree::build_levels(ex, version_->view(), run_, 6);
  }
  [[nodiscard]] region_size size() const { return size_; }
  [[nodiscard]] octree::merged_view view() const { return run_.view(version_->view()); }

 private:
  static std::int32_t edge() { return static_cast<std::int32_t>(size_of_run(1024, 128)); }

  void keep_run(device::exec ex, const std::map<morton_key, material_id>& deltas) {
    std::vector<morton_key> key;
    std::vector<material_id> material;
    for (const auto& [k, m] : deltas) {
      key.push_back(k);
      material.push_back(m);
    }
    const auto n = static_cast<std::int64_t>(key.size());
    run_.key[0] = device::buffer<morton_key>(ex, n);
    run_.material[0] = device::buffer<material_id>(ex, n);
    device::copy_to_device(ex, run_.key[0].data(), key.data(), n);
    device::copy_to_device(ex, run_.material[0].data(), material.data(), n);
    run_.levels = 1;
  }

  region_size size_;
  octree::index index_;
  std::shared_ptr<const octree::index_version> version_;
  octree::delta_run run_;
};

/// The place and the world that all benchmarks of this program share.
struct shared_world {
  device_place place;
  terrain world{place.ex()};
};

shared_world& world() {
  static shared_world made;
  return made;
}

/// Runs `query(ex, terrain)`; `items` voxels, cells or columns at a time.
template <class Query>
void run(benchmark::State& state, std::int64_t items, Query query) {
  if (!usable(state)) {
    return;
  }
  shared_world& w = world();
  measure(
      state, w.place, [] {}, [&] { query(w.place.ex(), w.world); });
  state.SetItemsProcessed(state.iterations() * items);
}

void read_points(device::exec ex,
                 const octree::index_view& index,
                 const morton_key* key,
                 std::int64_t n,
                 material_id* out) {
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { out[i] = index.material(key[i]); });
}

void points(benchmark::State& state, bool random) {
  if (!usable(state)) {
    return;
  }
  const device::exec ex = world().place.ex();
  const region_size size = world().world.size();
  const std::int64_t n = size_of_run(1 << 22, 1 << 12);
  std::vector<morton_key> key;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto c = static_cast<std::uint64_t>(i);
    const voxel row{static_cast<std::int32_t>(i % size.x),
                    static_cast<std::int32_t>(i / size.x % size.y), height / 3};
    const std::uint64_t bits = random_bits(1, 0, c, 0);
    key.push_back(morton_encode(
        random ? voxel{static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(size.x)),
                       static_cast<std::int32_t>((bits >> 20) % static_cast<std::uint64_t>(size.y)),
                       static_cast<std::int32_t>((bits >> 40) % height)}
               : row));
  }
  const device::buffer<morton_key> keys(ex, n);
  const device::buffer<material_id> out(ex, n);
  device::copy_to_device(ex, keys.data(), key.data(), n);
  run(state, n, [&](device::exec e, const terrain& t) {
    read_points(e, t.view().index, keys.data(), n, out.data());
  });
}

/// A box of 100 cells a side at LOD `level`, across the surface where it is that small.
void box(benchmark::State& state, int level) {
  if (!usable(state)) {
    return;
  }
  const region_size size = world().world.size();
  const std::int32_t side = 100 << level;
  const voxel_box wanted =
      voxel_box{{11, 13, 40}, {11 + side, 13 + side, 40 + side}}.clipped(size.box());
  const std::int32_t up = (1 << level) - 1;
  const auto cells = [&](std::int32_t low, std::int32_t high) {
    return std::int64_t{((high + up) >> level) - (low >> level)};
  };
  const std::int64_t n = cells(wanted.min.x, wanted.max.x) * cells(wanted.min.y, wanted.max.y) *
                         cells(wanted.min.z, wanted.max.z);
  const device::buffer<material_id> out(world().place.ex(), n);
  run(state, n, [&](device::exec e, const terrain& t) {
    octree::read_box(e, t.view(), wanted, level, out.data());
  });
}

void runs(benchmark::State& state) {
  run(state, 1'000'000, [](device::exec e, const terrain& t) {
    const voxel_box wanted = voxel_box{{11, 13, 40}, {111, 113, 140}}.clipped(t.size().box());
    benchmark::DoNotOptimize(octree::read_runs(e, t.view(), wanted, 0));
  });
}

void tops(benchmark::State& state) {
  if (!usable(state)) {
    return;
  }
  const std::int64_t columns = world().world.size().columns();
  const device::buffer<std::int32_t> out(world().place.ex(), columns);
  run(state, columns, [&](device::exec e, const terrain& t) {
    octree::column_tops(e, t.view(), t.size().box(), out.data());
  });
}

void columns(benchmark::State& state) {
  const std::int64_t side = size_of_run(1024, 128);
  run(state, side * side, [](device::exec e, const terrain& t) {
    benchmark::DoNotOptimize(octree::read_columns(e, t.view(), t.size().box()));
  });
}

void levels(benchmark::State& state) {
  const std::int64_t side = size_of_run(1024, 128);
  run(state, side * side, [](device::exec e, const terrain& t) {
    const octree::merged_view view = t.view();
    octree::delta_run run;
    run.key[0] = device::buffer<morton_key>(e, view.level[0].size);
    run.material[0] = device::buffer<material_id>(e, view.level[0].size);
    device::copy(e, run.key[0].data(), view.level[0].key, view.level[0].size);
    device::copy(e, run.material[0].data(), view.level[0].material, view.level[0].size);
    run.levels = 1;
    octree::build_levels(e, view.index, run, 6);
  });
}

void digest(benchmark::State& state) {
  run(state, 1, [](device::exec e, const terrain& t) {
    benchmark::DoNotOptimize(octree::content_digest(e, t.view()));
  });
}

void solid(benchmark::State& state) {
  if (!usable(state)) {
    return;
  }
  const device::buffer<std::int32_t> quanta(world().place.ex(), 17);
  device::fill(world().place.ex(), quanta.data(), 17, std::int32_t{1 << 20});
  run(state, 1, [&](device::exec e, const terrain& t) {
    benchmark::DoNotOptimize(octree::total_solid(e, t.view(), quanta.data()));
  });
}

const bool registered = [] {
  const auto add = [](const char* name, std::function<void(benchmark::State&)> body) {
    benchmark::RegisterBenchmark(named(std::string("query/") + name).c_str(), std::move(body))
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("points/random", [](benchmark::State& s) { points(s, true); });
  add("points/rows", [](benchmark::State& s) { points(s, false); });
  add("box/100/lod_0", [](benchmark::State& s) { box(s, 0); });
  add("box/100/lod_2", [](benchmark::State& s) { box(s, 2); });
  add("box/100/lod_5", [](benchmark::State& s) { box(s, 5); });
  add("runs/100", runs);
  add("column_tops", tops);
  add("columns", columns);
  add("levels/6", levels);
  add("digest", digest);
  add("solid", solid);
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
