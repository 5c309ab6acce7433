/// Files that lead to the place where two runs part: digests of every pass of every step, and the
/// values of one chunk after one pass. Texts of lines; README.md of this folder has their format.
#pragma once

#include "lithify/base/geometry.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/octree/query_types.hpp"
#include "lithify/passes/trace.hpp"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lithify::engine {

/// Pass of what is noted down once a step is committed: its voxels.
inline constexpr const char* end_pass = "end";

/// The run that a file is of.
struct traced_run {
  region_size size;
  double cell_size_m = 1.0;
  double voxel_height_m = 1.0;
  digest128 scenario;  ///< of its text
  std::string device;  ///< for the reader; never compared
};

/// Writes a file of digests, step by step: what stands in it is whole steps, whatever ends the run.
class digest_writer {
 public:
  /// Errors: io_failure.
  digest_writer(const std::filesystem::path& file, const traced_run& run);
  /// Requires: `step` is one more than before; passes in the order in which they ran.
  /// Errors: io_failure, out_of_space.
  void add(std::int64_t step, std::span<const pass_digests> passes);

 private:
  struct closer {
    void operator()(std::FILE* f) const { (void)std::fclose(f); }
  };
  void write(const std::string& text);

  std::string name_;
  std::unique_ptr<std::FILE, closer> file_;
  std::map<std::string, std::vector<digest128>> last_;  ///< by part: what is equal is not repeated
};

/// A part of the state that two runs have different.
struct parted {
  std::string name;         ///< of a column field, `deltas` or `voxels`
  chunk_place chunk;        ///< the first one
  std::int64_t chunks = 0;  ///< how many
};

/// What a comparison of two files of digests finds.
struct digest_comparison {
  traced_run run[2];
  std::int64_t first_step = 0, last_step = 0;  ///< that were compared
  bool goes_on[2] = {false, false};            ///< which file has steps after the last one

  bool differ = false;  ///< else what follows says nothing
  std::int64_t step = 0;
  std::string pass;
  bool frames_differ = false;
  pass_digests at[2];         ///< what the files say of that pass
  std::vector<parted> parts;  ///< in the order of the state
};
/// Compares as far as the first pass with a difference.
/// Errors: not_found, io_failure, corrupt_file (file, line, why; only if reached before a
/// difference), unsupported_version; invalid_argument (two regions, other passes or fields, no step
/// in common).
[[nodiscard]] digest_comparison compare_digests(const std::filesystem::path& a,
                                                const std::filesystem::path& b);

/// The values of one chunk after one pass of one step, as texts: cell by cell, x fastest, of each
/// cell as many as there are names.
struct dump {
  traced_run run;
  std::int64_t step = 0;
  std::string pass;
  chunk_place chunk;
  std::int64_t frame_offset = 0;
  std::int64_t frame_remainder = 0;
  std::vector<std::string> names;
  std::vector<std::string> values;
};
/// Of a pass: the column fields, and `deltas` as Z:MATERIAL:ORDER,... bottom to top.
[[nodiscard]] dump dump_of(const traced_run& run, std::int64_t step, const chunk_values& values);
/// Of a step's end: `voxels` as MATERIAL:BOTTOM-TOP,... `columns` are those of the chunk.
[[nodiscard]] dump dump_of(const traced_run& run,
                           std::int64_t step,
                           chunk_place chunk,
                           const column_list& columns);

/// Gives what `write_checkpoint` gives of a refused sync. Errors: io_failure, out_of_space.
std::string write_dump(const std::filesystem::path& file, const dump& d);
/// Errors: not_found, io_failure, corrupt_file (file, line, why), unsupported_version.
[[nodiscard]] dump read_dump(const std::filesystem::path& file);

/// The first value in which two dumps differ.
struct value_difference {
  std::int32_t x = 0, y = 0;
  std::string name;
  std::string value[2];
  std::int64_t cells = 0;  ///< that differ
};
/// Frames are not compared. Errors: invalid_argument (two regions, steps, passes or chunks).
[[nodiscard]] std::optional<value_difference> compare_dumps(const dump& a, const dump& b);

/// What a file is by its first bytes.
enum class trace_kind : std::uint8_t { neither, digests, dump, profile };
/// How the file of a profile begins.
inline constexpr const char* profile_begin =
    "{\"otherData\":{\"program\":\"lithify\"},\"traceEvents\":[\n";
/// `neither` also where it cannot be read.
[[nodiscard]] trace_kind kind_of(const std::filesystem::path& file);

}  // namespace lithify::engine
