#include "lithify/base/names.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace lithify {

namespace {

/// Number of letters to insert, remove or replace to get from `a` to `b`.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(const std::string& word, std::span<const std::string> known) {
  std::string best;
  std::size_t least = 0;
  for (const std::string& name : known) {
    // Chosen: a slip changes one letter in three at most; what differs by more is another word.
    const std::size_t slips = (std::max(word.size(), name.size()) + 2) / 3;
    const std::size_t distance = edit_distance(word, name);
    if (distance <= slips && (best.empty() || distance < least)) {
      best = name;
      least = distance;
    }
  }
  return best;
}

std::string name_hint(const std::string& word, std::span<const std::string> known) {
  const std::string nearest = nearest_name(word, known);
  if (!nearest.empty()) {
    return "; did you mean '" + nearest + "'?";
  }
  std::string list;
  for (const std::string& name : known) {
    list += (list.empty() ? "; known are " : ", ") + name;
  }
  return list;
}

}  // namespace lithify
