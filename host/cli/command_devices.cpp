/// `lithify devices`: what worlds can live on.
#include "command.hpp"
#include "lithify/engine/devices.hpp"

#include <fmt/format.h>

namespace lithify::cli {

void add_devices(program& p) {
  CLI::App* const c = p.app.add_subcommand("devices", "List the devices that runs can use");
  c->footer("Example: lithify devices");
  c->callback([&p] {
    p.action = [] {
      for (const engine::device_info& d : engine::list_devices()) {
        if (d.usable) {
          fmt::print("{:<8} {}, {}\n", d.name, d.description, bytes_text(d.memory_bytes));
        } else {
          fmt::print("{:<8} not available: {}\n", d.name, d.why);
        }
      }
      fmt::print("auto     {}\n", engine::resolve_device("auto"));
      return exit_code::ok;
    };
  });
}

}  // namespace lithify::cli
