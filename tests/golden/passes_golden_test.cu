/// One digest that every backend, compiler flag and machine must meet: 20 steps over rough ground.
#include "lithify/base/hash128.hpp"
#include "passes_rig.cuh"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

/// Hash of the bytes, padded with zeros to whole blocks, and their number.
std::string digest_of(std::string bytes) {
  hasher128 hash;
  hash.add(bytes.size(), 0);
  bytes.resize((bytes.size() + 15) / 16 * 16);
  for (std::size_t i = 0; i < bytes.size(); i += 16) {
    std::uint64_t words[2];
    std::memcpy(words, bytes.data() + i, sizeof(words));
    hash.add(words[0], words[1]);
  }
  return to_string(hash.finish());
}

// Changed only with a change of the arithmetic, which breaks every checkpoint's promise to resume
// with the same bits: say so in the changelog.
TEST(passes_golden, twenty_steps_over_rough_ground) {
  rough_run run;
  for (int i = 0; i < 20; ++i) {
    run.step(i, 37.5 + 0.1 * i);
    if (i % 6 == 5) {
      run.world.consolidate();
    }
  }
  EXPECT_EQ(digest_of(whole_state(run.world, run.sim)), "219bfcc32c7289ee3caedcf63c03f953");
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
