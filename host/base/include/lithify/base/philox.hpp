/// Counter-based random numbers: Philox-4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
/// easy as 1, 2, 3"). The same (key, counter) gives the same numbers on every device, in any order.
#pragma once

#include <array>
#include <cstdint>

namespace lithify {

/// Four 32-bit random words for `counter` under `key`.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(
    std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// 64 random bits for draw number `draw` of `cell` in `step` of the run that `seed` names.
[[nodiscard]] constexpr std::uint64_t random_bits(std::uint64_t seed,
                                                  std::uint64_t step,
                                                  std::uint64_t cell,
                                                  std::uint32_t draw) {
  const auto words =
      philox4x32({static_cast<std::uint32_t>(cell), static_cast<std::uint32_t>(cell >> 32),
                  static_cast<std::uint32_t>(step), draw},
                 {static_cast<std::uint32_t>(seed) ^ static_cast<std::uint32_t>(step >> 32),
                  static_cast<std::uint32_t>(seed >> 32)});
  return (std::uint64_t{words[1]} << 32) | words[0];
}

}  // namespace lithify
