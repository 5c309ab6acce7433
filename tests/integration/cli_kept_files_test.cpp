// What a user has stays: inputs, checkpoints of earlier runs, files of another kind; and of a run
// as many checkpoints as were asked for.
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using lithify::test::write_small_world;
using testing::AllOf;
using testing::HasSubstr;

class kept_files : public testing::Test {
 protected:
  outcome run(const std::string& out, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run",      scenario, "--out", (folder / out).string(),
                                          "--device", "cpu",    "-v",    "--progress",
                                          "never"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lithify(arguments);
  }
  void ran(const std::string& out, std::vector<std::string> more = {}) {
    const outcome done = run(out, std::move(more));
    ASSERT_EQ(done.code, 0) << done.err;
    last_err = done.err;
  }
  [[nodiscard]] std::string checkpoint(const std::string& out, const std::string& step) const {
    return (folder / out / ("checkpoint-0000000" + step + ".h5")).string();
  }
  /// Runs a command that must be refused with one line; gives it.
  static std::string refused(const outcome& done) {
    EXPECT_EQ(done.code, 2) << done.err;
    EXPECT_EQ(done.out, "");
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    return done.err;
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder);
  std::string last_err;
};

// Its own checkpoints would take the place of the world that it starts from, or it would be pruned.
TEST_F(kept_files, a_run_does_not_replace_the_world_that_it_starts_from) {
  ran("w", {"--steps", "4"});
  const std::vector<std::string> before = folder.names_in("w");
  const std::string bytes = read_file(checkpoint("w", "4"));
  fs::create_directory_symlink(folder / "w", folder / "link");
  fs::create_symlink(checkpoint("w", "4"), folder / "ground.h5");
  fs::copy_file(checkpoint("w", "4"), checkpoint("w", "4") + ".earlier");
  const std::string own = scenario;
  scenario = (folder / "t.toml").string();
  for (const std::string world :
       {"w/checkpoint-00000004.h5", "./w/../w/checkpoint-00000004.h5",
        "link/checkpoint-00000004.h5", "ground.h5", "w/checkpoint-00000004.h5.earlier"}) {
    write_file(folder / "t.toml", "[world]\ncheckpoint = '" + world +
                                      "'\n[output]\nfolder = 'w'\n[run]\nsteps = 2\n"
                                      "step_yr = 100\n[passes.uplift]\n");
    const auto line = AllOf(HasSubstr("world.checkpoint"), HasSubstr("--out"));
    EXPECT_THAT(refused(run("w")), line) << world;
    EXPECT_THAT(refused(run("link", {"--resume", "auto"})), line) << world;
    EXPECT_THAT(refused(lithify({"check", scenario})), line) << world;
  }
  fs::remove(checkpoint("w", "4") + ".earlier");
  EXPECT_EQ(folder.names_in("w"), before);
  EXPECT_EQ(read_file(checkpoint("w", "4")), bytes);
  // Elsewhere, or under a name that no run writes, it is as good a world as any.
  fs::create_directory(folder / "v");
  fs::copy_file(checkpoint("w", "4"), folder / "v" / "ground.h5");
  write_file(folder / "t.toml",
             "[world]\ncheckpoint = 'v/ground.h5'\n[run]\nsteps = 2\nstep_yr = 100\n"
             "[passes.uplift]\n");
  ran("v");
  EXPECT_EQ(read_file(folder / "v" / "ground.h5"), bytes);
}

TEST_F(kept_files, later_checkpoints_of_an_earlier_run_are_set_aside) {
  ran("k");
  const std::string sixth = read_file(checkpoint("k", "6"));
  const std::string fourth = read_file(checkpoint("k", "4"));
  write_file(checkpoint("k", "6") + ".earlier", "what an earlier one left");
  ran("k", {"--resume", checkpoint("k", "2"), "--steps", "3"});
  EXPECT_EQ(folder.names_in("k"),
            (std::vector<std::string>{"checkpoint-00000002.h5", "checkpoint-00000003.h5",
                                      "checkpoint-00000004.h5.earlier",
                                      "checkpoint-00000006.h5.earlier", "summary.json"}));
  EXPECT_EQ(read_file(checkpoint("k", "6") + ".earlier"), sixth);
  EXPECT_EQ(read_file(checkpoint("k", "4") + ".earlier"), fourth);
  EXPECT_THAT(last_err, HasSubstr(checkpoint("k", "6") + ".earlier"));
  EXPECT_THAT(last_err, HasSubstr(checkpoint("k", "4") + ".earlier"));
  EXPECT_THAT(last_err, HasSubstr("set aside"));
  // Nobody takes them for checkpoints again, but who names one.
  for (const std::string& from : {std::string("auto"), (folder / "k").string()}) {
    ran("k", {"--resume", from, "--steps", "3"});
    EXPECT_THAT(last_err, HasSubstr("checkpoint-00000003.h5' at step 3")) << from;
  }
  ran("again", {"--resume", checkpoint("k", "4") + ".earlier", "--steps", "5"});
  EXPECT_THAT(last_err, HasSubstr("at step 4"));
}

TEST_F(kept_files, a_fresh_run_sets_aside_what_it_finds) {
  ran("k");
  const std::string sixth = read_file(checkpoint("k", "6"));
  ran("k", {"--steps", "1", "--keep", "1"});
  EXPECT_EQ(
      folder.names_in("k"),
      (std::vector<std::string>{"checkpoint-00000001.h5", "checkpoint-00000002.h5.earlier",
                                "checkpoint-00000004.h5.earlier", "checkpoint-00000006.h5.earlier",
                                "summary.json", "summary.json.earlier"}));
  EXPECT_EQ(read_file(checkpoint("k", "6") + ".earlier"), sixth);
}

TEST_F(kept_files, keeps_as_many_checkpoints_as_asked) {
  ran("a", {"--checkpoint-every", "1", "--keep", "2"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000005.h5", "checkpoint-00000006.h5",
                                      "summary.json"}));
  ran("a", {"--steps", "3", "--keep", "1"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000003.h5", "checkpoint-00000005.h5.earlier",
                                      "checkpoint-00000006.h5.earlier", "summary.json",
                                      "summary.json.earlier"}))
      << "a fresh run sets aside what the older one left";
}

TEST_F(kept_files, keeps_every_mth_checkpoint_beside_the_newest) {
  ran("a", {"--checkpoint-every", "1", "--keep", "1", "--set", "checkpoint.keep_every=3"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000000.h5", "checkpoint-00000003.h5",
                                      "checkpoint-00000006.h5", "summary.json"}));
}

TEST_F(kept_files, a_resumed_run_has_checkpoints_at_the_steps_of_a_straight_one) {
  ran("a", {"--steps", "3", "--keep", "9"});
  ran("a", {"--resume", "auto", "--keep", "9"});
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{"checkpoint-00000000.h5", "checkpoint-00000002.h5",
                                      "checkpoint-00000003.h5", "checkpoint-00000004.h5",
                                      "checkpoint-00000006.h5", "summary.json"}));
}

TEST_F(kept_files, leaves_files_alone_that_are_no_checkpoints) {
  ran("a", {"--steps", "2"});
  const std::vector<std::string> others = {"checkpoint-00000009.h6", "checkpoint-00000009.h5.bak",
                                           "checkpoint-9.h5",        "checkpoint-0000000x.h5",
                                           "checkpoint--0000009.h5", "xcheckpoint-00000009.h5"};
  for (const std::string& name : others) {
    write_file(folder / "a" / name, "mine");
  }
  ran("a", {"--resume", "auto", "--keep", "1"});
  EXPECT_THAT(last_err, HasSubstr("at step 2"));
  ran("a", {"--steps", "1"});  // a fresh run sets later checkpoints aside
  for (const std::string& name : others) {
    EXPECT_EQ(read_file(folder / "a" / name), "mine") << name;
  }
}

TEST_F(kept_files, clears_away_what_a_killed_run_was_writing) {
  ran("a", {"--steps", "2"});
  const auto write = [&](const std::string& name) { write_file(folder / "a" / name, "half"); };
  write("checkpoint-00000004.h5.tmp");
  write("checkpoint-4.h5.tmp");
  write("checkpoint-0000000x.h5.tmp");
  write("mine.h5.tmp");
  ran("a", {"--steps", "2", "--resume", "auto"});
  std::vector<std::string> left;
  for (const std::string& name : folder.names_in("a")) {
    if (name.ends_with(".tmp")) {
      left.push_back(name);
    }
  }
  EXPECT_THAT(left, testing::ElementsAre("checkpoint-0000000x.h5.tmp", "checkpoint-4.h5.tmp",
                                         "mine.h5.tmp"));
}

// A slip of the hand, such as the name of a raster, costs no file.
TEST_F(kept_files, an_output_replaces_none_but_its_own_kind) {
  const std::string dem = (folder / "dem.asc").string();
  const std::string world = (folder / "w.h5").string();
  const std::string picture = (folder / "w.png").string();
  const auto import_to = [&](const std::string& file) {
    return lithify({"import", dem, "-o", file});
  };
  const auto render_to = [&](const std::string& file) {
    return lithify({"render", world, "-o", file});
  };
  ASSERT_EQ(import_to(world).code, 0);
  ASSERT_EQ(render_to(picture).code, 0);
  const std::string other = (folder / "other").string();
  for (const std::string& content :
       {std::string("II*\0 a raster", 13), std::string("x"),
        std::string("\x89HDF\r\n\x1a\n of others"), std::string("\x89"), read_file(picture)}) {
    write_file(other, content);
    EXPECT_THAT(refused(import_to(other)), AllOf(HasSubstr("other"), HasSubstr("no checkpoint")));
    EXPECT_EQ(read_file(other), content);
  }
  for (const std::string& content : {std::string("notes"), read_file(world)}) {
    write_file(other, content);
    EXPECT_THAT(refused(render_to(other)), AllOf(HasSubstr("other"), HasSubstr("no PNG")));
    EXPECT_EQ(read_file(other), content);
  }
  write_file(other, "");  // as mktemp makes it
  EXPECT_EQ(import_to(other).code, 0);
  EXPECT_EQ(import_to(world).code, 0) << "its own kind";
  EXPECT_EQ(render_to(picture).code, 0);
}

}  // namespace
