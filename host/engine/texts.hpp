/// Numbers as the texts that files and messages hold.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/types.hpp"

#include <array>
#include <charconv>
#include <string>

namespace lithify::engine {

/// The shortest text that reads back as the same bits.
[[nodiscard]] inline std::string exact_text(double value) {
  std::array<char, 32> text{};
  const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

/// Value i of a field.
[[nodiscard]] inline std::string value_text(const field& f, std::size_t i) {
  switch (f.type) {
    case field_type::uint16:
      return std::to_string(f.as<std::uint16_t>()[i]);
    case field_type::int32:
      return std::to_string(f.as<std::int32_t>()[i]);
    case field_type::int64:
      return std::to_string(f.as<std::int64_t>()[i]);
    case field_type::float64:
      break;
  }
  return exact_text(f.as<double>()[i]);
}

/// "X x Y x Z".
[[nodiscard]] inline std::string size_text(region_size s) {
  std::string text = std::to_string(s.x);
  text += " x " + std::to_string(s.y);
  text += " x " + std::to_string(s.z);
  return text;
}

}  // namespace lithify::engine
