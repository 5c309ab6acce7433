/// Building a world anew: bulk build and loading share it.
///
/// Bricks come from a source functor that expands brick i into scratch; they are classified, given
/// slots and written. The old world is retired whole. What was built is counted after every batch,
/// so that only the slots that are needed are reserved.
#pragma once

#include "brick_work.cuh"
#include "lithify/device/radix_sort.cuh"
#include "lithify/device/verbs.cuh"
#include "tree.cuh"

#include <cstdint>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// An update that starts from nothing.
class world_builder {
 public:
  world_builder(device::exec ex, tree& t, region_size size, std::uint64_t version);

  /// A writer for a step that takes at most `more` slots. Errors: out_of_memory.
  [[nodiscard]] tree_writer writer(device::exec ex, const slot_counts& more);
  /// Raises nodes from `level` to `top`. Sync.
  [[nodiscard]] node_list raise_to(device::exec ex, node_list nodes, int level, int top);
  /// The finished world with this root; `old`, the world before, retires. Sync.
  [[nodiscard]] update_parts finish(device::exec ex, node root, const index_view& old);

  [[nodiscard]] region_size size() const { return base_.size; }
  [[nodiscard]] int top_level() const { return base_.top_level; }

 private:
  tree& tree_;
  index_view base_;  ///< uniform air
  std::uint64_t version_;
  device::buffer<update_words> words_;
};

/// Writes the bricks `pick[0 .. n)` of `source` and puts their nodes to `value[pick[i]]`; key[i] is
/// brick i's key. `source(group, i, voxels)` expands brick i. Sync. Errors: out_of_memory.
template <class Source>
void build_bricks(device::exec ex,
                  world_builder& builder,
                  const morton_key* key,
                  const std::int64_t* pick,
                  std::int64_t n,
                  Source source,
                  node* value) {
  constexpr std::int64_t sparse_unit = std::int64_t{1} << 32;
  const region_size size = builder.size();
  device::buffer<brick_form> forms(ex, n);
  device::buffer<std::int64_t> places(ex, n + 1);
  brick_form* const form = forms.data();
  std::int64_t* const place = places.data();
  device::for_each_group<sizeof(brick_scratch)>(
      ex, n, [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte* scratch) {
        auto& s = *reinterpret_cast<brick_scratch*>(scratch);
        source(g, pick[i], s.voxel);
        classify_brick(g, s, brick_extent(key[pick[i]], size));
        brick_scratch* const at = &s;
        g.once([=] { form[i] = at->form; });
      });
  device::exclusive_scan(
      ex, n,
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t {
        const node_kind kind = form[i].value.kind();
        return kind == node_kind::dense ? 1 : kind == node_kind::sparse ? sparse_unit : 0;
      },
      place);
  const std::int64_t total = device::read(ex, place + n);

  slot_counts more = {};
  more[dense_pool] = total % sparse_unit;
  more[sparse_pool] = total / sparse_unit;
  const tree_writer w = builder.writer(ex, more);
  device::for_each_group<sizeof(brick_scratch)>(
      ex, n, [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte* scratch) {
        auto& s = *reinterpret_cast<brick_scratch*>(scratch);
        brick_scratch* const at = &s;
        const brick_form f = form[i];
        const node_kind kind = f.value.kind();
        g.once([=] {
          at->form.value = f.value;
          if (kind == node_kind::dense) {
            const std::uint64_t slot = w.take(dense_pool, place[i] % sparse_unit);
            at->form.value = node::make(kind, slot, f.value.lod());
          } else if (kind == node_kind::sparse) {
            const std::uint64_t slot = w.take(sparse_pool, place[i] / sparse_unit);
            at->form.value = node::make(kind, slot, f.value.lod());
          }
          value[pick[i]] = at->form.value;
        });
        const std::uint64_t slot = s.form.value.slot();
        const brick_extent extent(key[pick[i]], size);
        if (kind == node_kind::dense) {
          source(g, pick[i], w.base.dense[slot]->voxel);
          clear_outside(g, extent, w.base.dense[slot]);
        } else if (kind == node_kind::sparse) {
          source(g, pick[i], s.voxel);
          store_sparse(g, s, extent, f.majority, w.base.sparse[slot]);
        }
      });
  update_words* const words = w.words;
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) {
    words->used[dense_pool] += place[n] % sparse_unit;
    words->used[sparse_pool] += place[n] / sparse_unit;
  });
}

/// The whole new world of a bulk build. Sync. Errors: invalid_argument, out_of_memory.
[[nodiscard]] update_parts build_world(device::exec ex,
                                       tree& t,
                                       const index_view& old,
                                       std::uint64_t version,
                                       const column_spans& columns);

/// The whole new world of an image. Sync. Errors: corrupt_file, outside_region, out_of_memory.
[[nodiscard]] update_parts load_world(device::exec ex,
                                      tree& t,
                                      const index_view& old,
                                      std::uint64_t version,
                                      const voxel_image& image);

}  // namespace lithify::octree::inline LITHIFY_BACKEND
