// The main of every test program. A run with LITHIFY_TEST_DEVICE=cuda skips all its tests, each by
// name, where no GPU can be used; with LITHIFY_REQUIRE_GPU=1 it fails instead, so that a machine
// that should have a GPU cannot pass by skipping.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

// Asks the driver, not the runtime or the library under test: a fault in those must not look like a
// machine without a GPU. Empty when there is a GPU.
std::string why_no_gpu() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return "no NVIDIA driver (libcuda.so.1)";
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto count_devices = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
  if (init == nullptr || count_devices == nullptr) return "libcuda.so.1 is not a CUDA driver";
  if (const int status = init(0); status != 0) {
    return "cuInit gives error " + std::to_string(status);
  }
  int count = 0;
  if (count_devices(&count) != 0 || count == 0) return "no GPU";
  return {};
}

class gpu_guard : public testing::Environment {
 public:
  void SetUp() override {
    if (environment("LITHIFY_TEST_DEVICE") != "cuda") return;
    const std::string reason = why_no_gpu();
    if (reason.empty()) return;
    ASSERT_NE(environment("LITHIFY_REQUIRE_GPU"), "1") << "a GPU is required, but: " << reason;
    // GoogleTest does not mark tests that an environment skips; ctest looks for this mark.
    std::cout << "[  SKIPPED ] needs a GPU: " << reason << '\n';
    GTEST_SKIP();
  }
};

}  // namespace

#ifdef __SANITIZE_ADDRESS__
// libhdf5 1.10 forgets what it read of a file whose structure contradicts itself.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions();
const char* __lsan_default_suppressions() { return "leak:libhdf5_serial\n"; }
#endif

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(std::make_unique<gpu_guard>().release());
  return RUN_ALL_TESTS();
}
