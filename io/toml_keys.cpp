#include "lithify/io/toml_keys.hpp"

#include "lithify/base/error.hpp"

namespace lithify::io {

namespace {

/// What may stand between the dots of a key that is not quoted.
bool of_a_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == ' ' || c == '\t';
}

}  // namespace

// Counts dots outside of quotes and comments. Texts of three quotes open and close three times: the
// scan is inside of them all the same.
void require_short_keys(std::string_view text, const std::string& name) {
  std::size_t line = 1;
  int parts = 1;
  char open = '\0';  // the quote or '#' that the scan is inside of
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    line += c == '\n' ? 1 : 0;
    if (open != '\0') {
      i += open == '"' && c == '\\' ? 1 : 0;
      open = c == (open == '#' ? '\n' : open) ? '\0' : open;
    } else if (c == '"' || c == '\'' || c == '#') {
      open = c;
    } else if (c != '.') {
      parts = of_a_key(c) ? parts : 1;
    } else if (++parts > most_key_parts) {
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
