/// The seeds of property tests: fixed, so that a run repeats, unless LITHIFY_TEST_SEED moves them
/// all (scripts/nightly does).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace lithify::test {

/// first, first + 1, ..., last, each raised by LITHIFY_TEST_SEED. A test prints the one it is at.
[[nodiscard]] inline std::vector<std::uint64_t> seeds(std::uint64_t first, std::uint64_t last) {
  const char* const text = std::getenv("LITHIFY_TEST_SEED");
  const std::uint64_t base = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  std::vector<std::uint64_t> made;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    made.push_back(base + seed);
  }
  return made;
}

}  // namespace lithify::test
