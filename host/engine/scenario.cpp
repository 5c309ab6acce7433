#include "lithify/engine/scenario.hpp"

#include "lithify/base/error.hpp"
#include "same_scenario.hpp"
#include "toml_section.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

// Ranges: chosen wide enough for any planet, narrow enough that a slip of units is refused.
constexpr number_range length_m{0.0, 1e6, true};
constexpr number_range depth_m{0.0, 1e6};
constexpr number_range step_years{0.0, 1e7, true};
constexpr number_range uplift_m_per_yr{-10.0, 10.0};
constexpr number_range diffusivity_m2_per_yr{0.0, 1e6};
constexpr number_range erodibility_per_yr{0.0, 1e6};
constexpr number_range area_exponent{0.0, 4.0};
constexpr number_range fraction{0.0, 1.0};
constexpr number_range property{0.0, 1e6};
constexpr number_range repose_deg{1.0, 89.0};
constexpr std::int64_t many = std::int64_t{1} << 40;

std::string read_text(const fs::path& file) {
  std::error_code failed;
  require(fs::exists(file, failed), errc::not_found,
          "scenario '" + file.string() + "' does not exist");
  require(fs::is_regular_file(file, failed), errc::invalid_argument,
          "scenario '" + file.string() + "' is not a file");
  constexpr std::uintmax_t most = 1 << 20;  // a scenario is a page of text
  require(fs::file_size(file, failed) <= most, errc::invalid_argument,
          "scenario '" + file.string() + "' is larger than 1 MiB: not a scenario");
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  require(in.is_open() && !in.bad(), errc::io_failure,
          "scenario '" + file.string() + "' cannot be read");
  require(!text.empty(), errc::invalid_argument,
          "scenario '" + file.string() + "' is empty; it needs at least [world], [run], [passes]");
  return text;
}

/// `names`: of the [[material]]s before this one.
void read_material(toml_section section, material_table& table, std::vector<std::string>& names) {
  const std::optional<std::string> name = section.text("name");
  if (!name) {
    section.fail("", "a material needs a name");
  }
  const auto same = std::find(names.begin(), names.end(), *name);
  if (same != names.end()) {
    section.fail("name", "the [[material]]s " + std::to_string(same - names.begin() + 1) + " and " +
                             std::to_string(names.size() + 1) + " are both '" + *name +
                             "'; write one");
  }
  names.push_back(*name);
  const auto known = table.find(*name);
  material m = known ? table[*known] : material{};
  m.name = *name;
  const auto kind = section.word("kind", {"empty", "consolidated", "loose"});
  m.kind = kind ? static_cast<material_kind>(*kind) : m.kind;
  m.porosity = section.number("porosity", fraction).value_or(m.porosity);
  m.density_kg_per_m3 = section.number("density_kg_per_m3", property).value_or(m.density_kg_per_m3);
  m.erosion_resistance =
      section.number("erosion_resistance", property).value_or(m.erosion_resistance);
  m.frost_susceptibility =
      section.number("frost_susceptibility", fraction).value_or(m.frost_susceptibility);
  m.erodibility = section.number("erodibility", property).value_or(m.erodibility);
  m.repose_deg = section.number("repose_deg", repose_deg).value_or(m.repose_deg);
  if (const auto kappa = section.number("diffusivity_m2_per_yr", diffusivity_m2_per_yr)) {
    m.diffusivity_m2_per_yr = kappa;
  }
  section.finish();
  try {
    table.set(m);
  } catch (const error& e) {
    section.fail("", e.what());
  }
}

/// `path` as the scenario means it: relative to its folder.
fs::path beside(const fs::path& scenario_file, const std::string& path) {
  const fs::path given(path);
  return given.is_absolute() ? given : (scenario_file.parent_path() / given).lexically_normal();
}

io::strata read_layers(toml_section& section, const scenario& s) {
  const auto file = section.text("strata");
  const auto text = section.raw_tables("layer", "layer");
  if (file && text) {
    section.fail("strata", "give a strata file or [[world.layer]], not both");
  }
  if (file) {
    return io::read_strata(beside(s.file, *file), s.materials);
  }
  return text ? io::parse_strata(*text, section.source("layer"), s.materials)
              : io::default_strata(s.materials);
}

void read_import(toml_section& section, const scenario& s, world_source& source) {
  source.columns.voxel_height_m =
      section.number("voxel_height_m", length_m).value_or(source.columns.voxel_height_m);
  source.columns.basement_m =
      section.number("basement_m", depth_m).value_or(source.columns.basement_m);
  source.columns.headroom_m =
      section.number("headroom_m", depth_m).value_or(source.columns.headroom_m);
  if (const auto nodata = section.word("nodata", {"fill", "clip", "error"})) {
    source.import.nodata = static_cast<io::nodata_policy>(*nodata);
  }
  source.import.resample_m = section.number("resample_m", length_m);
  if (const auto crop = section.integers("crop")) {
    const auto& c = *crop;
    if (c.size() != 4 || c[0] < 0 || c[1] < 0 || c[2] < 1 || c[3] < 1) {
      section.fail("crop",
                   "this must be [x, y, width, height] in cells from the south-west corner");
    }
    source.import.crop = {c[0], c[1], c[2], c[3]};
  }
  source.strata = read_layers(section, s);
}

region_sides read_sides(toml_section section) {
  region_sides sides;
  const auto read = [&](const char* name, side_kind& side) {
    if (const auto kind = section.word(name, {"open", "closed", "looped"})) {
      side = static_cast<side_kind>(*kind);
    }
  };
  read("west", sides.west);
  read("east", sides.east);
  read("south", sides.south);
  read("north", sides.north);
  section.finish();
  if (sides.loop_x() != (sides.east == side_kind::looped) ||
      sides.loop_y() != (sides.north == side_kind::looped)) {
    section.fail("", "a looped side needs the opposite side looped too");
  }
  return sides;
}

void read_world(toml_section section, scenario& s) {
  if (!section.present()) {
    section.fail("", "the scenario needs [world] with dem = \"FILE\" or checkpoint = \"FILE\"");
  }
  const auto dem = section.text("dem");
  const auto checkpoint = section.text("checkpoint");
  if (dem.has_value() == checkpoint.has_value()) {
    section.fail("", "give exactly one of dem and checkpoint");
  }
  if (checkpoint) {
    s.world.checkpoint = beside(s.file, *checkpoint);
    for (const char* key : {"voxel_height_m", "basement_m", "headroom_m", "nodata", "resample_m",
                            "crop", "strata", "layer", "sides"}) {
      if (section.has(key)) {
        section.fail(key, "this belongs to a DEM; a checkpoint is a finished world");
      }
    }
  } else {
    s.world.dem = beside(s.file, *dem);
    read_import(section, s, s.world);
    s.world.sides = read_sides(section.table("sides"));
  }
  section.finish();
}

void read_run(toml_section section, scenario& s) {
  const auto steps = section.integer("steps", 0, many);
  const auto step_yr = section.number("step_yr", step_years);
  if (!steps || !step_yr) {
    section.fail("", "the scenario needs [run] with steps and step_yr");
  }
  s.steps = *steps;
  s.step_yr = *step_yr;
  s.seed = static_cast<std::uint64_t>(
      section.integer("seed", 0, std::numeric_limits<std::int64_t>::max()).value_or(0));
  section.finish();
}

/// The policy of a table `overlay`, what it leaves out taken from `otherwise`.
overlay_policy read_overlay(toml_section section, overlay_policy otherwise) {
  otherwise.threshold = section.integer("threshold", 1, many).value_or(otherwise.threshold);
  if (const auto strategy = section.word("strategy", {"all", "lazy_threshold"})) {
    otherwise.strategy = static_cast<consolidation_strategy>(*strategy);
  }
  section.finish();
  return otherwise;
}

/// A pass's policy, if it has one; the world's strategy stands in for its own.
std::optional<overlay_policy> read_pass_overlay(const toml_section& section,
                                                const overlay_policy& world) {
  if (!section.present()) {
    return std::nullopt;
  }
  const bool counts = section.has("threshold");
  const overlay_policy policy = read_overlay(section, world);
  if (!counts) {
    section.fail("", "this needs a threshold: the deltas of this pass that start a consolidation");
  }
  return policy;
}

pass_config read_parameters(toml_section& section, const std::string& kind) {
  if (kind == "uplift") {
    uplift_parameters p;
    p.rate_m_per_yr = section.number("rate_m_per_yr", uplift_m_per_yr).value_or(p.rate_m_per_yr);
    return p;
  }
  if (kind == "stream_power") {
    stream_power_parameters p;
    p.k = section.number("k", erodibility_per_yr).value_or(p.k);
    p.m = section.number("m", area_exponent).value_or(p.m);
    return p;
  }
  if (kind == "talus") {
    talus_parameters p;
    p.max_sweeps = section.integer("max_sweeps", 0, 1'000'000).value_or(p.max_sweeps);
    return p;
  }
  diffusion_parameters p;
  p.diffusivity_m2_per_yr = section.number("diffusivity_m2_per_yr", diffusivity_m2_per_yr)
                                .value_or(p.diffusivity_m2_per_yr);
  return p;
}

struct listed_pass {
  pass_config parameters;
  std::optional<overlay_policy> overlay;
};

listed_pass read_pass(toml_section section, const std::string& kind, const overlay_policy& world) {
  const listed_pass pass{read_parameters(section, kind),
                         read_pass_overlay(section.table("overlay"), world)};
  section.finish();
  return pass;
}

void read_passes(toml_section section, scenario& s) {
  if (!section.present()) {
    section.fail("", "the scenario needs [passes] with order = [\"uplift\", \"diffusion\"]");
  }
  const std::vector<std::string> kinds = {"uplift", "diffusion", "stream_power", "talus"};
  const auto listed = section.texts("order");
  std::map<std::string, listed_pass> passes;
  std::vector<std::string> present;
  for (const std::string& key : section.keys_in_order()) {
    if (key != "order") {
      present.push_back(key);
    }
  }
  for (const std::string& kind : kinds) {
    passes.emplace(kind, read_pass(section.table(kind), kind, s.overlay));
  }
  section.finish();
  const std::vector<std::string> order = listed.value_or(present);
  for (const std::string& name : order) {
    if (!passes.contains(name)) {
      section.fail("order", "there is no pass '" + name + "'" + name_hint(name, kinds));
    }
    if (std::count(order.begin(), order.end(), name) > 1) {
      section.fail("order", "pass '" + name + "' is listed twice");
    }
    s.passes.push_back(passes.at(name).parameters);
    if (const auto& overlay = passes.at(name).overlay) {
      s.pass_overlays.emplace(name, *overlay);
    }
  }
  // With --set passes.order=... passes of the file are left out.
  for (const std::string& name : present) {
    if (std::find(order.begin(), order.end(), name) == order.end() &&
        (!section.overridden("order") || section.overridden(name))) {
      section.fail(name, "this pass is missing in passes.order");
    }
  }
}

void read_output(toml_section section, scenario& s) {
  if (const auto folder = section.text("folder")) {
    s.out = beside(s.file, *folder);
  }
  const std::vector<std::string> names(picture_words.begin(), picture_words.end());
  for (const std::string& name : section.texts("pictures").value_or(std::vector<std::string>{})) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      section.fail("pictures", "there is no picture '" + name + "'" + name_hint(name, names));
    }
    s.pictures.push_back(static_cast<picture>(found - names.begin()));
  }
  s.series_every = section.integer("series_every", 0, many).value_or(0);
  s.fields_every = section.integer("fields_every", 0, many).value_or(0);
  if (const auto formats = section.texts("field_formats")) {
    s.field_formats.clear();
    for (const std::string& format : *formats) {
      if (format != "netcdf" && format != "geotiff") {
        section.fail("field_formats",
                     "there is no format '" + format + "'; give \"netcdf\", \"geotiff\" or both");
      }
      s.field_formats.push_back(format == "netcdf" ? map_format::netcdf : map_format::geotiff);
    }
  }
  const auto wants = [&](picture p) {
    return std::find(s.pictures.begin(), s.pictures.end(), p) != s.pictures.end();
  };
  if (wants(picture::series) && s.series_every == 0) {
    section.fail("pictures", "the picture 'series' needs output.series_every");
  }
  section.finish();
}

/// Reads every section of `document` into `s`.
void read_document(const toml_document& document, scenario& s) {
  toml_section root(document);
  std::vector<std::string> names;
  for (toml_section& m : root.tables("material")) {
    read_material(std::move(m), s.materials, names);
  }
  toml_section world = root.table("world");
  toml_section run = root.table("run");
  toml_section overlay = root.table("overlay");
  toml_section checkpoint = root.table("checkpoint");
  toml_section passes = root.table("passes");
  toml_section output = root.table("output");
  root.finish();
  read_world(std::move(world), s);
  read_run(std::move(run), s);
  s.overlay = read_overlay(std::move(overlay), s.overlay);
  s.checkpoint_every = checkpoint.integer("every", 0, many).value_or(s.checkpoint_every);
  s.checkpoint_keep = checkpoint.integer("keep", 1, many).value_or(s.checkpoint_keep);
  s.checkpoint_keep_every =
      checkpoint.integer("keep_every", 0, many).value_or(s.checkpoint_keep_every);
  checkpoint.finish();
  read_passes(std::move(passes), s);
  read_output(std::move(output), s);
}

}  // namespace

scenario read_scenario(const fs::path& file, std::span<const std::string> overrides) {
  scenario s;
  s.file = file;
  const std::string text = read_text(file);
  const toml_document document = parse_toml(text, file.string(), overrides);
  s.text = with_overrides(text, overrides);
  read_document(document, s);
  return s;
}

std::set<std::string> scenario_keys() {
  // What the reader asks of a scenario that makes it ask for everything.
  const toml_document least = parse_toml(
      "[world]\ndem = 'd'\n[[material]]\nname = 'soil'\n[run]\nsteps = 1\nstep_yr = 1\n[passes]\n",
      "", {});
  scenario s;
  read_document(least, s);
  std::set<std::string> keys = least.asked;
  for (const std::string& key : least.asked) {
    if (const auto dot = key.rfind('.'); dot != std::string::npos) {
      keys.erase(key.substr(0, dot));  // a table, for it has keys
    }
  }
  return keys;
}

}  // namespace lithify::engine
