/// Snapshots on a device: every query runs on a reader's stream of its own and waits for its
/// result.
#include "lithify/base/error.hpp"
#include "lithify/base/fixed_point.hpp"
#include "lithify/octree/detail/merged.cuh"
#include "world_core.cuh"

#include <algorithm>
#include <limits>
#include <string>

namespace lithify::engine::inline LITHIFY_BACKEND {

namespace {

/// Runs material_of(voxel) for each voxel and brings the results back.
template <class MaterialOf>
std::vector<material_id> gather(device::exec ex,
                                std::span<const voxel> at,
                                MaterialOf material_of) {
  const std::int64_t n = static_cast<std::int64_t>(at.size());
  device::buffer<voxel> voxels(ex, n);
  device::buffer<material_id> found(ex, n);
  device::copy_to_device(ex, voxels.data(), at.data(), n);
  const voxel* const from = voxels.data();
  material_id* const to = found.data();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { to[i] = material_of(from[i]); });
  std::vector<material_id> result(at.size());
  device::copy_to_host(ex, result.data(), to, n);
  return result;
}

struct voxel_material {
  deltas::snapshot_view view;
  LITHIFY_HD material_id operator()(voxel v) const { return view.material(morton_encode(v)); }
};

struct lod_material {
  octree::merged_view view;
  int lod;
  LITHIFY_HD material_id operator()(voxel v) const {
    return octree::merged_lod(view, morton_encode(v) >> (3 * lod), lod);
  }
};

/// 1 where the overlay differs from the index, else 0.
struct differs {
  deltas::snapshot_view view;
  LITHIFY_HD material_id operator()(voxel v) const {
    const morton_key key = morton_encode(v);
    const std::uint64_t value = view.find(key);
    return value != 0 && deltas::value_material(value) != view.index.material(key) ? 1 : 0;
  }
};

/// Cubes of LOD `lod` that a box meets. Errors: out_of_memory where 64 bits do not count them: a
/// box may have 2^63 voxels.
std::int64_t cubes_of(const voxel_box& box, int lod) {
  const auto along = [lod](std::int32_t low, std::int32_t high) -> int128 {
    return ((high - 1) >> lod) - (low >> lod) + 1;
  };
  const int128 n =
      along(box.min.x, box.max.x) * along(box.min.y, box.max.y) * along(box.min.z, box.max.z);
  require(n <= std::numeric_limits<std::int64_t>::max(), errc::out_of_memory,
          "the " + to_decimal(n) + " cubes of the box are too many; take a smaller box");
  return static_cast<std::int64_t>(n);
}

class device_snapshot final : public backend_snapshot {
 public:
  device_snapshot(std::shared_ptr<world_core> core, deltas::snapshot state)
      : core_(std::move(core)), state_(std::move(state)) {}

  region_size size() const override { return state_.size(); }

  std::vector<material_id> materials(std::span<const voxel> at, int lod) const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    return lod == 0 ? gather(r.exec(), at, voxel_material{voxels.view()})
                    : gather(r.exec(), at, lod_material{voxels.merged(lod), lod});
  }

  std::vector<material_id> box(const voxel_box& box, int lod) const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    const std::int64_t n = cubes_of(box, lod);
    device::buffer<material_id> found(r.exec(), n);
    octree::read_box(r.exec(), voxels.merged(lod), box, lod, found.data());
    std::vector<material_id> result(static_cast<std::size_t>(n));
    device::copy_to_host(r.exec(), result.data(), found.data(), n);
    return result;
  }

  std::vector<cube_run> runs(const voxel_box& box, int lod) const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    return octree::read_runs(r.exec(), voxels.merged(lod), box, lod);
  }

  column_list columns(const voxel_box& box, int lod) const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    return lod == 0 ? octree::read_columns(r.exec(), voxels.merged(), box)
                    : octree::read_lod_columns(r.exec(), voxels.merged(lod), box, lod);
  }

  std::vector<std::int32_t> tops() const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    const std::int64_t n = size().columns();
    device::buffer<std::int32_t> top(r.exec(), n);
    octree::column_tops(r.exec(), voxels.merged(), size().box(), top.data());
    std::vector<std::int32_t> result(static_cast<std::size_t>(n));
    device::copy_to_host(r.exec(), result.data(), top.data(), n);
    return result;
  }

  bool has_delta(voxel at) const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    return gather(r.exec(), {&at, 1}, differs{voxels.view()})[0] != 0;
  }
  std::int64_t delta_count() const override {
    const reader r(*core_);
    return state_.delta_count(r.exec());
  }
  std::optional<std::uint64_t> patch_version(voxel at) const override {
    const reader r(*core_);
    const auto origin = core_->overlay.origins(r.exec(), state_, {&at, 1})[0];
    return origin ? std::optional(origin->batch) : std::nullopt;
  }
  std::uint64_t batch_number() const override { return state_.batch_number(); }
  tick newest_tick() const override { return state_.newest_tick(); }
  digest128 content_digest() const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    return octree::content_digest(r.exec(), voxels.merged());
  }

  traced_part chunk_digests() const override {
    const reader r(*core_);
    const deltas::reading voxels(r.exec(), state_);
    const chunk_place chunks = chunks_of(size());
    traced_part sums{"voxels", std::vector<digest128>(static_cast<std::size_t>(chunks.x) *
                                                      static_cast<std::size_t>(chunks.y))};
    for (const octree::chunk_digest& c : octree::chunk_digests(r.exec(), voxels.merged())) {
      const voxel at = morton_decode(c.chunk);
      hasher128 h(static_cast<std::uint64_t>(at.z));
      h.add(c.digest);
      const digest128 d = h.finish();
      digest128& sum = sums.chunk[static_cast<std::size_t>(at.y) * chunks.x + at.x];
      sum.low += d.low;
      sum.high += d.high;
    }
    return sums;
  }

  voxel_image image() const override;

  const world_core& core() const { return *core_; }

 private:
  std::shared_ptr<world_core> core_;  // before state_: the state's buffers need the core's streams
  deltas::snapshot state_;
};

/// The overlay's voxels, newest version each, by rising key.
void append_overlay(device::exec ex, const deltas::reading& voxels, voxel_image& image) {
  const octree::delta_run_view run = voxels.merged().level[0];
  const std::size_t n = static_cast<std::size_t>(run.size);
  image.overlay_key.resize(n);
  image.overlay_material.resize(n);
  device::copy_to_host(ex, image.overlay_key.data(), run.key, run.size);
  device::copy_to_host(ex, image.overlay_material.data(), run.material, run.size);
}

voxel_image device_snapshot::image() const {
  const reader r(*core_);
  const deltas::reading voxels(r.exec(), state_);
  voxel_image image = core_->index.image(r.exec(), voxels.index());
  append_overlay(r.exec(), voxels, image);
  return image;
}

}  // namespace

std::shared_ptr<const backend_snapshot> make_snapshot(std::shared_ptr<world_core> core,
                                                      deltas::snapshot state) {
  return std::make_shared<device_snapshot>(std::move(core), std::move(state));
}

bool is_of(const backend_snapshot& s, const world_core& core) {
  const auto* const here = dynamic_cast<const device_snapshot*>(&s);  // another device's is not
  return here != nullptr && &here->core() == &core;
}

}  // namespace lithify::engine::inline LITHIFY_BACKEND
