#include "lithify/passes/pass_types.hpp"

namespace lithify {

const char* pass_name(const pass_config& pass) {
  struct namer {
    const char* operator()(const uplift_parameters&) const { return "uplift"; }
    const char* operator()(const diffusion_parameters&) const { return "diffusion"; }
    const char* operator()(const stream_power_parameters&) const { return "stream_power"; }
    const char* operator()(const talus_parameters&) const { return "talus"; }
  };
  return std::visit(namer{}, pass);
}

}  // namespace lithify
