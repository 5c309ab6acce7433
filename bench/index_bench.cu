// Merging edits straight into the index, building a terrain in bulk, and giving its image.
//
// The world is 2048 x 2048 x 512 voxels of layered ground. Clustered: 64 edits in each of n/64
// random bricks; coherent: layers on the surface; scattered: uniform over the region. Updates are
// dropped, so that every round starts from the same version.
#include "device_bench.cuh"
#include "lithify/base/philox.hpp"
#include "lithify/device/verbs.cuh"
#include "lithify/octree/detail/index.cuh"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace lithify::bench::inline LITHIFY_BACKEND {
namespace {

using keys = std::vector<std::pair<morton_key, material_id>>;

std::uint64_t draw(std::uint64_t i, std::uint64_t what) { return random_bits(7, what, i, 0); }

/// Height of the ground: hills of several sizes around `mean`.
std::int32_t ground(std::int32_t x, std::int32_t y, double mean, double relief) {
  double h = mean;
  double size = 700.0;
  for (int octave = 0; octave < 6; ++octave, size /= 2.3) {
    h += relief * size / 1400.0 * (std::sin(x / size + octave) + std::cos(y / size - octave));
  }
  return static_cast<std::int32_t>(h);
}

struct terrain {
  region_size size;
  std::vector<std::int64_t> offset = {0};
  std::vector<std::int32_t> top;
  std::vector<material_id> material;

  /// Layers of rock that follow the ground, and a skin of soil on it.
  terrain(region_size s, double mean, double relief) : size(s) {
    for (std::int32_t y = 0; y < s.y; ++y) {
      for (std::int32_t x = 0; x < s.x; ++x) {
        const std::int32_t h = std::clamp(ground(x, y, mean, relief), 8, s.z);
        const std::int32_t tops[] = {h / 2, h * 3 / 4, h - 3, h};
        for (int layer = 0; layer < 4; ++layer) {
          top.push_back(tops[layer]);
          material.push_back(static_cast<material_id>(layer + 3));
        }
        offset.push_back(static_cast<std::int64_t>(top.size()));
      }
    }
  }
  [[nodiscard]] octree::column_spans view() const {
    return {offset.data(), top.data(), material.data()};
  }
};

// A benchmark's body runs several times: what it needs on the host is made once.

const region_size wide{2048, 2048, 512};

const terrain& wide_ground() {
  static const terrain made(wide, 250.0, 100.0);
  return made;
}

const terrain& dem_ground() {
  static const region_size size =
      small_sizes() ? region_size{150, 80, 300} : region_size{1197, 643, 3000};
  static const terrain made(size, 0.6 * size.z, 0.25 * size.z);
  return made;
}

material_id any_material(std::uint64_t i) { return static_cast<material_id>(1 + draw(i, 9) % 16); }

keys clustered(std::int64_t n) {
  keys made;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto b = static_cast<std::uint64_t>(i / 64);
    const voxel low{static_cast<std::int32_t>(draw(b, 1) % 2048) & ~7,
                    static_cast<std::int32_t>(draw(b, 2) % 2048) & ~7,
                    static_cast<std::int32_t>(draw(b, 3) % 512) & ~7};
    const auto at = static_cast<std::uint64_t>(i);
    made.emplace_back(morton_encode(low) + draw(at, 4) % 512, any_material(at));
  }
  return made;
}

keys coherent(std::int64_t n) {
  keys made;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto x = static_cast<std::int32_t>(i % wide.x);
    const auto y = static_cast<std::int32_t>(i / wide.x % wide.y);
    const auto layer = static_cast<std::int32_t>(i / wide.columns());
    made.emplace_back(morton_encode({x, y, ground(x, y, 250.0, 100.0) + layer}), 16);
  }
  return made;
}

keys scattered(std::int64_t n) {
  keys made;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::uint64_t>(i);
    const voxel v{static_cast<std::int32_t>(draw(at, 1) % 2048),
                  static_cast<std::int32_t>(draw(at, 2) % 2048),
                  static_cast<std::int32_t>(draw(at, 3) % 512)};
    made.emplace_back(morton_encode(v), any_material(at));
  }
  return made;
}

/// Edits by brick.
struct sorted_edits {
  std::vector<morton_key> brick;
  std::vector<std::int64_t> offset;
  std::vector<std::uint64_t> word;

  explicit sorted_edits(keys edits) {
    std::stable_sort(edits.begin(), edits.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    edits.erase(std::unique(edits.begin(), edits.end(), same), edits.end());
    for (const auto& [key, m] : edits) {
      if (brick.empty() || brick.back() != key >> 9) {
        brick.push_back(key >> 9);
        offset.push_back(static_cast<std::int64_t>(word.size()));
      }
      word.push_back(((key & 511U) << 16) | m);
    }
    offset.push_back(static_cast<std::int64_t>(word.size()));
  }
};

/// The same on the device.
struct edit_batch {
  device::buffer<morton_key> brick;
  device::buffer<std::int64_t> offset;
  device::buffer<std::uint64_t> word;

  edit_batch(device::exec ex, const sorted_edits& edits) {
    put(ex, brick, edits.brick);
    put(ex, offset, edits.offset);
    put(ex, word, edits.word);
  }
  [[nodiscard]] octree::brick_edits view() const {
    return {brick.size(), brick.data(), offset.data(), word.data()};
  }

 private:
  template <class T>
  static void put(device::exec ex, device::buffer<T>& to, const std::vector<T>& from) {
    to = device::buffer<T>(ex, static_cast<std::int64_t>(from.size()));
    device::copy_to_device(ex, to.data(), from.data(), to.size());
  }
};

template <keys (*Make)(std::int64_t)>
void merge(benchmark::State& state, std::int64_t n) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  octree::index world(place.ex(), wide);
  world.publish(place.ex(), world.bulk_build(place.ex(), wide_ground().view()));
  static const sorted_edits made(Make(n));
  const edit_batch edits(place.ex(), made);
  measure(
      state, place, [] {},
      [&] { benchmark::DoNotOptimize(world.merge(place.ex(), edits.view())); });
  state.SetItemsProcessed(state.iterations() * edits.word.size());
  state.counters["bricks"] = static_cast<double>(edits.brick.size());
}

void build(benchmark::State& state) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  const terrain& layers = dem_ground();
  octree::index world(place.ex(), layers.size);
  measure(
      state, place, [] {},
      [&] { benchmark::DoNotOptimize(world.bulk_build(place.ex(), layers.view())); });
  world.publish(place.ex(), world.bulk_build(place.ex(), layers.view()));
  state.SetItemsProcessed(state.iterations() * layers.size.box().volume());
  const octree::index_statistics s = world.statistics();
  state.counters["bricks"] = static_cast<double>(s.dense_bricks + s.sparse_bricks);
  state.counters["peak_bytes"] = static_cast<double>(place.pool().peak_bytes());
}

void image(benchmark::State& state) {
  if (!usable(state)) {
    return;
  }
  device_place place;
  const terrain& layers = dem_ground();
  octree::index world(place.ex(), layers.size);
  world.publish(place.ex(), world.bulk_build(place.ex(), layers.view()));
  measure(
      state, place, [] {},
      [&] { benchmark::DoNotOptimize(world.image(place.ex(), *world.current())); });
}

template <class... Args>
void add(const std::string& name, Args... args) {
  benchmark::RegisterBenchmark(named("index/" + name).c_str(), args...)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  const std::int64_t n = size_of_run(5'000'000, 1 << 14);
  const std::string edits = "/" + std::to_string(n);
  add("merge/clustered" + edits, merge<clustered>, n);
  add("merge/coherent" + edits, merge<coherent>, n);
  add("merge/scattered" + edits, merge<scattered>, n);
  add("bulk_build/dem", build);
  add("image/dem", image);
  return true;
}();

}  // namespace
}  // namespace lithify::bench::inline LITHIFY_BACKEND
