#include "lithify/io/toml_keys.hpp"

#include "lithify/base/error.hpp"

namespace lithify::io {

// Dots between which nothing ends a key; a quoted text of so many dots is refused with them.
void require_short_keys(std::string_view text, const std::string& name) {
  constexpr std::string_view ends = "=,{}[]\n";
  std::size_t line = 1;
  int parts = 1;
  bool comment = false;
  for (const char c : text) {
    parts = ends.find(c) != std::string_view::npos ? 1 : parts + (c == '.' && !comment ? 1 : 0);
    if (parts > most_key_parts) {
      throw error(errc::invalid_argument, name + ":" + std::to_string(line) +
                                              ": a key has more than " +
                                              std::to_string(most_key_parts) + " parts");
    }
    comment = c != '\n' && (comment || c == '#');
    line += c == '\n' ? 1 : 0;
  }
}

}  // namespace lithify::io
