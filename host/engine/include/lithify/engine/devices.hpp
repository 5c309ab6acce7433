/// The devices that worlds can live on.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace lithify::engine {

struct device_info {
  std::string name;         ///< "cpu", "cuda:N"; "cuda" where there is none at all
  std::string description;  ///< model
  std::size_t memory_bytes = 0;
  bool usable = false;
  std::string why;  ///< not usable: the reason
};

/// Every device in the order in which `auto` prefers them; those that cannot be used say why.
[[nodiscard]] std::vector<device_info> list_devices();

/// "cpu" or "cuda:N" for what a user writes ("auto", "cpu", "cuda", "cuda:N").
/// Errors: invalid_argument (no such word), not_found (no such device, and why).
[[nodiscard]] std::string resolve_device(const std::string& word);

}  // namespace lithify::engine
