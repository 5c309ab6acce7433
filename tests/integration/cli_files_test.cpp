// `import`, `info`, `verify`, `digest`, `query`, `render`, `check`, `devices`, help.
#include "lithify/engine/run.hpp"
#include "lithify/io/checkpoint.hpp"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using lithify::test::lithify;
using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_small_world;
using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class imported_world : public testing::Test {
 protected:
  imported_world() {
    write_small_world(folder);
    import = lithify({"import", (folder / "dem.asc").string(), "-o", file, "--basement", "10",
                      "--headroom", "20"});
  }
  static std::string said(const std::vector<std::string>& arguments) {
    const outcome done = lithify(arguments);
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }

  temporary_folder folder;
  std::string file = (folder / "w.h5").string();
  outcome import;
};

TEST_F(imported_world, is_described_and_verified) {
  ASSERT_EQ(import.code, 0) << import.err;
  const json info = json::parse(said({"info", file, "--json"}));
  EXPECT_EQ(info["size"][0], 16);
  EXPECT_EQ(info["size"][1], 12);
  EXPECT_EQ(info["cell_size_m"], 5.0);
  EXPECT_EQ(info["origin_m"], json({1000.0, 2000.0}));
  EXPECT_EQ(info["step"], 0);
  const std::string digest = info["digest"];
  EXPECT_THAT(said({"info", file}), HasSubstr(digest));
  EXPECT_THAT(said({"verify", file}), HasSubstr("ok"));
  EXPECT_EQ(said({"digest", file}), digest + "  state\n");
  EXPECT_THAT(said({"digest", file, "--fields"}), HasSubstr("  voxels\n"));
  EXPECT_THAT(import.out, HasSubstr(digest));
}

TEST_F(imported_world, answers_queries) {
  // The floor lies 10 m under the lowest ground, 40 m: voxel z spans 30 + z to 31 + z metres.
  EXPECT_EQ(said({"query", file, "0,0,0"}), "8 sandstone\n");
  EXPECT_EQ(said({"query", file, "0,0,25"}), "0 air\n");
  EXPECT_EQ(said({"query", file, "3,4,0", "--lod", "1"}), "8 sandstone\n");
  const std::string runs = said({"query", file, "--box", "0,0,0:2,2,38"});
  EXPECT_THAT(runs, HasSubstr("sandstone"));
  EXPECT_THAT(runs, HasSubstr("soil"));
  EXPECT_THAT(runs, HasSubstr("air"));
}

TEST_F(imported_world, is_drawn_in_every_view) {
  for (const std::string view : {"hillshade", "material", "section"}) {
    const std::string png = (folder / (view + ".png")).string();
    said({"render", file, "-o", png, "--view", view});
    EXPECT_EQ(read_file(png).substr(1, 3), "PNG");
  }
  said({"render", file, "-o", (folder / "d.png").string(), "--view", "difference", "--against",
        file});
  said({"render", file, "-o", (folder / "x.png").string(), "--view", "section", "--at", "x=3"});
  EXPECT_NE(read_file(folder / "x.png"), read_file(folder / "section.png"));
}

TEST_F(imported_world, is_compared_with_the_same_place_only) {
  const std::string other = (folder / "other.h5").string();
  const auto refused = [&](const std::vector<std::string>& options, const std::string& why) {
    std::vector<std::string> words = {"import", (folder / "dem.asc").string(), "-o", other};
    words.insert(words.end(), options.begin(), options.end());
    said(words);
    const outcome done = lithify({"render", file, "-o", (folder / "d.png").string(), "--view",
                                  "difference", "--against", other});
    EXPECT_EQ(done.code, 2);
    EXPECT_THAT(done.err, HasSubstr(why));
    EXPECT_THAT(done.err, HasSubstr("other.h5"));
    EXPECT_FALSE(std::filesystem::exists(folder / "d.png"));
  };
  refused({"--crop", "0,0,15,12"}, "another size");
  lithify::test::write_file(folder / "dem.asc", lithify::test::hills(32, 24));
  refused({"--crop", "1,0,16,12"}, "another south-west corner");
  refused({"--crop", "0,1,16,12"}, "another south-west corner");
  refused({"--resample", "10"}, "another cell size");
}

TEST_F(imported_world, comes_out_the_same_again) {
  said({"import", (folder / "dem.asc").string(), "-o", (folder / "v.h5").string(), "--basement",
        "10", "--headroom", "20"});
  EXPECT_EQ(said({"digest", (folder / "v.h5").string()}), said({"digest", file}));
}

TEST_F(imported_world, shows_stages_on_stderr_where_they_are_asked_for) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> commands = {
      {{"import", (folder / "dem.asc").string(), "-o", (folder / "v.h5").string()},
       "stage 4/4, writing the checkpoint"},
      {{"verify", file}, "stage 4/4, computing its budget"},
      {{"digest", file}, "stage 2/2, computing the digest of "},
      {{"digest", file, "--fields"}, "stage 3/3, computing those of its parts"}};
  for (auto [words, last] : commands) {
    const std::string out = said(words);  // in less than a second: nothing on stderr
    words.insert(words.end(), {"--progress", "always"});
    const outcome shown = lithify(words);
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_EQ(shown.out, out);
    EXPECT_THAT(shown.err, HasSubstr("[------------------------] stage 1/"));
    EXPECT_THAT(shown.err, HasSubstr(last));
    EXPECT_THAT(shown.err, EndsWith("\r\x1b[K"));
    words.back() = "never";
    EXPECT_EQ(said(words), out);
    words.back() = "sometimes";
    EXPECT_EQ(lithify(words).code, 2);
    EXPECT_THAT(lithify({words[0], "--help"}).out, HasSubstr("--progress"));
  }
  // An error has its line for itself.
  const outcome refused =
      lithify({"verify", (folder / "dem.asc").string(), "--progress", "always"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("\r\x1b[Klithify: "));
}

TEST_F(imported_world, shows_how_many_voxels_the_largest_region_has) {
  lithify::io::checkpoint largest;
  largest.voxels.size = {lithify::max_extent, lithify::max_extent, lithify::max_extent};
  largest.voxels.uniform_level = {lithify::coordinate_bits};
  largest.voxels.uniform_key = {0};
  largest.voxels.uniform_material = {5};
  lithify::io::write_checkpoint(folder / "l.h5", largest);
  const outcome shown = lithify({"digest", (folder / "l.h5").string(), "--progress", "always"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.err, HasSubstr("the digest of 9,223,372,036,854,775,808 voxels"));
}

TEST(check_command, says_what_a_scenario_would_do) {
  const temporary_folder folder;
  const std::string scenario = write_small_world(folder);
  const outcome done = lithify({"check", scenario});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("192"));
  EXPECT_THAT(done.out, HasSubstr("uplift diffusion"));
  EXPECT_THAT(done.out, HasSubstr("device memory"));
  // 0.05 m2/yr x 100 yr / 25 m2 = 0.2, and 25 m2 / (4 x 0.05 m2/yr) = 125 yr.
  EXPECT_THAT(done.out, HasSubstr("1 a step for diffusion, which is stable up to 125 yr"));
  const outcome fast =
      lithify({"check", scenario, "--set", "passes.diffusion.diffusivity_m2_per_yr=40"});
  EXPECT_THAT(fast.out, HasSubstr("800 a step for diffusion"));
  EXPECT_THAT(done.out, HasSubstr("lazy_threshold above 100 deltas in the overlay\nd"));
  const outcome own =
      lithify({"check", scenario, "--set", "passes.diffusion.overlay.threshold=1000", "--set",
               "passes.diffusion.overlay.strategy=all"});
  EXPECT_THAT(own.out, HasSubstr("all after 1,000 deltas of diffusion"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

// Pools of the index, which a formula of the content alone leaves out, are most of a small world.
TEST(check_command, says_how_much_memory_a_run_takes) {
  const temporary_folder folder;
  for (const std::string name : {"small", "scree"}) {
    const std::string scenario =
        std::string(LITHIFY_TEST_SOURCE_DIR) + "/scripts/scenarios/" + name + ".toml";
    const outcome checked = lithify({"check", scenario});
    const std::size_t at = checked.out.find("device memory     about ");
    ASSERT_NE(at, std::string::npos) << checked.err;
    const std::string figure = checked.out.substr(at + 24);
    EXPECT_THAT(figure, testing::ContainsRegex("^[0-9.]+ MiB at the peak, an estimate"));
    const outcome done = lithify({"run", scenario, "--out", (folder / name).string(), "--steps",
                                  "2", "--json", "--progress", "never", "--device", "cpu"});
    ASSERT_EQ(done.code, 0) << done.err;
    const double peak =
        nlohmann::json::parse(done.out)["peak_device_bytes"].get<double>() / (1 << 20);
    EXPECT_GT(std::stod(figure), peak / 1.3) << name;
    EXPECT_LT(std::stod(figure), peak * 1.3) << name;
  }
}

// In worlds as small as those above the index's slabs hide what columns and deltas take.
TEST(check_command, counts_columns_and_pending_deltas) {
  const auto bytes = [](int cells, const std::string& threshold) {
    const std::string crop = std::to_string(cells) + ", " + std::to_string(cells) + "]";
    return static_cast<double>(
        ::lithify::engine::plan(::lithify::engine::read_scenario(
                                    LITHIFY_TEST_SOURCE_DIR "/scripts/scenarios/demo.toml",
                                    std::vector<std::string>{"world.crop=[0, 0, " + crop,
                                                             "overlay.threshold=" + threshold}))
            .device_bytes);
  };
  const double few = bytes(128, "1000");
  const double delta = (bytes(128, "101000") - few) / 100'000;
  EXPECT_GT(delta, 16 / 0.6) << "a slot, at the load that is allowed";
  EXPECT_LT(delta, 250);
  EXPECT_EQ(bytes(128, "1000000000"), bytes(128, "2000000000")) << "no column holds so many";
  const double column = (few - bytes(64, "1000")) / (128 * 128 - 64 * 64);
  EXPECT_GT(column, 2 * 54) << "its fields, and a step's copy of them";
  EXPECT_LT(column, 500);
}

TEST(devices_command, lists_the_cpu_and_says_why_there_is_no_gpu) {
  const outcome done = lithify({"devices"});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out, testing::ContainsRegex("\ncpu      [0-9]+ hardware threads, .*iB\n"));
  EXPECT_THAT(done.out, testing::ContainsRegex("\nauto     (cpu|cuda:[0-9]+)\n$"));
  EXPECT_THAT(done.out, Not(HasSubstr("driver version is insufficient")));
  const std::string missing = "cuda     not available: ";
  if (!done.out.starts_with(missing)) {
    return;  // there is a GPU
  }
  const std::string why = done.out.substr(missing.size(), done.out.find('\n') - missing.size());
  EXPECT_THAT(why, testing::ContainsRegex("[a-z]+ [a-zA-Z -]+ [a-zA-Z]+")) << "words";
  for (const std::string device : {"cuda", "cuda:0", "cuda:7"}) {
    const outcome refused = lithify({"run", "none.toml", "--device", device, "--out", "none"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr("device '" + device + "' cannot be used: " + why));
  }
}

TEST(help, has_an_example_for_every_command) {
  for (const std::string command : {"run", "check", "import", "render", "info", "verify", "digest",
                                    "diff", "query", "devices"}) {
    const outcome done = lithify({command, "--help"});
    EXPECT_EQ(done.code, 0);
    EXPECT_THAT(done.out, HasSubstr("Example: lithify " + command));
  }
  EXPECT_EQ(lithify({"--help"}).code, 0);
  EXPECT_THAT(lithify({"--version"}).out, HasSubstr("lithify 0."));
}

}  // namespace
