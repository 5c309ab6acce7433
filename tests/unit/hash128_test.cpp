// The hasher against the published algorithm: digests computed with the Python package mmh3 5
// (mmh3.hash64, x64arch=True) over the same little-endian words.
#include "lithify/base/hash128.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

namespace {

using lithify::digest128;
using lithify::hasher128;

digest128 hash(const std::vector<std::uint64_t>& words, std::uint64_t seed = 0) {
  hasher128 hasher(seed);
  for (std::size_t i = 0; i < words.size(); i += 2) {
    hasher.add(words[i], words[i + 1]);
  }
  return hasher.finish();
}

TEST(hash128, meets_murmurhash3_x64_128) {
  EXPECT_EQ(hash({}), (digest128{0, 0}));
  EXPECT_EQ(hash({}, 42), (digest128{0xf02aa77dfa1b8523, 0xd1016610da11cbb9}));
  EXPECT_EQ(hash({0, 0}), (digest128{0x4bbd1bf27da918d6, 0xb465a9eccd791cb6}));
  EXPECT_EQ(hash({1, 2}), (digest128{0xdeed8b2be489f006, 0x2f85052754e1e577}));
  EXPECT_EQ(hash({1, 2}, 0x9747b28c), (digest128{0x33a7bab2a1098044, 0x66dcc750fdafb1ba}));
  constexpr std::uint64_t ones = ~std::uint64_t{0};
  EXPECT_EQ(hash({ones, ones, ones, ones}), (digest128{0x7592e77dc55113f1, 0x6c232c39aa5d9f16}));
  std::vector<std::uint64_t> sequence(2000);
  for (std::uint64_t i = 0; i < sequence.size(); ++i) {
    sequence[i] = i * 0x9E3779B97F4A7C15;
  }
  EXPECT_EQ(hash(sequence), (digest128{0x36e631b8717f6348, 0xff34b69b6cb8a99b}));
  EXPECT_EQ(hash(sequence, 7), (digest128{0x815deb2e5e5d66f1, 0x30aedb1d4071dbc2}));
}

TEST(hash128, takes_a_digest_as_a_block) {
  hasher128 hasher;
  hasher.add(digest128{1, 2});
  EXPECT_EQ(hasher.finish(), hash({1, 2}));
}

TEST(hash128, prints_the_high_word_first) {
  EXPECT_EQ(lithify::to_string(digest128{0x0123456789abcdef, 0xfedcba9876543210}),
            "fedcba98765432100123456789abcdef");
  EXPECT_EQ(lithify::to_string(digest128{}), "00000000000000000000000000000000");
}

TEST(hash128, works_at_compile_time) {
  constexpr auto digest = [] {
    hasher128 hasher;
    hasher.add(0, 0);
    return hasher.finish();
  }();
  static_assert(digest.low == 0x4bbd1bf27da918d6);
}

TEST(mix64, is_the_finaliser_of_murmurhash3) {
  // fmix64 inverted by hand: xor-shifts undo themselves, multipliers have inverses modulo 2^64.
  const auto inverse = [](std::uint64_t k) {
    k ^= k >> 33;
    k *= 0x9cb4b2f8129337db;
    k ^= k >> 33;
    k *= 0x4f74430c22a54005;
    k ^= k >> 33;
    return k;
  };
  EXPECT_EQ(lithify::mix64(0), 0U);
  std::uint64_t key = 1;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(inverse(lithify::mix64(key)), key);
    key = key * 6364136223846793005 + 1442695040888963407;
  }
}

}  // namespace
