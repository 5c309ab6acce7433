#include "earlier_files.hpp"

#include "checkpoint_folder.hpp"
#include "lithify/engine/scenario.hpp"

#include <algorithm>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

/// Whether a run gives its maps such a name: `<step, 8 digits or more>.nc` or `.tif`.
bool is_map_name(const fs::path& name) {
  const std::string step = name.stem().string();
  return (name.extension() == ".nc" || name.extension() == ".tif") && step.size() >= 8 &&
         step.find_first_not_of("0123456789") == std::string::npos;
}

std::vector<fs::path> records_in(const fs::path& folder) {
  std::vector<fs::path> files = {folder / "summary.json", folder / "series.csv"};
  for (const char* const word : picture_words) {
    files.push_back(folder / (std::string(word) + ".png"));
  }
  std::error_code none;  // without maps there is no such folder
  std::vector<fs::path> maps;
  for (const fs::directory_entry& e : fs::directory_iterator(folder / "fields", none)) {
    if (is_map_name(e.path().filename())) {
      maps.push_back(e.path());
    }
  }
  std::sort(maps.begin(), maps.end());
  files.insert(files.end(), maps.begin(), maps.end());
  return files;
}

}  // namespace

std::vector<std::string> set_aside_records(const fs::path& folder,
                                           std::span<const fs::path> inputs) {
  std::vector<std::string> done;
  for (const fs::path& file : records_in(folder)) {
    std::error_code failed;
    const bool read = std::any_of(inputs.begin(), inputs.end(), [&](const fs::path& input) {
      return fs::equivalent(file, input, failed);
    });
    if (!read && fs::is_regular_file(file, failed)) {
      done.push_back("'" + file.string() + "' of an earlier run " + set_aside_earlier(file));
    }
  }
  return done;
}

}  // namespace lithify::engine
