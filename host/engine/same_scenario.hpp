/// In which values two scenarios differ, for who resumes a run with another one than it began with.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace lithify::engine {

/// A scenario's text and the "key=value" texts that won over it, as one TOML text: the latter are
/// comments at its end.
[[nodiscard]] std::string with_overrides(const std::string& text,
                                         std::span<const std::string> overrides);

/// Dotted keys whose values differ between two texts of `with_overrides`, or that one of them
/// lacks, in alphabetical order; a material's are under its name. Keys that change no result are
/// left out: run.steps, [overlay], [checkpoint], [output]. Nothing where a text is not TOML.
[[nodiscard]] std::vector<std::string> differing_keys(const std::string& one,
                                                      const std::string& other);

/// Whether a key says what ground a run starts from. Such keys, and run.seed, the state of a
/// checkpoint has taken up: who goes on from it does not ask for them again.
[[nodiscard]] bool is_of_ground(const std::string& key);

}  // namespace lithify::engine
