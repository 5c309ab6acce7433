/// The bits of powers that every backend, compiler flag and machine must meet.
#include "lithify/base/hash128.hpp"
#include "lithify/base/powers.hpp"
#include "lithify/device/verbs.cuh"
#include "test_device.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

constexpr std::int64_t count = 4096;

/// Three results for each i, as bits.
void evaluate(device::exec ex, std::uint64_t* out) {
  device::for_each_n(ex, count, [=] LITHIFY_HD(std::int64_t i) {
    const double x = (1.0 + static_cast<double>((i * 40503) % 65536) / 65536.0) *
                     static_cast<double>(std::int64_t{1} << (i % 60));
    const double y = static_cast<double>((i * 30011) % 65536) / 61.0 - 512.0;
    out[3 * i] = std::bit_cast<std::uint64_t>(pow_positive(x, 0.45));
    out[3 * i + 1] = std::bit_cast<std::uint64_t>(log2_positive(x));
    out[3 * i + 2] = std::bit_cast<std::uint64_t>(exp2_any(y));
  });
}

// powers_reference.py, beside this file, prints the digest: the same IEEE operations in Python. A
// contraction to fma, another order of terms or a call of the C library changes it.
TEST(powers_golden, bits_are_those_of_the_reference) {
  device::memory_pool pool;
  const device::stream stream;
  const device::exec ex{stream.ref(), &pool};
  device::buffer<std::uint64_t> out(ex, 3 * count);
  evaluate(ex, out.data());
  std::vector<std::uint64_t> bits(3 * count);
  device::copy_to_host(ex, bits.data(), out.data(), 3 * count);
  hasher128 hash;
  for (std::size_t i = 0; i < bits.size(); i += 2) {
    hash.add(bits[i], bits[i + 1]);
  }
  EXPECT_EQ(to_string(hash.finish()), "9ee5d73f547089705e61653b0a43e58c");
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
