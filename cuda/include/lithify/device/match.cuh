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

/// Bit i set where the highest bit of word[i] is. `word`: 8 words.
LITHIFY_HD inline std::uint32_t highest_bits_portable(const std::uint64_t* word) {
  std::uint32_t bits = 0;
  for (int i = 0; i < 8; ++i) {
    bits |= static_cast<std::uint32_t>(word[i] >> 63) << i;
  }
  return bits;
}

#if defined(__SSE2__) && !LITHIFY_ON_CUDA
/// The same with vectors. `word` is aligned to 16 bytes.
inline std::uint32_t matching_words(const std::uint64_t* word, std::uint64_t value) {
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(value));
  const auto two = [=](int i) {
    const auto* const from = reinterpret_cast<const __m128i*>(word + i);
    return _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(from), wanted));
  };
  // A word matches where both its halves do.
  const auto four = [=](int i) {
    const __m128 a = two(i);
    const __m128 b = two(i + 2);
    const __m128 low = _mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0));
    const __m128 high = _mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1));
    return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_and_ps(low, high)));
  };
  return four(0) | (four(4) << 4);
}
inline std::uint32_t highest_bits(const std::uint64_t* word) {
  const auto four = [=](int i) {
    const auto* const from = reinterpret_cast<const float*>(word + i);
    return static_cast<std::uint32_t>(_mm_movemask_ps(
        _mm_shuffle_ps(_mm_load_ps(from), _mm_load_ps(from + 4), _MM_SHUFFLE(3, 1, 3, 1))));
  };
  return four(0) | (four(4) << 4);
}
#else
LITHIFY_HD inline std::uint32_t matching_words(const std::uint64_t* word, std::uint64_t value) {
  return matching_words_portable(word, value);
}
LITHIFY_HD inline std::uint32_t highest_bits(const std::uint64_t* word) {
  return highest_bits_portable(word);
}
#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
