/// The example scenarios in full: what each of them shows, in what its run left behind.
///
/// LITHIFY_TEST_SCENARIOS names a folder that holds their output folders; without it the tests are
/// skipped. `scripts/nightly --only scenarios` runs the scenarios, then these.
#include "lithify/base/angles.hpp"
#include "lithify/engine/drainage.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/scenario.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace lithify::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What full runs have to reach. Chosen, beside what a run gave where that is said.
constexpr double steady = 0.02;         // mountain_range: mean erosion beside uplift
constexpr double concavity = 0.02;      // the same: theta of the fit beside m
constexpr double climbed_m = 3000.0;    // canyon: how far north a valley reaches; 3.6 km
constexpr double still_steep_m = 0.01;  // scree: what the last step's sweeps may leave; 0.7 mm
constexpr double crept_m = 0.25;        // the same: what creep, after them, may steepen; 0.13 m
constexpr std::array demo_erosion_m_per_yr = {2e-4, 4e-4};  // 2.85e-4, of an uplift of 5e-4
constexpr double graded = 0.15;      // demo: what its rivers cut beside uplift; 0.92 in the median
constexpr double river_m2 = 1e6;     // the same: what a river drains
constexpr int demo_steps_back = 50;  // the same: between the last two checkpoints

/// A scenario and what its run left.
struct full_run {
  scenario asked;
  fs::path folder;
  json summary;
  std::vector<std::map<std::string, std::string>> series;

  explicit full_run(const std::string& name)
      : asked(read_scenario(fs::path(LITHIFY_TEST_SOURCE_DIR) / "scripts/scenarios" /
                            (name + ".toml"))),
        folder(fs::path(std::getenv("LITHIFY_TEST_SCENARIOS")) / name),
        summary(json::parse(test::read_file(folder / "summary.json"))) {
    std::istringstream lines(test::read_file(folder / "series.csv"));
    std::string header;
    std::getline(lines, header);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream names(header), values(line);
      auto& row = series.emplace_back();
      for (std::string key, value; std::getline(names, key, ',');) {
        std::getline(values, value, ',');
        row[key] = value;
      }
    }
  }
  [[nodiscard]] double last(const std::string& column) const {
    return std::stod(series.at(series.size() - 1).at(column));
  }
  [[nodiscard]] json line(const std::string& pass) const {
    for (const json& each : summary["passes"]) {
      if (each["pass"] == pass) {
        return each;
      }
    }
    return json::object();
  }
  [[nodiscard]] io::checkpoint end(std::int64_t steps_back = 0) const {
    std::string step = std::to_string(asked.steps - steps_back);
    step.insert(0, 8 - step.size(), '0');
    return io::read_checkpoint(folder / ("checkpoint-" + step + ".h5"));
  }
  template <class Parameters>
  [[nodiscard]] Parameters parameters() const {
    for (const pass_config& pass : asked.passes) {
      if (const auto* found = std::get_if<Parameters>(&pass)) {
        return *found;
      }
    }
    throw std::logic_error("the scenario has no such pass");
  }
};

class scenarios : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("LITHIFY_TEST_SCENARIOS") == nullptr) {
      GTEST_SKIP() << "LITHIFY_TEST_SCENARIOS names no folder of full runs";
    }
  }
};

TEST_F(scenarios, went_to_their_ends_and_their_books_close) {
  int found = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(LITHIFY_TEST_SOURCE_DIR) / "scripts/scenarios")) {
    if (entry.path().extension() != ".toml") {
      continue;
    }
    SCOPED_TRACE(entry.path().stem());
    const full_run run(entry.path().stem());
    EXPECT_EQ(run.summary["steps"], run.asked.steps);
    EXPECT_EQ(run.summary["budget"]["residual"], "0");
    EXPECT_GT(run.summary["deltas_emitted"], 0);
    EXPECT_EQ(run.summary["warnings"], json::array());
    EXPECT_EQ(run.series.empty(), run.asked.series_every == 0);
    for (const auto& row : run.series) {
      EXPECT_EQ(row.at("residual_quanta"), "0") << "step " << row.at("step");
    }
    ++found;
  }
  EXPECT_GE(found, 5);
}

// Erosion balances uplift, and slopes follow S = (U / K) A^-m.
TEST_F(scenarios, mountain_range_is_steady) {
  const full_run run("mountain_range");
  const double uplift = run.parameters<uplift_parameters>().rate_m_per_yr;
  const auto river = run.parameters<stream_power_parameters>();
  EXPECT_NEAR(run.last("mean_erosion_m_per_yr") / uplift, 1.0, steady);
  const io::checkpoint end = run.end();
  const world w = make_world(end, run.asked.overlay, run.asked.passes, "cpu");
  const slope_area_fit fit = fit_slope_area(
      {w.config().size, w.config().geometry, w.simulation().frame_offset, w.surface()},
      w.drainage());
  EXPECT_NEAR(fit.theta, river.m, concavity);
  const double erodibility = run.asked.materials[*run.asked.materials.find("rock")].erodibility;
  for (std::size_t i = 0; i < fit.area_m2.size(); ++i) {
    const double law = uplift / (river.k * erodibility) * std::pow(fit.area_m2[i], -river.m);
    EXPECT_NEAR(fit.slope[i] / law, 1.0, 0.1) << "at " << fit.area_m2[i] << " m2";
  }
}

// Base level is 100 m in the south and the plateau 700 m: a row that a valley has reached lies
// lower than half way.
TEST_F(scenarios, canyon_climbs) {
  const full_run run("canyon");
  EXPECT_GT(std::stod(run.line("stream_power").value("exported", "0")), 0.0);
  for (const auto& row : run.series) {
    EXPECT_GT(std::stod(row.at("mean_erosion_m_per_yr")), 0.0) << "step " << row.at("step");
  }
  const io::checkpoint end = run.end();
  const std::vector<double> z = elevations(surface_of(end), end.geometry, end.state.frame_offset);
  const std::int64_t nx = end.voxels.size.x;
  const auto head = std::find_if(z.rbegin(), z.rend(), [](double h) { return h < 400.0; });
  const std::int64_t row = (z.rend() - head - 1) / nx;
  EXPECT_GT(static_cast<double>(row) * end.geometry.cell_size_m, climbed_m);
}

/// By how many metres a cell must fall at most for all its faces to stand: to its rock's angle, and
/// to sediment's as far as its sediment goes. Held columns give nothing.
double largest_excess_m(const io::checkpoint& at) {
  const std::vector<std::int64_t> height = surface_of(at);
  const auto rocks = find_field(at.columns, "rock_material").as<std::uint16_t>();
  const auto whole = find_field(at.columns, "n_loose").as<std::int32_t>();
  const auto ledger = find_field(at.columns, "sediment").as<std::int64_t>();
  const auto held = find_field(at.columns, "boundary_height").as<std::int64_t>();
  const double loose_solid = at.materials[sediment].solid_quanta();
  const std::int64_t nx = at.voxels.size.x, ny = at.voxels.size.y;
  double most = 0.0;
  for (std::int64_t c = 0; c < nx * ny; ++c) {
    const auto i = static_cast<std::size_t>(c);
    if (held[i] != std::numeric_limits<std::int64_t>::min()) {
      continue;
    }
    const double loose =
        (whole[i] + static_cast<double>(ledger[i]) / loose_solid) * at.geometry.voxel_height_m;
    for (std::int64_t y = std::max<std::int64_t>(c / nx - 1, 0); y <= c / nx + 1 && y < ny; ++y) {
      for (std::int64_t x = std::max<std::int64_t>(c % nx - 1, 0); x <= c % nx + 1 && x < nx; ++x) {
        const auto n = static_cast<std::size_t>(y * nx + x);
        const double drop = std::ldexp(static_cast<double>(height[i] - height[n]), -20) *
                            at.geometry.voxel_height_m;
        const bool slant = x != c % nx && y != c / nx;
        const double run = at.geometry.cell_size_m * (slant ? std::sqrt(2.0) : 1.0);
        const auto over = [&](material_id m) {
          return drop - tangent_of_degrees(at.materials[m].repose_deg) * run;
        };
        const double by_rock = over(rocks[i]);
        const double excess =
            loose > 0.0 ? std::min(over(sediment), std::max(loose, by_rock)) : by_rock;
        most = n == i ? most : std::max(most, excess);
      }
    }
  }
  return most;
}

TEST_F(scenarios, scree_stands) {
  const full_run run("scree");
  const double reported = run.line("talus").value("largest_excess_m", 1e9);
  EXPECT_LT(reported, still_steep_m);
  EXPECT_GT(run.line("talus").value("deltas", 0), 0);
  const double left = largest_excess_m(run.end());
  RecordProperty("largest_excess_m", std::to_string(left));
  EXPECT_LT(left, reported + crept_m);
}

TEST_F(scenarios, demo_goes_on_eroding) {
  const full_run run("demo");
  EXPECT_GT(run.last("mean_erosion_m_per_yr"), demo_erosion_m_per_yr[0]);
  EXPECT_LT(run.last("mean_erosion_m_per_yr"), demo_erosion_m_per_yr[1]);
  for (const char* pass : {"stream_power", "diffusion", "talus"}) {
    EXPECT_GT(run.line(pass).value("deltas", 0), 0) << pass;
  }
}

// Heights are those in the rising rock's frame, so that they fall by what is cut.
TEST_F(scenarios, demo_rivers_keep_up_with_uplift) {
  const full_run run("demo");
  const io::checkpoint end = run.end();
  const std::vector<std::int64_t> before = surface_of(run.end(demo_steps_back));
  const std::vector<std::int64_t> now = surface_of(end);
  const auto held = find_field(end.columns, "boundary_height").as<std::int64_t>();
  const world w = make_world(end, run.asked.overlay, run.asked.passes, "cpu");
  const std::vector<std::int64_t> area = w.drainage().area;
  const double cell_m2 = end.geometry.cell_size_m * end.geometry.cell_size_m;
  std::vector<double> cut_m;
  for (std::size_t c = 0; c < now.size(); ++c) {
    if (static_cast<double>(area[c]) * cell_m2 >= river_m2 &&
        held[c] == std::numeric_limits<std::int64_t>::min()) {
      cut_m.push_back(std::ldexp(static_cast<double>(before[c] - now[c]), -20) *
                      end.geometry.voxel_height_m);
    }
  }
  ASSERT_GT(cut_m.size(), 1000U);
  const auto middle = cut_m.begin() + static_cast<std::ptrdiff_t>(cut_m.size() / 2);
  std::nth_element(cut_m.begin(), middle, cut_m.end());
  const double rose_m =
      run.parameters<uplift_parameters>().rate_m_per_yr * run.asked.step_yr * demo_steps_back;
  EXPECT_NEAR(*middle / rose_m, 1.0, graded);
}

}  // namespace
}  // namespace lithify::engine
