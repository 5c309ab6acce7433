/// Comparing a cache line of words with one value at once, without a branch a word.
///
/// For CPU cores: a loop that stops at the first match is mispredicted about once a look-up. On a
/// GPU a loop that stops early reads less, so code asks `matches_at_once` which of the two to use.
#pragma once

#include "lithify/device/backend.cuh"

#include <cstdint>

#if defined(__SSE2__) && !LITHIFY_ON_CUDA
#include <emmintrin.h>
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

inline constexpr bool matches_at_once = !LITHIFY_ON_CUDA;

/// Bit i set where word[i] == value. `word`: 8 words.
LITHIFY_HD inline std::uint32_t matching_words_portable(const std::uint64_t* word,
                                                        std::uint64_t value) {
  std::uint32_t bits = 0;
  for (int i = 0; i < 8; ++i) {
    bits |= (word[i] == value ? 1U : 0U) << i;
  }
  return bits;
}

#if defined(__SSE2__) && !LITHIFY_ON_CUDA
/// The same with vectors. `word` is aligned to 16 bytes.
inline std::uint32_t matching_words(const std::uint64_t* word, std::uint64_t value) {
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(value));
  const auto halves = [=](int i) {
    return _mm_cmpeq_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(word + i)), wanted);
  };
  const __m128i low = _mm_packs_epi32(halves(0), halves(2));
  const __m128i high = _mm_packs_epi32(halves(4), halves(6));
  // A word matches where both its halves do: its two bits are both set.
  const auto half = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
  std::uint32_t bits = half & (half >> 1) & 0x5555U;
  bits = (bits | (bits >> 1)) & 0x3333U;
  bits = (bits | (bits >> 2)) & 0x0f0fU;
  return (bits | (bits >> 4)) & 0xffU;
}
#else
LITHIFY_HD inline std::uint32_t matching_words(const std::uint64_t* word, std::uint64_t value) {
  return matching_words_portable(word, value);
}
#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
