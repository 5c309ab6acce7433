#include "lithify/io/text_file.hpp"

#include "file_layer.hpp"

#include <array>
#include <span>

namespace lithify::io {

std::string write_text(const std::filesystem::path& file, std::string_view text) {
  const std::array pieces = {std::as_bytes(std::span(text))};
  return replace_file(file, pieces);
}

}  // namespace lithify::io
