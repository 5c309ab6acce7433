/// Which backends this program has, and which one a device's name means.
#include "backend.hpp"
#include "lithify/base/error.hpp"
#include "lithify/engine/devices.hpp"

#include <charconv>
#include <string>
#include <string_view>

namespace lithify::engine {

// Defined by backend_world.cu, once per backend.
namespace on_cpu {
std::unique_ptr<backend_world> make_device_world(const world_config& config, int ordinal);
std::vector<device_info> backend_devices();
}  // namespace on_cpu
#if LITHIFY_HAS_CUDA
namespace on_cuda {
std::unique_ptr<backend_world> make_device_world(const world_config& config, int ordinal);
std::vector<device_info> backend_devices();
}  // namespace on_cuda
#endif

namespace {

std::vector<device_info> cuda_devices() {
#if LITHIFY_HAS_CUDA
  return on_cuda::backend_devices();
#else
  return {
      {"cuda", "", 0, false, "this build has no CUDA backend (it was made without the toolkit)"}};
#endif
}

std::unique_ptr<backend_world> make_cuda([[maybe_unused]] const world_config& config,
                                         [[maybe_unused]] int ordinal) {
#if LITHIFY_HAS_CUDA
  return on_cuda::make_device_world(config, ordinal);
#else
  throw error(errc::not_found, cuda_devices().front().why);
#endif
}

}  // namespace

std::vector<device_info> list_devices() {
  std::vector<device_info> all = cuda_devices();
  for (device_info& cpu : on_cpu::backend_devices()) {
    all.push_back(std::move(cpu));
  }
  return all;
}

std::string resolve_device(const std::string& word) {
  const std::vector<device_info> all = list_devices();
  if (word == "auto") {
    for (const device_info& d : all) {
      if (d.usable) {
        return d.name;
      }
    }
  }
  const std::string name = word == "cuda" ? "cuda:0" : word;
  std::string why;
  for (const device_info& d : all) {
    if (d.name == name && d.usable) {
      return name;
    }
    if (d.name == name || (d.name == "cuda" && name.starts_with("cuda:"))) {
      why = d.why;
    }
  }
  const bool cuda = name.starts_with("cuda:") && name.size() > 5 &&
                    name.find_first_not_of("0123456789", 5) == std::string::npos;
  require(cuda || name == "cpu", errc::invalid_argument,
          "'" + word + "' is no device; allowed are auto, cpu, cuda, cuda:N");
  throw error(errc::not_found, "device '" + word + "' cannot be used: " +
                                   (why.empty() ? "there is no such device" : why) +
                                   "; `lithify devices` lists what there is");
}

std::unique_ptr<backend_world> make_backend(const world_config& config, const std::string& device) {
  const std::string name = resolve_device(device);
  if (name == "cpu") {
    return on_cpu::make_device_world(config, 0);
  }
  int ordinal = 0;
  std::from_chars(name.data() + 5, name.data() + name.size(), ordinal);
  return make_cuda(config, ordinal);
}

}  // namespace lithify::engine
