/// The program `lithify`: parses the command line, runs one command, turns errors into one line on
/// stderr and an exit code (command.hpp).
#include "command.hpp"
#include "lithify/engine/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <new>

namespace {

using lithify::cli::program;
namespace exit_code = lithify::cli::exit_code;

/// One line, whatever was in the text.
int fail(std::string text, int code) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  fmt::print(stderr, "lithify: {}\n", text);
  return code;
}

std::string typed(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) {
    line += (i == 0 ? "" : " ") + std::string(argv[i]);
  }
  return line;
}

/// The command that was being parsed, for the hint.
std::string chosen(const program& p) {
  const auto commands = p.app.get_subcommands();
  return commands.empty() ? "lithify" : "lithify " + commands.front()->get_name();
}

/// What is wrong with the words typed.
std::string usage_error(const program& p, const CLI::ParseError& wrong, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (!p.app.get_subcommands().empty() || word.empty() || word.front() == '-') {
    return wrong.what();
  }
  std::vector<std::string> commands;
  for (const CLI::App* command : p.app.get_subcommands({})) {
    commands.push_back(command->get_name());
  }
  return "there is no command '" + word + "'; did you mean '" +
         lithify::engine::nearest_name(word, commands) + "'?";
}

int run(program& p, int argc, char** argv) {
  try {
    p.app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return p.app.exit(asked);  // --help, --version
  } catch (const CLI::ParseError& wrong) {
    return fail(usage_error(p, wrong, argc, argv) + "; see '" + chosen(p) + " --help'",
                exit_code::bad_input);
  }
  try {
    return p.action();
  } catch (const lithify::error& e) {
    return fail(e.what(), lithify::cli::exit_code_of(e.code()));
  } catch (const std::bad_alloc&) {
    return fail("out of host memory; use a smaller region or a machine with more",
                exit_code::out_of_resources);
  } catch (const std::exception& e) {
    return fail(std::string("internal error: ") + e.what() + "; please report it",
                exit_code::internal);
  }
}

}  // namespace

int main(int argc, char** argv) {
  program p;
  p.command_line = typed(argc, argv);
  p.app.name("lithify");
  p.app.set_version_flag("--version", std::string("lithify ") + LITHIFY_VERSION);
  p.app.set_help_flag("-h,--help", "Show this help and exit");
  p.app.require_subcommand(1);
  p.app.footer(
      "Exit codes: 0 ok, 1 done with recovery or warnings, 2 bad input or usage, 3 unsupported\n"
      "version, 4 out of resources, 5 internal.\n\n"
      "Example: lithify run scripts/scenarios/demo.toml --out out/demo");
  lithify::cli::add_run(p);
  lithify::cli::add_check(p);
  lithify::cli::add_import(p);
  lithify::cli::add_render(p);
  lithify::cli::add_info(p);
  lithify::cli::add_verify(p);
  lithify::cli::add_digest(p);
  lithify::cli::add_query(p);
  lithify::cli::add_devices(p);
  return run(p, argc, argv);
}
