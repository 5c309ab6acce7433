// `lithify diff`, and what `lithify run` writes for it.
#include "lithify/engine/compare.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/trace_files.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using lithify::test::write_small_world;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class diff_command : public testing::Test {
 protected:
  [[nodiscard]] std::string in(const std::string& name) const { return (folder / name).string(); }

  /// Runs the small scenario into the folder `name`, with digests beside it.
  outcome run(const std::string& name, std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"run",        scenario, "--device",  "cpu",
                                      "--out",      in(name), "--digests", in(name + ".digests"),
                                      "--progress", "never",  "-q"};
    words.insert(words.end(), more.begin(), more.end());
    return lithify(words);
  }
  static outcome diff(std::vector<std::string> words, int code) {
    words.insert(words.begin(), "diff");
    outcome done = lithify(words);
    EXPECT_EQ(done.code, code) << done.out << done.err;
    EXPECT_LE(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    return done;
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder, 140, 12);
};

TEST_F(diff_command, finds_equal_runs_equal) {
  ASSERT_EQ(run("a").code, 0);
  ASSERT_EQ(
      run("b", {"--threads", "1", "--checkpoint-every", "3", "--set", "overlay.threshold=1000000"})
          .code,
      0);
  const outcome first = diff({"--first", in("a.digests"), in("b.digests")}, 0);
  EXPECT_EQ(first.out, "equal             after steps 0 to 6\n");
  EXPECT_THAT(first.err, HasSubstr("not the same text"));
  const outcome state = diff({in("a/checkpoint-00000006.h5"), in("b/checkpoint-00000006.h5")}, 0);
  EXPECT_THAT(state.out, StartsWith("equal             step 6, digest "));
}

TEST_F(diff_command, follows_a_resumed_run) {
  ASSERT_EQ(run("a").code, 0);
  ASSERT_EQ(run("b", {"--steps", "4"}).code, 0);
  EXPECT_EQ(diff({"--first", in("a.digests"), in("b.digests")}, 0).out,
            "equal             after steps 0 to 4\nlonger            " + in("a.digests") + "\n");
  ASSERT_EQ(run("b", {"--resume", "auto"}).code, 0);
  EXPECT_EQ(diff({"--first", in("a.digests"), in("b.digests")}, 0).out,
            "equal             after steps 4 to 6\n");
}

TEST_F(diff_command, names_where_a_parameter_begins_to_show) {
  ASSERT_EQ(run("a", {"--dump", "1:diffusion:0,0", in("a.dump")}).code, 0);
  ASSERT_EQ(run("b", {"--dump", "1:diffusion:0,0", in("b.dump"), "--set",
                      "passes.diffusion.diffusivity_m2_per_yr=0.0500001"})
                .code,
            0);
  const outcome first = diff({"--first", in("a.digests"), in("b.digests")}, 1);
  EXPECT_THAT(first.out, StartsWith("they part at      step 1, pass diffusion "));
  EXPECT_THAT(first.out,
              HasSubstr("\nsediment          chunk 0,0 is the first of 2 that differ\n"));
  EXPECT_THAT(first.out, HasSubstr("--steps 1 --dump 1:diffusion:0,0 FILE"));
  const outcome cell = diff({in("a.dump"), in("b.dump")}, 1);
  EXPECT_THAT(cell.out, StartsWith("cell "));
  EXPECT_THAT(cell.out, HasSubstr("cells differ in chunk 0,0 after step 1, pass diffusion"));

  // Uplift is a moving frame: it shows there, and nowhere else before the boundary.
  ASSERT_EQ(run("c", {"--set", "passes.uplift.rate_m_per_yr=2.5e-3"}).code, 0);
  const outcome frame = diff({"--first", in("a.digests"), in("c.digests")}, 1);
  EXPECT_THAT(frame.out, StartsWith("they part at      step 1, pass uplift "));
  EXPECT_THAT(frame.out, HasSubstr("\nframe "));
  EXPECT_THAT(frame.out, Not(HasSubstr("--dump")));
}

TEST_F(diff_command, says_in_what_checkpoints_differ) {
  ASSERT_EQ(run("a").code, 0);
  ASSERT_EQ(run("b", {"--set", "passes.diffusion.diffusivity_m2_per_yr=0.5"}).code, 0);
  const outcome d = diff({in("a/checkpoint-00000006.h5"), in("b/checkpoint-00000006.h5")}, 1);
  EXPECT_THAT(d.out, StartsWith("column field "));
  EXPECT_THAT(d.out, HasSubstr("column field 'sediment': cell ("));
  EXPECT_THAT(d.out, HasSubstr("cells differ\n"));
  EXPECT_THAT(d.out, HasSubstr("\nvoxels: ("));
  EXPECT_THAT(d.out, HasSubstr("\nbudget, "));
  const outcome steps = diff({in("a/checkpoint-00000004.h5"), in("a/checkpoint-00000006.h5")}, 1);
  EXPECT_THAT(steps.out, StartsWith("step: 4 and 6\ntime_yr: 400 and 600\nframe offset: "));
}

TEST_F(diff_command, finds_one_voxel_and_one_cell) {
  ASSERT_EQ(run("a", {"--steps", "1"}).code, 0);
  const lithify::io::checkpoint data = lithify::io::read_checkpoint(in("a/checkpoint-00000001.h5"));
  EXPECT_TRUE(lithify::engine::differences(data, data).empty());
  lithify::io::checkpoint other = data;
  // The last two cells of the second chunk, and one of the first that comes later in cell order.
  lithify::field& sediment = other.columns[4];
  ASSERT_EQ(sediment.name, "sediment");
  ++sediment.as<std::int64_t>()[5 * 140 + 139];
  --sediment.as<std::int64_t>()[6 * 140 + 1];
  lithify::world w = lithify::engine::make_world(data, "cpu");
  const lithify::voxel first{135, 7, 3};
  const std::string was = data.materials[w.current().material(first)].name;
  w.commit(std::vector<lithify::voxel_edit>{{{139, 11, 2}, 0}, {first, 1}, {{135, 7, 4}, 1}});
  w.consolidate();
  other.voxels = w.current().image();
  ++other.state.budget.edited;
  const std::vector<std::string> lines = lithify::engine::differences(data, other);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], StartsWith("column field 'sediment': cell (139, 5) holds "));
  EXPECT_THAT(lines[0], HasSubstr("; 2 cells differ"));
  EXPECT_EQ(lines[1], "voxels: (135, 7, 3) is " + was + " and " + data.materials[1].name +
                          "; 3 voxels differ");
  EXPECT_EQ(lines[2], "budget, edited: 0 and 1");
}

TEST_F(diff_command, names_every_part_of_the_state) {
  ASSERT_EQ(run("a", {"--steps", "1"}).code, 0);
  const lithify::io::checkpoint data = lithify::io::read_checkpoint(in("a/checkpoint-00000001.h5"));
  lithify::io::checkpoint other = data;
  ++other.state.frame_remainder;
  ++other.state.random_key;
  ++other.state.random_counter;
  other.sides.west = lithify::side_kind::closed;
  other.columns.push_back(data.columns[0]);
  other.columns.back().name = "more";
  ++other.state.budget.stored_at_start;
  const std::vector<std::string> lines = lithify::engine::differences(data, other);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_THAT(lines[0], StartsWith("frame remainder: "));
  EXPECT_EQ(lines[1], "random key: 0 and 1");
  EXPECT_EQ(lines[2], "random counter: 0 and 1");
  EXPECT_EQ(lines[3], "kinds of sides");
  EXPECT_EQ(lines[4], "column field 'more': only the second file has it");
  EXPECT_THAT(lines[5], StartsWith("budget, stored at start: "));
}

TEST_F(diff_command, of_two_regions_is_refused) {
  ASSERT_EQ(run("a", {"--steps", "1"}).code, 0);
  ASSERT_EQ(run("b", {"--steps", "1", "--set", "world.voxel_height_m=0.5"}).code, 0);
  const outcome digests = diff({"--first", in("a.digests"), in("b.digests")}, 2);
  EXPECT_THAT(digests.err, HasSubstr("regions"));
  EXPECT_EQ(digests.out, "");
  EXPECT_THAT(diff({in("a/checkpoint-00000001.h5"), in("b/checkpoint-00000001.h5")}, 2).err,
              HasSubstr("two regions"));
}

TEST_F(diff_command, says_what_it_cannot_compare) {
  ASSERT_EQ(run("a", {"--steps", "1", "--dump", "1:end:1,0", in("a.dump")}).code, 0);
  const std::string checkpoint = in("a/checkpoint-00000001.h5");
  EXPECT_THAT(diff({in("a.digests"), in("a.digests")}, 2).err, HasSubstr("diff --first"));
  EXPECT_THAT(diff({in("a.dump"), checkpoint}, 2).err, HasSubstr("not of one kind"));
  EXPECT_THAT(diff({checkpoint, in("a.dump")}, 2).err, HasSubstr("not of one kind"));
  EXPECT_THAT(diff({"--first", checkpoint, checkpoint}, 2).err, HasSubstr("--digests"));
  EXPECT_THAT(diff({checkpoint, in("nothing")}, 2).err, HasSubstr("nothing"));
  EXPECT_THAT(diff({"--first", in("a.digests"), in("nothing")}, 2).err, HasSubstr("nothing"));
  write_file(folder / "empty", "");
  EXPECT_THAT(diff({checkpoint, in("empty")}, 2).err, HasSubstr("empty"));
  EXPECT_THAT(diff({"--first", in("empty"), in("a.digests")}, 2).err, HasSubstr("empty"));
  write_file(folder / "part", read_file(folder / "a.digests").substr(0, 700));
  EXPECT_THAT(diff({"--first", in("part"), in("a.digests")}, 2).err, HasSubstr("cut off"));
  EXPECT_EQ(diff({in("a.dump"), in("a.dump")}, 0).out.substr(0, 5), "equal");
  EXPECT_THAT(read_file(folder / "a.dump"), HasSubstr("\ncell x y voxels\n128 0 "));
}

TEST_F(diff_command, what_a_run_cannot_note_down_is_refused_before_it) {
  const auto refused = [&](const std::vector<std::string>& words, const std::string& why) {
    const outcome done = run("r", words);
    EXPECT_EQ(done.code, 2) << done.out;
    EXPECT_THAT(done.err, HasSubstr(why));
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    EXPECT_FALSE(std::filesystem::exists(folder / "r" / "checkpoint-00000000.h5"));
    EXPECT_FALSE(std::filesystem::exists(folder / "d"));
  };
  for (const char* place : {"1:diffusion", "diffusion:1:0,0", "1:diffusion:0", "1:diffusion:0,0,0",
                            "x:diffusion:0,0", "1::0,0"}) {
    refused({"--dump", place, in("d")}, "--dump");
  }
  refused({"--dump", "1:difusion:0,0", in("d")}, "did you mean 'diffusion'");
  refused({"--dump", "1:talus:0,0", in("d")}, "'talus'");
  refused({"--dump", "0:diffusion:0,0", in("d")}, "steps 1 to 6");
  refused({"--dump", "7:diffusion:0,0", in("d")}, "steps 1 to 6");
  refused({"--dump", "1:diffusion:2,0", in("d")}, "2 x 1 chunks");
  refused({"--dump", "1:diffusion:0,-1", in("d")}, "outside");
  refused({"--dump", "1:diffusion:0,0", in("nowhere/d")}, "nowhere");
  refused({"--dump", "1:diffusion:0,0", in("r.digests")}, "two files");
  const outcome nowhere =
      lithify({"run", scenario, "--device", "cpu", "--out", in("r"), "--digests", in("nowhere/d")});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("nowhere"));
  refused({"--dump", "1:diffusion:0,0"}, "--dump");
}

TEST_F(diff_command, what_a_run_notes_down_may_lie_in_the_folder_that_it_makes) {
  const outcome done = lithify({"run", scenario, "--device", "cpu", "--steps", "1", "--out",
                                in("fresh"), "-q", "--digests", in("fresh/d"), "--dump",
                                "1:end:0,0", in("fresh/dump"), "--profile", in("fresh/p.json")});
  EXPECT_EQ(done.code, 0) << done.err;
  for (const char* file : {"fresh/d", "fresh/dump", "fresh/p.json"}) {
    EXPECT_FALSE(read_file(in(file)).empty()) << file;
  }
}

TEST_F(diff_command, what_a_run_notes_down_replaces_nothing_of_another_kind) {
  ASSERT_EQ(run("a", {"--steps", "2", "--dump", "2:end:0,0", in("a.dump")}).code, 0);
  const std::string checkpoint = in("a/checkpoint-00000002.h5");
  const std::string stays = in("kept");
  for (const std::string& from : {checkpoint, scenario, in("a.digests"), in("a.dump")}) {
    const std::string bytes = read_file(from);
    write_file(stays, bytes);
    for (const auto& option : std::vector<std::vector<std::string>>{{"--digests", stays},
                                                                    {"--dump", "2:end:0,0", stays},
                                                                    {"--profile", stays},
                                                                    {"--log-file", stays}}) {
      const bool own = (from == in("a.digests") && option[0] == "--digests") ||
                       (from == in("a.dump") && option[0] == "--dump");
      std::vector<std::string> words = {"run", scenario, "--steps", "2", "--out", in("b"), "-q"};
      words.insert(words.end(), option.begin(), option.end());
      const outcome done = lithify(words);
      EXPECT_EQ(done.code, own ? 0 : 2) << option[0] << " over " << from << ": " << done.err;
      if (!own) {
        EXPECT_THAT(done.err, HasSubstr("choose another"));
        EXPECT_EQ(read_file(stays), bytes) << option[0] << " over " << from;
      }
    }
  }
  const outcome both = lithify({"run", scenario, "--out", in("c"), "--digests", in("one"), "--dump",
                                "1:end:0,0", in("a/../one")});
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err, HasSubstr("two files"));
  const std::string log = in("log");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(lithify({"run", scenario, "--steps", "1", "--out", in("d"), "--log-file", log}).code,
              0);
  }
}

TEST_F(diff_command, refuses_files_that_are_missing_or_go_on) {
  ASSERT_EQ(run("a", {"--steps", "1", "--dump", "1:end:0,0", in("a.dump")}).code, 0);
  EXPECT_THAT(diff({in("none"), in("a.dump")}, 2).err, HasSubstr("does not exist"));
  EXPECT_THAT(diff({in("a.dump"), in("a")}, 2).err, HasSubstr("not a plain file"));
  write_file(in("longer.dump"), read_file(in("a.dump")) + "extra\n");
  EXPECT_THAT(diff({in("longer.dump"), in("a.dump")}, 2).err, HasSubstr("ended"));
}

TEST_F(diff_command, digests_that_cannot_be_written_any_more_are_a_warning) {
  const auto small_files = [] {
    const rlimit most{200'000, 200'000};
    ::setrlimit(RLIMIT_FSIZE, &most);
  };
  const outcome done =
      lithify::test::process({"run", scenario, "--device", "cpu", "--out", in("a"), "--steps",
                              "400", "--checkpoint-every", "0", "-q", "--digests", in("d"), "--set",
                              "passes.uplift.rate_m_per_yr=0"},
                             LITHIFY_TEST_PROGRAM, small_files)
          .finish();
  EXPECT_EQ(done.code, 1) << done.err;
  EXPECT_THAT(done.err, HasSubstr("notes down no more"));
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << "once: " << done.err;
  EXPECT_TRUE(std::filesystem::exists(folder / "a" / "checkpoint-00000400.h5"));
  // All steps but the one that was cut off can be compared.
  ASSERT_EQ(run("b", {"--steps", "20", "--set", "passes.uplift.rate_m_per_yr=0"}).code, 0);
  EXPECT_THAT(diff({"--first", in("d"), in("b.digests")}, 0).out, HasSubstr("steps 0 to 20\n"));
}

TEST_F(diff_command, a_dump_that_a_run_does_not_come_to_is_a_warning) {
  const auto stopped_after_a_step = [&](const std::string& place) {
    return run("a", {"--wall-limit", "0:00:00", "--dump", place, in("a.dump")});
  };
  const outcome missed = stopped_after_a_step("2:end:0,0");
  EXPECT_EQ(missed.code, 1);
  EXPECT_EQ(missed.err, "lithify: warning: the run ended before step 2: nothing was dumped\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.dump"));
  const outcome reached = stopped_after_a_step("1:end:0,0");
  EXPECT_EQ(reached.code, 0);
  EXPECT_EQ(reached.err, "");
}

TEST_F(diff_command, dumps_hold_the_frame_of_their_step) {
  for (const std::string pass : {"end", "boundary"}) {
    ASSERT_EQ(run("a", {"--steps", "2", "--dump", "2:" + pass + ":0,0", in("a.dump")}).code, 0);
    const auto state = lithify::io::read_checkpoint(in("a/checkpoint-00000002.h5")).state;
    const lithify::engine::dump d = lithify::engine::read_dump(in("a.dump"));
    EXPECT_NE(d.frame_offset, 0) << "uplift moved it";
    EXPECT_EQ(d.frame_offset, state.frame_offset) << pass;
    EXPECT_NE(d.frame_remainder, 0);
    EXPECT_EQ(d.frame_remainder, state.frame_remainder) << pass;
  }
}

TEST_F(diff_command, files_of_a_run_are_in_its_summary) {
  const outcome done = lithify({"run", scenario, "--device", "cpu", "--out", in("a"), "--steps",
                                "2", "--json", "--digests", in("x.digests"), "--dump",
                                "2:boundary:0,0", in("x.dump"), "--progress", "never"});
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("x.digests"));
  EXPECT_THAT(done.out, HasSubstr("x.dump"));
}

TEST_F(diff_command, explains_itself) {
  const outcome help = lithify({"diff", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("Example: lithify diff "));
  EXPECT_THAT(help.out, HasSubstr("1 they differ"));
}

}  // namespace
