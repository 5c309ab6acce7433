#include "command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>

namespace lithify::cli {

int exit_code_of(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::outside_region:
    case errc::not_found:
    case errc::corrupt_file:
    case errc::io_failure:
    case errc::out_of_range:
      return exit_code::bad_input;
    case errc::unsupported_version:
      return exit_code::unsupported_version;
    case errc::out_of_memory:
    case errc::out_of_space:
      return exit_code::out_of_resources;
    case errc::device_failure:
    case errc::internal:
      break;
  }
  return exit_code::internal;
}

std::string provenance(const program& p) {
  return std::string("lithify ") + LITHIFY_VERSION + ": " + p.command_line;
}

std::vector<std::int64_t> parse_numbers(const std::string& text,
                                        const std::string& option,
                                        const std::string& names) {
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool good = !text.empty();
  while (good) {
    std::int64_t value = 0;
    const auto [stop, failed] = std::from_chars(at, end, value);
    good = failed == std::errc() && (stop == end || (*stop == ',' && stop + 1 != end));
    numbers.push_back(value);
    if (stop == end) {
      break;
    }
    at = stop + 1;
  }
  const std::size_t wanted =
      static_cast<std::size_t>(std::count(names.begin(), names.end(), ',')) + 1;
  require(good && numbers.size() == wanted, errc::invalid_argument,
          option + ": '" + text + "' must be whole numbers " + names);
  return numbers;
}

voxel parse_voxel(const std::string& text, const std::string& option) {
  const std::vector<std::int64_t> n = parse_numbers(text, option, "X,Y,Z");
  const std::string refusal = option + ": '" + text + "' is outside every region";
  for (const std::int64_t c : n) {
    require(c >= std::numeric_limits<std::int32_t>::min() &&
                c <= std::numeric_limits<std::int32_t>::max(),
            errc::outside_region, refusal);
  }
  return {static_cast<std::int32_t>(n[0]), static_cast<std::int32_t>(n[1]),
          static_cast<std::int32_t>(n[2])};
}

CLI::Option* add_whole(CLI::App& command,
                       const std::string& name,
                       const std::string& description,
                       std::int64_t low,
                       std::int64_t high,
                       std::function<void(std::int64_t)> take) {
  const auto read = [=, take = std::move(take)](const std::string& text) {
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    if (failed != std::errc() || stop != end || value < low || value > high) {
      throw CLI::ValidationError(
          name, fmt::format("'{}' must be a whole number from {} to {}", text, low, high));
    }
    take(value);
  };
  return command.add_option_function<std::string>(name, read, description)->type_name("INT");
}

CLI::Option* add_real(CLI::App& command,
                      const std::string& name,
                      const std::string& description,
                      real_range range,
                      std::function<void(double)> take) {
  const auto read = [=, take = std::move(take)](const std::string& text) {
    double value = 0.0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    // Written so that a number that is none (nan) fails.
    const bool inside =
        (range.above_low ? value > range.low : value >= range.low) && value <= range.high;
    if (failed != std::errc() || stop != end || !inside) {
      throw CLI::ValidationError(
          name, fmt::format("'{}' must be a number {}{} to {}", text,
                            range.above_low ? "above " : "from ", range.low, range.high));
    }
    take(value);
  };
  return command.add_option_function<std::string>(name, read, description)->type_name("FLOAT");
}

void add_progress(CLI::App& command, progress_mode& mode) {
  const auto take = [&mode](const std::string& word) {
    mode = word == "always"  ? progress_mode::always
           : word == "never" ? progress_mode::never
                             : progress_mode::automatic;
  };
  command
      .add_option_function<std::string>("--progress", take,
                                        "On stderr: auto (after a second of work), always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

void refuse_empty_values(CLI::App& app) {
  const auto not_empty = [](const std::string& text) {
    return text.empty() ? std::string("the value is empty") : std::string();
  };
  for (CLI::App* const command : app.get_subcommands({})) {
    for (CLI::Option* const option : command->get_options()) {
      if (option->get_items_expected_max() > 0) {
        option->check(not_empty);
      }
    }
  }
}

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

void say(const std::string& text) {
  const std::string line = printable(text) + '\n';
  (void)std::fputs(line.c_str(), stderr);
}

int done_with(const std::string& remark) {
  if (remark.empty()) {
    return exit_code::ok;
  }
  say("lithify: warning: " + remark);
  return exit_code::recovered;
}

void require_writable(const std::filesystem::path& file,
                      std::initializer_list<std::string> inputs) {
  std::error_code failed;
  require(!std::filesystem::is_directory(file, failed), errc::io_failure,
          "'" + file.string() + "' is a folder; give a file name");
  // A rename would put a file in the place of a device.
  require(!std::filesystem::exists(file, failed) || std::filesystem::is_regular_file(file, failed),
          errc::io_failure, "'" + file.string() + "' is not a plain file; choose another");
  for (const std::string& input : inputs) {
    require(input.empty() || !std::filesystem::equivalent(file, input, failed), errc::io_failure,
            "'" + file.string() + "' is also read by this command; choose another output");
  }
  const std::filesystem::path folder =
      file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  require(std::filesystem::is_directory(folder, failed), errc::io_failure,
          "folder '" + folder.string() + "' does not exist; create it or choose another");
  const bool writable = ::access(folder.c_str(), W_OK) == 0;
  const int why = errno;
  require(writable, errc::io_failure,
          "folder '" + folder.string() + "' cannot be written: " + std::strerror(why) +
              "; choose another");
}

std::string start_of(const std::filesystem::path& file, std::size_t bytes) {
  std::string start(bytes, '\0');
  std::ifstream(file, std::ios::binary).read(start.data(), static_cast<std::streamsize>(bytes));
  return start;
}

kind_test begins_with(std::string_view signature) {
  return [signature](const std::filesystem::path& file) {
    return start_of(file, signature.size()) == signature;
  };
}

void require_own_kind(const std::filesystem::path& file,
                      const std::string& kind,
                      const kind_test& is_kind) {
  std::error_code failed;
  const bool in_the_way =
      std::filesystem::is_regular_file(file, failed) && !std::filesystem::is_empty(file, failed);
  require(!in_the_way || is_kind(file), errc::io_failure,
          "'" + file.string() + "' is there already and is no " + kind + "; choose another output");
}

std::string grouped(int128 value) {
  std::string digits = to_decimal(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string voxels_text(const region_size& size) {
  return grouped(int128{size.columns()} * size.z) + " voxels";
}

std::string bytes_text(std::size_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024.0 && unit + 1 < units.size(); ++unit) {
    value /= 1024.0;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace lithify::cli
