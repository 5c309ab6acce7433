// For clang-tidy 14 only, which lacks the builtin behind libstdc++'s <source_location>. Never
// compiled.
#pragma once
#include <source_location>
#ifndef __cpp_lib_source_location
namespace std {
struct source_location {
  static constexpr source_location current() noexcept { return {}; }
  [[nodiscard]] constexpr unsigned line() const noexcept { return 0; }
  [[nodiscard]] constexpr unsigned column() const noexcept { return 0; }
  [[nodiscard]] constexpr const char* file_name() const noexcept { return ""; }
  [[nodiscard]] constexpr const char* function_name() const noexcept { return ""; }
};
}  // namespace std
#endif
