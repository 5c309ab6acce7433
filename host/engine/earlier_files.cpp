#include "earlier_files.hpp"

#include "lithify/base/error.hpp"
#include "lithify/engine/run.hpp"

#include <algorithm>
#include <string>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

constexpr const char* maps_folder = "fields";

/// Whether a run gives its maps such a name: `<step, 8 digits or more>.nc` or `.tif`.
bool is_map_name(const fs::path& name) {
  const std::string step = name.stem().string();
  return (name.extension() == ".nc" || name.extension() == ".tif") && step.size() >= 8 &&
         step.find_first_not_of("0123456789") == std::string::npos;
}

/// Names of records in the folder itself.
std::vector<std::string> record_names() {
  std::vector<std::string> names = {"summary.json", "series.csv"};
  for (const char* const word : picture_words) {
    names.push_back(std::string(word) + ".png");
  }
  return names;
}

std::vector<fs::path> records_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const std::string& name : record_names()) {
    files.push_back(folder / name);
  }
  std::error_code none;  // without maps there is no such folder
  std::vector<fs::path> maps;
  for (const fs::path& file : files_in(folder / maps_folder, none)) {
    if (is_map_name(file.filename())) {
      maps.push_back(file);
    }
  }
  std::sort(maps.begin(), maps.end());
  files.insert(files.end(), maps.begin(), maps.end());
  return files;
}

bool is_own_name(const fs::path& file, const fs::path& folder) {
  const std::string name = without_ending(file.filename().string());
  const std::vector<std::string> names = record_names();
  if (file.parent_path() == folder / maps_folder) {
    return is_map_name(name);
  }
  return file.parent_path() == folder &&
         (has_checkpoint_name(name) || name == maps_folder ||
          std::find(names.begin(), names.end(), name) != names.end());
}

}  // namespace

fs::path place_of(const fs::path& file) {
  std::error_code failed;
  fs::path at = file;
  // weakly_canonical leaves a link that leads to nothing; who writes makes the file behind it.
  constexpr int most_links = 40;  // as Linux has it
  for (int i = 0; i < most_links && fs::is_symlink(at, failed); ++i) {
    at = at.parent_path() / fs::read_symlink(at, failed);
  }
  const fs::path inside = at / "x";  // whatever the name ends in
  const fs::path found = fs::weakly_canonical(fs::absolute(inside, failed), failed);
  return (failed ? inside.lexically_normal() : found).parent_path();
}

// By its name as given, which a rename takes away, and by the file that links lead to.
bool is_run_file(const fs::path& file, const fs::path& folder) {
  const fs::path out = place_of(folder);
  const fs::path behind_links = place_of(file);
  const fs::path as_given = place_of(file.parent_path()) / file.filename();
  return behind_links == out || is_own_name(behind_links, out) || is_own_name(as_given, out);
}

void require_spared(const scenario& s, const fs::path& folder) {
  const fs::path& file = s.world.checkpoint;
  require(file.empty() || !is_run_file(file, folder), errc::invalid_argument,
          "world.checkpoint '" + file.string() + "' is in the output folder '" + folder.string() +
              "', where the run would replace or remove it; choose another with --out");
}

void require_places(const scenario& s, const fs::path& folder) {
  std::error_code ignored;
  const auto require_place = [&](const fs::path& file, bool good, const std::string& is) {
    require(good, errc::invalid_argument,
            "'" + file.string() + "' is " + is +
                ": move it away, or choose another output folder with --out");
  };
  std::vector<const char*> files = {"summary.json"};
  if (s.series_every > 0) {
    files.push_back("series.csv");
  }
  for (const char* const name : files) {
    require_place(folder / name, !fs::is_directory(folder / name, ignored),
                  "a folder, where the run writes a file");
  }
  const fs::path maps = folder / maps_folder;
  require_place(
      maps, s.fields_every == 0 || !fs::exists(maps, ignored) || fs::is_directory(maps, ignored),
      "a file, where the run makes a folder of maps");
}

std::vector<set_aside_outcome> set_aside_records(const fs::path& folder,
                                                 std::span<const fs::path> inputs) {
  std::vector<set_aside_outcome> outcomes;
  for (const fs::path& file : records_in(folder)) {
    std::error_code failed;
    const bool read = std::any_of(inputs.begin(), inputs.end(), [&](const fs::path& input) {
      return fs::equivalent(file, input, failed);
    });
    if (!read && fs::is_regular_file(file, failed)) {
      outcomes.push_back(set_aside_earlier(file));
    }
  }
  return outcomes;
}

}  // namespace lithify::engine
