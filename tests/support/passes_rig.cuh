/// What the tests of passes share: small worlds of columns, and an exact budget over them.
#pragma once

#include "lithify/base/hash128.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/device/work_order.cuh"
#include "lithify/octree/detail/index.cuh"
#include "lithify/passes/detail/simulation.cuh"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

/// A table in which rock and sediment are equally porous: what creeps keeps its bulk.
inline material_table equal_porosity() {
  material_table table;
  for (const char* name : {"rock", "sediment"}) {
    material m = table[table.find(name).value()];
    m.porosity = 0.25;
    table.set(m);
  }
  return table;
}

inline region_geometry geometry(double cell_size_m, double voxel_height_m) {
  region_geometry g;
  g.cell_size_m = cell_size_m;
  g.voxel_height_m = voxel_height_m;
  return g;
}

/// A world on its own stream and pool; voxels come from a function.
class pass_world {
 public:
  using content = std::function<material_id(voxel)>;

  pass_world(region_size size, const content& at, bool delaying = false)
      : stream_(delaying ? device::stream::delaying(7) : device::stream()),
        index_(ex(), size),
        overlay_(ex(), index_),
        size_(size) {
    std::vector<voxel_edit> edits;
    for (voxel v; v.z < size.z; ++v.z) {
      for (v.y = 0; v.y < size.y; ++v.y) {
        for (v.x = 0; v.x < size.x; ++v.x) {
          if (const material_id m = at(v); m != air) {
            edits.push_back({v, m});
          }
        }
      }
    }
    overlay_.write(ex(), edits, 0);
    consolidate();
  }
  ~pass_world() { stream_.ref().synchronize(); }

  [[nodiscard]] device::exec ex() { return {stream_.ref(), &pool_}; }
  [[nodiscard]] device::memory_pool& pool() { return pool_; }
  [[nodiscard]] deltas::overlay& overlay() { return overlay_; }
  [[nodiscard]] region_size size() const { return size_; }
  void consolidate() { overlay_.consolidate(ex(), consolidation_strategy::all); }

  /// Every voxel, x fastest.
  [[nodiscard]] std::vector<material_id> voxels() {
    device::buffer<material_id> out(ex(), size_.box().volume());
    const deltas::reading voxels(ex(), overlay_.current());
    octree::read_box(ex(), voxels.merged(), size_.box(), 0, out.data());
    std::vector<material_id> host(static_cast<std::size_t>(out.size()));
    device::copy_to_host(ex(), host.data(), out.data(), out.size());
    return host;
  }

 private:
  device::memory_pool pool_;
  device::stream stream_;
  octree::index index_;
  deltas::overlay overlay_;
  region_size size_;
};

/// Value of a field at a cell.
template <class T>
T value_at(const std::vector<field>& fields, const char* name, std::int64_t cell) {
  return find_field(fields, name).as<T>()[static_cast<std::size_t>(cell)];
}

/// A field of `fields` for writing.
inline field& named(std::vector<field>& fields, const char* name) {
  return const_cast<field&>(find_field(fields, name));
}

/// Solid counted on the host, from voxels and fields alone.
inline int128 counted_solid(pass_world& world,
                            const passes::simulation& sim,
                            const material_table& table) {
  int128 sum = 0;
  for (const material_id m : world.voxels()) {
    sum += table[m].solid_quanta();
  }
  const std::vector<field> fields = sim.fields(world.ex());
  for (std::int64_t c = 0; c < world.size().columns(); ++c) {
    if (value_at<std::int32_t>(fields, "rock_top", c) >= 0) {
      sum += value_at<std::int64_t>(fields, "sediment", c);
      sum += value_at<std::int32_t>(fields, "residual", c);
      sum -= table[value_at<std::uint16_t>(fields, "rock_material", c)].solid_quanta();
    }
  }
  return sum;
}

/// in - out - exported + edited of a step, over all its lines.
inline int128 net_of(const step_report& report) {
  int128 net = report.edited;
  for (const pass_budget& line : report.passes) {
    net += line.in - line.out - line.exported;
  }
  return net;
}

/// All state as text that differs where a bit differs: voxels, fields, frame.
inline std::string whole_state(pass_world& world, const passes::simulation& sim) {
  std::string state;
  const auto append = [&](const void* from, std::size_t bytes) {
    state.append(static_cast<const char*>(from), bytes);
  };
  const std::vector<material_id> voxels = world.voxels();
  append(voxels.data(), voxels.size() * sizeof(material_id));
  for (const field& f : sim.fields(world.ex())) {
    append(f.bytes.data(), f.bytes.size());
  }
  const passes::frame_position frame = sim.frame();
  append(&frame.offset, sizeof(frame.offset));
  append(&frame.remainder, sizeof(frame.remainder));
  return state;
}

inline const std::vector<pass_config> both = {uplift_parameters{2e-3}, diffusion_parameters{0.5}};

/// Rough ground of many materials, with caves, buried sediment, water, and holes without data.
struct rough_ground {
  region_size size{21, 17, 64};
  std::uint64_t seed = 42;
  bool holes = true;

  [[nodiscard]] std::uint64_t draw(int x, int y, int z) const {
    return mix64(seed + static_cast<std::uint64_t>((z * 1000 + y) * 1000 + x));
  }
  [[nodiscard]] material_id operator()(voxel v) const {
    if (holes && (draw(v.x, v.y, -1) % 23 == 0)) {
      return air;
    }
    const int top = 26 + static_cast<int>(draw(v.x / 3, v.y / 3, -2) % 14) +
                    static_cast<int>(draw(v.x, v.y, -3) % 3);
    constexpr std::array<material_id, 7> rocks = {4, 5, 6, 7, 8, 9, 2};
    if (v.z < 8) {
      return 4;
    }
    if (v.z < top) {
      const std::uint64_t kind = draw(v.x, v.y, v.z) % 40;
      return kind == 0   ? air
             : kind == 1 ? water
             : kind == 2 ? sediment
                         : rocks[(static_cast<std::size_t>(v.z) / 3 + kind / 30) % rocks.size()];
    }
    return v.z < top + static_cast<int>(draw(v.x, v.y, -4) % 4) ? sediment : air;
  }
};

/// A world of rough ground with a simulation on it.
struct rough_run {
  material_table table;
  pass_world world;
  passes::simulation sim;

  explicit rough_run(const rough_ground& ground = {},
                     bool delaying = false,
                     const std::vector<pass_config>& passes = both)
      : world(ground.size, ground, delaying),
        sim(world.ex(), world.overlay(), geometry(5.0, 0.5), table, passes) {
    sim.derive(world.ex());
  }
  step_report step(int i, double dt = 40.0) { return sim.step(world.ex(), dt, i); }
};

}  // namespace lithify::test::inline LITHIFY_BACKEND
