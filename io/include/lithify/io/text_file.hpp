/// Small text files, written whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace lithify::io {

/// Makes `text` the whole content of `file`, through a temporary file, fsync and rename. Gives what
/// `write_checkpoint` gives of a refused sync.
/// Errors: io_failure; an older `file` stays as it was.
std::string write_text(const std::filesystem::path& file, std::string_view text);

}  // namespace lithify::io
