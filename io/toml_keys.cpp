#include "lithify/io/toml_keys.hpp"

#include "lithify/base/error.hpp"

namespace lithify::io {

// Counts dots between which nothing ends a key, outside of quotes and comments. Texts of three
// quotes open and close three times: the scan is inside of them all the same.
void require_short_keys(std::string_view text, const std::string& name) {
  constexpr std::string_view ends = "=,{}[]\n";
  std::size_t line = 1;
  int parts = 1;
  char open = '\0';  // the quote or '#' that the scan is inside of
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    line += c == '\n' ? 1 : 0;
    if (open != '\0') {
      i += open == '"' && c == '\\' ? 1 : 0;
      open = c == open && open != '#' ? '\0' : open == '#' && c == '\n' ? '\0' : open;
    } else if (c == '"' || c == '\'' || c == '#') {
      open = c;
    } else if (ends.find(c) != std::string_view::npos) {
      parts = 1;
    } else if (c == '.' && ++parts > most_key_parts) {
      throw error(errc::invalid_argument, name + ":" + std::to_string(line) +
                                              ": a key has more than " +
                                              std::to_string(most_key_parts) + " parts");
    }
    if (c == '\n') {
      parts = 1;
    }
  }
}

}  // namespace lithify::io
