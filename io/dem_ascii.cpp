/// ESRI ASCII grids: `key value` pairs in any case and order, then nrows rows of ncols numbers, the
/// northernmost row first. Line breaks mean nothing. Counts and numbers are strict: what is
/// missing, left over or not a number is an error with its line.
#include "dem_formats.hpp"
#include "file_layer.hpp"
#include "lithify/base/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace lithify::io {

namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 36;
constexpr std::uint64_t largest_prj = std::uint64_t{1} << 16;
// What a header without NODATA_value means, by ESRI's definition of the format.
constexpr double default_nodata = -9999.0;
constexpr double largest_side = 2'147'483'647.0;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

// Splits at white space and counts lines.
class tokenizer {
 public:
  explicit tokenizer(std::string_view text) : text_(text) {}

  // The next token, empty at the end.
  std::string_view peek() {
    while (at_ < text_.size() && is_space(text_[at_])) {
      line_ += text_[at_] == '\n' ? 1 : 0;
      ++at_;
    }
    std::size_t end = at_;
    while (end < text_.size() && !is_space(text_[end])) {
      ++end;
    }
    return text_.substr(at_, end - at_);
  }
  std::string_view next() {
    const std::string_view token = peek();
    at_ += token.size();
    return token;
  }
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::size_t bytes_left() const { return text_.size() - at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

std::optional<double> number(std::string_view token) {
  if (token.size() > 1 && token.front() == '+' && token[1] != '-') {
    token.remove_prefix(1);
  }
  double value = 0.0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (end != token.data() + token.size()) {
    return std::nullopt;
  }
  if (code == std::errc::result_out_of_range) {
    // Too small counts as zero; too large is no elevation.
    return token.find("e-") != std::string_view::npos || token.find("E-") != std::string_view::npos
               ? std::optional<double>(0.0)
               : std::nullopt;
  }
  return code == std::errc{} ? std::optional<double>(value) : std::nullopt;
}

enum key {
  ncols,
  nrows,
  xllcorner,
  xllcenter,
  yllcorner,
  yllcenter,
  cellsize,
  dx,
  dy,
  nodata,
  keys
};

constexpr std::array<std::string_view, keys + 1> key_names = {
    "ncols",    "nrows", "xllcorner", "xllcenter",    "yllcorner", "yllcenter",
    "cellsize", "dx",    "dy",        "nodata_value", "nodata"};

class ascii_reader {
 public:
  ascii_reader(std::string name, std::string_view text) : name_(std::move(name)), words_(text) {}

  dem_content read(const std::optional<dem_options::window>& crop) {
    header();
    dem_content content;
    content.nodata = nodata_value();
    place(content.grid);
    values(content.grid, crop);
    return content;
  }

 private:
  [[noreturn]] void fail(const std::string& why, errc code = errc::corrupt_file) const {
    fail_at(words_.line(), why, code);
  }
  [[noreturn]] void fail_at(std::int64_t line, const std::string& why, errc code) const {
    throw error(code, "'" + name_ + "' line " + std::to_string(line) + ": " + why);
  }

  static std::string quoted(std::string_view token) {
    constexpr std::size_t longest = 40;
    std::string text = "'";
    for (const char c : token.substr(0, longest)) {
      text += c >= ' ' && c <= '~' ? c : '?';
    }
    return text + (token.size() > longest ? "...'" : "'");
  }

  bool has(key k) const { return header_[k].has_value(); }
  double get(key k) const { return *header_[k]; }

  void header() {
    for (;;) {
      const std::string_view token = words_.peek();
      const char first = token.empty() ? '0' : token.front();
      const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
      const std::string word = lower(token);
      if (!letter || word == "nan" || word == "inf" || word == "infinity") {
        break;
      }
      const auto found = std::find(key_names.begin(), key_names.end(), word);
      if (found == key_names.end()) {
        fail(quoted(token) + " is not a key of an ESRI ASCII grid");
      }
      const auto k = std::min<std::ptrdiff_t>(found - key_names.begin(), nodata);
      if (header_[static_cast<std::size_t>(k)]) {
        fail("the key " + word + " is there twice");
      }
      words_.next();
      const std::string_view value = words_.next();
      header_[static_cast<std::size_t>(k)] = number(value);
      if (!header_[static_cast<std::size_t>(k)] || (k != nodata && !std::isfinite(*header_[k]))) {
        fail(value.empty() ? "the value of " + word + " is missing"
                           : quoted(value) + " is not a number for " + word);
      }
      line_[static_cast<std::size_t>(k)] = words_.line();
      require_sane(static_cast<key>(k), word, value);
    }
    for (const key k : {ncols, nrows}) {
      if (!has(k)) {
        fail("the key " + std::string(key_names[k]) + " is missing from the header");
      }
    }
  }

  // Asked while the value's line is the current one.
  void require_sane(key k, const std::string& word, std::string_view value) const {
    const double v = get(k);
    if ((k == ncols || k == nrows) && (v < 1.0 || v > largest_side || v != std::floor(v))) {
      fail(word + " must be a whole number of cells, at least 1, not " + quoted(value));
    }
    if ((k == cellsize || k == dx || k == dy) && !is_cell_size(v)) {
      fail(word + " must be " + cell_range + ", not " + quoted(value));
    }
    if ((k == xllcorner || k == xllcenter || k == yllcorner || k == yllcenter) && !is_place(v)) {
      fail(word + " must be " + place_range + ", not " + quoted(value));
    }
  }

  double cell_size() const {
    if (has(cellsize) && !has(dx) && !has(dy)) {
      return get(cellsize);
    }
    if (has(cellsize) || !has(dx) || !has(dy)) {
      fail("the header needs cellsize, or dx and dy");
    }
    if (std::abs(get(dx) - get(dy)) > 1e-6 * std::abs(get(dx))) {
      fail_at(std::max(line_[dx], line_[dy]),
              "cells are " + std::to_string(get(dx)) + " x " + std::to_string(get(dy)) +
                  " m: resample the file to square cells first (gdalwarp -tr S S)",
              errc::invalid_argument);
    }
    return get(dx);
  }

  // A missing position is the origin: only pictures and exports use it.
  double position(key corner, key center, double cell) const {
    if (has(corner) && has(center)) {
      fail_at(std::max(line_[corner], line_[center]),
              "the header has both " + std::string(key_names[corner]) + " and " +
                  std::string(key_names[center]),
              errc::corrupt_file);
    }
    return has(corner) ? get(corner) : has(center) ? get(center) - cell / 2 : 0.0;
  }

  void place(elevation_grid& grid) const {
    grid.nx = static_cast<std::int64_t>(get(ncols));
    grid.ny = static_cast<std::int64_t>(get(nrows));
    grid.cell_size_m = cell_size();
    grid.origin_x_m = position(xllcorner, xllcenter, grid.cell_size_m);
    grid.origin_y_m = position(yllcorner, yllcenter, grid.cell_size_m);
  }

  // All values are checked, those in the window are kept.
  void values(elevation_grid& grid, const std::optional<dem_options::window>& crop) {
    const std::int64_t columns = grid.nx;
    const std::int64_t rows = grid.ny;
    const std::int64_t cells = columns * rows;
    // A value takes a digit and a blank: refuse what the file cannot hold before memory is asked
    // for.
    if (static_cast<std::uint64_t>(cells) > (words_.bytes_left() + 1) / 2) {
      fail("the header promises " + std::to_string(grid.nx) + " x " + std::to_string(grid.ny) +
           " values, the rest of the file has only " + std::to_string(words_.bytes_left()) +
           " bytes: correct ncols and nrows, or take a whole copy of the file");
    }
    const dem_options::window w = narrow(grid, crop, name_);
    grid.elevation_m.assign(static_cast<std::size_t>(w.width * w.height), 0.0);
    grid.valid.assign(grid.elevation_m.size(), 0);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t y = rows - 1 - row - w.y;
      for (std::int64_t column = 0; column < columns; ++column) {
        const std::string_view token = words_.next();
        if (token.empty()) {
          fail("the file ends after " + std::to_string(row * columns + column) + " of " +
               std::to_string(cells) + " values");
        }
        const std::optional<double> value = elevation(token);
        const std::int64_t x = column - w.x;
        if (value && x >= 0 && x < w.width && y >= 0 && y < w.height) {
          const auto cell = static_cast<std::size_t>(y * w.width + x);
          grid.elevation_m[cell] = *value;
          grid.valid[cell] = 1;
        }
      }
    }
    if (!words_.peek().empty()) {
      fail(quoted(words_.peek()) + " follows the last of " + std::to_string(cells) + " values");
    }
  }

  double nodata_value() const { return has(nodata) ? get(nodata) : default_nodata; }

  // Nothing for "no data".
  std::optional<double> elevation(std::string_view token) const {
    const auto value = number(token);
    if (!value) {
      fail(quoted(token) + " is not a number");
    }
    if (is_nodata(*value, nodata_value())) {
      return std::nullopt;
    }
    if (!std::isfinite(*value) || std::abs(*value) > largest_elevation_m) {
      fail(quoted(token) +
           " is no elevation in metres; if it means 'no data', declare it as "
           "NODATA_value");
    }
    return value;
  }

  std::string name_;
  tokenizer words_;
  std::array<std::optional<double>, keys> header_;
  std::array<std::int64_t, keys> line_ = {};  // of each key's value
};

// ArcInfo's older .prj files are lists of keywords, not WKT: those say nothing that we can use.
std::string read_prj(std::filesystem::path file) {
  file.replace_extension(".prj");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) {
    return {};
  }
  const std::string text = read_text(file, largest_prj);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text.find('[') == std::string::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

dem_content read_dem_ascii(const std::filesystem::path& file,
                           const std::optional<dem_options::window>& crop) {
  const std::string text = read_text(file, std::min(largest_file, machine_memory() / 2));
  dem_content content = ascii_reader(file.string(), text).read(crop);
  content.grid.crs_wkt = read_prj(file);
  return content;
}

}  // namespace lithify::io
