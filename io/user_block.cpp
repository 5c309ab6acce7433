#include "user_block.hpp"

#include "file_layer.hpp"
#include "lithify/base/error.hpp"
#include "lithify/io/checkpoint.hpp"

// The whole library as inline code: no second library to find and link.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace lithify::io {

namespace {

constexpr std::string_view magic = checkpoint_signature;
static_assert(magic.size() == 8);
constexpr std::size_t checksum_at = user_block_size - 8;

using block = std::array<std::byte, user_block_size>;

template <class T>
void put(block& bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[at + i] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
  }
}

template <class T>
T get(const block& bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(bytes[at + i]) << (8 * i)));
  }
  return value;
}

digest128 from_xxh(XXH128_hash_t hash) { return {hash.low64, hash.high64}; }

}  // namespace

digest128 xxh3_128(std::span<const std::byte> data) {
  return from_xxh(XXH3_128bits(data.data(), data.size()));
}

block make_user_block(std::span<const std::byte> rest, std::uint16_t major, std::uint16_t minor) {
  block bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  put<std::uint16_t>(bytes, 8, major);
  put<std::uint16_t>(bytes, 10, minor);
  put<std::uint32_t>(bytes, 12, user_block_size);
  put<std::uint64_t>(bytes, 16, user_block_size + rest.size());
  const digest128 digest = xxh3_128(rest);
  put<std::uint64_t>(bytes, 24, digest.low);
  put<std::uint64_t>(bytes, 32, digest.high);
  put<std::uint64_t>(bytes, checksum_at, XXH3_64bits(bytes.data(), checksum_at));
  return bytes;
}

std::uint16_t verify_user_block(const input_file& file) {
  const auto corrupt = [&](const std::string& why) -> void {
    throw error(errc::corrupt_file, "'" + file.name() + "' " + why);
  };
  if (file.size() < user_block_size) {
    corrupt("is not a Lithify checkpoint: it has " + std::to_string(file.size()) +
            " bytes, fewer than its 512-byte header");
  }
  block bytes{};
  file.read_at(0, bytes);
  if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
    corrupt("is not a Lithify checkpoint: its first 8 bytes are not the checkpoint magic");
  }
  if (get<std::uint64_t>(bytes, checksum_at) != XXH3_64bits(bytes.data(), checksum_at)) {
    corrupt("is damaged: bytes 0 to 503 do not match the checksum at byte 504");
  }
  const auto major = get<std::uint16_t>(bytes, 8);
  if (major > format_major) {
    throw error(errc::unsupported_version,
                "'" + file.name() + "' has checkpoint format " + std::to_string(major) + "." +
                    std::to_string(get<std::uint16_t>(bytes, 10)) + ", this program reads up to " +
                    std::to_string(format_major) + ".x: use a newer Lithify");
  }
  const auto length = get<std::uint64_t>(bytes, 16);
  if (length != file.size()) {
    corrupt("is truncated or extended: it has " + std::to_string(file.size()) +
            " bytes and was written with " + std::to_string(length));
  }

  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  require(state != nullptr, errc::out_of_memory, "no memory for a checksum state");
  XXH3_128bits_reset(state.get());
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  for (std::uint64_t at = user_block_size; at < length;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length - at));
    file.read_at(at, std::span(buffer).first(size));
    XXH3_128bits_update(state.get(), buffer.data(), size);
    at += size;
  }
  const digest128 expected{get<std::uint64_t>(bytes, 24), get<std::uint64_t>(bytes, 32)};
  if (from_xxh(XXH3_128bits_digest(state.get())) != expected) {
    corrupt("is damaged: bytes 512 to " + std::to_string(length) +
            " do not match the checksum at byte 24");
  }
  return get<std::uint16_t>(bytes, 10);
}

}  // namespace lithify::io
