/// The program against the slow oracle: oracle.py works out what slope.toml, basin.toml and
/// gorge.toml (all passes) must end with, the .json beside them keeps it, and every backend and way
/// to run meets the same file.
#include "program.hpp"
#include "test_device.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace {

using lithify::test::outcome;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using nlohmann::json;

const std::string here = std::string(LITHIFY_TEST_SOURCE_DIR) + "/tests/golden/";

struct golden_world {
  const char* name;
  int steps;
};
void PrintTo(const golden_world& world, std::ostream* out) { *out << world.name; }

class state_golden : public testing::TestWithParam<golden_world> {
 protected:
  json run(const std::string& out, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {
        "run",      here + GetParam().name + ".toml", "--out",  (folder / out).string(),
        "--device", lithify::test::test_device(),     "--json", "--progress",
        "never"};
    words.insert(words.end(), more.begin(), more.end());
    const outcome done = lithify::test::lithify(words);
    EXPECT_EQ(done.code, 0) << done.err;
    return done.out.empty() ? json() : json::parse(done.out);
  }
  /// The digests that `lithify digest --fields` prints, as the golden file has them.
  [[nodiscard]] json digests(const std::string& file) const {
    const outcome done = lithify::test::lithify({"digest", (folder / file).string(), "--fields"});
    EXPECT_EQ(done.code, 0) << done.err;
    json found;
    std::istringstream lines(done.out);
    for (std::string digest, name; lines >> digest >> name;) {
      (name == "state" ? found : found["fields"])[name] = digest;
    }
    return found;
  }
  [[nodiscard]] const json& digest_at_end() const {
    return golden["steps"][std::to_string(GetParam().steps)]["state"];
  }

  temporary_folder folder;
  const json golden = json::parse(read_file(here + GetParam().name + ".json"));
};

TEST_P(state_golden, every_checkpoint_and_the_budget_are_the_oracles) {
  const json summary = run("a");
  EXPECT_EQ(summary["digest"], digest_at_end());
  for (const auto& [step, expected] : golden["steps"].items()) {
    const std::string number = std::string(8 - step.size(), '0') + step;
    EXPECT_EQ(digests("a/checkpoint-" + number + ".h5"), expected) << "step " << step;
  }
  const json& budget = summary["budget"];
  EXPECT_EQ(budget["in"], golden["budget"]["in"]);
  EXPECT_EQ(budget["exported"], golden["budget"]["exported"]);
  EXPECT_EQ(budget["stored"], golden["budget"]["stored_at_end"]);
  EXPECT_EQ(budget["stored_at_start"], golden["budget"]["stored_at_start"]);
  EXPECT_EQ(budget["out"], "0");
  EXPECT_EQ(budget["residual"], "0");
  EXPECT_GT(summary["deltas_emitted"], 1000);
}

TEST_P(state_golden, every_way_to_run_meets_it) {
  const std::vector<std::vector<std::string>> ways = {
      {"--threads", "1"},
      {"--threads", "2"},
      {"--threads", "16", "--set", "overlay.strategy=all"},
      {"--set", "overlay.threshold=1", "--set", "checkpoint.every=0"},
      {"--set", "overlay.threshold=1000000", "--checkpoint-every", "7"},
  };
  for (std::size_t i = 0; i < ways.size(); ++i) {
    EXPECT_EQ(run(std::to_string(i), ways[i])["digest"], digest_at_end()) << "way " << i;
  }
}

TEST_P(state_golden, a_resumed_run_meets_it) {
  for (const int at : {0, 1, 4, 10, 13}) {
    const std::string out = "after " + std::to_string(at);
    run(out, {"--steps", std::to_string(at)});
    EXPECT_EQ(run(out, {"--resume", "auto"})["digest"], digest_at_end()) << out;
  }
}

INSTANTIATE_TEST_SUITE_P(worlds,
                         state_golden,
                         testing::Values(golden_world{"slope", 20},
                                         golden_world{"basin", 15},
                                         golden_world{"gorge", 15}),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
