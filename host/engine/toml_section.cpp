#include "toml_section.hpp"

#include "lithify/base/error.hpp"
#include "lithify/base/names.hpp"
#include "lithify/io/toml_keys.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace lithify::engine {

namespace {

std::string shortest(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& w : words) {
    all += (all.empty() ? "" : ", ") + w;
  }
  return all;
}

/// The parser quotes what it met, line ends and all.
std::string on_one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

/// `value` as a node: TOML if it is, else the text itself.
toml::table parse_value(const std::string& value, const std::string& whole) {
  const auto attempt = [](const std::string& text) -> std::optional<toml::table> {
    try {
      return toml::parse("value = " + text);
    } catch (const toml::parse_error&) {
      return std::nullopt;
    }
  };
  if (auto parsed = attempt(value); parsed && parsed->size() == 1) {
    return *std::move(parsed);
  }
  if (value.find_first_of("\"'\n\r") != std::string::npos || value.empty()) {
    throw error(errc::invalid_argument, "--set " + whole + ": the value is not TOML");
  }
  return *attempt("'" + value + "'");
}

void apply_override(toml_document& document, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string path = text.substr(0, equals);
  if (equals == std::string::npos || path.empty() || path.front() == '.' || path.back() == '.' ||
      path.find("..") != std::string::npos) {
    throw error(errc::invalid_argument,
                "--set " + text + ": write it as key=value, e.g. passes.uplift.rate_m_per_yr=1e-3");
  }
  io::require_short_keys(text, "--set");
  toml::table* at = &document.root;
  std::size_t begin = 0;
  for (std::size_t dot; (dot = path.find('.', begin)) != std::string::npos; begin = dot + 1) {
    const std::string key = path.substr(begin, dot - begin);
    if (!at->contains(key)) {
      at->insert(key, toml::table{});
      document.overridden[path.substr(0, dot)] = text;
    }
    at = (*at)[key].as_table();
    if (at == nullptr) {
      throw error(errc::invalid_argument,
                  "--set " + text + ": '" + path.substr(0, dot) + "' is not a table");
    }
  }
  const toml::table value = parse_value(text.substr(equals + 1), text);
  value.get("value")->visit(
      [&](const auto& node) { at->insert_or_assign(path.substr(begin), node); });
  document.overridden[path] = text;
  // What was given before for keys in it is gone with the table that it replaces.
  std::erase_if(document.overridden,
                [&](const auto& entry) { return entry.first.starts_with(path + "."); });
}

/// A node as TOML on one line.
std::string inline_text(const toml::node& node) {
  std::ostringstream out;
  if (const toml::table* table = node.as_table()) {
    out << "{ ";
    bool first = true;
    for (const auto& [key, value] : *table) {
      out << (first ? "" : ", ") << toml::value<std::string>(std::string(key.str())) << " = "
          << inline_text(value);
      first = false;
    }
    out << " }";
  } else if (const toml::array* array = node.as_array()) {
    out << "[";
    for (const toml::node& value : *array) {
      out << inline_text(value) << ", ";
    }
    out << "]";
  } else {
    node.visit([&](const auto& value) { out << value; });
  }
  return out.str();
}

}  // namespace

const std::string* toml_document::override_of(const std::string& key) const {
  for (std::string at = key;;) {
    if (const auto found = overridden.find(at); found != overridden.end()) {
      return &found->second;
    }
    const std::size_t dot = at.rfind('.');
    if (dot == std::string::npos) {
      return nullptr;
    }
    at.resize(dot);
  }
}

toml_document parse_toml(const std::string& text,
                         const std::string& file,
                         std::span<const std::string> overrides) {
  toml_document document{file, {}, {}};
  io::require_short_keys(text, file);
  try {
    document.root = toml::parse(text, file);
  } catch (const toml::parse_error& e) {
    throw error(errc::invalid_argument, file + ":" + std::to_string(e.source().begin.line) +
                                            ": not valid TOML: " + on_one_line(e.description()));
  }
  for (const std::string& text_of_override : overrides) {
    apply_override(document, text_of_override);
  }
  return document;
}

toml_section::toml_section(const toml_document& document)
    : toml_section(document, &document.root, "") {}

toml_section::toml_section(const toml_document& document,
                           const toml::table* table,
                           std::string path)
    : document_(&document), table_(table), path_(std::move(path)) {}

std::string toml_section::full(const std::string& key) const {
  return path_.empty() ? key : key.empty() ? path_ : path_ + "." + key;
}

std::string toml_section::source(const std::string& key) const {
  const std::string* const set = document_->override_of(full(key));
  return set == nullptr ? document_->file : "--set " + on_one_line(*set);
}

bool toml_section::overridden(const std::string& key) const {
  const std::string name = full(key);
  const auto inside = document_->overridden.lower_bound(name + ".");
  return document_->override_of(name) != nullptr ||
         (inside != document_->overridden.end() && inside->first.starts_with(name + "."));
}

bool toml_section::has(const std::string& key) const {
  return table_ != nullptr && table_->contains(key);
}

const toml::node* toml_section::find(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
    known_.push_back(key);
    document_->asked.insert(full(key));
  }
  return table_ == nullptr ? nullptr : table_->get(key);
}

void toml_section::fail(const std::string& key, const std::string& why) const {
  const std::string name = full(key);
  std::string place = source(key);
  if (const std::string* const set = document_->override_of(name)) {
    const bool named = set->starts_with(name + "=");
    throw error(errc::invalid_argument, place + ": " + (named ? why : name + ": " + why));
  }
  const toml::node* node = table_ == nullptr || key.empty() ? table_ : table_->get(key);
  if (node == nullptr) {
    node = table_;  // a key that is missing: the table is where it belongs
  }
  if (node != nullptr && node->source().begin.line > 0) {
    place += ":" + std::to_string(node->source().begin.line);
  }
  throw error(errc::invalid_argument, place + ": " + (name.empty() ? why : name + ": " + why));
}

toml_section toml_section::table(const std::string& key) {
  const toml::node* node = find(key);
  if (node != nullptr && !node->is_table()) {
    fail(key, "this must be a table, [" + full(key) + "]");
  }
  return {*document_, node == nullptr ? nullptr : node->as_table(), full(key)};
}

std::vector<toml_section> toml_section::tables(const std::string& key) {
  std::vector<toml_section> result;
  const toml::node* node = find(key);
  if (node == nullptr) {
    return result;
  }
  if (!node->is_array_of_tables()) {
    fail(key, "this must be a list of tables, [[" + full(key) + "]]");
  }
  for (const toml::node& element : *node->as_array()) {
    result.push_back({*document_, element.as_table(), full(key)});
  }
  return result;
}

std::optional<double> toml_section::number(const std::string& key, const number_range& range) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const std::optional<double> value =
      node->is_number() ? node->value<double>() : std::optional<double>();
  if (!value) {
    fail(key, "this must be a number");
  }
  if (!std::isfinite(*value)) {
    fail(key, "this must be finite");
  }
  if (*value < range.low || *value > range.high || (range.above_low && *value == range.low)) {
    fail(key, shortest(*value) + " is out of range; allowed is " +
                  (range.above_low ? "above " : "") + shortest(range.low) + " to " +
                  shortest(range.high));
  }
  return value;
}

std::optional<std::int64_t> toml_section::integer(const std::string& key,
                                                  std::int64_t low,
                                                  std::int64_t high) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> value =
      node->is_integer() ? node->value<std::int64_t>() : std::optional<std::int64_t>();
  if (!value) {
    fail(key, "this must be a whole number");
  }
  if (*value < low || *value > high) {
    fail(key, std::to_string(*value) + " is out of range; allowed is " + std::to_string(low) +
                  " to " + std::to_string(high));
  }
  return value;
}

std::optional<std::string> toml_section::text(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  if (!node->is_string() || node->as_string()->get().empty()) {
    fail(key, "this must be a text that is not empty");
  }
  return node->as_string()->get();
}

std::optional<std::size_t> toml_section::word(const std::string& key,
                                              const std::vector<std::string>& words) {
  const std::optional<std::string> value = text(key);
  if (!value) {
    return std::nullopt;
  }
  const auto found = std::find(words.begin(), words.end(), *value);
  if (found == words.end()) {
    fail(key, "'" + *value + "' is not one of " + join(words));
  }
  return static_cast<std::size_t>(found - words.begin());
}

std::optional<std::vector<std::string>> toml_section::texts(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> result;
  const toml::array* array = node->as_array();
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    if (const auto* element = array->get(i)->as_string()) {
      result.push_back(element->get());
    }
  }
  if (array == nullptr || result.size() != array->size()) {
    fail(key, "this must be a list of texts");
  }
  return result;
}

std::optional<std::vector<std::int64_t>> toml_section::integers(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  std::vector<std::int64_t> result;
  const toml::array* array = node->as_array();
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    if (const auto* element = array->get(i)->as_integer()) {
      result.push_back(element->get());
    }
  }
  if (array == nullptr || result.size() != array->size()) {
    fail(key, "this must be a list of whole numbers");
  }
  return result;
}

std::optional<std::string> toml_section::raw_tables(const std::string& key,
                                                    const std::string& name) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  if (!node->is_array_of_tables()) {
    fail(key, "this must be a list of tables, [[" + full(key) + "]]");
  }
  std::string result = name + " = [";
  std::size_t line = 1;
  for (const toml::node& element : *node->as_array()) {
    for (; line < element.source().begin.line; ++line) {
      result += '\n';
    }
    result += inline_text(element) + ",";
  }
  return result + "]\n";
}

std::vector<std::string> toml_section::keys_in_order() const {
  std::vector<std::pair<std::pair<std::uint32_t, std::uint32_t>, std::string>> keys;
  if (table_ != nullptr) {
    for (const auto& [key, value] : *table_) {
      const std::string name(key.str());
      const toml::source_position at = key.source().begin;
      const bool from_file = at.line > 0;
      keys.push_back({{from_file ? at.line : ~std::uint32_t{0}, at.column}, name});
    }
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::string> result;
  for (auto& [place, name] : keys) {
    result.push_back(std::move(name));
  }
  return result;
}

void toml_section::finish() const {
  for (const std::string& key : keys_in_order()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      fail(key, "unknown key" + name_hint(key, known_));
    }
  }
}

}  // namespace lithify::engine
