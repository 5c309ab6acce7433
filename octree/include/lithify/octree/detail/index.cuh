/// The octree + array index: chunk directory, octree, bricks; copy on write, versioned.
///
/// One writer at a time; any number of readers through versions. An update writes fresh blocks and
/// bricks only; publishing it is a pointer switch on the host. A block that version b wrote and
/// version r replaced is freed once no live version v has b <= v < r and the events of every stream
/// that read such a version are complete. Calls that take an `exec` belong to the writer: their
/// streams are the constructor's, or the caller orders them with each other. The index, the stream
/// and the memory of its constructor outlive whatever reads a version.
#pragma once

#include "lithify/device/buffer.cuh"
#include "lithify/device/extent.cuh"
#include "lithify/octree/detail/index_view.cuh"
#include "lithify/octree/voxel_image.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// Changes to merge into the index: bricks in key order, each with its edits.
struct brick_edits {
  device::extent bricks = 0;             ///< how many, also as a count on the device
  const morton_key* brick = nullptr;     ///< brick keys (voxel key >> 9), rising, unique
  const std::int64_t* offset = nullptr;  ///< bricks + 1 offsets into `word`
  /// Low 25 bits: 9 bits of Morton position inside the brick, 16 bits of material. A voxel occurs
  /// at most once; edits of one brick are in no particular order.
  const std::uint64_t* word = nullptr;
};

/// Columns of spans on the host, bottom to top: the input of a bulk build.
struct column_spans {
  const std::int64_t* offset = nullptr;   ///< columns + 1, cell order (x fastest)
  const std::int32_t* top = nullptr;      ///< exclusive top z of each span, rising in a column
  const material_id* material = nullptr;  ///< above the last span is air
};

class index_version;  // immutable, shared by snapshots; its destructor marks the version dead
class index_update;   // fresh nodes of a merge that is not published; dropped, its slots go back

struct index_statistics {
  /// Slots of the current version.
  std::int64_t pages = 0, blocks = 0, dense_bricks = 0, sparse_bricks = 0;
  std::int64_t waiting = 0;        ///< retired slots that a live version or an event still holds
  std::size_t bytes_reserved = 0;  ///< slabs and tables
};

/// Test hook and progress: called when each named step of an update has been submitted; the steps
/// that find too few slots come a second time. It may throw, which drops the update; it must not
/// call the index.
using step_hook = void (*)(void* context, const char* step);

class index {
 public:
  /// An index of uniform air. Errors: invalid_argument (a size outside 1..2^21), out_of_memory.
  index(device::exec ex, region_size size);
  ~index();
  index(const index&) = delete;
  index& operator=(const index&) = delete;

  [[nodiscard]] std::shared_ptr<const index_version> current() const;

  /// Merges `edits` into the current version, without publishing.
  /// Errors: out_of_memory; the index is then as before. Sync: one read at the end; where the
  /// pools' slots did not suffice they grow then, what had not begun is done, and read once more.
  [[nodiscard]] index_update merge(device::exec ex,
                                   const brick_edits& edits,
                                   step_hook hook = nullptr,
                                   void* context = nullptr);
  /// Replaces the world by columns of spans; equals writing every voxel. Not published yet.
  [[nodiscard]] index_update bulk_build(device::exec ex, const column_spans& columns);
  /// Replaces the world by the leaves of an image (its overlay is the caller's business).
  [[nodiscard]] index_update load(device::exec ex, const voxel_image& image);

  /// Makes an update the current version and frees what no version needs any more. What the update
  /// wrote is done by then: any stream may read it.
  /// Requires: the update is the newest one made, from the current version of this index.
  /// Errors: invalid_argument where it is not; out_of_memory (the host's); the index is as before.
  std::shared_ptr<const index_version> publish(device::exec ex, index_update&& update);

  /// Frees what dropped versions no longer pin, as `publish`, `bulk_build` and `load` do: call it
  /// before a `merge`, which may need that room and does not wait for it. Without the memory for
  /// it, everything waits on. Sync where something can be freed.
  void reclaim(device::exec ex);

  /// Canonical leaves of a version (the overlay arrays stay empty). Sync.
  [[nodiscard]] voxel_image image(device::exec ex, const index_version& version) const;

  [[nodiscard]] index_statistics statistics() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// One immutable state of the index.
class index_version {
 public:
  [[nodiscard]] const index_view& view() const { return view_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// Notes that `s` reads this version: its slots stay until the work submitted so far is done.
  void used_by(device::stream_ref s) const;
  ~index_version();
  index_version(const index_version&) = delete;
  index_version& operator=(const index_version&) = delete;

 private:
  friend class index;
  struct registry;  // live versions and pending events, shared with the index
  index_version(index_view view, std::uint64_t number, std::shared_ptr<registry> live);

  index_view view_;
  std::uint64_t number_;
  std::shared_ptr<registry> registry_;
};

/// Opaque to callers: hold it, then publish it or drop it.
class index_update {
 public:
  index_update(index_update&&) noexcept;
  index_update& operator=(index_update&&) noexcept;
  ~index_update();
  /// Number of voxels whose material a merge changes; 0 of an update that replaces the world.
  [[nodiscard]] std::int64_t changed_voxels() const;
  /// What a merge was given: bricks, and edits in all of them.
  [[nodiscard]] std::int64_t bricks() const;
  [[nodiscard]] std::int64_t edits() const;

 private:
  friend class index;
  struct impl;
  explicit index_update(std::unique_ptr<impl> p);
  std::unique_ptr<impl> impl_;
};

}  // namespace lithify::octree::inline LITHIFY_BACKEND
