/// Names that users write: which known one was meant.
#pragma once

#include <span>
#include <string>

namespace lithify {

/// The closest of `known` to `word`, by edit distance; empty if none is close enough to have been
/// meant. Among equally close ones the first.
[[nodiscard]] std::string nearest_name(const std::string& word, std::span<const std::string> known);

/// What an error says after a name that is not known: "; did you mean 'x'?", or "; known are x, y".
[[nodiscard]] std::string name_hint(const std::string& word, std::span<const std::string> known);

}  // namespace lithify
