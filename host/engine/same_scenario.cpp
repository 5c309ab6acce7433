#include "same_scenario.hpp"

#include "lithify/base/error.hpp"
#include "toml_section.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace lithify::engine {

namespace {

constexpr std::string_view marker = "\n# Given with --set, and won over the above:\n";
constexpr std::string_view comment = "# ";

using values = std::map<std::string, std::string>;

std::string text_of(const toml::node& node) {
  std::ostringstream out;
  if (const auto number = node.value<double>(); number && node.is_number()) {
    out.precision(17);
    out << *number;  // 500 and 500.0 are one value
  } else {
    node.visit([&](const auto& value) { out << value; });
  }
  return out.str();
}

/// Lists of tables: a table that has a name is known by it, others by their place.
void flatten(const toml::node& node, const std::string& key, values& all) {
  if (const toml::table* const table = node.as_table()) {
    for (const auto& [name, value] : *table) {
      flatten(value, key.empty() ? std::string(name.str()) : key + "." + std::string(name.str()),
              all);
    }
  } else if (const toml::array* const list = node.as_array();
             list != nullptr && list->is_array_of_tables()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      const toml::table& entry = *list->get(i)->as_table();
      const auto name = entry["name"].value<std::string>();
      flatten(entry, key + "." + name.value_or(std::to_string(i)), all);
    }
  } else {
    all[key] = text_of(node);
  }
}

bool changes_results(const std::string& key) {
  const bool of_a_pass = key.starts_with("passes.") && key.find(".overlay.") != std::string::npos;
  return key != "run.steps" && !key.starts_with("overlay.") && !of_a_pass &&
         !key.starts_with("checkpoint.") && !key.starts_with("output.");
}

values values_of(const std::string& text) {
  std::vector<std::string> overrides;
  if (const std::size_t end = text.rfind(marker); end != std::string::npos) {
    std::istringstream lines(text.substr(end + marker.size()));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(comment)) {
        overrides.push_back(line.substr(comment.size()));
      }
    }
  }
  values all;
  flatten(parse_toml(text, "scenario", overrides).root, "", all);
  std::erase_if(all, [](const auto& entry) { return !changes_results(entry.first); });
  return all;
}

}  // namespace

std::string with_overrides(const std::string& text, std::span<const std::string> overrides) {
  if (overrides.empty()) {
    return text;
  }
  std::string all = text + std::string(marker);
  for (std::string one : overrides) {
    std::replace_if(
        one.begin(), one.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    all += std::string(comment) + one + "\n";
  }
  return all;
}

std::vector<std::string> differing_keys(const std::string& one, const std::string& other) {
  std::set<std::string> keys;
  try {
    const values a = values_of(one);
    const values b = values_of(other);
    const auto lacks = [](const values& in, const auto& entry) {
      const auto found = in.find(entry.first);
      return found == in.end() || found->second != entry.second;
    };
    for (const auto& entry : a) {
      if (lacks(b, entry)) {
        keys.insert(entry.first);
      }
    }
    for (const auto& entry : b) {
      if (lacks(a, entry)) {
        keys.insert(entry.first);
      }
    }
  } catch (const error&) {
    return {};
  }
  return {keys.begin(), keys.end()};
}

bool is_of_ground(const std::string& key) { return key.starts_with("world."); }

}  // namespace lithify::engine
