#include "trace_text.hpp"

#include "lithify/base/error.hpp"
#include "texts.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

constexpr const char* version = "1";

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = line.find(' ', begin);
    words.push_back(line.substr(begin, end - begin));
    if (end == std::string::npos) {
      return words;
    }
    begin = end + 1;
  }
}

}  // namespace

const char* word_of(trace_kind kind) {
  return kind == trace_kind::digests ? "digests" : kind == trace_kind::dump ? "dump" : "";
}

trace_kind kind_of(const fs::path& file) {
  std::error_code failed;
  std::ifstream in;
  if (fs::is_regular_file(file, failed)) {
    in.open(file, std::ios::binary);
  }
  std::string start(64, '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  for (const trace_kind kind : {trace_kind::digests, trace_kind::dump}) {
    if (start.starts_with(std::string("lithify ") + word_of(kind) + " ")) {
      return kind;
    }
  }
  if (start.starts_with(profile_begin)) {
    return trace_kind::profile;
  }
  return trace_kind::neither;
}

std::string header_text(trace_kind kind, const traced_run& run) {
  const region_size& s = run.size;
  return std::string("lithify ") + word_of(kind) + " " + version + "\nregion " +
         std::to_string(s.x) + " " + std::to_string(s.y) + " " + std::to_string(s.z) +
         "\ncell_size_m " + exact_text(run.cell_size_m) + "\nvoxel_height_m " +
         exact_text(run.voxel_height_m) + "\nscenario " + to_string(run.scenario) + "\ndevice " +
         run.device + "\n";
}

void require_same_region(const traced_run& a,
                         const traced_run& b,
                         const std::string& file_a,
                         const std::string& file_b) {
  const std::string of = " of '" + file_a + "' and '" + file_b + "' differ: ";
  require(a.size == b.size, errc::invalid_argument,
          "the regions" + of + size_text(a.size) + " and " + size_text(b.size) + " voxels");
  require(a.cell_size_m == b.cell_size_m && a.voxel_height_m == b.voxel_height_m,
          errc::invalid_argument,
          "the voxels" + of + exact_text(a.cell_size_m) + " m x " + exact_text(a.voxel_height_m) +
              " m and " + exact_text(b.cell_size_m) + " m x " + exact_text(b.voxel_height_m) +
              " m");
}

line_reader::line_reader(const fs::path& file, trace_kind kind) : name_(file.string()) {
  std::error_code failed;
  require(fs::exists(file, failed), errc::not_found, "there is no file '" + name_ + "'");
  require(!fs::is_directory(file, failed), errc::io_failure,
          "'" + name_ + "' is a folder; give a file");
  in_.open(file, std::ios::binary);
  require(in_.is_open(), errc::io_failure, "'" + name_ + "' cannot be read");
  read_header(kind);
}

void line_reader::read_header(trace_kind kind) {
  // Whatever the file is, no more of it than this is read before it has shown its kind.
  const std::string start = std::string("lithify ") + word_of(kind) + " ";
  std::string seen(start.size(), '\0');
  in_.read(seen.data(), static_cast<std::streamsize>(seen.size()));
  require(in_ && seen == start, errc::corrupt_file,
          "'" + name_ + "' is not a file that 'lithify run --" + word_of(kind) + "' wrote");
  if (!next() || words_.size() != 1) {
    refuse("it has no version");
  }
  require(words_[0] == version, errc::unsupported_version,
          "'" + name_ + "' has version " + words_[0] + " of its format, this program reads " +
              version + "; use a newer one");
  expect("region", 3);
  for (const std::size_t axis : {1U, 2U, 3U}) {
    if (whole(axis) < 1 || whole(axis) > max_extent) {
      refuse("a region of that size cannot be");
    }
  }
  run_.size = {static_cast<std::int32_t>(whole(1)), static_cast<std::int32_t>(whole(2)),
               static_cast<std::int32_t>(whole(3))};
  expect("cell_size_m", 1);
  run_.cell_size_m = positive(1);
  expect("voxel_height_m", 1);
  run_.voxel_height_m = positive(1);
  expect("scenario", 1);
  run_.scenario = digest(1);
  expect("device", 1);
  run_.device = words_[1];
}

bool line_reader::next() {
  std::string line;
  if (!std::getline(in_, line)) {
    return false;
  }
  ++line_;
  if (in_.eof()) {
    refuse("the file ends inside the line: it was cut off");
  }
  words_ = split(line);
  return true;
}

void line_reader::expect(const char* word, std::size_t count) {
  if (!next()) {
    refuse(std::string("the file ends before '") + word + "': it was cut off");
  }
  if (!starts_with(word) || words_.size() != count + 1) {
    refuse(std::string("here must stand '") + word + "' and " + std::to_string(count) +
           (count == 1 ? " word" : " words"));
  }
}

std::int64_t line_reader::whole(std::size_t word) const {
  const std::string& text = words_[word];
  std::int64_t value = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || stop != text.data() + text.size()) {
    refuse("'" + text + "' is not a whole number");
  }
  return value;
}

double line_reader::positive(std::size_t word) const {
  const std::string& text = words_[word];
  double value = 0.0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || stop != text.data() + text.size() || !(value > 0.0) ||
      !std::isfinite(value)) {
    refuse("'" + text + "' is not a length in metres");
  }
  return value;
}

digest128 line_reader::digest(std::size_t word) const {
  const std::string& text = words_[word];
  digest128 d;
  const auto half = [&](std::size_t begin, std::uint64_t& out) {
    const char* const end = text.data() + begin + 16;
    const auto [stop, failed] = std::from_chars(text.data() + begin, end, out, 16);
    return failed == std::errc() && stop == end;
  };
  if (text.size() != 32 || !half(0, d.high) || !half(16, d.low)) {
    refuse("'" + text + "' is not a digest of 32 hexadecimal digits");
  }
  return d;
}

chunk_place line_reader::chunk(std::size_t word) const {
  const std::string& text = words_[word];
  chunk_place place;
  const char* const end = text.data() + text.size();
  const auto [comma, failed_x] = std::from_chars(text.data(), end, place.x);
  const bool two = failed_x == std::errc() && comma != end && *comma == ',';
  const auto [stop, failed_y] = std::from_chars(two ? comma + 1 : end, end, place.y);
  const chunk_place chunks = chunks_of(run_.size);
  if (!two || failed_y != std::errc() || stop != end || place.x < 0 || place.x >= chunks.x ||
      place.y < 0 || place.y >= chunks.y) {
    refuse("'" + text + "' is not a chunk X,Y of the region");
  }
  return place;
}

void line_reader::refuse(const std::string& why) const {
  throw error(errc::corrupt_file, "'" + name_ + "' line " + std::to_string(line_) + ": " + why);
}

}  // namespace lithify::engine
