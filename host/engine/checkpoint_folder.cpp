#include "checkpoint_folder.hpp"

#include "lithify/base/error.hpp"

#include <algorithm>
#include <charconv>
#include <new>

namespace lithify::engine {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "checkpoint-";
constexpr std::string_view suffix = ".h5";
constexpr std::string_view unfinished_suffix = ".tmp";  // what io writes before it renames
constexpr std::string_view broken_suffix = ".broken";
constexpr std::string_view earlier_suffix = ".earlier";

/// The step in a checkpoint's file name, or nothing if it is another file.
std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
      name.size() < prefix.size() + 8 + suffix.size()) {
    return std::nullopt;
  }
  std::int64_t step = 0;
  const char* const end = name.data() + name.size() - suffix.size();
  const auto [stop, failed] = std::from_chars(name.data() + prefix.size(), end, step);
  return failed == std::errc() && stop == end && step >= 0 ? std::optional(step) : std::nullopt;
}

bool contains(const std::vector<std::int64_t>& steps, std::int64_t step) {
  return std::find(steps.begin(), steps.end(), step) != steps.end();
}

/// Renames a file so that none takes it for what it was. The line begins with a verb.
set_aside_outcome set_aside(const fs::path& file, std::string_view ending) {
  fs::path aside = file;
  aside += ending;
  std::error_code ignored;
  const bool replaces = fs::is_regular_file(aside, ignored);
  std::error_code failed;
  fs::rename(file, aside, failed);
  if (failed) {
    return {false, "cannot be set aside as '" + aside.string() + "' (" + failed.message() + ")"};
  }
  return {true,
          "set aside as '" + aside.string() + (replaces ? "', in the place of an older one" : "'")};
}

}  // namespace

std::string without_ending(std::string name) {
  for (const std::string_view end : {unfinished_suffix, broken_suffix, earlier_suffix}) {
    if (name.ends_with(end)) {
      name.resize(name.size() - end.size());
      break;
    }
  }
  return name;
}

bool has_checkpoint_name(const std::string& name) {
  return step_of(without_ending(name)).has_value();
}

// A range-for would step on with the operator that throws.
std::vector<fs::path> files_in(const fs::path& folder, std::error_code& failed) {
  std::vector<fs::path> files;
  for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    files.push_back(at->path());
  }
  return files;
}

set_aside_outcome set_aside_earlier(const fs::path& file, const std::string& whose) {
  set_aside_outcome outcome = set_aside(file, earlier_suffix);
  outcome.line =
      "'" + file.string() + "' of " + whose + " " + outcome.line +
      (outcome.done
           ? ""
           : "; it stays until the run writes a file of that name: move it away to keep it");
  return outcome;
}

fs::path checkpoint_folder::name(std::int64_t step) const {
  std::string digits = std::to_string(step);
  digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
  return folder_ / (std::string(prefix) + digits + std::string(suffix));
}

std::vector<checkpoint_folder::entry> checkpoint_folder::list() const {
  std::vector<entry> found;
  std::error_code failed;
  for (const fs::path& file : files_in(folder_, failed)) {
    if (const auto step = step_of(file.filename().string())) {
      found.push_back({*step, file});
    }
  }
  require(!failed, errc::not_found,
          "folder '" + folder_.string() + "' cannot be read: " + failed.message());
  std::sort(found.begin(), found.end(),
            [](const entry& a, const entry& b) { return a.step > b.step; });
  return found;
}

std::optional<checkpoint_folder::loaded> checkpoint_folder::newest(
    const std::function<void(const std::string&)>& warn) const {
  const std::vector<entry> all = list();
  std::vector<std::int64_t> passed_over;
  for (const entry& e : all) {
    try {
      return loaded{io::read_checkpoint(e.file), e.file, std::move(passed_over)};
    } catch (const error& broken) {
      if (broken.code() != errc::corrupt_file && broken.code() != errc::io_failure &&
          broken.code() != errc::not_found) {  // a link to nothing
        throw;
      }
      std::string aside;
      if (broken.code() == errc::corrupt_file) {
        aside = set_aside(e.file, broken_suffix).line + "; ";
      } else {
        passed_over.push_back(e.step);  // it may be whole, or another user's: it keeps its name
      }
      warn(std::string(broken.what()) + "; " + aside + "falling back to an older checkpoint");
    }
  }
  require(all.empty(), errc::corrupt_file,
          "no checkpoint in '" + folder_.string() + "' can be read; " +
              (passed_over.empty() ? "" : "mend what keeps the program from reading them, or ") +
              "start afresh without --resume");
  return std::nullopt;
}

std::string checkpoint_folder::set_aside_unreadable(std::int64_t step) const {
  const fs::path file = name(step);
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(file, failed))) {  // a link to nothing is there
    return "";
  }
  try {
    (void)io::read_summary(file);
    return "";
  } catch (const error& unreadable) {
    if (unreadable.code() == errc::out_of_memory) {
      return "";  // it may well be whole
    }
    const set_aside_outcome outcome = set_aside(file, broken_suffix);
    const std::string line = std::string(unreadable.what()) + "; " + outcome.line;
    require(outcome.done, errc::io_failure, line + " and is not overwritten: move it away");
    return line;
  } catch (const std::bad_alloc&) {
    return "";
  }
}

void checkpoint_folder::remove_unfinished() const {
  std::error_code ignored;  // a file too many harms nobody
  for (const fs::path& file : files_in(folder_, ignored)) {
    const std::string name = file.filename().string();
    if (name.ends_with(unfinished_suffix) && has_checkpoint_name(name) &&
        fs::is_regular_file(file, ignored)) {
      fs::remove(file, ignored);
    }
  }
}

void checkpoint_folder::prune(std::int64_t step,
                              std::int64_t keep,
                              std::int64_t keep_every,
                              const std::vector<std::int64_t>& spared) const {
  std::int64_t kept = 0;
  for (const entry& e : list()) {
    if (contains(spared, e.step)) {
      continue;
    }
    const bool marked = keep_every > 0 && e.step % keep_every == 0;
    if (e.step <= step && ++kept > keep && !marked) {
      std::error_code ignored;  // an old checkpoint too many harms nobody
      fs::remove(e.file, ignored);
    }
  }
}

std::vector<set_aside_outcome> checkpoint_folder::set_aside_checkpoints(
    std::int64_t step, bool another, const std::vector<std::int64_t>& spared) const {
  std::vector<set_aside_outcome> outcomes;
  for (const entry& e : list()) {
    if ((e.step > step && !contains(spared, e.step)) || (another && e.step < step)) {
      outcomes.push_back(set_aside_earlier(e.file));
    }
  }
  return outcomes;
}

}  // namespace lithify::engine
