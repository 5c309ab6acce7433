// Bad input from outside: one clear line, the right exit code, and nothing half-written.
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <sys/stat.h>
#include <xxhash.h>

#include <cstring>

namespace {

namespace fs = std::filesystem;
using lithify::test::hills;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::process;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using lithify::test::write_small_world;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class bad_input : public testing::Test {
 protected:
  bad_input() { scenario = write_small_world(folder); }

  /// What the folder holds, to show that a refused command leaves nothing.
  [[nodiscard]] std::vector<std::string> everything() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
      names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// Runs a command that must be refused; gives its one line.
  std::string refused(const std::vector<std::string>& arguments, int code = 2) {
    const std::vector<std::string> before = everything();
    const outcome done = lithify(arguments);
    EXPECT_EQ(done.code, code) << done.err;
    EXPECT_EQ(done.out, "");
    EXPECT_TRUE(done.err.starts_with("lithify: ")) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    EXPECT_EQ(everything(), before) << "something was written";
    return done.err;
  }
  std::string refused_run(const std::vector<std::string>& more, int code = 2) {
    std::vector<std::string> arguments = {
        "run", scenario, "--out", (folder / "out").string(), "--progress", "never"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return refused(arguments, code);
  }
  std::string refused_dem(const std::string& text) {
    write_file(folder / "dem.asc", text);
    EXPECT_THAT(
        refused({"import", (folder / "dem.asc").string(), "-o", (folder / "w.h5").string()}),
        HasSubstr("dem.asc"));
    return refused_run({});
  }
  /// An imported world.
  std::string world() {
    const std::string file = (folder / "w.h5").string();
    EXPECT_EQ(lithify({"import", (folder / "dem.asc").string(), "-o", file}).code, 0);
    return file;
  }

  temporary_folder folder;
  std::string scenario;
};

TEST_F(bad_input, usage) {
  EXPECT_THAT(refused({}), HasSubstr("--help"));
  EXPECT_THAT(refused({"fly"}), HasSubstr("fly"));
  for (const std::string option : {"--help", "-h", "--version"}) {
    EXPECT_THAT(refused({"fly", option}), HasSubstr("there is no command 'fly'"));
  }
  EXPECT_THAT(refused({"rum", "--help"}), HasSubstr("did you mean 'run'"));
  EXPECT_THAT(refused({"run"}), HasSubstr("SCENARIO"));
  EXPECT_THAT(refused_run({"--stepss", "3"}), HasSubstr("--stepss"));
  EXPECT_THAT(refused_run({"--steps", "three"}), HasSubstr("--steps"));
  refused_run({"--steps", "-1"});
  refused_run({"--keep", "0"});
  refused_run({"--threads", "-1"});
  refused_run({"--progress", "sometimes"});
  refused_run({"--wall-limit", "soon"});
  refused_run({"-q", "-v"});
  refused({"import", (folder / "dem.asc").string()});
  refused({"render", "x.h5", "-o", "x.png", "--view", "postcard"});
}

TEST_F(bad_input, numbers_that_do_not_fit) {
  for (const std::string steps : {"99999999999999999999", "-99999999999999999999", "1099511627777",
                                  "0x10", "1e3", "1.5", "3 ", " 3", "+3"}) {
    EXPECT_THAT(refused_run({"--steps", steps}), HasSubstr("--steps: '" + steps + "' must be"));
  }
  EXPECT_THAT(refused_run({"--keep", "99999999999999999999"}), HasSubstr("from 1 to"));
  EXPECT_THAT(refused_run({"--checkpoint-every", "-1"}), HasSubstr("--checkpoint-every: '-1'"));
  EXPECT_THAT(refused_run({"--threads", "1025"}), HasSubstr("from 0 to 1024"));
  EXPECT_THAT(refused({"query", world(), "0,0,0", "--lod", "4294967296"}),
              HasSubstr("--lod: '4294967296'"));
  for (const std::string limit : {"0:99:99", "0:00:60", "0:60:00", "90", "5:00", "1:2:3",
                                  "0:00:", "-1:00:00", "0:00:00:00", "9999999:00:00"}) {
    EXPECT_THAT(refused_run({"--wall-limit", limit}), HasSubstr("'" + limit + "' must be H:MM:SS"));
  }
}

TEST_F(bad_input, empty_values) {
  const std::string dem = (folder / "dem.asc").string();
  const std::string out = (folder / "w.h5").string();
  EXPECT_THAT(refused({"run", scenario, "--out", ""}), HasSubstr("--out: the value is empty"));
  for (const std::string option : {"--resume", "--log-file", "--device", "--set", "--wall-limit"}) {
    EXPECT_THAT(refused_run({option, ""}), HasSubstr(option + ": the value is empty"));
  }
  refused({"run", ""});
  refused({"info", ""});
  EXPECT_THAT(refused({"import", dem, "-o", out, "--strata", ""}), HasSubstr("--strata"));
  EXPECT_THAT(refused({"import", dem, "-o", out, "--crop", ""}), HasSubstr("--crop"));
  EXPECT_THAT(refused({"import", dem, "-o", ""}), HasSubstr("-o"));
  EXPECT_THAT(refused({"query", out, ""}), HasSubstr("VOXEL"));
}

TEST_F(bad_input, names_are_guessed_only_where_they_are_close) {
  EXPECT_THAT(refused({"rum"}), HasSubstr("did you mean 'run'?"));
  EXPECT_THAT(refused({"fly"}), HasSubstr("known are run, check"));
  EXPECT_THAT(refused_run({"--set", "run.colour=3"}), HasSubstr("known are steps, step_yr, seed"));
  EXPECT_THAT(refused_run({"--set", "passes.order=['erosion']"}), Not(HasSubstr("did you mean")));
  write_file(folder / "l.toml", "[[layer]]\nmaterial = 'cheese'\n");
  EXPECT_THAT(refused({"import", (folder / "dem.asc").string(), "-o", (folder / "w.h5").string(),
                       "--strata", (folder / "l.toml").string()}),
              Not(HasSubstr("did you mean")));
}

TEST_F(bad_input, text_that_would_break_the_line_or_steer_the_terminal) {
  for (const std::string text : {"[world\n", "a = \"x\ny\"\n", "a = \x01\x1b[2J\n", "a = \"\r\n"}) {
    write_file(scenario, text);
    const std::string line = refused_run({});
    EXPECT_THAT(line, HasSubstr("s.toml:1: not valid TOML"));
    EXPECT_EQ(std::count_if(line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }), 1)
        << line;
  }
  EXPECT_THAT(refused({"info", "a\nb\x1b[2J.h5"}), HasSubstr("a b [2J.h5"));
}

TEST_F(bad_input, device) {
  EXPECT_THAT(refused_run({"--device", "gpu"}), HasSubstr("auto, cpu, cuda"));
  EXPECT_THAT(refused_run({"--device", "cuda:99"}), HasSubstr("cuda:99"));
}

TEST_F(bad_input, scenario_missing_empty_garbage_truncated) {
  const std::string good = read_file(scenario);
  for (const std::string& text :
       {std::string(),
        std::string("\x7f"
                    "ELF\0\1",
                    6),
        good.substr(0, good.size() / 2), good.substr(0, good.find("[passes]"))}) {
    write_file(scenario, text);
    EXPECT_THAT(refused_run({}), HasSubstr("s.toml"));
  }
  fs::remove(scenario);
  EXPECT_THAT(refused_run({}), HasSubstr("does not exist"));
  scenario = folder.path();
  refused_run({});
}

// The parser frees a table a part by recursion.
TEST_F(bad_input, keys_without_end) {
  std::string key = "a";
  for (int i = 0; i < 50'000; ++i) {
    key += ".a";
  }
  write_file(folder / "keys.toml", "# " + std::string(100, '.') + "\n" + key + " = 1\n");
  EXPECT_THAT(refused({"check", (folder / "keys.toml").string()}),
              HasSubstr("keys.toml:2: a key has more than 16 parts"));
  write_file(folder / "inline.toml", "x = { " + key + " = 1 }\n");
  EXPECT_THAT(refused({"check", (folder / "inline.toml").string()}), HasSubstr("16 parts"));
  EXPECT_THAT(refused({"import", (folder / "dem.asc").string(), "-o", (folder / "o.h5").string(),
                       "--strata", (folder / "keys.toml").string()}),
              HasSubstr("16 parts"));
  EXPECT_THAT(refused_run({"--set", key + "=1"}), HasSubstr("16 parts"));
  EXPECT_THAT(refused_run({"--set", "x={" + key + "=1}"}), HasSubstr("16 parts"));
  std::string far = "nothing.asc";
  for (int i = 0; i < 20; ++i) {
    far.insert(0, "../");
  }
  EXPECT_THAT(refused_run({"--set", "world.dem=" + far}), HasSubstr("does not exist"));
  // What quotes enclose neither hides a key nor counts.
  write_file(folder / "quoted.toml", "x = { \"#\" = '\\', " + key + " = 1 }\n");
  EXPECT_THAT(refused({"check", (folder / "quoted.toml").string()}), HasSubstr("16 parts"));
  write_file(folder / "dots.toml", "x = \"\\\"" + std::string(100, '.') + "\"\n");
  EXPECT_THAT(refused({"check", (folder / "dots.toml").string()}), Not(HasSubstr("parts")));
}

TEST_F(bad_input, a_working_folder_that_is_gone) {
  const fs::path gone = folder / "gone";
  fs::create_directory(gone);
  const auto leave = [&] {
    (void)::chdir(gone.c_str());
    (void)::rmdir(gone.c_str());
  };
  const outcome done =
      process({"run", scenario, "--out", "x"}, LITHIFY_TEST_PROGRAM, leave).finish();
  EXPECT_EQ(done.code, 2) << done.err;
  EXPECT_EQ(done.err, "lithify: cannot use 'x': No such file or directory\n");
}

TEST_F(bad_input, scenario_values) {
  EXPECT_THAT(refused_run({"--set", "run.step=3"}), HasSubstr("did you mean 'steps'?"));
  EXPECT_THAT(refused_run({"--set", "run.step_yr=nan"}), HasSubstr("finite"));
  EXPECT_THAT(refused_run({"--set", "run.step_yr=inf"}), HasSubstr("finite"));
  EXPECT_THAT(refused_run({"--set", "run.step_yr=-1"}), HasSubstr("out of range"));
  EXPECT_THAT(refused_run({"--set", "world.voxel_height_m=1e-9"}), HasSubstr(""));
}

TEST_F(bad_input, overlay_of_a_pass) {
  const auto with = [&](const std::string& value) {
    return refused_run({"--set", "passes.diffusion.overlay" + value});
  };
  EXPECT_THAT(with(".threshold=0"), HasSubstr("out of range"));
  EXPECT_THAT(with(".threshold=1.5"), HasSubstr("whole number"));
  EXPECT_THAT(with(".thresholds=5"), HasSubstr("did you mean 'threshold'?"));
  EXPECT_THAT(with(".strategy=all"), HasSubstr("needs a threshold"));
  EXPECT_THAT(with("={threshold=5,strategy='dbscan'}"), HasSubstr("all, lazy_threshold"));
  EXPECT_THAT(with("=5"), HasSubstr("must be a table"));
}

TEST_F(bad_input, dem_missing_empty_garbage_truncated) {
  const std::string good = hills(16, 12);
  refused_dem("");
  refused_dem(std::string("II*\0garbage", 11));
  refused_dem("hello, this is no grid\n");
  refused_dem(good.substr(0, good.size() / 2));
  refused_dem(good.substr(0, 40));
  fs::remove(folder / "dem.asc");
  EXPECT_THAT(refused_run({}), HasSubstr("dem.asc"));
}

TEST_F(bad_input, dem_with_values_that_are_no_heights) {
  const std::string head =
      "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 5\nNODATA_value -9999\n";
  refused_dem(head + "-9999 -9999\n-9999 -9999\n");
  refused_dem(head + "1 2\n3 1e30\n");
  refused_dem(head + "1 2\n3 inf\n");
  refused_dem("ncols 0\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 5\n1 2\n");
  refused_dem("ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize -5\n1 2\n3 4\n");
}

TEST_F(bad_input, dem_that_promises_more_than_it_holds) {
  EXPECT_THAT(refused_dem("ncols 300000\nnrows 300000\ncellsize 30\n1 2 3\n"),
              AllOf(HasSubstr("300000 x 300000"), HasSubstr("correct ncols and nrows")));
}

TEST_F(bad_input, one_cell_and_one_row_are_worlds) {
  for (const auto& [nx, ny] : {std::pair(1, 1), std::pair(1, 9), std::pair(9, 1)}) {
    write_file(folder / "dem.asc", hills(nx, ny));
    const outcome done =
        lithify({"run", scenario, "--out", (folder / "out").string(), "--progress", "never"});
    EXPECT_EQ(done.code, 0) << nx << " x " << ny << ": " << done.err;
    EXPECT_THAT(done.out, HasSubstr("residual"));
  }
}

TEST_F(bad_input, checkpoint_missing_empty_garbage_truncated) {
  const std::string file = world();
  const std::string good = read_file(file);
  for (const std::string& bytes :
       {std::string(), std::string("no checkpoint"), good.substr(0, good.size() / 2),
        good.substr(0, 300), std::string(4096, '\0')}) {
    write_file(file, bytes);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"info", file},
          {"verify", file},
          {"digest", file},
          {"query", file, "0,0,0"},
          {"render", file, "-o", (folder / "x.png").string()}}) {
      EXPECT_THAT(refused(command), HasSubstr("w.h5")) << command[0];
    }
    EXPECT_THAT(refused_run({"--resume", file}), HasSubstr("w.h5"));
    EXPECT_EQ(read_file(file), bytes) << "the file was changed";
  }
  fs::remove(file);
  refused({"info", file});
  refused_run({"--resume", file});
}

TEST_F(bad_input, checkpoint_of_another_world_or_too_far) {
  const std::string file = world();
  // It was imported with 500 m of basement and headroom, the scenario says 10 and 20.
  EXPECT_THAT(refused_run({"--resume", file}), HasSubstr("elevation of the floor"));
  const std::vector<std::string> same = {"--set", "world.basement_m=500", "--set",
                                         "world.headroom_m=500"};
  const auto but = [&](const std::vector<std::string>& set) {
    std::vector<std::string> more = {"--resume", file};
    more.insert(more.end(), same.begin(), same.end());
    for (const std::string& value : set) {
      more.insert(more.end(), {"--set", value});
    }
    return more;
  };
  EXPECT_THAT(refused_run(but({"world.voxel_height_m=2"})), HasSubstr("another voxel height"));
  EXPECT_THAT(refused_run(but({"world.crop=[0,0,16,11]"})),
              HasSubstr("16 x 12 x 1008 voxels, not 16 x 11 x 1008"));
  EXPECT_THAT(refused_run(but({"world.crop=[1,0,15,12]"})), HasSubstr("easting"));
  EXPECT_THAT(refused_run(but({"world.crop=[0,1,16,11]"})), HasSubstr("northing"));
  EXPECT_THAT(refused_run(but({"world.resample_m=10"})), HasSubstr("another cell size"));
  EXPECT_THAT(refused_run(but({"world.headroom_m=501"})), HasSubstr("another size"));
  EXPECT_THAT(refused_run(but({"material=[{name='granite',porosity=0.5}]"})),
              HasSubstr("another material 'granite'"));
  write_file(folder / "c.toml",
             "[world]\ncheckpoint = 'w.h5'\n[run]\nsteps = 2\nstep_yr = 100\n[passes.uplift]\n");
  ASSERT_EQ(lithify({"run", scenario, "--out", (folder / "other").string(), "-q"}).code, 0);
  EXPECT_THAT(refused({"run", (folder / "c.toml").string(), "--out", (folder / "out").string(),
                       "--resume", (folder / "other").string()}),
              HasSubstr("elevation of the floor"));
  for (const std::string command : {"run", "check"}) {
    std::vector<std::string> words = {command, (folder / "c.toml").string(), "--set",
                                      "material=[{name='granite',porosity=0.5}]"};
    if (command == "run") {
      words.insert(words.end(), {"--out", (folder / "out").string()});
    }
    EXPECT_THAT(refused(words), HasSubstr("another material 'granite'"));
  }
  ASSERT_EQ(lithify({"run", scenario, "--out", (folder / "out").string(), "-q"}).code, 0);
  EXPECT_THAT(refused_run({"--resume", "auto", "--steps", "2"}), HasSubstr("raise --steps"));
  fs::create_directory(folder / "empty");
  EXPECT_THAT(refused_run({"--resume", (folder / "empty").string()}), HasSubstr("no checkpoint"));
}

TEST_F(bad_input, parameters_that_no_step_can_take) {
  for (const auto& [value, why] :
       {std::pair("passes.diffusion.diffusivity_m2_per_yr=1e6", "at most 1000 are taken"),
        std::pair("run.step_yr=1e6", "1024 voxels")}) {
    EXPECT_THAT(refused_run({"--set", value}), HasSubstr(why));
    EXPECT_THAT(refused({"check", scenario, "--set", value}), HasSubstr(why));
  }
  EXPECT_THAT(refused({"check", scenario, "--set", "passes.diffusion.diffusivity_m2_per_yr=1e6"}),
              HasSubstr("shorten it to 0.005 years or less"));
}

TEST_F(bad_input, checkpoint_of_a_newer_version) {
  const std::string file = world();
  std::string bytes = read_file(file);
  // io/FORMAT.md: bytes 8-9 are the major version, 504-511 the checksum of the 504 before.
  bytes[8] = 99;
  const std::uint64_t checksum = XXH3_64bits(bytes.data(), 504);
  std::memcpy(bytes.data() + 504, &checksum, sizeof checksum);
  write_file(file, bytes);
  refused({"info", file}, 3);
  refused({"verify", file}, 3);
  refused_run({"--resume", file}, 3);
  // Nor is it taken for a broken one when a folder is searched.
  fs::create_directory(folder / "newer");
  fs::rename(file, folder / "newer" / "checkpoint-00000004.h5");
  refused_run({"--resume", (folder / "newer").string()}, 3);
}

TEST_F(bad_input, coordinates) {
  const std::string file = world();
  EXPECT_THAT(refused({"query", file, "16,0,0"}), HasSubstr("(16, 0, 0)"));
  refused({"query", file, "--", "-1,0,0"});
  refused({"query", file, "0,0,2097152"});
  refused({"query", file, "0,0"});
  refused({"query", file, "a,b,c"});
  refused({"query", file});
  EXPECT_THAT(refused({"query", file, "--box", "0,0,0:17,1,1"}), HasSubstr("leaves the region"));
  EXPECT_THAT(refused({"query", file, "--box", "0,0,0:0,1,1"}), HasSubstr("empty"));
  refused({"query", file, "--box", "0,0,0"});
  refused({"query", file, "0,0,0", "--lod", "22"});
  refused({"render", file, "-o", (folder / "x.png").string(), "--view", "section", "--at", "y=12"});
  refused({"render", file, "-o", (folder / "x.png").string(), "--view", "section", "--at", "z=1"});
  refused({"render", file, "-o", (folder / "x.png").string(), "--view", "difference"});
}

TEST_F(bad_input, output_that_cannot_be_written) {
  EXPECT_THAT(refused({"run", scenario, "--out", (folder / "s.toml").string()}),
              HasSubstr("is a file"));
  EXPECT_THAT(refused({"run", scenario, "--out", (folder / "s.toml" / "x").string()}),
              HasSubstr("cannot be made: '" + scenario + "' is a file"));
  EXPECT_THAT(refused({"run", scenario, "--out", "/proc/lithify"}), HasSubstr("/proc/lithify"));
  EXPECT_THAT(refused({"run", scenario}), HasSubstr("--out"));
  refused({"import", (folder / "dem.asc").string(), "-o", (folder / "none" / "w.h5").string()});
  refused({"import", (folder / "dem.asc").string(), "-o", folder.path().string()});
  refused_run({"--log-file", (folder / "none" / "log").string()});
}

TEST_F(bad_input, a_folder_without_permission_is_told_as_one) {
  const fs::path shut = folder / "shut";
  fs::create_directory(shut);
  constexpr fs::perms look = fs::perms::owner_read | fs::perms::owner_exec | fs::perms::group_read |
                             fs::perms::group_exec | fs::perms::others_read |
                             fs::perms::others_exec;
  fs::permissions(shut, look);
  fs::permissions(folder.path(), look, fs::perm_options::add);
  const auto as_anybody = [] { (void)!::setuid(65534); };  // root may write everywhere
  const auto said = [&](const std::vector<std::string>& words) {
    const outcome done = process(words, LITHIFY_TEST_PROGRAM, as_anybody).finish();
    EXPECT_EQ(done.code, 2) << done.err;
    EXPECT_THAT(done.err, HasSubstr(shut.string()));
    return done.err;
  };
  EXPECT_THAT(said({"import", (folder / "dem.asc").string(), "-o", (shut / "w.h5").string()}),
              HasSubstr("cannot be written: Permission denied"));
  EXPECT_THAT(said({"run", scenario, "--out", shut.string()}),
              HasSubstr("cannot be written: Permission denied"));
  EXPECT_THAT(said({"run", scenario, "--out", (shut / "x").string()}),
              HasSubstr("cannot be made: Permission denied"));
  EXPECT_THAT(said({"run", scenario, "--out", (shut / "x" / "y").string()}),
              HasSubstr("cannot be made: Permission denied"));
  fs::permissions(shut, fs::perms::all & ~(fs::perms::owner_read | fs::perms::group_read |
                                           fs::perms::others_read));
  EXPECT_THAT(said({"run", scenario, "--out", shut.string()}),
              HasSubstr("cannot be read: Permission denied"));
  fs::permissions(shut, fs::perms::owner_all);
  EXPECT_TRUE(fs::is_empty(shut));
}

TEST_F(bad_input, output_that_would_replace_an_input_or_a_device) {
  const std::string dem = (folder / "kept.asc").string();
  write_file(dem, hills(8, 8));
  const std::string text = read_file(dem);
  EXPECT_THAT(refused({"import", dem, "-o", dem}), HasSubstr("also read by this command"));
  EXPECT_EQ(read_file(dem), text);
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refused({"import", dem, "-o", pipe.string()}), HasSubstr("not a plain file"));
}

TEST_F(bad_input, too_many_threads) {
  EXPECT_THAT(refused_run({"--threads", "100000"}), HasSubstr("from 0 to 1024"));
}

TEST_F(bad_input, crop_and_strata) {
  const std::string dem = (folder / "dem.asc").string();
  const std::string out = (folder / "w.h5").string();
  EXPECT_THAT(refused({"import", dem, "-o", out, "--crop", "0,0,99,99"}), HasSubstr("0,0,99,99"));
  EXPECT_THAT(refused({"import", dem, "-o", out, "--crop", "-1,0,4,4"}), HasSubstr("'-1,0,4,4'"));
  EXPECT_THAT(refused({"import", dem, "-o", out, "--crop", "0,0,4"}), HasSubstr("--crop: '0,0,4'"));
  for (const std::string height : {"0", "nan", "inf", "1e999", "-2", "2000000", "2m"}) {
    EXPECT_THAT(refused({"import", dem, "-o", out, "--voxel-height", height}),
                HasSubstr("--voxel-height: '" + height + "' must be a number above 0 to 1000000"));
  }
  for (const std::string option : {"--basement", "--headroom"}) {
    EXPECT_THAT(refused({"import", dem, "-o", out, option, "-5"}),
                HasSubstr(option + ": '-5' must be a number from 0 to 1000000"));
  }
  EXPECT_THAT(refused({"import", dem, "-o", out, "--voxel-height", "1e-10"}),
              AllOf(HasSubstr("e+13 voxels high"), Not(HasSubstr(".000000"))));
  EXPECT_THAT(refused({"import", dem, "-o", out, "--resample", "0"}), HasSubstr("--resample: '0'"));
  refused({"import", dem, "-o", out, "--strata", (folder / "none.toml").string()});
  write_file(folder / "l.toml", "[[layer]]\nmaterial = 'granit'\n");
  EXPECT_THAT(refused({"import", dem, "-o", out, "--strata", (folder / "l.toml").string()}),
              HasSubstr("granite"));
}

TEST_F(bad_input, a_pass_that_leaves_the_region_keeps_what_it_had) {
  const outcome done = lithify({"run", scenario, "--out", (folder / "out").string(), "--set",
                                "passes.uplift.rate_m_per_yr=-1", "--progress", "never"});
  EXPECT_EQ(done.code, 2) << done.err;
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  EXPECT_THAT(done.err, HasSubstr("checkpoint-00000000.h5"));
  EXPECT_EQ(lithify({"verify", (folder / "out" / "checkpoint-00000000.h5").string()}).code, 0);

  // Some steps later, with no checkpoint due: the last good state is saved first.
  const outcome later = lithify({"run", scenario, "--out", (folder / "later").string(), "--set",
                                 "passes.uplift.rate_m_per_yr=-0.08", "--checkpoint-every", "0",
                                 "--progress", "never"});
  EXPECT_EQ(later.code, 2) << later.err;
  const std::size_t name = later.err.find("checkpoint-");
  ASSERT_NE(name, std::string::npos) << later.err;
  const std::string kept = later.err.substr(name, std::string("checkpoint-00000000.h5").size());
  EXPECT_GT(kept, "checkpoint-00000000.h5");
  EXPECT_EQ(lithify({"verify", (folder / "later" / kept).string()}).code, 0) << kept;
}

}  // namespace
