// A folder that holds a run already: what a fresh run leaves of it, and what a resumed one takes
// from its checkpoints, whatever the scenario says by now.
#include "lithify/io/checkpoint.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using lithify::test::hills;
using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using lithify::test::write_small_world;
using testing::HasSubstr;
using testing::Not;

class rerun : public testing::Test {
 protected:
  std::string run(const std::string& out, const std::vector<std::string>& more, int code = 0) {
    std::vector<std::string> arguments = {
        "run",      scenario, "--out",      (folder / out).string(),
        "--device", "cpu",    "--progress", "never"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const outcome done = lithify(arguments);
    EXPECT_EQ(done.code, code) << done.err;
    return done.err;
  }
  [[nodiscard]] std::string bytes(const std::string& name) const {
    return read_file(folder / name);
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder);
};

const std::vector<std::string> records = {
    "--set", "output.series_every=1",
    "--set", "output.fields_every=3",
    "--set", "output.pictures=['before', 'after', 'series', 'drainage', 'slope_area']"};

TEST_F(rerun, a_fresh_run_that_fails_has_no_records_of_the_earlier_one) {
  run("a", records);
  fs::create_directories(folder / "a" / "fields" / "mine");
  for (const char* name : {"notes.txt", "mine.png", "fields/mine.nc", "series.csv.earlier"}) {
    write_file(folder / "a" / name, name);
  }
  std::vector<std::string> earlier;
  for (const char* name :
       {"summary.json", "series.csv", "before.png", "after.png", "series.png", "drainage.png",
        "slope_area.png", "fields/00000003.nc", "fields/00000006.nc"}) {
    earlier.push_back(bytes(std::string("a/") + name));
    ASSERT_FALSE(earlier.back().empty()) << name;
  }
  // Ground sinks out of the region in step 3.
  const std::string said = run("a", {"--set", "passes.uplift.rate_m_per_yr=-0.08", "-v"}, 2);
  EXPECT_EQ(folder.names_in("a"),
            (std::vector<std::string>{
                "after.png.earlier", "before.png.earlier", "checkpoint-00000000.h5",
                "checkpoint-00000002.h5", "checkpoint-00000002.h5.earlier",
                "checkpoint-00000004.h5.earlier", "checkpoint-00000006.h5.earlier",
                "drainage.png.earlier", "fields", "mine.png", "notes.txt", "series.csv.earlier",
                "series.png.earlier", "slope_area.png.earlier", "summary.json.earlier"}));
  EXPECT_EQ(
      folder.names_in("a/fields"),
      (std::vector<std::string>{"00000003.nc.earlier", "00000006.nc.earlier", "mine", "mine.nc"}));
  std::size_t i = 0;
  for (const char* name :
       {"summary.json", "series.csv", "before.png", "after.png", "series.png", "drainage.png",
        "slope_area.png", "fields/00000003.nc", "fields/00000006.nc"}) {
    EXPECT_EQ(bytes(std::string("a/") + name + ".earlier"), earlier[i++]) << name;
    EXPECT_THAT(said, HasSubstr((folder / "a" / name).string() + "' of an earlier run set aside"));
  }
  EXPECT_THAT(said, HasSubstr("series.csv.earlier', in the place of an older one\n"));
  EXPECT_THAT(said, HasSubstr("summary.json.earlier'\n"));
}

TEST_F(rerun, a_fresh_run_that_can_write_nothing_takes_nothing_away) {
  run("a", records);
  write_file(folder / "a" / "after.png.earlier", "mine");
  const std::vector<std::string> before = folder.names_in("a");
  const auto full = [] {
    const rlimit most{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &most);
  };
  const outcome done =
      lithify::test::process({"run", scenario, "--out", (folder / "a").string(), "--device", "cpu",
                              "--progress", "never", "--set", "run.seed=7"},
                             LITHIFY_TEST_PROGRAM, full)
          .finish();
  EXPECT_EQ(done.code, 4) << done.err;
  EXPECT_EQ(folder.names_in("a"), before);
  EXPECT_EQ(bytes("a/after.png.earlier"), "mine");
}

TEST_F(rerun, what_goes_on_from_elsewhere_takes_none_of_the_records_here_for_its_own) {
  run("a", records);
  std::vector<std::string> other = records;
  other.insert(other.end(), {"--set", "passes.diffusion.diffusivity_m2_per_yr=0.5"});
  std::vector<std::string> three = other;
  three.insert(three.end(), {"--steps", "3"});
  run("b", three);
  const std::string three_steps = (folder / "b" / "checkpoint-00000003.h5").string();
  std::vector<std::string> on = other;
  on.insert(on.end(), {"--resume", three_steps, "--keep", "9"});
  run("c", on);
  run("a", on);
  EXPECT_EQ(bytes("a/series.csv"), bytes("c/series.csv"));
  for (const std::string& name : folder.names_in("c")) {
    EXPECT_THAT(folder.names_in("a"), testing::Contains(name));
  }
  for (const std::string& name : folder.names_in("a")) {
    if (!name.ends_with(".earlier")) {
      EXPECT_THAT(folder.names_in("c"), testing::Contains(name)) << "of another run";
    }
  }
  EXPECT_EQ(
      folder.names_in("a/fields"),
      (std::vector<std::string>{"00000003.nc.earlier", "00000006.nc", "00000006.nc.earlier"}));
}

TEST_F(rerun, what_goes_on_from_here_keeps_its_records_however_the_checkpoint_is_named) {
  std::vector<std::string> on = records;
  on.insert(on.end(), {"--resume", ""});
  run("whole", records);
  fs::create_symlink(folder / "linked" / "checkpoint-00000002.h5", folder / "latest.h5");
  fs::create_directory_symlink(folder / "aside", folder / "other");
  const auto goes_on = [&](const std::string& out, const std::string& from, const fs::path& in) {
    std::vector<std::string> two = records;
    two.insert(two.end(), {"--steps", "2"});
    run(out, two);
    on.back() = from;
    std::vector<std::string> words = {"run",      scenario, "--out",      (folder / out).string(),
                                      "--device", "cpu",    "--progress", "never"};
    words.insert(words.end(), on.begin(), on.end());
    const outcome done = lithify::test::process(words, LITHIFY_TEST_PROGRAM, [&] {
                           (void)!::chdir(in.c_str());
                         }).finish();
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(bytes(out + "/series.csv"), bytes("whole/series.csv"));
    EXPECT_EQ(bytes(out + "/before.png"), bytes("whole/before.png"));
    for (const std::string& name : folder.names_in(out)) {
      EXPECT_THAT(name, Not(HasSubstr("earlier"))) << from;
    }
  };
  goes_on("bare", "checkpoint-00000002.h5", folder / "bare");
  goes_on("linked", "latest.h5", folder.path());
  goes_on("aside", (folder / "other" / "checkpoint-00000002.h5").string(), folder.path());
}

TEST_F(rerun, a_picture_that_cannot_be_drawn_again_does_not_stay) {
  run("a", {"--steps", "2", "--set", "output.pictures=['before', 'difference']"});
  const std::string difference = bytes("a/difference.png");
  fs::resize_file(folder / "a" / "checkpoint-00000000.h5", 10);
  fs::remove(folder / "dem.asc");
  run("a",
      {"--resume", "auto", "--steps", "5", "--set", "output.pictures=['before', 'difference']"}, 1);
  EXPECT_FALSE(fs::exists(folder / "a" / "difference.png"));
  EXPECT_TRUE(fs::exists(folder / "a" / "before.png")) << "the start is the same";
  EXPECT_EQ(bytes("a/difference.png.earlier"), difference);
}

// Who reads them takes them for the new run's.
TEST_F(rerun, an_earlier_file_that_stays_is_a_warning) {
  run("a", records);
  fs::create_directory(folder / "a" / "summary.json.earlier");
  fs::create_directory(folder / "a" / "checkpoint-00000006.h5.earlier");
  const std::string stale = bytes("a/summary.json");
  const auto stays = [&](const std::string& name) {
    return HasSubstr("lithify: warning: '" + (folder / "a" / name).string() +
                     "' of an earlier run cannot be set aside as '" +
                     (folder / "a" / name).string() + ".earlier' (");
  };
  const std::string failed = run("a", {"--set", "passes.uplift.rate_m_per_yr=-0.08"}, 2);
  EXPECT_THAT(failed, stays("summary.json"));
  EXPECT_EQ(bytes("a/summary.json"), stale);
  const std::string done = run("a", {"--steps", "3", "--checkpoint-every", "1"}, 1);
  EXPECT_THAT(done, stays("summary.json"));
  EXPECT_THAT(done, stays("checkpoint-00000006.h5"));
  EXPECT_EQ(std::count(done.begin(), done.end(), '\n'), 2) << "each once: " << done;
  EXPECT_THAT(bytes("a/summary.json"), HasSubstr("checkpoint-00000006.h5.earlier"));
}

// It would end after all the work, without a summary.
TEST_F(rerun, a_folder_where_a_file_has_to_be_is_refused_at_once) {
  const auto refused = [&](const std::string& name) {
    const std::string said = run("b", records, 2);
    EXPECT_THAT(said, HasSubstr("'" + (folder / "b" / name).string() + "' is a f"));
    EXPECT_THAT(said, HasSubstr("move it away, or choose another"));
    EXPECT_EQ(folder.names_in("b"), std::vector<std::string>{name});
    fs::remove(folder / "b" / name);
  };
  fs::create_directories(folder / "b" / "summary.json");
  refused("summary.json");
  fs::create_directories(folder / "b" / "series.csv");
  refused("series.csv");
  write_file(folder / "b" / "fields", "mine");
  refused("fields");
  run("b", records);
}

TEST_F(rerun, what_is_refused_or_resumed_sets_nothing_aside) {
  run("a", records);
  const std::vector<std::string> before = folder.names_in("a");
  run("a", {"--set", "passes.diffusion.diffusivity_m2_per_yr=1e6"}, 2);
  EXPECT_EQ(folder.names_in("a"), before);
  std::vector<std::string> on = records;
  on.insert(on.end(), {"--resume", "auto", "--steps", "7"});
  run("a", on);
  for (const std::string& name : folder.names_in("a")) {
    EXPECT_THAT(name, Not(HasSubstr("earlier")));
  }
  // A map of an earlier run that is the ground of this one stays where it is.
  write_file(folder / "a" / "fields" / "00000009.tif", hills(16, 12));
  run("a", {"--set", "world.dem='a/fields/00000009.tif'"});
  EXPECT_TRUE(fs::exists(folder / "a" / "fields" / "00000009.tif"));
}

/// Of what the state has taken up, a resumed run says that it stays.
TEST_F(rerun, a_resumed_run_says_which_values_hold) {
  std::string dem = hills(16, 12);
  dem.replace(dem.find("NODATA_value -9999"), 18, "NODATA_value 44.25");
  write_file(folder / "dem.asc", dem);
  write_file(folder / "other.asc", dem);
  run("a", {"--steps", "3"});
  const std::string state = (folder / "a" / "checkpoint-00000003.h5").string();
  run("same", {"--resume", state});
  const struct {
    std::string set, key;
  } cases[] = {{"run.seed=4", "run.seed"},
               {"world.layer=[{material='granite'}]", "world.layer"},
               {"world.nodata=fill", "world.nodata"},
               {"world.dem=other.asc", "world.dem"}};
  for (const auto& [set, key] : cases) {
    const std::string said = run("b", {"--resume", state, "--set", set}, 1);
    EXPECT_THAT(said, HasSubstr(key)) << set;
    EXPECT_THAT(said, HasSubstr("which stay as they are in it")) << set;
    EXPECT_THAT(said, Not(HasSubstr("the scenario's hold"))) << set;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_EQ(lithify({"diff", (folder / "b" / "checkpoint-00000006.h5").string(),
                       (folder / "same" / "checkpoint-00000006.h5").string()})
                  .code,
              0)
        << set;
  }
  const std::string both =
      run("b", {"--resume", state, "--set", "run.seed=4", "--set", "run.step_yr=200"}, 1);
  EXPECT_THAT(both, HasSubstr("other values of run.seed, which stay"));
  EXPECT_THAT(both, HasSubstr("other values of run.step_yr; from step 3 on the scenario's hold"));
}

TEST_F(rerun, a_resumed_run_draws_the_start_that_it_had) {
  const std::vector<std::string> pictures = {"--set", "output.pictures=['before', 'difference']"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), pictures.begin(), pictures.end());
    return words;
  };
  run("whole", with({}));
  run("part", {"--steps", "3"});
  run("pruned", {"--steps", "3", "--keep", "1"});
  // Another ground in a region of the same size and floor.
  std::string dem = hills(16, 12);
  for (std::size_t at = dem.find("45 "); at != std::string::npos; at = dem.find("45 ", at)) {
    dem.replace(at, 3, "41 ");
  }
  write_file(folder / "other.asc", dem);
  const std::vector<std::string> on = with({"--resume", "auto", "--set", "world.dem=other.asc"});
  EXPECT_THAT(run("part", on, 1), HasSubstr("world.dem"));
  for (const char* name : {"before.png", "difference.png"}) {
    EXPECT_EQ(bytes(std::string("part/") + name), bytes(std::string("whole/") + name)) << name;
  }
  EXPECT_THAT(run("pruned", on, 1), HasSubstr("cannot draw the surface of the start"));
  EXPECT_FALSE(fs::exists(folder / "pruned" / "before.png"));
  EXPECT_FALSE(fs::exists(folder / "pruned" / "difference.png"));
  EXPECT_TRUE(fs::exists(folder / "pruned" / "summary.json"));
  // Its checkpoints have the new scenario by now, and a DEM may change under its name.
  EXPECT_THAT(
      run("pruned", with({"--resume", "auto", "--steps", "7", "--set", "world.dem=other.asc"}), 1),
      HasSubstr("cannot draw the surface of the start"));
  write_file(folder / "dem.asc", dem);
  run("kept", {"--steps", "3", "--keep", "1"});
  run("kept", with({"--resume", "auto"}));
  write_file(folder / "dem.asc", hills(16, 12));
  EXPECT_THAT(run("kept", with({"--resume", "auto", "--steps", "7"}), 1),
              HasSubstr("cannot draw the surface of the start"));
}

// The other run's ground is this one's, its rows turned over: of one size, and with as much solid.
TEST_F(rerun, a_first_state_of_another_run_is_not_taken_for_its_own) {
  std::istringstream lines(bytes("dem.asc"));
  std::string header, row, rows;
  for (int i = 0; i < 6 && std::getline(lines, row); ++i) {
    header += row + "\n";
  }
  while (std::getline(lines, row)) {
    rows = row + "\n" + rows;
  }
  write_file(folder / "turned.asc", header + rows);
  const std::vector<std::string> pictures = {"--set", "output.pictures=['before', 'difference']"};
  run("whole", pictures);
  run("a", {"--steps", "3", "--keep", "1"});
  run("turned", {"--steps", "0", "--set", "world.dem=turned.asc"});
  const std::string first = "checkpoint-00000000.h5";
  using lithify::io::read_checkpoint;
  ASSERT_TRUE(
      read_checkpoint(folder / "turned" / first).state.budget.stored_at_start ==
      read_checkpoint(folder / "a" / "checkpoint-00000003.h5").state.budget.stored_at_start);
  fs::copy_file(folder / "turned" / first, folder / "a" / first);
  std::vector<std::string> on = pictures;
  on.insert(on.end(), {"--resume", "auto"});
  run("a", on);
  for (const char* name : {"before.png", "difference.png"}) {
    EXPECT_EQ(bytes(std::string("a/") + name), bytes(std::string("whole/") + name)) << name;
  }
}

}  // namespace
