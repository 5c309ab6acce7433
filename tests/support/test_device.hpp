/// The device that a test runs on: LITHIFY_TEST_DEVICE, or the CPU.
#pragma once

#include <cstdlib>
#include <string>

namespace lithify::test {

[[nodiscard]] inline std::string test_device() {
  const char* const wanted = std::getenv("LITHIFY_TEST_DEVICE");
  return wanted != nullptr && *wanted != '\0' ? wanted : "cpu";
}

}  // namespace lithify::test
