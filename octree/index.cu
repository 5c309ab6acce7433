// The index itself: its current version, and how updates become versions.
#include "build.cuh"
#include "lithify/base/error.hpp"
#include "lithify/octree/detail/index.cuh"
#include "tree.cuh"
#include "versions.cuh"
#include "walk.cuh"

#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

struct index_update::impl {
  update_parts parts;
  std::uint64_t base = 0;  ///< version that it was made from
  std::uint64_t turn = 0;  ///< which of the index's updates it is
  slot_counts free = {};   ///< free slots when it was made: it takes those first
};

index_update::index_update(std::unique_ptr<impl> p) : impl_(std::move(p)) {}
index_update::index_update(index_update&&) noexcept = default;
index_update& index_update::operator=(index_update&&) noexcept = default;
index_update::~index_update() = default;
std::int64_t index_update::changed_voxels() const { return impl_->parts.changed_voxels; }
std::int64_t index_update::bricks() const { return impl_->parts.bricks; }
std::int64_t index_update::edits() const { return impl_->parts.edits; }

struct index::impl {
  impl(device::exec ex, region_size s) : size(s), pools(ex) {}

  region_size size;
  tree pools;
  std::shared_ptr<index_version::registry> live = std::make_shared<index_version::registry>();
  waiting_lists waiting;
  std::uint64_t turn = 0;  ///< updates made; only the newest may be published

  mutable std::mutex mutex;  ///< guards what readers see: `current` and `seen`
  std::shared_ptr<const index_version> current;
  index_statistics seen;

  [[nodiscard]] std::shared_ptr<const index_version> now() const {
    const std::lock_guard lock(mutex);
    return current;
  }
  /// Hands out an update; earlier ones can no longer be published.
  [[nodiscard]] std::unique_ptr<index_update::impl> finish(update_parts&& parts,
                                                           const index_version& base) {
    ++turn;
    return std::make_unique<index_update::impl>(
        index_update::impl{std::move(parts), base.number(), turn, pools.free_slots()});
  }
  void count();
  void settle(device::exec ex);
};

/// Takes the pools' counts for `statistics`.
void index::impl::count() {
  index_statistics s;
  slot_counts held = {};
  for (const auto& [number, lists] : waiting) {
    for (std::size_t p = 0; p < pool_count; ++p) {
      held[p] += lists[p].count();
      s.bytes_reserved += lists[p].bytes();
    }
  }
  s.pages = pools.pages.in_use() - held[page_pool];
  s.blocks = pools.blocks.in_use() - held[block_pool];
  s.dense_bricks = pools.dense.in_use() - held[dense_pool];
  s.sparse_bricks = pools.sparse.in_use() - held[sparse_pool];
  s.waiting = held[page_pool] + held[block_pool] + held[dense_pool] + held[sparse_pool];
  s.bytes_reserved +=
      pools.pages.bytes() + pools.blocks.bytes() + pools.dense.bytes() + pools.sparse.bytes();
  const std::lock_guard lock(mutex);
  seen = s;
}

/// Frees what finished versions pinned.
void index::impl::settle(device::exec ex) {
  const std::vector<std::uint64_t> finished = live->finished();
  if (finished.empty()) {
    return;
  }
  std::vector<std::optional<std::uint64_t>> older;
  for (const std::uint64_t number : finished) {
    older.push_back(live->older(number, finished));
  }
  settle_finished(ex, pools, waiting, finished, older);
  live->forget(finished);
}

index::index(device::exec ex, region_size size) {
  for (const std::int32_t extent : {size.x, size.y, size.z}) {
    require(extent >= 1 && extent <= max_extent, errc::invalid_argument,
            "a region must have 1 to 2097152 voxels on every axis, not " + std::to_string(extent));
  }
  impl_ = std::make_unique<impl>(ex, size);
  const index_view view = impl_->pools.view(node::uniform(air), size);
  impl_->current.reset(new index_version(view, 1, impl_->live));
  impl_->count();
}

index::~index() = default;

std::shared_ptr<const index_version> index::current() const { return impl_->now(); }

index_update index::merge(device::exec ex,
                          const brick_edits& edits,
                          step_hook hook,
                          void* context) {
  const std::shared_ptr<const index_version> base = impl_->now();
  return index_update(impl_->finish(
      merge_edits(ex, impl_->pools, base->view(), base->number() + 1, edits, hook, context),
      *base));
}

index_update index::bulk_build(device::exec ex, const column_spans& columns) {
  reclaim(ex);
  const std::shared_ptr<const index_version> base = impl_->now();
  return index_update(impl_->finish(
      build_world(ex, impl_->pools, base->view(), base->number() + 1, columns), *base));
}

index_update index::load(device::exec ex, const voxel_image& image) {
  reclaim(ex);
  const std::shared_ptr<const index_version> base = impl_->now();
  return index_update(
      impl_->finish(load_world(ex, impl_->pools, base->view(), base->number() + 1, image), *base));
}

voxel_image index::image(device::exec ex, const index_version& version) const {
  return make_image(ex, version.view());
}

std::shared_ptr<const index_version> index::publish(device::exec ex, index_update&& update) {
  std::shared_ptr<const index_version> base = impl_->now();
  require(update.impl_ != nullptr && update.impl_->base == base->number() &&
              update.impl_->turn == impl_->turn,
          errc::invalid_argument, "only the newest update of the current version can be published");
  update_parts& parts = update.impl_->parts;
  const index_view view = impl_->pools.view(parts.root, impl_->size);
  std::shared_ptr<const index_version> next(
      new index_version(view, base->number() + 1, impl_->live));
  slot_lists& pinned = impl_->waiting[base->number()];

  // From here on nothing can fail.
  impl_->pools.take(parts.used, update.impl_->free);
  for (std::size_t p = 0; p < pool_count; ++p) {
    if (parts.retired[p].count() > 0) {
      pinned[p] = std::move(parts.retired[p]);
    }
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->current = next;
  }
  update.impl_.reset();
  base.reset();
  reclaim(ex);
  return next;
}

void index::reclaim(device::exec ex) {
  try {
    impl_->settle(ex);
  } catch (const error& e) {
    if (e.code() != errc::out_of_memory) {
      throw;
    }
  } catch (const std::bad_alloc&) {
  }
  impl_->count();
}

index_statistics index::statistics() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->seen;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
