/// `lithify run` on the small scenario, read by its summary.
#pragma once

#include "program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace lithify::test {

class run_command : public testing::Test {
 protected:
  /// Runs the small scenario with further arguments; its summary.
  nlohmann::json run(const std::string& out, std::vector<std::string> more = {}, int code = 0) {
    std::vector<std::string> arguments = {"run",      scenario, "--out",  (folder / out).string(),
                                          "--device", "cpu",    "--json", "--progress",
                                          "never"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const outcome done = lithify(arguments);
    EXPECT_EQ(done.code, code) << done.err;
    last_err = done.err;
    return done.out.empty() ? nlohmann::json() : nlohmann::json::parse(done.out);
  }

  temporary_folder folder;
  std::string scenario = write_small_world(folder);
  std::string last_err;
};

}  // namespace lithify::test
