/// The 512 bytes before a checkpoint's HDF5 data: what proves the file whole before libhdf5 sees
/// it.
///
/// Little-endian. Bytes 0-7 magic, 8-9 major, 10-11 minor, 12-15 size of the block (512), 16-23
/// length of the whole file, 24-39 XXH3-128 of everything after the block (low word first), 40-503
/// zero, 504-511 XXH3-64 of bytes 0-503. Magic, versions and the block's own checksum keep their
/// places in every future version.
#pragma once

#include "lithify/base/hash128.hpp"
#include "lithify/io/checkpoint.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lithify::io {

class input_file;

inline constexpr std::size_t user_block_size = 512;

/// The first minor version that keeps the tick; before it the tick is the step.
inline constexpr std::uint16_t minor_of_tick = 4;

/// The block for a file whose bytes after the block are `rest`.
[[nodiscard]] std::array<std::byte, user_block_size> make_user_block(
    std::span<const std::byte> rest,
    std::uint16_t major = format_major,
    std::uint16_t minor = format_minor);

/// XXH3-128 of `data` in one call.
[[nodiscard]] digest128 xxh3_128(std::span<const std::byte> data);

/// Checks the block, the length and the checksum of the whole file; gives its minor version.
/// Errors: corrupt_file (file, byte, reason); unsupported_version for a newer major version.
/// Cost: one sequential read.
std::uint16_t verify_user_block(const input_file& file);

}  // namespace lithify::io
