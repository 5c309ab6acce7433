/// The oracles' own MurmurHash3_x64_128: written from Appleby's published algorithm, so that a
/// mistake in the library's hash cannot hide in what it is compared with.
#pragma once

#include "lithify/base/hash128.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lithify::test {

/// MurmurHash3_x64_128 over bytes, from the published algorithm; `seed` seeds both halves.
inline digest128 murmur3_x64_128(const std::vector<std::uint8_t>& bytes, std::uint64_t seed) {
  const std::uint64_t c1 = 0x87c37b91114253d5ULL;
  const std::uint64_t c2 = 0x4cf5ad432745937fULL;
  const auto rotl = [](std::uint64_t x, int r) { return (x << r) | (x >> (64 - r)); };
  const auto word = [&](std::size_t at, std::size_t n) {
    std::uint64_t w = 0;
    for (std::size_t i = 0; i < n; ++i) {
      w |= std::uint64_t{bytes[at + i]} << (8 * i);
    }
    return w;
  };
  std::uint64_t h1 = seed;
  std::uint64_t h2 = seed;
  std::size_t at = 0;
  for (; at + 16 <= bytes.size(); at += 16) {
    std::uint64_t k1 = word(at, 8);
    std::uint64_t k2 = word(at + 8, 8);
    k1 *= c1;
    k1 = rotl(k1, 31);
    k1 *= c2;
    h1 ^= k1;
    h1 = rotl(h1, 27);
    h1 += h2;
    h1 = h1 * 5 + 0x52dce729;
    k2 *= c2;
    k2 = rotl(k2, 33);
    k2 *= c1;
    h2 ^= k2;
    h2 = rotl(h2, 31);
    h2 += h1;
    h2 = h2 * 5 + 0x38495ab5;
  }
  const std::size_t tail = bytes.size() - at;
  if (tail > 8) {
    h2 ^= rotl(word(at + 8, tail - 8) * c2, 33) * c1;
  }
  if (tail > 0) {
    h1 ^= rotl(word(at, std::min<std::size_t>(tail, 8)) * c1, 31) * c2;
  }
  const auto finish = [](std::uint64_t k) {
    k ^= k >> 33;
    k *= 0xff51afd7ed558ccdULL;
    k ^= k >> 33;
    k *= 0xc4ceb9fe1a85ec53ULL;
    k ^= k >> 33;
    return k;
  };
  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 += h2;
  h2 += h1;
  return {h1, h2};
}

/// Blocks of two words, little-endian, as README.md of host/engine and of cuda/passes hash them.
class block_list {
 public:
  void add(std::uint64_t low, std::uint64_t high) {
    for (const std::uint64_t w : {low, high}) {
      for (int b = 0; b < 8; ++b) {
        bytes_.push_back(static_cast<std::uint8_t>(w >> (8 * b)));
      }
    }
  }
  void add(const digest128& d) { add(d.low, d.high); }
  [[nodiscard]] digest128 hash(std::uint64_t seed) const { return murmur3_x64_128(bytes_, seed); }
  /// Adds the hash to a sum, word by word.
  void add_to(digest128& sum, std::uint64_t seed) const {
    const digest128 d = hash(seed);
    sum.low += d.low;
    sum.high += d.high;
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace lithify::test
