// Consolidations that passes ask for: when, whose strategy, and what starts the count anew.
#include "pass_overlays.hpp"

#include "lithify/base/error.hpp"

#include <gtest/gtest.h>

namespace lithify::engine {
namespace {

class pass_overlays_test : public testing::Test {
 protected:
  pass_overlays_test() {
    rules_.pass_overlays["talus"] = {100, consolidation_strategy::all};
    rules_.pass_overlays["diffusion"] = {10, consolidation_strategy::lazy_threshold};
  }

  static world_config config() {
    world_config c;
    c.size = {32, 32, 32};
    c.overlay.threshold = 1'000'000;
    return c;
  }

  /// A batch, so that there is something to consolidate, and the report of a step.
  void step(std::int64_t talus, std::int64_t diffusion, std::int64_t boundary = 0) {
    overlays_.before_step(w_);
    w_.commit(std::vector<voxel_edit>{{{next_++, 1, 1}, 7}});
    step_report report;
    report.passes.resize(3);
    report.passes[0].pass = "talus";
    report.passes[0].deltas = talus;
    report.passes[1].pass = "diffusion";
    report.passes[1].deltas = diffusion;
    report.passes[2].pass = "boundary";
    report.passes[2].deltas = boundary;
    overlays_.after_step(w_, report);
  }
  [[nodiscard]] std::int64_t done() const { return w_.statistics().consolidations; }
  [[nodiscard]] std::int64_t pending() const { return w_.statistics().overlay_slots; }

  scenario rules_;
  world w_ = world::create(config(), "cpu");
  pass_overlays overlays_{rules_};
  std::int32_t next_ = 0;
};

TEST_F(pass_overlays_test, starts_one_when_a_pass_reaches_its_threshold) {
  step(99, 9, 1000);
  EXPECT_EQ(done(), 0) << "one short, both of them; the boundary is no pass";
  step(0, 1);
  EXPECT_EQ(done(), 1) << "ten in two steps";
  step(99, 9);
  EXPECT_EQ(done(), 1) << "all counts begin anew";
  step(1, 0);
  EXPECT_EQ(done(), 2);
}

TEST_F(pass_overlays_test, uses_the_strategy_of_the_first_pass_that_reaches_its_own) {
  for (int i = 0; i < 3; ++i) {
    step(0, 0);
  }
  step(0, 10);
  EXPECT_EQ(pending(), 2) << "lazy: the newer half of four tables stays";
  step(100, 10);
  EXPECT_EQ(pending(), 0) << "all";
  EXPECT_EQ(done(), 2) << "one a step";
}

TEST_F(pass_overlays_test, counts_from_the_last_consolidation_whoever_asked_for_it) {
  step(0, 9);
  w_.consolidate();
  step(0, 9);
  EXPECT_EQ(done(), 1);
  step(0, 1);
  EXPECT_EQ(done(), 2);
}

TEST_F(pass_overlays_test, leaves_a_lack_of_memory_to_the_next_step) {
  step(0, 9);
  world_config tight = config();
  tight.memory_limit_bytes = w_.statistics().peak_device_bytes;  // the batch fits, no brick does
  w_ = world::create(tight, "cpu");
  next_ = 0;
  EXPECT_NO_THROW(step(0, 10));
  EXPECT_EQ(done(), 0);
  EXPECT_EQ(pending(), 1) << "the batch stands";
  EXPECT_THROW(w_.consolidate(), error) << "there was no memory indeed";
}

TEST_F(pass_overlays_test, sees_every_consolidation_of_others) {
  for (int i = 1; i <= 3; ++i) {
    step(0, 9);
    EXPECT_EQ(done(), i - 1) << "nine are one short, however often";
    w_.consolidate();
  }
}

TEST_F(pass_overlays_test, starts_one_a_step_by_the_first_of_the_steps_order) {
  for (int i = 0; i < 3; ++i) {
    step(0, 0);
  }
  w_.commit(std::vector<voxel_edit>{{{next_++, 1, 1}, 7}});
  step_report report;
  report.passes.resize(2);
  report.passes[0].pass = "diffusion";
  report.passes[0].deltas = 10;
  report.passes[1].pass = "talus";
  report.passes[1].deltas = 100;
  overlays_.after_step(w_, report);
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(pending(), 2) << "lazy; the second one's would leave none";
}

TEST_F(pass_overlays_test, sees_what_the_world_consolidated_in_the_step) {
  world_config small = config();
  small.overlay = {6, consolidation_strategy::lazy_threshold};
  w_ = world::create(small, "cpu");
  next_ = 0;
  step(0, 0);
  step(60, 0);
  for (int i = 0; i < 4; ++i) {
    w_.commit(std::vector<voxel_edit>{{{next_++, 1, 1}, 7}});
  }
  ASSERT_EQ(done(), 0);
  overlays_.before_step(w_);
  w_.commit(std::vector<voxel_edit>{{{next_++, 1, 1}, 7}});
  ASSERT_EQ(done(), 1) << "the world's own threshold";
  ASSERT_GT(pending(), 0);
  step_report report;
  report.passes.resize(1);
  report.passes[0].pass = "talus";
  report.passes[0].deltas = 40;
  overlays_.after_step(w_, report);
  EXPECT_EQ(done(), 1) << "what it merged counts no more";
}

TEST_F(pass_overlays_test, leaves_only_a_lack_of_memory_alone) {
  step(0, 9);
  step_report report;
  report.passes.resize(1);
  report.passes[0].pass = "diffusion";
  report.passes[0].deltas = 1;
  int refused = 0;
  (void)w_.consolidate(consolidation_strategy::all, [&](const char*) {
    try {
      overlays_.after_step(w_, report);  // one at a time
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
      ++refused;
    }
  });
  EXPECT_GT(refused, 0);
}

TEST(pass_overlays, of_a_scenario_without_them_never_start_one) {
  world_config c;
  c.size = {8, 8, 8};
  c.overlay.threshold = 1'000'000;
  world w = world::create(c, "cpu");
  w.commit(std::vector<voxel_edit>{{{1, 1, 1}, 7}});
  const scenario rules;
  pass_overlays overlays(rules);
  step_report report;
  report.passes.resize(1);
  report.passes[0].pass = "talus";
  report.passes[0].deltas = 1'000'000;
  overlays.before_step(w);
  overlays.after_step(w, report);
  EXPECT_EQ(w.statistics().consolidations, 0);
}

}  // namespace
}  // namespace lithify::engine
