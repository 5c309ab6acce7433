/// Reads scenarios out of texts, and the words with which they are refused.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/engine/scenario.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lithify::test {

/// A scenario that is read as it is.
inline const std::string good = R"([world]
dem = "hills.asc"

[run]
steps = 4
step_yr = 500

[passes]
order = ["diffusion", "uplift"]
)";

class scenario_reader : public testing::Test {
 protected:
  [[nodiscard]] engine::scenario read(const std::string& text,
                                      const std::vector<std::string>& set = {}) {
    write_file(folder / "s.toml", text);
    return engine::read_scenario(folder / "s.toml", set);
  }

  /// The message with which `text` is refused, after its code was checked.
  [[nodiscard]] std::string refusal(const std::string& text,
                                    const std::vector<std::string>& set = {}) {
    try {
      (void)read(text, set);
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument) << e.what();
      return e.what();
    }
    ADD_FAILURE() << "accepted:\n" << text;
    return {};
  }

  temporary_folder folder;
};

}  // namespace lithify::test
