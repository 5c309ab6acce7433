#include "lithify/engine/import.hpp"

#include "lithify/base/column.hpp"
#include "lithify/base/error.hpp"
#include "state_digest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lithify::engine {

namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Gives derived columns, whose top voxels are whole, the model's exact residuals; columns that are
/// held at a height are held at the exact one.
void set_exact_surface(std::vector<field>& columns,
                       const io::column_model& model,
                       const material_table& materials) {
  const std::vector<std::int64_t> exact = surface_of(model, materials);
  const auto field_named = [&](std::string_view name) -> field& {
    return *std::find_if(columns.begin(), columns.end(),
                         [&](const field& f) { return f.name == name; });
  };
  (void)find_field(columns, "residual");
  (void)find_field(columns, "boundary_height");
  std::copy(model.residual.begin(), model.residual.end(),
            field_named("residual").as<std::int32_t>().begin());
  const std::span<std::int64_t> held = field_named("boundary_height").as<std::int64_t>();
  for (std::size_t c = 0; c < held.size(); ++c) {
    held[c] = held[c] == not_held ? not_held : exact[c];
  }
}

simulation_state simulation_of(const io::run_state& s) {
  return {s.step, s.time_yr, s.frame_offset, s.frame_remainder, s.random_key, s.random_counter};
}

world_config config_of(const io::checkpoint& from, const overlay_policy& overlay) {
  world_config config;
  config.size = from.voxels.size;
  config.geometry = from.geometry;
  config.materials = from.materials;
  config.overlay = overlay;
  config.sides = from.sides;
  return config;
}

}  // namespace

io::column_model read_columns(const world_source& source, const material_table& materials) {
  return io::build_columns(io::read_dem(source.dem, source.import), source.strata, materials,
                           source.columns);
}

world make_world(const io::column_model& model,
                 const material_table& materials,
                 const overlay_policy& overlay,
                 std::vector<pass_config> passes,
                 const std::string& device,
                 const region_sides& sides,
                 std::uint64_t seed) {
  world_config config;
  config.size = model.size;
  config.geometry = model.geometry;
  config.materials = materials;
  config.overlay = overlay;
  config.sides = sides;
  world w = world::create(config, device);
  w.build(model.span_offset, model.span_top, model.span_material);
  w.simulate(passes);
  std::vector<field> columns = w.column_fields();
  set_exact_surface(columns, model, materials);
  simulation_state start;
  start.random_key = seed;
  w.simulate(std::move(passes), columns, start);
  return w;
}

world make_world(const io::checkpoint& from, const std::string& device) {
  world w = world::create(config_of(from, {}), device);
  w.load(from.voxels, from.state.batch_number, from.state.tick);
  return w;
}

world make_world(const io::checkpoint& from,
                 const overlay_policy& overlay,
                 std::vector<pass_config> passes,
                 const std::string& device) {
  world w = world::create(config_of(from, overlay), device);
  w.load(from.voxels, from.state.batch_number, from.state.tick);
  w.simulate(std::move(passes), from.columns, simulation_of(from.state));
  return w;
}

digest128 digest_of(const io::checkpoint& data, const std::string& device) {
  const world w = make_world(data, device);
  return digest_of(digest_parts{w.config(), simulation_of(data.state), data.columns,
                                w.current().content_digest(), data.digest_version()});
}

void require_said_digest(const world& w, const io::checkpoint& data) {
  const digest128 found =
      digest_of(digest_parts{w.config(), w.simulation(), data.columns, w.current().content_digest(),
                             data.digest_version()});
  require(
      found == data.digest, errc::corrupt_file,
      "its content has state digest " + to_string(found) + ", it says " + to_string(data.digest));
}

std::vector<part_digest> part_digests(const io::checkpoint& data, const std::string& device) {
  std::vector<part_digest> parts;
  for (const field& f : data.columns) {
    parts.push_back({f.name, digest_of(f)});
  }
  parts.push_back({"voxels", make_world(data, device).current().content_digest()});
  return parts;
}

io::checkpoint take_checkpoint(world& w) {
  w.consolidate(consolidation_strategy::all);
  const snapshot now = w.current();
  const simulation_state s = w.simulation();
  io::checkpoint data;
  data.geometry = w.config().geometry;
  data.sides = w.config().sides;
  data.materials = w.config().materials;
  data.voxels = now.image();
  data.columns = w.column_fields();
  data.state.step = s.step;
  data.state.time_yr = s.time_yr;
  data.state.batch_number = now.batch_number();
  data.state.tick = now.newest_tick();
  data.state.frame_offset = s.frame_offset;
  data.state.frame_remainder = s.frame_remainder;
  data.state.random_key = s.random_key;
  data.state.random_counter = s.random_counter;
  data.digest = digest_of(digest_parts{w.config(), s, data.columns, now.content_digest()});
  return data;
}

std::vector<double> elevations(std::span<const std::int64_t> height,
                               const region_geometry& geometry,
                               std::int64_t frame_offset) {
  std::vector<double> result(height.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t c = 0; c < height.size(); ++c) {
    if (height[c] != outside_height) {
      const double voxels = static_cast<double>(height[c] + frame_offset) / one_voxel;
      result[c] = geometry.datum_m + voxels * geometry.voxel_height_m;
    }
  }
  return result;
}

std::vector<std::int64_t> surface_of(const io::column_model& model,
                                     const material_table& materials) {
  const std::int32_t loose = materials[sediment].solid_quanta();
  std::vector<std::int64_t> height(model.rock_top.size(), outside_height);
  for (std::size_t c = 0; c < height.size(); ++c) {
    if (model.rock_top[c] != outside_column) {
      height[c] = surface_height(model.rock_top[c], 0, model.residual[c], 0,
                                 materials[model.rock_material[c]].solid_quanta(), loose);
    }
  }
  return height;
}

std::vector<std::int64_t> surface_of(const io::checkpoint& data) {
  const auto rock_top = find_field(data.columns, "rock_top").as<std::int32_t>();
  const auto n_loose = find_field(data.columns, "n_loose").as<std::int32_t>();
  const auto residual = find_field(data.columns, "residual").as<std::int32_t>();
  const auto rock = find_field(data.columns, "rock_material").as<std::uint16_t>();
  const auto ledger = find_field(data.columns, "sediment").as<std::int64_t>();
  const std::size_t n = index(data.voxels.size.columns());
  for (const std::size_t count :
       {rock_top.size(), n_loose.size(), residual.size(), rock.size(), ledger.size()}) {
    require(count == n, errc::invalid_argument,
            "the checkpoint's column fields do not have one value a column");
  }
  const std::int32_t loose = data.materials[sediment].solid_quanta();
  std::vector<std::int64_t> height(n, outside_height);
  for (std::size_t c = 0; c < n; ++c) {
    if (rock_top[c] != outside_column) {
      const std::int32_t solid =
          rock[c] < data.materials.size() ? data.materials[rock[c]].solid_quanta() : 0;
      require(solid > 0, errc::invalid_argument,
              "column " + std::to_string(c) + ": its rock material holds no solid");
      height[c] = surface_height(rock_top[c], n_loose[c], residual[c], ledger[c], solid, loose);
    }
  }
  return height;
}

}  // namespace lithify::engine
