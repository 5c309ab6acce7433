/// The program `lithify`: parses the command line, runs one command, turns errors into one line on
/// stderr and an exit code (command.hpp). What cannot be written to stdout is an error, too.
#include "command.hpp"
#include "lithify/base/names.hpp"
#include "lithify/io/checkpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>

namespace {

using lithify::cli::program;
namespace exit_code = lithify::cli::exit_code;

int fail(const std::string& text, int code) {
  lithify::cli::say("lithify: " + text);
  return code;
}

int fail_output(const std::string& why) {
  return fail(
      "standard output cannot be written: " + why + "; what the command wrote to files is complete",
      exit_code::out_of_resources);
}

/// A descriptor that the caller closed would be given to the next file that is opened, and what is
/// printed would land there. It gets a place-holder that refuses instead.
void reserve_standard_descriptors() {
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(standard, F_GETFD) < 0 && errno == EBADF) {
      (void)::open("/dev/null", standard == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

/// What a command returned, unless what it printed is lost.
int printed(int code) {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  const int why = errno;
  if (flushed && std::ferror(stdout) == 0) {
    return code;
  }
  const int failed = fail_output(why != 0 ? std::strerror(why) : "earlier output was lost");
  return code > exit_code::recovered ? code : failed;
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

/// What is wrong where the first word is meant for a command and names none; else nothing.
std::string no_command(const program& p, const std::string& word) {
  std::vector<std::string> commands;
  for (const CLI::App* command : p.app.get_subcommands({})) {
    commands.push_back(command->get_name());
  }
  const bool known = std::find(commands.begin(), commands.end(), word) != commands.end();
  return known || word.empty() || word.front() == '-'
             ? ""
             : "there is no command '" + word + "'" + lithify::name_hint(word, commands);
}

int parse_and_run(program& p, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  const std::string wrong_word = no_command(p, word);
  if (!wrong_word.empty()) {  // asked first: with --help it would give that of the program
    return fail(wrong_word + "; see 'lithify --help'", exit_code::bad_input);
  }
  try {
    p.app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return p.app.exit(asked);  // --help, --version
  } catch (const CLI::ParseError& wrong) {
    return fail(std::string(wrong.what()) + "; see '" + chosen(p) + " --help'",
                exit_code::bad_input);
  }
  return p.action();
}

int run(program& p, int argc, char** argv) {
  try {
    return parse_and_run(p, argc, argv);
  } catch (const lithify::error& e) {
    return fail(e.what(), lithify::cli::exit_code_of(e.code()));
  } catch (const std::bad_alloc&) {
    return fail("out of host memory; use a smaller region or a machine with more",
                exit_code::out_of_resources);
  } catch (const std::filesystem::filesystem_error& e) {
    return fail("cannot use '" + e.path1().string() + "': " + e.code().message(),
                exit_code::bad_input);
  } catch (const std::system_error& e) {
    if (std::ferror(stdout) != 0) {
      return fail_output(e.code().message());
    }
    const bool short_of = e.code() == std::errc::resource_unavailable_try_again ||
                          e.code() == std::errc::not_enough_memory;
    return short_of ? fail(std::string("out of threads or memory: ") + e.what() +
                               "; use fewer threads or a smaller region",
                           exit_code::out_of_resources)
                    : fail(std::string("internal error: ") + e.what() + "; please report it",
                           exit_code::internal);
  } catch (const std::exception& e) {
    return fail(std::string("internal error: ") + e.what() + "; please report it",
                exit_code::internal);
  }
}

}  // namespace

int main(int argc, char** argv) {
  reserve_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a write past `ulimit -f` fails then, as on a full disk
  lithify::io::keep_hdf5_from_exit();
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
  lithify::cli::add_diff(p);
  lithify::cli::add_devices(p);
  lithify::cli::refuse_empty_values(p.app);
  return printed(run(p, argc, argv));
}
