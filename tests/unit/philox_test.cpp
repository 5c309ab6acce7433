// The generator against the published test vectors, and the properties random_bits promises.
#include "lithify/base/philox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>

namespace {

using words = std::array<std::uint32_t, 4>;

// Random123 1.14, tests/kat_vectors, "philox4x32 10".
TEST(philox, meets_the_known_answers_of_random123) {
  EXPECT_EQ(lithify::philox4x32({0, 0, 0, 0}, {0, 0}),
            (words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(lithify::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                                {0xffffffff, 0xffffffff}),
            (words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(lithify::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                                {0xa4093822, 0x299f31d0}),
            (words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(philox, random_bits_depend_on_every_argument) {
  constexpr std::uint64_t high = std::uint64_t{1} << 32;
  const std::set<std::uint64_t> draws{
      lithify::random_bits(1, 2, 3, 4),        lithify::random_bits(2, 2, 3, 4),
      lithify::random_bits(1, 3, 3, 4),        lithify::random_bits(1, 2, 4, 4),
      lithify::random_bits(1, 2, 3, 5),        lithify::random_bits(1 + high, 2, 3, 4),
      lithify::random_bits(1, 2 + high, 3, 4), lithify::random_bits(1, 2, 3 + high, 4)};
  EXPECT_EQ(draws.size(), 8U);
}

}  // namespace
