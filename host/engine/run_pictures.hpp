/// The pictures that a run leaves. One that fails is a warning.
#pragma once

#include "lithify/engine/pictures.hpp"
#include "lithify/engine/scenario.hpp"
#include "lithify/world.hpp"
#include "records.hpp"
#include "run_messages.hpp"
#include "run_start.hpp"

#include <filesystem>
#include <vector>

namespace lithify::engine {

class run_pictures {
 public:
  run_pictures(const scenario& s, const std::filesystem::path& folder, run_messages& messages)
      : scenario_(s), folder_(folder), messages_(messages) {}

  /// Keeps the surface that the run started from, also where this process did not, for the pictures
  /// that need it. Before the first step.
  void keep_start(const run_start& from);
  /// Draws what the scenario asks for, after the last step.
  void draw(const world& w, const run_records& records);

  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  [[nodiscard]] bool wants(picture p) const;
  template <class F>
  void save(picture p, F&& image);

  const scenario& scenario_;
  const std::filesystem::path& folder_;
  run_messages& messages_;
  relief before_;
  bool goes_on_here_ = false;  // what an earlier process drew of the start holds
  std::vector<std::filesystem::path> files_;
};

}  // namespace lithify::engine
