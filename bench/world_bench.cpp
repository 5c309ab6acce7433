// Worlds as users have them, through the façade: boxes of a snapshot at the sizes of the
// specification, what the same deltas cost in a world 64 times larger, and edits with the overlay
// beside the same edits straight into the index.
#include "bench_size.hpp"
#include "core_time.hpp"
#include "lithify/base/error.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/world.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lithify::bench {
namespace {

constexpr double voxel_m = 2.5;  // 10 km are 4000 voxels
constexpr std::int64_t never = std::int64_t{1} << 40;

/// Height of the ground, rough hills between 60 and 240 voxels: the same at a place in a world of
/// any size.
std::int32_t ground(std::int32_t x, std::int32_t y) {
  const std::uint64_t place = (static_cast<std::uint64_t>(x) << 32) | static_cast<std::uint32_t>(y);
  return 150 +
         static_cast<std::int32_t>(60.0 * std::sin(x / 610.0) * std::cos(y / 470.0) +
                                   25.0 * std::sin(x / 53.0 + y / 71.0)) +
         static_cast<std::int32_t>(mix64(place) % 3);
}

/// A world of two layers of rock under soil, which consolidates only when it is told to.
world make_terrain(region_size size, const std::string& device) {
  std::vector<std::int64_t> offset{0};
  std::vector<std::int32_t> top;
  std::vector<material_id> material;
  for (std::int32_t y = 0; y < size.y; ++y) {
    for (std::int32_t x = 0; x < size.x; ++x) {
      const std::int32_t h = ground(x, y);
      top.insert(top.end(), {h / 2, h - 3, h});
      material.insert(material.end(), {3, 4, sediment});
      offset.push_back(static_cast<std::int64_t>(top.size()));
    }
  }
  world_config config;
  config.size = size;
  config.geometry.cell_size_m = voxel_m;
  config.geometry.voxel_height_m = voxel_m;
  config.overlay.threshold = never;
  world made = world::create(config, device);
  made.build(offset, top, material);
  return made;
}

/// The world that one benchmark after the other asks for; made anew where another is wanted.
world& terrain_for(const std::string& what, region_size size, const std::string& device) {
  static std::string held;
  static std::unique_ptr<world> kept;
  if (held != what + device) {
    kept.reset();
    held.clear();
    kept = std::make_unique<world>(make_terrain(size, device));
    held = what + device;
  }
  return *kept;
}

/// Measures `work`, which is done when it returns; `prepare` is outside the clock. One round before
/// the first warms caches and pools.
template <class Prepare, class Work>
void measure(benchmark::State& state, Prepare prepare, Work work) {
  using clock = std::chrono::steady_clock;
  prepare();
  work();
  double core_time = 0.0;
  for (auto _ : state) {
    prepare();
    const double cores_before = core_seconds();
    const clock::time_point begin = clock::now();
    work();
    state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
    core_time += core_seconds() - cores_before;
  }
  state.counters["core_ms"] = 1e3 * core_time / static_cast<double>(state.iterations());
}

// Boxes: 10 km x 10 km of voxels of 2.5 m, a million deltas pending at its surface.

region_size boxes_size() {
  const auto edge = static_cast<std::int32_t>(size_of_run(4096, 256));
  return {edge, edge, 512};
}

/// The world of the boxes, with its surface raised by a voxel in the middle.
world& world_of_boxes(const std::string& device) {
  const region_size size = boxes_size();
  world& w = terrain_for("boxes", size, device);
  if (w.current().batch_number() == 0) {
    const auto raised = static_cast<std::int32_t>(size_of_run(1000, 32));
    const std::int32_t low = (size.x - raised) / 2;
    std::vector<voxel_edit> edits;
    for (std::int32_t y = low; y < low + raised; ++y) {
      for (std::int32_t x = low; x < low + raised; ++x) {
        edits.push_back({{x, y, ground(x, y)}, sediment});
      }
    }
    w.commit(edits);
  }
  return w;
}

/// A cube of `side` voxels around the surface in the middle, cut to the region.
voxel_box around_the_middle(std::int32_t side) {
  const region_size size = boxes_size();
  const std::int32_t x = (size.x - side) / 2;
  const std::int32_t z = ground(size.x / 2, size.x / 2) - side / 2;
  return voxel_box{{x, x, z}, {x + side, x + side, z + side}}.clipped(size.box());
}

void box(benchmark::State& state, const std::string& device, std::int32_t side, int lod) {
  const snapshot now = world_of_boxes(device).current();
  const voxel_box wanted = around_the_middle(side);
  std::size_t cells = 0;
  measure(
      state, [] {}, [&] { cells = now.box(wanted, lod).size(); });
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(cells));
}

void runs(benchmark::State& state, const std::string& device, std::int32_t side, int lod) {
  const snapshot now = world_of_boxes(device).current();
  const voxel_box wanted = around_the_middle(side);
  std::size_t cubes = 0;
  measure(
      state, [] {}, [&] { cubes = now.runs(wanted, lod).size(); });
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(cubes));
}

/// The first box of a snapshot: it sorts the pending deltas and finds their LOD materials.
void first_box(benchmark::State& state, const std::string& device, std::int32_t side, int lod) {
  world& w = world_of_boxes(device);
  const voxel_box wanted = around_the_middle(side);
  std::size_t cells = 0;
  measure(
      state,
      [&] {
        w.commit(std::vector<voxel_edit>{{{0, 0, 0}, 3}});
      },
      [&] { cells = w.current().box(wanted, lod).size(); });
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(cells));
}

// Edits, 64 in each of n / 64 random bricks of the small region; they alternate between two
// materials, so that every round changes the voxels that it writes.

region_size small_region() {
  const auto edge = static_cast<std::int32_t>(size_of_run(1024, 64));
  return {edge, edge, 256};
}

class alternating_edits {
 public:
  explicit alternating_edits(std::int64_t n) {
    const region_size size = small_region();
    const auto in = [](std::uint64_t bits, std::int32_t extent) {
      return static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(extent));
    };
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint64_t brick = mix64(static_cast<std::uint64_t>(i / 64) + 1);
      const std::uint64_t place = mix64(static_cast<std::uint64_t>(i));
      const voxel at{(in(brick, size.x) & ~7) | in(place, 8),
                     (in(brick >> 16, size.y) & ~7) | in(place >> 8, 8),
                     (in(brick >> 40, size.z) & ~7) | in(place >> 16, 8)};
      edits_[0].push_back({at, 5});
      edits_[1].push_back({at, 6});
    }
  }
  void turn() { now_ = 1 - now_; }
  [[nodiscard]] std::span<const voxel_edit> now() const { return edits_[now_]; }

 private:
  std::vector<voxel_edit> edits_[2];
  int now_ = 0;
};

/// A million deltas committed and consolidated, in a region that is `larger` times as long, wide
/// and high as they need.
void deltas(benchmark::State& state, const std::string& device, std::int32_t larger) {
  const region_size least = small_region();
  world& w = terrain_for("deltas" + std::to_string(larger),
                         {least.x * larger, least.y * larger, least.z * larger}, device);
  alternating_edits edits(size_of_run(1'000'000, 1'280));
  measure(
      state, [&] { edits.turn(); },
      [&] {
        w.commit(edits.now());
        w.consolidate();
      });
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(edits.now().size()));
}

/// `batches` of `batch` edits: consolidated once, after the last, or each by itself.
void edit(benchmark::State& state,
          const std::string& device,
          std::int64_t batch,
          std::int64_t batches,
          bool straight) {
  world& w = terrain_for("edits", small_region(), device);
  alternating_edits edits(batch * batches);
  measure(
      state, [&] { edits.turn(); },
      [&] {
        for (std::int64_t b = 0; b < batches; ++b) {
          w.commit(edits.now().subspan(static_cast<std::size_t>(b * batch),
                                       static_cast<std::size_t>(batch)));
          if (straight) {
            w.consolidate();
          }
        }
        if (!straight) {
          w.consolidate();
        }
      });
  state.SetItemsProcessed(state.iterations() * batch * batches);
}

using body = std::function<void(benchmark::State&, const std::string& device)>;

void add(const std::string& name, const body& run) {
  std::vector<std::string> devices = {"cpu"};
  if (LITHIFY_HAS_CUDA) {
    devices.emplace_back("cuda");
  }
  for (const std::string& device : devices) {
    const auto guarded = [=](benchmark::State& state) {
      try {
        run(state, device);
      } catch (const error& e) {
        state.SkipWithError((std::string("skipped: ") + e.what()).c_str());  // no GPU, no memory
      }
    };
    benchmark::RegisterBenchmark((device + "/world/" + name).c_str(), guarded)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
}

void add_boxes() {
  struct size {
    const char* name;
    std::int32_t voxels;
    int lod;
  };
  for (const size s : {size{"100_m", 40, 0}, size{"1_km", 400, 2}, size{"10_km", 4000, 5}}) {
    const std::string end = std::string(s.name) + "/lod_" + std::to_string(s.lod);
    add("box/" + end, [=](auto& state, auto& device) { box(state, device, s.voxels, s.lod); });
    add("runs/" + end, [=](auto& state, auto& device) { runs(state, device, s.voxels, s.lod); });
  }
  // Every voxel of it: 64 M, 128 MB of answer; 10 km would be 16 GB.
  add("box/1_km/lod_0", [](auto& state, auto& device) { box(state, device, 400, 0); });
  add("runs/1_km/lod_0", [](auto& state, auto& device) { runs(state, device, 400, 0); });
  add("first_box/10_km/lod_5",
      [](auto& state, auto& device) { first_box(state, device, 4000, 5); });
}

void add_edits() {
  struct load {
    std::int64_t batch, batches;
  };
  for (const load l : {load{1, size_of_run(1000, 4)}, load{1000, size_of_run(100, 2)},
                       load{size_of_run(45'000, 1280), 8}}) {
    for (const bool straight : {false, true}) {
      add("edits/" + std::to_string(l.batch) + (straight ? "/straight" : "/overlay"),
          [=](auto& state, auto& device) { edit(state, device, l.batch, l.batches, straight); });
    }
  }
}

const bool registered = [] {
  add_boxes();
  for (const std::int32_t larger : {1, 4}) {
    add("deltas/1000000/world_" + std::to_string(larger * larger * larger) + "x",
        [=](auto& state, auto& device) { deltas(state, device, larger); });
  }
  add_edits();
  return true;
}();

}  // namespace
}  // namespace lithify::bench
