/// A strict view of one TOML table: whatever is not asked for is an error.
///
/// Every getter notes its key as known; `finish` refuses the keys that no getter asked for and
/// names the nearest known one. Errors name the file and the line, or the --set that brought the
/// value.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace lithify::engine {

/// A parsed document and where its values came from.
struct toml_document {
  std::string file;
  toml::table root;
  /// What was given with --set, by the dotted keys that it brought.
  std::map<std::string, std::string> overridden;
  /// Dotted keys that sections were asked for, whether the document has them or not.
  mutable std::set<std::string> asked = {};

  /// The --set that brought a key or something that the key lies in; nullptr: the file did.
  [[nodiscard]] const std::string* override_of(const std::string& key) const;
};

/// Bounds of a number, both ends included unless `above_low`.
struct number_range {
  double low = -std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::max();
  bool above_low = false;  ///< low itself is refused
};

class toml_section {
 public:
  /// The whole document.
  explicit toml_section(const toml_document& document);

  /// A table inside this one; an empty section if the document has none.
  [[nodiscard]] toml_section table(const std::string& key);
  /// The tables of an array of tables, each to be finished by itself.
  [[nodiscard]] std::vector<toml_section> tables(const std::string& key);

  [[nodiscard]] bool present() const { return table_ != nullptr; }
  [[nodiscard]] bool has(const std::string& key) const;

  [[nodiscard]] std::optional<double> number(const std::string& key, const number_range& range);
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& key,
                                                    std::int64_t low,
                                                    std::int64_t high);
  [[nodiscard]] std::optional<std::string> text(const std::string& key);
  /// One of `words`; gives its position.
  [[nodiscard]] std::optional<std::size_t> word(const std::string& key,
                                                const std::vector<std::string>& words);
  [[nodiscard]] std::optional<std::vector<std::string>> texts(const std::string& key);
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const std::string& key);
  /// The array as TOML text in which each element keeps its line, for a reader of its own.
  [[nodiscard]] std::optional<std::string> raw_tables(const std::string& key,
                                                      const std::string& name);
  /// What brought a key, for messages: the file, or "--set KEY=VALUE".
  [[nodiscard]] std::string source(const std::string& key) const;
  /// Whether --set brought the key, or something that lies in it.
  [[nodiscard]] bool overridden(const std::string& key) const;
  /// Keys that are present, in the order of the file.
  [[nodiscard]] std::vector<std::string> keys_in_order() const;

  /// Errors: invalid_argument at the first key that nobody asked for.
  void finish() const;

  /// Throws invalid_argument: "file:line: key: why", or "--set KEY=VALUE: why".
  [[noreturn]] void fail(const std::string& key, const std::string& why) const;

 private:
  toml_section(const toml_document& document, const toml::table* table, std::string path);
  [[nodiscard]] const toml::node* find(const std::string& key);
  [[nodiscard]] std::string full(const std::string& key) const;

  const toml_document* document_;
  const toml::table* table_;
  std::string path_;
  std::vector<std::string> known_;
};

/// Parses `text`, then applies "key.path=value" overrides.
/// Errors: invalid_argument (file, line and reason, or the override).
[[nodiscard]] toml_document parse_toml(const std::string& text,
                                       const std::string& file,
                                       std::span<const std::string> overrides);

}  // namespace lithify::engine
