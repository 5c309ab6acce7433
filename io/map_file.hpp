/// What the writers of maps share.
#pragma once

#include "lithify/io/map_file.hpp"

namespace lithify::io {

/// Errors: invalid_argument, naming the layer that does not fit.
void check_map(const map_file& map);

}  // namespace lithify::io
