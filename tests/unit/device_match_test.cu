// Comparing eight words at once: the body that this machine takes and the portable one, against a
// loop.
#include "lithify/device/match.cuh"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace lithify::device::inline LITHIFY_BACKEND {
namespace {

struct alignas(64) line {
  std::array<std::uint64_t, 8> word;
};

void expect_matches(const line& l, std::uint64_t value) {
  std::uint32_t expected = 0;
  std::uint32_t bit = 1;
  for (const std::uint64_t w : l.word) {
    if (w == value) {
      expected += bit;
    }
    bit *= 2;
  }
  EXPECT_EQ(matching_words(l.word.data(), value), expected);
  EXPECT_EQ(matching_words_portable(l.word.data(), value), expected);
}

// Halves of 32 bits are compared by themselves: a word counts where both are equal.
TEST(device_match, finds_every_set_of_words) {
  const std::uint64_t value = 0x0123456789abcdefU;
  const std::uint64_t others[] = {0,
                                  ~value,
                                  ~std::uint64_t{0},
                                  value ^ 1U,
                                  value ^ (std::uint64_t{1} << 63),
                                  value & 0xffffffffU,
                                  value & ~std::uint64_t{0xffffffffU},
                                  (value << 32) | (value >> 32)};
  for (const std::uint64_t other : others) {
    for (unsigned set = 0; set < 256; ++set) {
      line l;
      for (unsigned i = 0; i < 8; ++i) {
        l.word[i] = ((set >> i) & 1U) != 0 ? value : other;
      }
      EXPECT_EQ(matching_words(l.word.data(), value), set);
      expect_matches(l, value);
      expect_matches(l, other);
    }
  }
}

TEST(device_match, takes_any_words) {
  std::mt19937_64 random(11);
  const std::uint64_t halves[] = {0, 1, 0xffffffffU, 0x80000000U};
  const auto word = [&] { return (halves[random() % 4] << 32) | halves[random() % 4]; };
  for (int i = 0; i < 20'000; ++i) {
    line l;
    for (std::uint64_t& w : l.word) {
      w = word();
    }
    expect_matches(l, word());
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(device_match, finds_highest_bits) {
  for (const std::uint64_t rest :
       {std::uint64_t{0}, ~std::uint64_t{0} >> 1, std::uint64_t{1} << 31}) {
    for (unsigned set = 0; set < 256; ++set) {
      line l;
      for (unsigned i = 0; i < 8; ++i) {
        l.word[i] = rest | (static_cast<std::uint64_t>((set >> i) & 1U) << 63);
      }
      EXPECT_EQ(highest_bits(l.word.data()), set);
      EXPECT_EQ(highest_bits_portable(l.word.data()), set);
    }
  }
}

}  // namespace
}  // namespace lithify::device::inline LITHIFY_BACKEND
