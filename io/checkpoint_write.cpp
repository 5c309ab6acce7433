#include "checkpoint_check.hpp"
#include "file_layer.hpp"
#include "hdf5_file.hpp"
#include "lithify/io/checkpoint.hpp"
#include "user_block.hpp"

#include <algorithm>
#include <array>

namespace lithify::io {

namespace {

void put_geometry(h5_writer& file,
                  region_size size,
                  const region_geometry& g,
                  const region_sides& sides) {
  file.group("/geometry");
  const std::array<std::int32_t, 3> extent = {size.x, size.y, size.z};
  file.attribute("/geometry", "size_voxels", h5_type_of<std::int32_t>(), 3, extent.data());
  file.attribute("/geometry", "cell_size_m", g.cell_size_m);
  file.attribute("/geometry", "voxel_height_m", g.voxel_height_m);
  file.attribute("/geometry", "datum_m", g.datum_m);
  file.attribute("/geometry", "origin_x_m", g.origin_x_m);
  file.attribute("/geometry", "origin_y_m", g.origin_y_m);
  file.text("/geometry/crs_wkt", g.crs_wkt);
  const std::array<std::uint8_t, 4> kinds = {
      static_cast<std::uint8_t>(sides.west), static_cast<std::uint8_t>(sides.east),
      static_cast<std::uint8_t>(sides.south), static_cast<std::uint8_t>(sides.north)};
  file.attribute("/geometry", "sides", h5_type_of<std::uint8_t>(), 4, kinds.data());
}

void put_materials(h5_writer& file, const material_table& table) {
  std::string names;
  std::vector<std::uint8_t> kind;
  std::vector<double> porosity;
  std::vector<double> density;
  std::vector<double> resistance;
  std::vector<double> frost;
  std::vector<double> erodibility;
  std::vector<double> repose;
  std::vector<double> diffusivity;
  for (const material& m : table.all()) {
    require(m.name.find('\n') == std::string::npos, errc::invalid_argument,
            "a material's name holds a line end");
    names += m.name + "\n";
    kind.push_back(static_cast<std::uint8_t>(m.kind));
    porosity.push_back(m.porosity);
    density.push_back(m.density_kg_per_m3);
    resistance.push_back(m.erosion_resistance);
    frost.push_back(m.frost_susceptibility);
    erodibility.push_back(m.erodibility);
    repose.push_back(m.repose_deg);
    diffusivity.push_back(m.diffusivity_m2_per_yr.value_or(-1.0));
  }
  file.group("/materials");
  file.text("/materials/names", names);
  file.array<std::uint8_t>("/materials/kind", kind);
  file.array<double>("/materials/porosity", porosity);
  file.array<double>("/materials/density_kg_per_m3", density);
  file.array<double>("/materials/erosion_resistance", resistance);
  file.array<double>("/materials/frost_susceptibility", frost);
  file.array<double>("/materials/erodibility", erodibility);
  file.array<double>("/materials/repose_deg", repose);
  file.array<double>("/materials/diffusivity_m2_per_yr", diffusivity);
}

void put_sparse(h5_writer& file, const voxel_image& voxels) {
  constexpr std::int64_t width = sparse_brick::capacity;
  const std::size_t n = voxels.sparse_record.size();
  std::vector<material_id> majority(n);
  std::vector<std::uint16_t> count(n);
  std::vector<std::uint16_t> position(n * width);
  std::vector<material_id> other(n * width);
  for (std::size_t i = 0; i < n; ++i) {
    const sparse_brick& brick = voxels.sparse_record[i];
    majority[i] = brick.majority;
    count[i] = brick.count;
    std::copy_n(brick.position, width, position.begin() + static_cast<std::ptrdiff_t>(i * width));
    std::copy_n(brick.other, width, other.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  const auto bricks = static_cast<std::int64_t>(n);
  file.array<morton_key>("/bricks/sparse_key", voxels.sparse_key);
  file.array<material_id>("/bricks/sparse_majority", majority);
  file.array<std::uint16_t>("/bricks/sparse_count", count);
  file.array<std::uint16_t>("/bricks/sparse_position", position, {bricks, width});
  file.array<material_id>("/bricks/sparse_other", other, {bricks, width});
}

void put_voxels(h5_writer& file, const voxel_image& voxels) {
  file.group("/octree");
  file.array<std::uint8_t>("/octree/level", voxels.uniform_level);
  file.array<morton_key>("/octree/key", voxels.uniform_key);
  file.array<material_id>("/octree/material", voxels.uniform_material);

  file.group("/bricks");
  file.array<morton_key>("/bricks/dense_key", voxels.dense_key);
  const auto bricks = static_cast<std::int64_t>(voxels.dense_key.size());
  file.array<material_id>("/bricks/dense_voxels", voxels.dense_voxels,
                          {bricks, brick_edge, brick_edge, brick_edge});
  put_sparse(file, voxels);

  file.group("/overlay");
  file.array<morton_key>("/overlay/key", voxels.overlay_key);
  file.array<material_id>("/overlay/material", voxels.overlay_material);
}

h5_type stored_type(field_type type) {
  switch (type) {
    case field_type::uint16:
      return h5_type_of<std::uint16_t>();
    case field_type::int32:
      return h5_type_of<std::int32_t>();
    case field_type::int64:
      return h5_type_of<std::int64_t>();
    case field_type::float64:
      return h5_type_of<double>();
  }
  throw error(errc::internal, "a field has an unknown type");
}

void put_columns(h5_writer& file, const std::vector<field>& columns) {
  file.group("/columns");
  std::string names;
  for (const field& f : columns) {
    names += f.name + "\n";
  }
  file.attribute("/columns", "order", names);
  for (const field& f : columns) {
    const std::string path = "/columns/" + f.name;
    file.array(path, stored_type(f.type), size_of(f.type), f.shape, f.bytes);
    file.attribute(path, "unit", f.unit);
  }
}

void put_state(h5_writer& file, const run_state& s) {
  file.group("/state");
  file.attribute("/state", "step", s.step);
  file.attribute("/state", "time_yr", s.time_yr);
  file.attribute("/state", "batch_number", s.batch_number);
  file.attribute("/state", "tick", s.tick);
  file.attribute("/state", "pass_index", s.pass_index);
  file.attribute("/state", "random_key", s.random_key);
  file.attribute("/state", "random_counter", s.random_counter);
  file.attribute("/state", "frame_offset", s.frame_offset);
  file.attribute("/state", "frame_remainder", s.frame_remainder);
  file.attribute("/state", "budget_in", to_decimal(s.budget.in));
  file.attribute("/state", "budget_out", to_decimal(s.budget.out));
  file.attribute("/state", "budget_exported", to_decimal(s.budget.exported));
  file.attribute("/state", "budget_edited", to_decimal(s.budget.edited));
  file.attribute("/state", "budget_stored_at_start", to_decimal(s.budget.stored_at_start));
}

/// Elevation of the region's floor at the end of the run so far.
double floor_of(const checkpoint& data) {
  const double moved = static_cast<double>(data.state.frame_offset) / one_voxel;
  return data.geometry.datum_m + moved * data.geometry.voxel_height_m;
}

void put_all(h5_writer& file, const checkpoint& data, const std::optional<world_view>& view) {
  file.attribute("/", "format", std::string("lithify checkpoint"));
  put_geometry(file, data.voxels.size, data.geometry, data.sides);
  put_materials(file, data.materials);
  put_voxels(file, data.voxels);
  put_columns(file, data.columns);
  put_state(file, data.state);
  file.group("/config");
  file.text("/config/scenario", data.scenario);
  file.text("/config/provenance", data.provenance);
  if (view) {
    put_view(file, *view, data.geometry, floor_of(data));
  }
  file.group("/integrity");
  file.attribute("/integrity", "state_digest", to_string(data.digest));
  file.text("/integrity/digests", file.digests());
}

/// What was read from an older file says its digest as that file did; what 1.1 added is there.
std::uint16_t written_minor(const checkpoint& data) {
  return std::clamp<std::uint16_t>(data.minor_version, 1, format_minor);
}

}  // namespace

std::string write_unchecked(const std::filesystem::path& file,
                            const checkpoint& data,
                            const std::optional<world_view>& view) {
  const hdf5_session session;
  h5_writer writer;
  put_all(writer, data, view);
  const std::span<const std::byte> image = writer.finish();
  const auto block = make_user_block(image, format_major, written_minor(data));
  const std::array<std::span<const std::byte>, 2> pieces = {std::span<const std::byte>(block),
                                                            image};
  return replace_file(file, pieces);
}

std::string write_checkpoint(const std::filesystem::path& file, const checkpoint& data) {
  const complaint broken = [](const std::string& place, const std::string& why) {
    throw error(errc::invalid_argument, "cannot write a checkpoint: " + place + " " + why);
  };
  check_geometry(data.voxels.size, data.geometry, broken);
  check_voxels(data.voxels, data.materials.size(), broken);
  check_columns(data.columns, data.minor_version, broken);
  check_state(data.state, broken);
  if (written_minor(data) < minor_of_tick && data.state.tick != data.state.step) {
    broken("/state", "has tick " + std::to_string(data.state.tick) + " and step " +
                         std::to_string(data.state.step) + ", which format 1." +
                         std::to_string(written_minor(data)) +
                         " takes to be equal: it keeps a tick from 1." +
                         std::to_string(minor_of_tick) + " on");
  }
  return write_unchecked(file, data, make_view(data.voxels));
}

}  // namespace lithify::io
