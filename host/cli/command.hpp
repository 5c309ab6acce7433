/// What the commands of the program share: how they are added, fail and report.
///
/// Each command adds a subcommand and leaves an action behind; main runs the chosen one. Errors are
/// `lithify::error`s: main prints one line and turns the code into an exit code.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/base/fixed_point.hpp"
#include "lithify/base/types.hpp"
#include "lithify/io/checkpoint.hpp"
#include "progress_text.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace lithify::cli {

namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int recovered = 1;  ///< done, with recovery or warnings
inline constexpr int bad_input = 2;
inline constexpr int unsupported_version = 3;
inline constexpr int out_of_resources = 4;
inline constexpr int internal = 5;
}  // namespace exit_code

[[nodiscard]] int exit_code_of(errc code);

/// What main hands to the commands and gets back from the chosen one.
struct program {
  CLI::App app{"Voxel geology on CPU and GPU: erodes, uplifts and measures real terrain."};
  std::string command_line;     ///< as typed
  std::function<int()> action;  ///< of the command that was chosen
};

void add_run(program& p);
void add_check(program& p);
void add_import(program& p);
void add_render(program& p);
void add_info(program& p);
void add_verify(program& p);
void add_digest(program& p);
void add_query(program& p);
void add_diff(program& p);
void add_devices(program& p);

/// "lithify 0.1.0: COMMAND LINE", for files.
[[nodiscard]] std::string provenance(const program& p);

/// Whole numbers separated by commas; `names` says how many and what they are ("X,Y,Z").
/// Errors: invalid_argument, naming the option.
[[nodiscard]] std::vector<std::int64_t> parse_numbers(const std::string& text,
                                                      const std::string& option,
                                                      const std::string& names);
/// "X,Y,Z". Errors: invalid_argument, outside_region past 32 bits.
[[nodiscard]] voxel parse_voxel(const std::string& text, const std::string& option);

/// Adds an option that takes a whole number in decimal, from `low` to `high`.
CLI::Option* add_whole(CLI::App& command,
                       const std::string& name,
                       const std::string& description,
                       std::int64_t low,
                       std::int64_t high,
                       std::function<void(std::int64_t)> take);

/// What a number on the command line may be; `low` itself only if it is not `above_low`.
struct real_range {
  double low;
  double high;
  bool above_low = false;
};
/// Adds an option that takes a finite number in a range.
CLI::Option* add_real(CLI::App& command,
                      const std::string& name,
                      const std::string& description,
                      real_range range,
                      std::function<void(double)> take);

/// Adds `--progress`. `mode` outlives the command.
void add_progress(CLI::App& command, progress_mode& mode);

/// Makes every option of every command refuse an empty text: a variable of a script that was never
/// set must not read as "not given".
void refuse_empty_values(CLI::App& app);

/// Blanks for the control characters of a text that a file gave: they could end the line or steer
/// the terminal.
[[nodiscard]] std::string printable(std::string text);

/// Prints a line on stderr: one line whatever was in the text, and no error where nobody listens.
void say(const std::string& text);

/// The end of a command that wrote a file: what the writer gave of it is a warning, if anything.
[[nodiscard]] int done_with(const std::string& remark);

/// Refuses a file that cannot be written, before any work is done for it: what is there must be a
/// plain file, and none of `inputs` (empty names are not given). Errors: io_failure.
void require_writable(const std::filesystem::path& file, std::initializer_list<std::string> inputs);

/// The first bytes of a file, zeros past its end.
[[nodiscard]] std::string start_of(const std::filesystem::path& file, std::size_t bytes);

/// Whether a file is of some kind.
using kind_test = std::function<bool(const std::filesystem::path&)>;
[[nodiscard]] kind_test begins_with(std::string_view signature);
/// Refuses a plain file that is there already, is not empty and is no `kind`: what a command writes
/// goes in the place of its own kind alone. Errors: io_failure.
void require_own_kind(const std::filesystem::path& file,
                      const std::string& kind,
                      const kind_test& is_kind);

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(int128 value);
/// "1,000 voxels" for a region of 10 x 10 x 10: up to 2^63 of them.
[[nodiscard]] std::string voxels_text(const region_size& size);
/// 3.2 GiB and the like.
[[nodiscard]] std::string bytes_text(std::size_t bytes);

}  // namespace lithify::cli
