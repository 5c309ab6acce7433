#include "backend.hpp"
#include "checks.hpp"
#include "lithify/base/error.hpp"
#include "lithify/world.hpp"

#include <string>

namespace lithify {

using engine::require_box;
using engine::require_inside;
using engine::require_lod;
using engine::typed_memory;

material_id snapshot::material(voxel at, int lod) const { return materials({&at, 1}, lod)[0]; }

std::vector<material_id> snapshot::materials(std::span<const voxel> at, int lod) const {
  return typed_memory([&] {
    require_lod(lod);
    for (const voxel v : at) {
      require_inside(impl_->size(), v);
    }
    return impl_->materials(at, lod);
  });
}

std::vector<material_id> snapshot::box(const voxel_box& box, int lod) const {
  return typed_memory([&] {
    require_lod(lod);
    require_box(impl_->size(), box);
    return impl_->box(box, lod);
  });
}

std::vector<cube_run> snapshot::runs(const voxel_box& box, int lod) const {
  return typed_memory([&] {
    require_lod(lod);
    require_box(impl_->size(), box);
    return impl_->runs(box, lod);
  });
}

column_list snapshot::columns(const voxel_box& box, int lod) const {
  return typed_memory([&] {
    require_lod(lod);
    require_box(impl_->size(), box);
    return impl_->columns(box, lod);
  });
}

std::vector<std::int32_t> snapshot::tops() const {
  return typed_memory([&] { return impl_->tops(); });
}

bool snapshot::has_delta(voxel at) const {
  return typed_memory([&] {
    require_inside(impl_->size(), at);
    return impl_->has_delta(at);
  });
}

std::int64_t snapshot::delta_count() const {
  return typed_memory([&] { return impl_->delta_count(); });
}

std::optional<std::uint64_t> snapshot::patch_version(voxel at) const {
  return typed_memory([&] {
    require_inside(impl_->size(), at);
    return impl_->patch_version(at);
  });
}

std::uint64_t snapshot::batch_number() const { return impl_->batch_number(); }
tick snapshot::newest_tick() const { return impl_->newest_tick(); }
digest128 snapshot::content_digest() const {
  return typed_memory([&] { return impl_->content_digest(); });
}
traced_part snapshot::chunk_digests() const {
  return typed_memory([&] { return impl_->chunk_digests(); });
}
voxel_image snapshot::image() const {
  return typed_memory([&] { return impl_->image(); });
}

}  // namespace lithify
