// The demo's books, at every one of its steps.
#include "lithify/engine/import.hpp"

#include <gtest/gtest.h>

namespace {

TEST(demo, its_budget_closes_to_the_quantum_at_every_step) {
  const auto s = lithify::engine::read_scenario(std::string(LITHIFY_TEST_SOURCE_DIR) +
                                                "/scripts/scenarios/demo.toml");
  lithify::world w = lithify::engine::make_world(
      lithify::engine::read_columns(s.world, s.materials), s.materials, s.overlay, s.passes, "cpu");
  lithify::int128 stored = w.stored();
  std::int64_t deltas = 0;
  for (std::int64_t step = 1; step <= s.steps; ++step) {
    const lithify::step_report report = w.step(s.step_yr);
    lithify::int128 moved = report.edited;
    for (const lithify::pass_budget& pass : report.passes) {
      moved += pass.in - pass.out - pass.exported;
    }
    const lithify::int128 now = w.stored();
    ASSERT_EQ(lithify::to_decimal(now - stored), lithify::to_decimal(moved)) << "step " << step;
    stored = now;
    deltas += report.deltas;
  }
  EXPECT_GT(deltas, 100000);
}

}  // namespace
