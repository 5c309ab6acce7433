/// Named typed arrays: how passes hand their state to files, digests and pictures.
#pragma once

#include "lithify/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lithify {

enum class field_type : std::uint8_t { uint16, int32, int64, float64 };

[[nodiscard]] constexpr std::size_t size_of(field_type type) {
  return type == field_type::uint16 ? 2 : type == field_type::int32 ? 4 : 8;
}

template <class T>
inline constexpr field_type field_type_of = [] {
  static_assert(sizeof(T) == 0, "not a field type");
  return field_type::int64;
}();
template <>
inline constexpr field_type field_type_of<std::uint16_t> = field_type::uint16;
template <>
inline constexpr field_type field_type_of<std::int32_t> = field_type::int32;
template <>
inline constexpr field_type field_type_of<std::int64_t> = field_type::int64;
template <>
inline constexpr field_type field_type_of<double> = field_type::float64;

/// One array on the host: `shape` with the fastest axis last (y, x), values in cell order.
struct field {
  std::string name;
  std::string unit;
  field_type type = field_type::int64;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  [[nodiscard]] std::size_t count() const { return bytes.size() / size_of(type); }

  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    require(field_type_of<T> == type, errc::internal, "field '" + name + "' has another type");
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  [[nodiscard]] std::span<T> as() {
    require(field_type_of<T> == type, errc::internal, "field '" + name + "' has another type");
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  template <class T>
  [[nodiscard]] static field make(std::string name,
                                  std::string unit,
                                  std::vector<std::int64_t> shape,
                                  std::span<const T> values) {
    field f{std::move(name), std::move(unit), field_type_of<T>, std::move(shape), {}};
    f.bytes.resize(values.size_bytes());
    if (!values.empty()) {
      std::memcpy(f.bytes.data(), values.data(), values.size_bytes());
    }
    return f;
  }
};

/// The field called `name`, or an `invalid_argument` error that lists what is missing.
[[nodiscard]] inline const field& find_field(std::span<const field> fields, std::string_view name) {
  for (const field& f : fields) {
    if (f.name == name) {
      return f;
    }
  }
  throw error(errc::invalid_argument, "no column field named '" + std::string(name) + "'");
}

}  // namespace lithify
