/// The 128-bit hash of the state digest: MurmurHash3_x64_128 (Austin Appleby, public domain) over
/// whole 16-byte blocks.
///
/// Every use feeds complete blocks, so the published tail handling never runs. Constexpr and in
/// integer arithmetic only: both backends and any byte-order-aware reimplementation give the same
/// bits. Words are little-endian as in the reference implementation on x86-64.
#pragma once

#include <cstdint>
#include <string>

namespace lithify {

/// A 128-bit digest; `low` is the reference implementation's first output word.
struct digest128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend constexpr bool operator==(const digest128&, const digest128&) = default;
};

/// 32 lower-case hexadecimal digits, high word first.
[[nodiscard]] inline std::string to_string(const digest128& d) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string text(32, '0');
  for (int i = 0; i < 16; ++i) {
    text[static_cast<std::size_t>(15 - i)] = hex[(d.high >> (4 * i)) & 15];
    text[static_cast<std::size_t>(31 - i)] = hex[(d.low >> (4 * i)) & 15];
  }
  return text;
}

/// Finalising mixer of MurmurHash3: a bijection of 64 bits in which every input bit reaches every
/// output bit. Also the hash of the overlay's keys.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  k ^= k >> 33;
  return k;
}

/// Streaming hasher: `add` 16-byte blocks, then `finish` once.
class hasher128 {
 public:
  constexpr explicit hasher128(std::uint64_t seed = 0) : h1_(seed), h2_(seed) {}

  /// Adds one block of two 64-bit words.
  constexpr void add(std::uint64_t k1, std::uint64_t k2) {
    constexpr std::uint64_t c1 = 0x87c37b91114253d5ULL;
    constexpr std::uint64_t c2 = 0x4cf5ad432745937fULL;
    h1_ ^= rotate(k1 * c1, 31) * c2;
    h1_ = (rotate(h1_, 27) + h2_) * 5 + 0x52dce729;
    h2_ ^= rotate(k2 * c2, 33) * c1;
    h2_ = (rotate(h2_, 31) + h1_) * 5 + 0x38495ab5;
    length_ += 16;
  }

  constexpr void add(const digest128& d) { add(d.low, d.high); }

  [[nodiscard]] constexpr digest128 finish() const {
    std::uint64_t a = h1_ ^ length_;
    std::uint64_t b = h2_ ^ length_;
    a += b;
    b += a;
    a = mix64(a);
    b = mix64(b);
    a += b;
    b += a;
    return {a, b};
  }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t x, int r) {
    return (x << r) | (x >> (64 - r));
  }

  std::uint64_t h1_;
  std::uint64_t h2_;
  std::uint64_t length_ = 0;
};

}  // namespace lithify
