/// Scenarios with random parameters, inside and outside their ranges, as a user runs them: refused
/// with a typed error that leaves nothing behind, or run without losing a quantum or making a NaN.
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/run.hpp"
#include "program.hpp"
#include "seeds.hpp"
#include "test_device.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>

namespace lithify {
namespace {

/// Draws values as TOML: mostly in a range, every order of magnitude alike, and now and then odd.
class drawing {
 public:
  drawing(std::uint64_t seed, unsigned odd_one_in) : random_(seed), one_in_(odd_one_in) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }

  [[nodiscard]] std::string number(double low, double high) {
    static const std::array<const char*, 14> odd = {
        "0.0",  "-0.0", "-1e-9",  "-1",  "1e300", "-1e300", "inf",
        "-inf", "nan",  "5e-324", "1e9", "0",     "-7",     "9223372036854775807"};
    if (below(one_in_) == 0) {
      return odd[below(odd.size())];
    }
    const double share = static_cast<double>(below(1U << 20)) / (1U << 20);
    std::ostringstream text;
    text.precision(17);
    text << std::scientific << low * std::pow(high / low, share);
    return text.str();
  }
  [[nodiscard]] std::string whole(std::uint64_t high) {
    return below(one_in_) == 0 ? std::array{"-1", "1000001", "0", "2.5"}[below(4)]
                               : std::to_string(below(high + 1));
  }

 private:
  std::mt19937_64 random_;
  unsigned one_in_;
};

std::string drawn_scenario(drawing& draw) {
  std::ostringstream text;
  text << "[world]\ndem = 'dem.asc'\nvoxel_height_m = " << draw.number(0.2, 8.0)
       << "\nbasement_m = 60\nheadroom_m = 60\n";
  static const std::array<const char*, 3> kinds = {"open", "closed", "looped"};
  text << "[world.sides]\n";
  const char* const x = kinds[draw.below(3)];
  const char* const y = kinds[draw.below(3)];
  text << "west = '" << x << "'\neast = '" << x << "'\nsouth = '" << y << "'\nnorth = '"
       << (draw.below(9) == 0 ? "looped" : y) << "'\n";
  text << "[[world.layer]]\nmaterial = 'soil'\nthickness_m = 1.5\n"
          "[[world.layer]]\nmaterial = 'clay'\nbase_elevation_m = 41\ndip_deg = 5\n"
          "dip_direction_deg = 90\n[[world.layer]]\nmaterial = 'granite'\n";
  for (const char* name : {"soil", "clay", "granite", "sediment"}) {
    text << "[[material]]\nname = '" << name << "'\nerodibility = " << draw.number(1e-3, 1e3)
         << "\nrepose_deg = " << draw.number(1.0, 89.0) << "\nporosity = " << draw.number(0.01, 0.9)
         << '\n';
    if (draw.below(2) == 0) {
      text << "diffusivity_m2_per_yr = " << draw.number(1e-4, 1.0) << '\n';
    }
  }
  text << "[run]\nsteps = 3\nstep_yr = " << draw.number(0.1, 1e4) << "\n[passes]\norder = [";
  std::array<const char*, 4> passes = {"uplift", "stream_power", "diffusion", "talus"};
  for (std::size_t i = 4; i > 1; --i) {
    std::swap(passes[i - 1], passes[draw.below(i)]);
  }
  for (const char* pass : passes) {
    text << "'" << pass << "', ";
  }
  text << "]\n[passes.uplift]\nrate_m_per_yr = " << (draw.below(3) == 0 ? "-" : "")
       << draw.number(1e-6, 1e-2) << "\n[passes.stream_power]\nk = " << draw.number(1e-9, 1e2)
       << "\nm = " << draw.number(0.05, 2.0)
       << "\n[passes.diffusion]\ndiffusivity_m2_per_yr = " << draw.number(1e-4, 1.0)
       << "\n[passes.talus]\nmax_sweeps = " << draw.whole(200)
       << "\n[overlay]\nthreshold = 300\n[output]\npictures = []\nseries_every = 1\n";
  return text.str();
}

struct silent : engine::run_observer {
  void note(const std::string&) override {}
  void warn(const std::string&) override {}
  engine::run_request after_step(const engine::run_progress&) override {
    return engine::run_request::go_on;
  }
};

bool refusal(errc code) {
  return code == errc::invalid_argument || code == errc::out_of_range ||
         code == errc::out_of_memory;
}

class scenario_property : public testing::Test {
 protected:
  /// Runs a drawn scenario step by step in the open, then as `lithify run` does.
  void run_drawn(std::uint64_t seed, unsigned odd_one_in) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    drawing draw(seed, odd_one_in);
    test::write_file(folder_ / "dem.asc", test::hills(9 + static_cast<int>(draw.below(8)), 11));
    test::write_file(folder_ / "s.toml", drawn_scenario(draw));
    try {
      const engine::scenario s = engine::read_scenario(folder_ / "s.toml");
      ++accepted_;
      steps(s);
      if (seed % 4 == 0) {  // checkpoints wait for the disk
        run(s);
      }
    } catch (const error& e) {
      EXPECT_TRUE(refusal(e.code())) << e.what();  // `internal` is a budget that does not close
    }
  }

  void run(const engine::scenario& s) {
    engine::run_options options;
    options.device = test::test_device();
    options.out = folder_ / "out";
    options.measure_every_step = true;
    silent nobody;
    const engine::run_summary summary = engine::run(s, options, nobody);
    EXPECT_TRUE(summary.residual == 0);
    for (const pass_budget& line : summary.passes) {
      EXPECT_TRUE(std::isfinite(line.largest_excess_m)) << line.pass;
    }
    const std::string series = test::read_file(folder_ / "out" / "series.csv");
    EXPECT_EQ(series.find("nan"), std::string::npos) << series;
    EXPECT_EQ(series.find("inf"), std::string::npos) << series;
    ++run_;
  }

  void steps(const engine::scenario& s) {
    world w = engine::make_world(engine::read_columns(s.world, s.materials), s.materials, s.overlay,
                                 s.passes, test::test_device(), s.world.sides);
    for (int i = 0; i < 3; ++i) {
      const int128 stored = w.stored();
      const digest128 before = w.state_digest();
      try {
        const step_report report = w.step(s.step_yr);
        int128 moved = 0;
        for (const pass_budget& line : report.passes) {
          moved += line.in - line.out - line.exported;
          EXPECT_TRUE(line.in >= 0 && line.out >= 0 && line.exported >= 0) << line.pass;
          EXPECT_TRUE(std::isfinite(line.largest_excess_m) && line.largest_excess_m >= 0.0);
          EXPECT_TRUE(std::isfinite(line.stable_dt_yr)) << line.pass;
        }
        EXPECT_TRUE(w.stored() - stored == moved);
      } catch (const error& e) {
        EXPECT_TRUE(refusal(e.code())) << e.what();
        EXPECT_EQ(w.state_digest(), before) << "a refused step changed the world";
        EXPECT_TRUE(w.stored() == stored);
        return;
      }
    }
  }

  test::temporary_folder folder_;
  int accepted_ = 0, run_ = 0;
};

TEST_F(scenario_property, parameters_in_their_ranges_lose_nothing) {
  for (const std::uint64_t seed : test::seeds(1, 60)) {
    run_drawn(seed, 1U << 30);
  }
  EXPECT_GT(accepted_, 40);
  EXPECT_GT(run_, 5);
}

TEST_F(scenario_property, parameters_outside_are_refused_or_lose_nothing) {
  for (const std::uint64_t seed : test::seeds(1001, 1150)) {
    run_drawn(seed, 25);
  }
  EXPECT_GT(accepted_, 10);
  EXPECT_LT(accepted_, 140) << "some are refused";
  EXPECT_GT(run_, 1);
}

}  // namespace
}  // namespace lithify
