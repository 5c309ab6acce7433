/// Checkpoints: a whole world in one HDF5 file, written so that a crash leaves the older file or
/// the newer one. Layout and rules: io/FORMAT.md.
#pragma once

#include "lithify/base/field.hpp"
#include "lithify/base/fixed_point.hpp"
#include "lithify/base/geometry.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/base/material.hpp"
#include "lithify/octree/voxel_image.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lithify::io {

/// Totals since the start of the run, in quanta of solid.
struct budget_totals {
  int128 in = 0;
  int128 out = 0;
  int128 exported = 0;
  int128 edited = 0;
  int128 stored_at_start = 0;
  friend bool operator==(const budget_totals&, const budget_totals&) = default;
};

/// Everything of a run that is neither voxels nor columns.
struct run_state {
  std::int64_t step = 0;
  double time_yr = 0.0;
  std::uint64_t batch_number = 0;
  lithify::tick tick = 0;       ///< of that batch
  std::int64_t pass_index = 0;  ///< 0: between two steps
  std::uint64_t random_key = 0;
  std::uint64_t random_counter = 0;
  std::int64_t frame_offset = 0;     ///< 2^-20 voxel heights
  std::int64_t frame_remainder = 0;  ///< 2^-52 voxel heights
  budget_totals budget;
  friend bool operator==(const run_state&, const run_state&) = default;
};

/// Version of the files that this program writes (FORMAT.md says what each minor version brought).
inline constexpr std::uint16_t format_major = 1;
inline constexpr std::uint16_t format_minor = 4;

struct checkpoint {
  region_geometry geometry;
  region_sides sides;
  material_table materials;
  voxel_image voxels;
  std::vector<field> columns;
  run_state state;
  std::string scenario;    ///< TOML text, as it was read; empty for an imported world
  std::string provenance;  ///< program version and command
  digest128 digest;        ///< state digest
  /// Of the file that it was read from: it keeps that file's digest and fields when it is written.
  std::uint16_t minor_version = format_minor;

  /// Version of the digest's definition.
  [[nodiscard]] std::uint64_t digest_version() const { return minor_version >= 2 ? 2 : 1; }
};

/// What every checkpoint begins with. As PNG's: a high first byte and both line ends show a
/// transfer that changed text.
inline constexpr std::string_view checkpoint_signature = "\x89LFY\r\n\x1a\n";

/// Writes `file` through a temporary file: fsync, rename, fsync of the folder. Where the system
/// will not sync it, it is written once more, to a new file; gives the line that says so, otherwise
/// an empty one.
/// Errors: invalid_argument (what a reader would refuse, or a tick other than the step where
/// `minor_version` is below 4, which keeps none); io_failure (the temporary file is removed, an
/// older `file` stays as it was).
/// Cost: one pass over the data; deflate level 1.
std::string write_checkpoint(const std::filesystem::path& file, const checkpoint& data);

/// Reads a checkpoint; every checksum is verified, sizes before they are allocated.
/// Errors: not_found, corrupt_file (file, place and reason), unsupported_version.
[[nodiscard]] checkpoint read_checkpoint(const std::filesystem::path& file);

/// Bytes of the cells and of the map in the view that a file holds of a world with so many bricks,
/// before compression: at most, for how many of its cells are worth showing is not known from that.
[[nodiscard]] std::size_t most_view_bytes(region_size size, std::int64_t bricks);

/// What `lithify info` shows, read without the voxels.
struct checkpoint_summary {
  region_size size;
  region_geometry geometry;
  run_state state;
  std::vector<std::string> materials;
  std::vector<std::string> columns;
  std::uint64_t dense_bricks = 0;
  std::uint64_t sparse_bricks = 0;
  std::uint64_t uniform_leaves = 0;
  std::uint64_t file_bytes = 0;
  std::string scenario;
  std::string provenance;
  digest128 digest;
};
[[nodiscard]] checkpoint_summary read_summary(const std::filesystem::path& file);

/// For a program that uses HDF5 through this folder alone, before it does: HDF5 is not closed at
/// exit, where it prints to standard error if memory ran out in it. Every file is closed by then.
void keep_hdf5_from_exit();

}  // namespace lithify::io
