// The same bits whatever the order of work, and after a process that died inside a consolidation.
#include "lithify/device/threads.hpp"
#include "lithify/device/work_order.cuh"
#include "lithify/engine/import.hpp"
#include "program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>

namespace {

using lithify::test::outcome;
using lithify::test::process;
using lithify::test::temporary_folder;
using lithify::test::write_small_world;
using nlohmann::json;

TEST(run_exactness, does_not_depend_on_the_order_of_work) {
  const temporary_folder folder;
  const std::string every_pass = std::string(LITHIFY_TEST_SOURCE_DIR) + "/tests/golden/gorge.toml";
  for (const std::string& file : {write_small_world(folder, 40, 24), every_pass}) {
    SCOPED_TRACE(file);
    const auto s = lithify::engine::read_scenario(file);
    const auto digest_with = [&](std::uint64_t seed) {
      lithify::device::work_order::set_seed(seed);
      lithify::world w =
          lithify::engine::make_world(lithify::engine::read_columns(s.world, s.materials),
                                      s.materials, s.overlay, s.passes, "cpu");
      for (int i = 0; i < 4; ++i) {
        w.step(s.step_yr);
      }
      lithify::device::work_order::set_seed(0);
      return w.state_digest();
    };
    const lithify::digest128 in_order = digest_with(0);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      EXPECT_EQ(digest_with(seed), in_order) << "work order seed " << seed;
    }
  }
}

// Enough columns for every thread, and all passes.
TEST(run_exactness, does_not_depend_on_the_number_of_threads) {
  const temporary_folder folder;
  const std::string file = write_small_world(folder, 230, 170);
  const std::vector<std::string> all_passes = {
      "passes.order=['uplift', 'stream_power', 'diffusion', 'talus']", "passes.stream_power.k=1e-4",
      "passes.talus.max_sweeps=20"};
  const auto s = lithify::engine::read_scenario(file, all_passes);
  const auto digest_with = [&](int threads) {
    std::vector<lithify::digest128> digests;
    lithify::device::with_threads(threads, [&] {
      lithify::world w =
          lithify::engine::make_world(lithify::engine::read_columns(s.world, s.materials),
                                      s.materials, s.overlay, s.passes, "cpu");
      for (int i = 0; i < 4; ++i) {
        w.step(s.step_yr);
        digests.push_back(w.state_digest());
      }
    });
    return digests;
  };
  const std::vector<lithify::digest128> one = digest_with(1);
  for (const int threads : {2, 16, 0}) {
    EXPECT_EQ(digest_with(threads), one) << threads << " threads";
  }
}

// What a batch does depends on its writes alone, not on the order in which they come: every voxel
// is written once, and then the last of its writes stays the last.
TEST(run_exactness, does_not_depend_on_the_order_of_a_batch) {
  const temporary_folder folder;
  const auto s = lithify::engine::read_scenario(write_small_world(folder));
  std::mt19937_64 random(5);
  std::vector<std::vector<lithify::voxel_edit>> batches(4);
  for (auto& batch : batches) {
    for (int x = 1; x < 15; ++x) {
      for (int y = 1; y < 11; ++y) {
        const auto z = static_cast<std::int32_t>(5 + random() % 14);
        batch.push_back({{x, y, z}, static_cast<lithify::material_id>(random() % 9)});
      }
    }
  }
  const auto digest = [&] {
    lithify::world w =
        lithify::engine::make_world(lithify::engine::read_columns(s.world, s.materials),
                                    s.materials, s.overlay, s.passes, "cpu");
    for (const auto& batch : batches) {
      w.commit(batch);
      w.step(s.step_yr);
    }
    return w.state_digest();
  };
  const lithify::digest128 in_order = digest();
  for (int shuffle = 0; shuffle < 5; ++shuffle) {
    for (auto& batch : batches) {
      std::shuffle(batch.begin(), batch.end(), random);
    }
    EXPECT_EQ(digest(), in_order) << "shuffle " << shuffle;
  }
  for (auto& batch : batches) {  // older writes of the same voxels, anywhere before
    std::vector<lithify::voxel_edit> longer;
    for (const lithify::voxel_edit& e : batch) {
      longer.push_back({e.at, static_cast<lithify::material_id>(random() % 9)});
    }
    std::shuffle(longer.begin(), longer.end(), random);
    longer.insert(longer.end(), batch.begin(), batch.end());
    batch = longer;
  }
  EXPECT_EQ(digest(), in_order);
}

json run(const std::string& scenario, const std::string& out, std::vector<std::string> more) {
  std::vector<std::string> words = {"run", scenario, "--out", out, "--json", "--progress", "never"};
  words.insert(words.end(), more.begin(), more.end());
  const outcome done = lithify::test::lithify(words);
  EXPECT_EQ(done.code, 0) << done.err;
  return json::parse(done.out);
}

// A consolidation is stopped after each of its steps, the world that is left goes into a
// checkpoint, and a new process goes on from it.
TEST(run_exactness, goes_on_from_any_step_of_a_consolidation) {
  const temporary_folder folder;
  const std::string scenario = write_small_world(folder);
  const std::string helper =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "stop_in_consolidation")
          .string();
  const json whole = run(scenario, (folder / "whole").string(), {});
  int stopped = 0;
  for (int step = 0;; ++step) {
    const std::string out = (folder / ("part" + std::to_string(step))).string();
    run(scenario, out, {"--steps", "3"});
    const outcome done = process({scenario, out, std::to_string(step)}, helper).finish();
    const json resumed = run(scenario, out, {"--resume", "auto"});
    EXPECT_EQ(resumed["first_step"], 5);
    EXPECT_EQ(resumed["digest"], whole["digest"]) << "stopped after step " << step;
    EXPECT_EQ(resumed["budget"], whole["budget"]);
    if (done.code == 0) {
      break;
    }
    ASSERT_EQ(done.code, 7) << done.err;
    ++stopped;
  }
  EXPECT_GE(stopped, 5) << "a consolidation has more steps than that";
}

// One quantum too many or too few in one cell, under right checksums and digests: the books see it.
TEST(run_exactness, one_quantum_in_one_cell_ends_the_run) {
  const temporary_folder folder;
  const std::string scenario = write_small_world(folder);
  const std::string out = (folder / "out").string();
  run(scenario, out, {"--steps", "2"});
  const lithify::io::checkpoint good =
      lithify::io::read_checkpoint(out + "/checkpoint-00000002.h5");
  for (const int wrong : {1, -1}) {
    lithify::io::checkpoint broken = good;
    for (lithify::field& f : broken.columns) {
      if (f.name == "sediment") {
        const auto ledgers = f.as<std::int64_t>();
        *std::find_if(ledgers.begin(), ledgers.end(), [](std::int64_t q) { return q > 0; }) +=
            wrong;
      }
    }
    broken.digest = lithify::engine::digest_of(broken, "cpu");
    const std::string file = (folder / ("broken" + std::to_string(wrong) + ".h5")).string();
    lithify::io::write_checkpoint(file, broken);
    const outcome done = lithify::test::lithify(
        {"run", scenario, "--out", out, "--resume", file, "--progress", "never"});
    EXPECT_EQ(done.code, 5);
    EXPECT_NE(done.err.find("residual of " + std::to_string(-wrong) + " quanta at step 2"),
              std::string::npos)
        << done.err;
  }
}

// The tick is no part of the digest; a step's is its number, another batch may have come with any.
TEST(run_exactness, goes_on_with_the_tick_of_its_newest_batch) {
  const temporary_folder folder;
  const std::string scenario = write_small_world(folder);
  const std::string out = (folder / "out").string();
  const auto checkpoint_at = [&](int step) {
    return out + "/checkpoint-0000000" + std::to_string(step) + ".h5";
  };
  run(scenario, out, {"--steps", "2"});
  lithify::io::checkpoint data = lithify::io::read_checkpoint(checkpoint_at(2));
  EXPECT_EQ(data.state.tick, 2);
  data.state.tick = 77;
  const std::string edited = (folder / "edited.h5").string();
  lithify::io::write_checkpoint(edited, data);
  run(scenario, out, {"--resume", edited, "--steps", "2"});
  EXPECT_EQ(lithify::io::read_checkpoint(checkpoint_at(2)).state.tick, 77);
  run(scenario, out, {"--resume", edited, "--steps", "3"});
  EXPECT_EQ(lithify::io::read_checkpoint(checkpoint_at(3)).state.tick, 3);

  const std::string over = (folder / "over.toml").string();
  lithify::test::write_file(over,
                            "[world]\ncheckpoint = 'edited.h5'\n[run]\nsteps = 0\n"
                            "step_yr = 100\n[passes.uplift]\n");
  run(over, out, {});
  EXPECT_EQ(lithify::io::read_checkpoint(checkpoint_at(0)).state.tick, 0) << "a run of its own";
}

TEST(run_exactness, a_checkpoint_says_what_run_it_is_of) {
  const temporary_folder folder;
  const std::string scenario = write_small_world(folder);
  const std::string out = (folder / "out").string();
  const json summary = run(scenario, out, {"--steps", "2", "--set", "run.seed=42"});
  const std::string file = out + "/checkpoint-00000002.h5";
  lithify::io::checkpoint data = lithify::io::read_checkpoint(file);
  EXPECT_EQ(data.state.step, 2);
  EXPECT_EQ(data.state.time_yr, 200.0);
  EXPECT_EQ(data.state.random_key, 42U);
  EXPECT_TRUE(data.scenario.starts_with(lithify::test::small_scenario)) << data.scenario;
  EXPECT_TRUE(data.scenario.ends_with("# run.seed=42\n")) << data.scenario;
  EXPECT_NE(data.provenance.find("--steps 2"), std::string::npos) << data.provenance;
  EXPECT_EQ(lithify::to_decimal(data.state.budget.exported), summary["budget"]["exported"]);
  EXPECT_EQ(lithify::to_decimal(data.state.budget.stored_at_start),
            summary["budget"]["stored_at_start"]);
  EXPECT_EQ(lithify::to_string(data.digest), summary["digest"]);

  // Another digest than its content has, under right checksums: not resumed.
  data.digest.low ^= 1;
  lithify::io::write_checkpoint(file, data);
  const outcome done = lithify::test::lithify(
      {"run", scenario, "--out", out, "--resume", file, "--progress", "never"});
  EXPECT_EQ(done.code, 2);
  EXPECT_NE(done.err.find("its content has state digest"), std::string::npos) << done.err;
}

}  // namespace
