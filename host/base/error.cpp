#include "lithify/base/error.hpp"

namespace lithify {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::outside_region:
      return "outside_region";
    case errc::not_found:
      return "not_found";
    case errc::corrupt_file:
      return "corrupt_file";
    case errc::io_failure:
      return "io_failure";
    case errc::out_of_range:
      return "out_of_range";
    case errc::unsupported_version:
      return "unsupported_version";
    case errc::out_of_memory:
      return "out_of_memory";
    case errc::out_of_space:
      return "out_of_space";
    case errc::device_failure:
      return "device_failure";
    case errc::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace lithify
