#include "checkpoint_check.hpp"
#include "file_layer.hpp"
#include "hdf5_file.hpp"
#include "lithify/io/checkpoint.hpp"
#include "user_block.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace lithify::io {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

complaint corrupt_in(const h5_reader& file) {
  return [&file](const std::string& place, const std::string& why) { file.corrupt(place, why); };
}

// The whole 128-bit range and nothing but canonical digits: what to_decimal writes.
std::optional<int128> from_decimal(const std::string& text) {
  const bool negative = !text.empty() && text.front() == '-';
  const std::size_t first = negative ? 1 : 0;
  constexpr std::size_t most_digits = 39;
  if (text.size() == first || text.size() - first > most_digits) {
    return std::nullopt;
  }
  // 39 digits can pass 2^128 (3.4e38) once: a quotient that does not come back shows it.
  uint128 value = 0;
  for (std::size_t i = first; i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    const uint128 next = value * 10 + static_cast<unsigned>(text[i] - '0');
    if (next / 10 != value) {
      return std::nullopt;
    }
    value = next;
  }
  const uint128 limit = (uint128{1} << 127) - (negative ? 0 : 1);
  if (value > limit) {
    return std::nullopt;
  }
  return negative ? static_cast<int128>(-value) : static_cast<int128>(value);
}

int128 get_total(const h5_reader& file, const std::string& name) {
  const auto value = from_decimal(file.text_attribute("/state", name));
  if (!value) {
    file.corrupt("/state@" + name, "is not a whole number of quanta");
  }
  return *value;
}

digest128 get_digest(const h5_reader& file) {
  const std::string text = file.text_attribute("/integrity", "state_digest");
  digest128 digest;
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    file.corrupt("/integrity@state_digest", "is not 32 hexadecimal digits");
  }
  digest.high = std::stoull(text.substr(0, 16), nullptr, 16);
  digest.low = std::stoull(text.substr(16), nullptr, 16);
  return digest;
}

region_size get_size(const h5_reader& file) {
  std::array<std::int32_t, 3> extent{};
  file.attribute("/geometry", "size_voxels", h5_type_of<std::int32_t>(), 3, extent.data());
  return {extent[0], extent[1], extent[2]};
}

region_geometry get_geometry(const h5_reader& file) {
  region_geometry g;
  g.cell_size_m = file.attribute<double>("/geometry", "cell_size_m");
  g.voxel_height_m = file.attribute<double>("/geometry", "voxel_height_m");
  g.datum_m = file.attribute<double>("/geometry", "datum_m");
  g.origin_x_m = file.attribute<double>("/geometry", "origin_x_m");
  g.origin_y_m = file.attribute<double>("/geometry", "origin_y_m");
  g.crs_wkt = file.text("/geometry/crs_wkt");
  return g;
}

// Files of version 1.0 have open sides only.
region_sides get_sides(const h5_reader& file, std::uint16_t minor) {
  region_sides sides;
  if (minor >= 1) {
    std::array<std::uint8_t, 4> kinds{};
    file.attribute("/geometry", "sides", h5_type_of<std::uint8_t>(), 4, kinds.data());
    for (const std::uint8_t kind : kinds) {
      if (kind > static_cast<std::uint8_t>(side_kind::looped)) {
        file.corrupt("/geometry@sides", "holds an unknown kind of side");
      }
    }
    sides = {static_cast<side_kind>(kinds[0]), static_cast<side_kind>(kinds[1]),
             static_cast<side_kind>(kinds[2]), static_cast<side_kind>(kinds[3])};
    if (sides.loop_x() != (sides.east == side_kind::looped) ||
        sides.loop_y() != (sides.north == side_kind::looped)) {
      file.corrupt("/geometry@sides", "loops a side without the opposite one");
    }
  }
  return sides;
}

// Properties that files of version 1.0 do not have: the built-in values stand for them.
void get_later_properties(const h5_reader& file, std::vector<material>& list) {
  const auto erodibility = file.array<double>("/materials/erodibility");
  const auto repose = file.array<double>("/materials/repose_deg");
  const auto diffusivity = file.array<double>("/materials/diffusivity_m2_per_yr");
  for (const std::size_t n : {erodibility.size(), repose.size(), diffusivity.size()}) {
    if (n != list.size()) {
      file.corrupt("/materials", "holds arrays of different lengths");
    }
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    list[i].erodibility = erodibility[i];
    list[i].repose_deg = repose[i];
    if (diffusivity[i] >= 0.0) {
      list[i].diffusivity_m2_per_yr = diffusivity[i];
    }
  }
}

material_table get_materials(const h5_reader& file, std::uint16_t minor) {
  const std::vector<std::string> names = lines_of(file.text("/materials/names"));
  const auto kind = file.array<std::uint8_t>("/materials/kind");
  const auto porosity = file.array<double>("/materials/porosity");
  const auto density = file.array<double>("/materials/density_kg_per_m3");
  const auto resistance = file.array<double>("/materials/erosion_resistance");
  const auto frost = file.array<double>("/materials/frost_susceptibility");
  for (const std::size_t n :
       {kind.size(), porosity.size(), density.size(), resistance.size(), frost.size()}) {
    if (n != names.size()) {
      file.corrupt("/materials", "holds arrays of different lengths");
    }
  }
  material_table table;
  if (names.size() < table.size()) {
    file.corrupt("/materials", "lacks built-in materials");
  }
  std::vector<material> list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (kind[i] > static_cast<std::uint8_t>(material_kind::loose)) {
      file.corrupt("/materials/kind", "holds an unknown kind");
    }
    const auto known = table.find(names[i]);
    material m = known ? table[*known] : material{};
    m.name = names[i];
    m.kind = static_cast<material_kind>(kind[i]);
    m.porosity = porosity[i];
    m.density_kg_per_m3 = density[i];
    m.erosion_resistance = resistance[i];
    m.frost_susceptibility = frost[i];
    list.push_back(std::move(m));
  }
  if (minor >= 1) {
    get_later_properties(file, list);
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::size_t id = 0;
    try {
      id = table.set(list[i]);
    } catch (const error& refused) {
      file.corrupt("/materials", std::string("is refused: ") + refused.what());
    }
    if (id != i) {
      file.corrupt("/materials/names", "gives '" + names[i] + "' the id " + std::to_string(i) +
                                           ", this program " + std::to_string(id));
    }
  }
  return table;
}

void get_sparse(const h5_reader& file, voxel_image& voxels) {
  constexpr std::int64_t width = sparse_brick::capacity;
  voxels.sparse_key = file.array<morton_key>("/bricks/sparse_key");
  const auto majority = file.array<material_id>("/bricks/sparse_majority");
  const auto count = file.array<std::uint16_t>("/bricks/sparse_count");
  const auto position = file.array<std::uint16_t>("/bricks/sparse_position", {width});
  const auto other = file.array<material_id>("/bricks/sparse_other", {width});
  const std::size_t n = majority.size();
  if (count.size() != n || position.size() != n * width || other.size() != n * width) {
    file.corrupt("/bricks", "holds sparse arrays of different lengths");
  }
  voxels.sparse_record.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    sparse_brick& brick = voxels.sparse_record[i];
    brick.majority = majority[i];
    brick.count = count[i];
    std::copy_n(position.begin() + static_cast<std::ptrdiff_t>(i * width), width, brick.position);
    std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(i * width), width, brick.other);
  }
}

voxel_image get_voxels(const h5_reader& file) {
  voxel_image voxels;
  voxels.size = get_size(file);
  voxels.uniform_level = file.array<std::uint8_t>("/octree/level");
  voxels.uniform_key = file.array<morton_key>("/octree/key");
  voxels.uniform_material = file.array<material_id>("/octree/material");
  voxels.dense_key = file.array<morton_key>("/bricks/dense_key");
  voxels.dense_voxels =
      file.array<material_id>("/bricks/dense_voxels", {brick_edge, brick_edge, brick_edge});
  get_sparse(file, voxels);
  voxels.overlay_key = file.array<morton_key>("/overlay/key");
  voxels.overlay_material = file.array<material_id>("/overlay/material");
  return voxels;
}

template <class T>
bool try_column(const h5_reader& file, const std::string& path, field& f) {
  if (!file.has_type(path, h5_type_of<T>())) {
    return false;
  }
  f.type = field_type_of<T>;
  std::size_t size = sizeof(T);
  for (const std::int64_t extent : f.shape) {
    size *= static_cast<std::size_t>(extent);
  }
  f.bytes.resize(size);
  file.array(path, h5_type_of<T>(), f.bytes);
  return true;
}

std::vector<std::string> get_column_names(const h5_reader& file) {
  std::vector<std::string> names = lines_of(file.text_attribute("/columns", "order"));
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != file.members("/columns")) {
    file.corrupt("/columns", "and its attribute `order` name different fields");
  }
  return names;
}

std::vector<field> get_columns(const h5_reader& file) {
  std::vector<field> columns;
  for (const std::string& name : get_column_names(file)) {
    const std::string path = "/columns/" + name;
    field f;
    f.name = name;
    f.shape = file.shape(path);
    if (!try_column<std::uint16_t>(file, path, f) && !try_column<std::int32_t>(file, path, f) &&
        !try_column<std::int64_t>(file, path, f) && !try_column<double>(file, path, f)) {
      file.corrupt(path, "has a type that no field has");
    }
    f.unit = file.text_attribute(path, "unit");
    columns.push_back(std::move(f));
  }
  return columns;
}

run_state get_state(const h5_reader& file, std::uint16_t minor) {
  run_state s;
  s.step = file.attribute<std::int64_t>("/state", "step");
  s.time_yr = file.attribute<double>("/state", "time_yr");
  s.batch_number = file.attribute<std::uint64_t>("/state", "batch_number");
  s.tick = minor >= minor_of_tick ? file.attribute<tick>("/state", "tick") : s.step;
  s.pass_index = file.attribute<std::int64_t>("/state", "pass_index");
  s.random_key = file.attribute<std::uint64_t>("/state", "random_key");
  s.random_counter = file.attribute<std::uint64_t>("/state", "random_counter");
  s.frame_offset = file.attribute<std::int64_t>("/state", "frame_offset");
  s.frame_remainder = file.attribute<std::int64_t>("/state", "frame_remainder");
  s.budget.in = get_total(file, "budget_in");
  s.budget.out = get_total(file, "budget_out");
  s.budget.exported = get_total(file, "budget_exported");
  s.budget.edited = get_total(file, "budget_edited");
  s.budget.stored_at_start = get_total(file, "budget_stored_at_start");
  return s;
}

// Opens what verify_user_block has proved: the same descriptor, whatever the name means by now.
h5_reader open_verified(const input_file& input, std::uint16_t& minor) {
  minor = verify_user_block(input);
  h5_reader file("/proc/self/fd/" + std::to_string(input.descriptor()), input.name());
  file.expect_digests(file.text("/integrity/digests"));
  return file;
}

}  // namespace

checkpoint read_checkpoint(const std::filesystem::path& path) {
  const input_file input(path);
  const hdf5_session session;
  std::uint16_t minor = 0;
  const h5_reader file = open_verified(input, minor);
  const complaint broken = corrupt_in(file);

  checkpoint data;
  data.geometry = get_geometry(file);
  data.sides = get_sides(file, minor);
  check_geometry(get_size(file), data.geometry, broken);
  data.materials = get_materials(file, minor);
  data.voxels = get_voxels(file);
  check_voxels(data.voxels, data.materials.size(), broken);
  data.columns = get_columns(file);
  data.minor_version = minor;
  check_columns(data.columns, minor, broken);
  data.state = get_state(file, minor);
  check_state(data.state, broken);
  data.scenario = file.text("/config/scenario");
  data.provenance = file.text("/config/provenance");
  data.digest = get_digest(file);
  return data;
}

checkpoint_summary read_summary(const std::filesystem::path& path) {
  const input_file input(path);
  const hdf5_session session;
  std::uint16_t minor = 0;
  const h5_reader file = open_verified(input, minor);
  const complaint broken = corrupt_in(file);

  checkpoint_summary summary;
  summary.size = get_size(file);
  summary.geometry = get_geometry(file);
  check_geometry(summary.size, summary.geometry, broken);
  const material_table materials = get_materials(file, minor);
  for (const material& m : materials.all()) {
    summary.materials.push_back(m.name);
  }
  summary.columns = get_column_names(file);
  summary.state = get_state(file, minor);
  check_state(summary.state, broken);
  summary.dense_bricks = static_cast<std::uint64_t>(file.shape("/bricks/dense_key").front());
  summary.sparse_bricks = static_cast<std::uint64_t>(file.shape("/bricks/sparse_key").front());
  summary.uniform_leaves = static_cast<std::uint64_t>(file.shape("/octree/key").front());
  summary.file_bytes = input.size();
  summary.scenario = file.text("/config/scenario");
  summary.provenance = file.text("/config/provenance");
  summary.digest = get_digest(file);
  return summary;
}

}  // namespace lithify::io
