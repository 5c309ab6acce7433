#include "lithify/io/strata.hpp"

#include "dem_formats.hpp"
#include "file_layer.hpp"
#include "lithify/base/error.hpp"
#include "lithify/base/names.hpp"
#include "lithify/io/toml_keys.hpp"

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace lithify::io {

namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 20;
// Any real elevation or depth, with room to spare, and exact in double to well below a millimetre.
constexpr double largest_m = 1e7;

/// What is wrong with a layer: the key, as files have it, and why.
struct fault {
  std::string_view key;
  std::string why;
};

constexpr std::array<std::string_view, 7> layer_keys = {
    "material", "thickness_m",       "base_depth_m", "base_elevation_m",
    "dip_deg",  "dip_direction_deg", "at_m"};
constexpr std::array<std::string_view, 1> root_keys = {"layer"};

std::vector<std::string> consolidated_names(const material_table& materials) {
  std::vector<std::string> names;
  for (const material& m : materials.all()) {
    if (m.kind == material_kind::consolidated) {
      names.push_back(m.name);
    }
  }
  return names;
}

class strata_parser {
 public:
  strata_parser(const std::string& name, const material_table& materials)
      : name_(name), materials_(materials) {}

  strata parse(std::string_view text) {
    require_short_keys(text, name_);
    toml::table root;
    try {
      root = toml::parse(text);
    } catch (const toml::parse_error& broken) {
      fail(broken.source(), std::string(broken.description()));
    }
    check_keys(root, root_keys);
    const toml::array* layers = root["layer"].as_array();
    if (layers == nullptr || layers->empty()) {
      fail(root.source(), "there is no [[layer]]");
    }
    strata result;
    for (const toml::node& node : *layers) {
      if (!node.is_table()) {
        fail(node.source(), "'layer' must be a list of tables: write [[layer]]");
      }
      const bool last = result.layers.size() + 1 == layers->size();
      result.layers.push_back(parse_layer(*node.as_table(), last));
    }
    return result;
  }

 private:
  // The parser quotes what it met, line ends and all: a message stays one line.
  [[noreturn]] void fail(const toml::source_region& where, const std::string& why) const {
    std::string line = "'" + name_ + "' line " + std::to_string(where.begin.line) + ": " + why;
    for (char& c : line) {
      c = static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
    }
    throw error(errc::invalid_argument, line);
  }

  template <class Names>
  void check_keys(const toml::table& table, const Names& known) const {
    for (const auto& [key, value] : table) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        const std::string word(key.str());
        const std::vector<std::string> names(known.begin(), known.end());
        fail(key.source(), "unknown key '" + word + "'" + name_hint(word, names));
      }
    }
  }

  // A number, integer or float, or nothing where the key is absent.
  std::optional<double> get(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    return node == nullptr ? std::nullopt : std::optional<double>(number(*node, key));
  }

  double number(const toml::node& node, std::string_view key) const {
    if (!node.is_number()) {
      fail(node.source(), "'" + std::string(key) + "' must be a number");
    }
    return *node.value<double>();
  }

  material_id get_material(const toml::table& table) const {
    const toml::node* node = table.get("material");
    if (node == nullptr || !node->is_string()) {
      fail(node == nullptr ? table.source() : node->source(),
           "a layer needs material = \"a name\"");
    }
    const std::string name = node->as_string()->get();
    const auto id = materials_.find(name);
    if (!id) {
      fail(node->source(),
           "unknown material '" + name + "'" + name_hint(name, consolidated_names(materials_)));
    }
    return *id;
  }

  void get_plane(const toml::table& table, layer& l) const {
    l.dip_deg = get(table, "dip_deg").value_or(0.0);
    l.dip_direction_deg = get(table, "dip_direction_deg").value_or(0.0);
    const toml::node* at = table.get("at_m");
    if (at == nullptr) {
      return;
    }
    const toml::array* pair = at->as_array();
    if (pair == nullptr || pair->size() != 2) {
      fail(at->source(), "'at_m' must be [easting, northing]");
    }
    l.centred = false;
    l.at_x_m = number(*pair->get(0), "at_m");
    l.at_y_m = number(*pair->get(1), "at_m");
  }

  layer parse_layer(const toml::table& table, bool last) const {
    check_keys(table, layer_keys);
    layer l;
    l.material = get_material(table);
    const auto thickness = get(table, "thickness_m");
    const auto depth = get(table, "base_depth_m");
    const auto elevation = get(table, "base_elevation_m");
    const int bases =
        int{thickness.has_value()} + int{depth.has_value()} + int{elevation.has_value()};
    if (bases != (last ? 0 : 1)) {
      fail(table.source(), last ? "the last layer reaches the floor: it takes no thickness_m, "
                                  "base_depth_m or base_elevation_m"
                                : "a layer above the last needs exactly one of thickness_m, "
                                  "base_depth_m, base_elevation_m");
    }
    if (elevation) {
      get_plane(table, l);
    } else if (table.contains("dip_deg") || table.contains("dip_direction_deg") ||
               table.contains("at_m")) {
      fail(table.source(), "dip_deg, dip_direction_deg and at_m go with base_elevation_m only");
    }
    l.base = thickness   ? layer_base::thickness
             : depth     ? layer_base::depth
             : elevation ? layer_base::plane
                         : layer_base::floor;
    l.value_m = thickness.value_or(depth.value_or(elevation.value_or(0.0)));
    if (const auto wrong = broken(l, materials_)) {
      const toml::node* node = table.get(wrong->key);
      fail(node == nullptr ? table.source() : node->source(), wrong->why);
    }
    return l;
  }

 public:
  // Why a layer is refused, or nothing.
  static std::optional<fault> broken(const layer& l, const material_table& materials) {
    if (l.material >= materials.size() ||
        materials[l.material].kind != material_kind::consolidated) {
      return fault{"material", l.material < materials.size()
                                   ? "material '" + materials[l.material].name +
                                         "' cannot form a layer: it is not rock"
                                   : "a layer's material is not in the table"};
    }
    const bool positive = l.base == layer_base::thickness || l.base == layer_base::depth;
    if (!std::isfinite(l.value_m) || std::abs(l.value_m) > largest_m ||
        (positive && l.value_m <= 0.0)) {
      const std::string_view key = l.base == layer_base::thickness ? "thickness_m"
                                   : l.base == layer_base::depth   ? "base_depth_m"
                                                                   : "base_elevation_m";
      return refusal(key, positive ? "above 0 and at most 1e7 m" : "finite and within 1e7 m of 0",
                     l.value_m);
    }
    if (!(l.dip_deg >= 0.0 && l.dip_deg < 90.0)) {
      return refusal("dip_deg", "in [0, 90)", l.dip_deg);
    }
    if (!(l.dip_direction_deg >= 0.0 && l.dip_direction_deg < 360.0)) {
      return refusal("dip_direction_deg", "in [0, 360)", l.dip_direction_deg);
    }
    for (const double at : {l.at_x_m, l.at_y_m}) {
      if (!is_place(at)) {
        return refusal("at_m", "finite and " + std::string(place_range), at);
      }
    }
    return std::nullopt;
  }

 private:
  static fault refusal(std::string_view key, const std::string& range, double value) {
    return {key, std::string(key) + " must be " + range + ", not " + shortest(value)};
  }

  const std::string& name_;
  const material_table& materials_;
};

}  // namespace

std::string_view default_strata_toml() {
  return R"([[layer]]
material = "soil"
thickness_m = 2

[[layer]]
material = "sandstone"
base_depth_m = 40

[[layer]]
material = "limestone"
base_depth_m = 150

[[layer]]
material = "granite"
)";
}

strata default_strata(const material_table& materials) {
  return parse_strata(default_strata_toml(), "default strata", materials);
}

strata parse_strata(std::string_view toml,
                    const std::string& name,
                    const material_table& materials) {
  return strata_parser(name, materials).parse(toml);
}

strata read_strata(const std::filesystem::path& file, const material_table& materials) {
  return parse_strata(read_text(file, largest_file), file.string(), materials);
}

void check_strata(const strata& s, const material_table& materials) {
  require(!s.layers.empty(), errc::invalid_argument, "strata need at least one layer");
  for (std::size_t i = 0; i < s.layers.size(); ++i) {
    const bool last = i + 1 == s.layers.size();
    const auto wrong = strata_parser::broken(s.layers[i], materials);
    require(!wrong, errc::invalid_argument,
            "layer " + std::to_string(i + 1) + ": " + (wrong ? wrong->why : ""));
    require((s.layers[i].base == layer_base::floor) == last, errc::invalid_argument,
            "layer " + std::to_string(i + 1) + ": the last layer, and no other, reaches the floor");
  }
}

}  // namespace lithify::io
