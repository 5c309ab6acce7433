/// What has to be asked of a TOML text before it is parsed.
#pragma once

#include <string>
#include <string_view>

namespace lithify::io {

/// Parts that a dotted key may have, as `a.b.c` has three: far more than any key of ours.
inline constexpr int most_key_parts = 16;

/// Refuses a text with longer dotted keys. The parser limits how deep arrays and tables in brackets
/// nest, but not these: a table a part, which it frees by recursion until the stack ends. `name`:
/// what messages call the text. Errors: invalid_argument, naming the line.
void require_short_keys(std::string_view text, const std::string& name);

}  // namespace lithify::io
