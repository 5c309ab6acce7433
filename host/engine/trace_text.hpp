/// Lines of digest files and dumps: words between single blanks, whole lines only.
#pragma once

#include "lithify/engine/trace_files.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace lithify::engine {

/// Words that begin every file of one of the two kinds.
[[nodiscard]] const char* word_of(trace_kind kind);
/// The first lines of a file.
[[nodiscard]] std::string header_text(trace_kind kind, const traced_run& run);
/// Errors: invalid_argument, naming what differs between the regions of two files.
void require_same_region(const traced_run& a,
                         const traced_run& b,
                         const std::string& file_a,
                         const std::string& file_b);

/// Reads a file line by line; every error names file and line.
class line_reader {
 public:
  /// Opens the file and reads its first lines.
  /// Errors: not_found, io_failure, corrupt_file, unsupported_version.
  line_reader(const std::filesystem::path& file, trace_kind kind);

  [[nodiscard]] const traced_run& run() const { return run_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Reads the next line into `words`. Gives false at the end of the file.
  /// Errors: corrupt_file where the file ends inside a line.
  bool next();
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }
  [[nodiscard]] bool starts_with(const char* word) const { return words_.front() == word; }

  /// The next line, which must begin with `word` and have `count` words after it.
  void expect(const char* word, std::size_t count);
  [[nodiscard]] std::int64_t whole(std::size_t word) const;
  [[nodiscard]] digest128 digest(std::size_t word) const;
  /// "X,Y", a chunk of the region.
  [[nodiscard]] chunk_place chunk(std::size_t word) const;
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  void read_header(trace_kind kind);
  [[nodiscard]] double positive(std::size_t word) const;

  std::string name_;
  std::ifstream in_;
  std::int64_t line_ = 0;
  std::vector<std::string> words_;
  traced_run run_;
};

}  // namespace lithify::engine
