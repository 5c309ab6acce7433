/// Checks of what users hand to worlds and snapshots, and the type of what is refused: every
/// refusal names what it refused.
#pragma once

#include "lithify/base/error.hpp"
#include "lithify/base/types.hpp"
#include "lithify/world.hpp"

#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace lithify::engine {

/// Runs a call of the façade: host memory or threads that run out become a typed error.
template <class Call>
std::invoke_result_t<Call> typed_memory(Call&& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    throw error(errc::out_of_memory, "out of host memory; use a smaller region");
  } catch (const std::runtime_error& e) {
    // What oneTBB throws when the system gives it no thread; it has no type of its own.
    if (!std::string_view(e.what()).starts_with("pthread_create")) {
      throw;
    }
    throw error(errc::out_of_memory, std::string("out of threads or memory: ") + e.what() +
                                         "; use fewer threads or a smaller region");
  }
}

/// Errors: outside_region, naming the voxel and the region.
void require_inside(const region_size& size, voxel at);
/// Errors: outside_region, naming the chunk and how many there are.
void require_chunk(const region_size& size, chunk_place chunk);
/// Errors: invalid_argument unless 0 <= lod <= 21.
void require_lod(int lod);
/// Errors: invalid_argument (empty), outside_region.
void require_box(const region_size& size, const voxel_box& box);
/// Errors: invalid_argument, naming the value of the configuration that is out of range.
void require_config(const world_config& config);
/// Errors: invalid_argument, naming the first column that breaks the rules of `world::build`.
void require_columns(const world_config& config,
                     std::span<const std::int64_t> offset,
                     std::span<const std::int32_t> top,
                     std::span<const material_id> material);
/// Errors: invalid_argument unless the image fits the configuration.
void require_image(const world_config& config, const voxel_image& image);
/// Errors: invalid_argument, naming a material id that the table does not hold.
void require_material(const material_table& materials, material_id m);

}  // namespace lithify::engine
