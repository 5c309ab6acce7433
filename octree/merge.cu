// Merging edits into the index: bricks first, then their parents up to the root.
//
// Two passes over the bricks: the first decides what each will be, the second writes it, so that
// exactly the slots that are needed are taken. Two counts come back to the host in between.
#include "brick_work.cuh"
#include "lithify/device/atomic.cuh"
#include "tree.cuh"

#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

/// One edit, as `brick_edits::word` packs it.
LITHIFY_HD int edit_position(std::uint64_t word) { return brick_position((word >> 16) & 511U); }
LITHIFY_HD material_id edit_material(std::uint64_t word) { return static_cast<material_id>(word); }

/// A brick of an update: what it was and what changes.
struct edited_brick {
  node old;
  const std::uint64_t* word;
  int edits;
  brick_extent extent;

  LITHIFY_HD edited_brick(node was, region_size size, const brick_edits& e, std::int64_t i)
      : old(was),
        word(e.word + e.offset[i]),
        edits(static_cast<int>(e.offset[i + 1] - e.offset[i])),
        extent(e.brick[i], size) {}

  /// Exceptions that the brick has at most, or more than a sparse brick's capacity.
  LITHIFY_HD int exceptions(const index_view& base) const {
    return edits + (old.is_uniform()                  ? 0
                    : old.kind() == node_kind::sparse ? base.sparse[old.slot()]->count
                                                      : brick_voxels);
  }
  /// Whether it is certain that a whole brick keeps its majority: then only exceptions change, and
  /// its LOD material is the majority (`classify_brick` says why).
  LITHIFY_HD bool few(const index_view& base) const {
    return extent.whole() && exceptions(base) <= sparse_brick::capacity;
  }
};

/// What the first pass finds out about a brick.
struct decision {
  node old;
  brick_form form;
};

/// Applies edits to a brick whose exceptions all fit; gives the number of voxels changed.
LITHIFY_HD int apply_few(const index_view& base, const edited_brick& b, sparse_brick& to) {
  to = b.old.is_uniform() ? sparse_brick{b.old.lod()} : *base.sparse[b.old.slot()];
  int changed = 0;
  for (int e = 0; e < b.edits; ++e) {
    const int position = edit_position(b.word[e]);
    const material_id m = edit_material(b.word[e]);
    int at = 0;
    while (at < to.count && to.position[at] != position) {
      ++at;
    }
    if (m == (at < to.count ? to.other[at] : to.majority)) {
      continue;
    }
    ++changed;
    if (m == to.majority) {
      --to.count;
      to.position[at] = to.position[to.count];
      to.other[at] = to.other[to.count];
    } else {
      to.count = static_cast<std::uint16_t>(at < to.count ? to.count : to.count + 1);
      to.position[at] = static_cast<std::uint16_t>(position);
      to.other[at] = m;
    }
  }
  return changed;
}

/// Puts exceptions in order and clears what is unused: the canonical record.
LITHIFY_HD void order_exceptions(sparse_brick& b) {
  for (int i = 1; i < b.count; ++i) {
    const std::uint16_t position = b.position[i];
    const material_id other = b.other[i];
    int at = i;
    for (; at > 0 && b.position[at - 1] > position; --at) {
      b.position[at] = b.position[at - 1];
      b.other[at] = b.other[at - 1];
    }
    b.position[at] = position;
    b.other[at] = other;
  }
  for (int i = b.count; i < sparse_brick::capacity; ++i) {
    b.position[i] = 0;
    b.other[i] = 0;
  }
}

/// Decides what brick `b` will be; every lane calls it.
LITHIFY_DEVICE void decide_brick(const device::lane_group& g,
                                 const index_view& base,
                                 const edited_brick& b,
                                 brick_scratch& s) {
  brick_scratch* const at = &s;
  if (b.few(base)) {
    g.once([=] {
      at->form.changed = static_cast<std::uint16_t>(apply_few(base, b, at->few));
      at->form.majority = at->few.majority;
      at->form.value = at->few.count == 0 ? node::uniform(at->few.majority)
                                          : node::make(node_kind::sparse, 0, at->few.majority);
    });
    return;
  }
  expand_brick(g, base, b.old, s.voxel);
  const int changed = g.count(b.edits, [=](int e) -> bool {
    const material_id m = edit_material(b.word[e]);
    material_id& voxel = at->voxel[edit_position(b.word[e])];
    const bool differs = voxel != m;
    voxel = m;
    return differs;
  });
  g.once([=] { at->form.changed = static_cast<std::uint16_t>(changed); });
  if (changed == 0) {
    return;
  }
  classify_brick(g, s, b.extent);
}

/// Writes a brick that needs a slot.
LITHIFY_DEVICE void write_brick(const device::lane_group& g,
                                const tree_writer& w,
                                const edited_brick& b,
                                const brick_form& form,
                                std::uint64_t slot,
                                brick_scratch& s) {
  brick_scratch* const at = &s;
  if (form.value.kind() == node_kind::dense) {
    dense_brick* const to = w.base.dense[slot];
    expand_brick(g, w.base, b.old, to->voxel);
    g.each(b.edits, [=](int e) { to->voxel[edit_position(b.word[e])] = edit_material(b.word[e]); });
    clear_outside(g, b.extent, to);
  } else if (b.few(w.base)) {
    sparse_brick* const to = w.base.sparse[slot];
    const index_view base = w.base;
    g.once([=] {
      apply_few(base, b, at->few);
      order_exceptions(at->few);
      *to = at->few;
    });
  } else {
    expand_brick(g, w.base, b.old, s.voxel);
    g.each(b.edits, [=](int e) { at->voxel[edit_position(b.word[e])] = edit_material(b.word[e]); });
    store_sparse(g, s, b.extent, form.majority, w.base.sparse[slot]);
  }
}

/// First pass: what every brick is and will be.
void decide_bricks(device::exec ex,
                   const index_view& base,
                   const brick_edits& edits,
                   decision* decided) {
  device::for_each_group<sizeof(brick_scratch)>(
      ex, edits.bricks,
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte* scratch) {
        auto& s = *reinterpret_cast<brick_scratch*>(scratch);
        const node old = base.descend(edits.brick[i] << (3 * brick_level), brick_level).value;
        decide_brick(g, base, edited_brick(old, base.size, edits, i), s);
        brick_scratch* const at = &s;
        g.once([=] { decided[i] = {old, at->form}; });
      });
}

/// Sums what the changed bricks need and change. Blocks of bricks keep the atomics few.
void count_needs(device::exec ex,
                 std::int64_t bricks,
                 const decision* decided,
                 const std::int64_t* pick,
                 update_words* words) {
  constexpr std::int64_t block = 64;
  device::for_each_n(ex, (bricks + block - 1) / block, [=] LITHIFY_HD(std::int64_t b) {
    update_words sum;
    const std::int64_t n = words->changed_bricks;
    for (std::int64_t i = b * block; i < n && i < (b + 1) * block; ++i) {
      const decision d = decided[pick[i]];
      const node_kind kind = d.form.value.kind();
      sum.changed_voxels += d.form.changed;
      sum.needed[dense_pool] += kind == node_kind::dense ? 1 : 0;
      sum.needed[sparse_pool] += kind == node_kind::sparse ? 1 : 0;
      sum.retired[dense_pool] += d.old.kind() == node_kind::dense ? 1 : 0;
      sum.retired[sparse_pool] += d.old.kind() == node_kind::sparse ? 1 : 0;
    }
    if (b * block < n) {
      device::atomic_add(&words->changed_voxels, sum.changed_voxels);
      for (const pool_number p : {dense_pool, sparse_pool}) {
        device::atomic_add(&words->needed[p], sum.needed[p]);
        device::atomic_add(&words->retired[p], sum.retired[p]);
      }
    }
  });
}

/// Second pass: writes the changed bricks; gives their nodes.
node_list write_bricks(device::exec ex,
                       const tree_writer& w,
                       const brick_edits& edits,
                       const decision* decided,
                       const std::int64_t* pick,
                       std::int64_t n) {
  // Two counts in one word: dense below, sparse above.
  constexpr std::int64_t sparse_unit = std::int64_t{1} << 32;
  device::buffer<std::int64_t> takes(ex, n + 1);
  device::buffer<std::int64_t> leaves(ex, n + 1);
  std::int64_t* const take = takes.data();
  std::int64_t* const leave = leaves.data();
  device::exclusive_scan(
      ex, n,
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t {
        const node_kind kind = decided[pick[i]].form.value.kind();
        return kind == node_kind::dense ? 1 : kind == node_kind::sparse ? sparse_unit : 0;
      },
      take);
  device::exclusive_scan(
      ex, n,
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t {
        const node_kind kind = decided[pick[i]].old.kind();
        return kind == node_kind::dense ? 1 : kind == node_kind::sparse ? sparse_unit : 0;
      },
      leave);

  node_list made(ex, n);
  morton_key* const key = made.key.data();
  node* const value = made.value.data();
  device::for_each_group<sizeof(brick_scratch)>(
      ex, n, [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte* scratch) {
        auto& s = *reinterpret_cast<brick_scratch*>(scratch);
        const brick_form f = decided[pick[i]].form;
        const edited_brick b(decided[pick[i]].old, w.base.size, edits, pick[i]);
        brick_scratch* const at = &s;
        g.once([=] {
          node n_i = f.value;
          if (f.value.kind() == node_kind::dense) {
            const std::int64_t place = take[i] % sparse_unit;
            n_i = node::make(node_kind::dense, w.take(dense_pool, place), f.value.lod());
          } else if (f.value.kind() == node_kind::sparse) {
            const std::int64_t place = take[i] / sparse_unit;
            n_i = node::make(node_kind::sparse, w.take(sparse_pool, place), f.value.lod());
          }
          if (b.old.kind() == node_kind::dense) {
            w.retire(dense_pool, leave[i] % sparse_unit, b.old.slot());
          } else if (b.old.kind() == node_kind::sparse) {
            w.retire(sparse_pool, leave[i] / sparse_unit, b.old.slot());
          }
          key[i] = edits.brick[pick[i]];
          value[i] = n_i;
          at->form.value = n_i;
        });
        const node n_i = s.form.value;
        if (!n_i.is_uniform()) {
          write_brick(g, w, b, f, n_i.slot(), s);
        }
      });
  return made;
}

}  // namespace

update_parts merge_edits(device::exec ex,
                         tree& t,
                         const index_view& base,
                         std::uint64_t version,
                         const brick_edits& edits,
                         step_hook hook,
                         void* context) {
  const auto step = [&](const char* name) {
    if (hook != nullptr) {
      hook(context, name);
    }
  };
  update_parts parts;
  parts.root = base.root;
  const wait_at_end done_when_dropped(ex.stream);

  device::buffer<update_words> words(ex, 1);
  device::buffer<decision> decisions(ex, edits.bricks);
  device::buffer<std::int64_t> picks(ex, edits.bricks);
  device::buffer<morton_key> keys(ex, edits.bricks);
  device::fill(ex, words.data(), 1, update_words{});
  decide_bricks(ex, base, edits, decisions.data());

  const decision* const decided = decisions.data();
  std::int64_t* const pick = picks.data();
  morton_key* const key = keys.data();
  device::select_if(
      ex, edits.bricks,
      [=] LITHIFY_HD(std::int64_t i) -> bool { return decided[i].form.changed != 0; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) {
        pick[at] = i;
        key[at] = edits.brick[i];
      },
      &words.data()->changed_bricks);
  count_needs(ex, edits.bricks, decided, pick, words.data());
  count_parents(ex, key, edits.bricks, &words.data()->changed_bricks, brick_level, base.top_level,
                words.data());
  const update_words found = device::read(ex, words.data());
  step("bricks decided");
  if (found.changed_bricks == 0) {
    return parts;
  }

  parts.changed_voxels = found.changed_voxels;
  slot_counts bound = parent_slots(found, brick_level, base.top_level);
  bound[dense_pool] = found.needed[dense_pool];
  bound[sparse_pool] = found.needed[sparse_pool];
  t.reserve(ex, bound);
  for (const pool_number p : {page_pool, block_pool}) {
    parts.retired[p].reserve(ex, t.home, bound[p]);
  }
  for (const pool_number p : {dense_pool, sparse_pool}) {
    parts.retired[p].reserve(ex, t.home, found.retired[p]);
  }

  device::fill(ex, words.data(), 1, update_words{});
  const tree_writer w = make_writer(t, base, version, words.data(), parts.retired);
  node_list bricks = write_bricks(ex, w, edits, decided, pick, found.changed_bricks);
  step("bricks written");
  update_words after_bricks;  // what the parents add to
  after_bricks.used[dense_pool] = found.needed[dense_pool];
  after_bricks.used[sparse_pool] = found.needed[sparse_pool];
  after_bricks.retired[dense_pool] = found.retired[dense_pool];
  after_bricks.retired[sparse_pool] = found.retired[sparse_pool];
  device::fill(ex, words.data(), 1, after_bricks);
  raise_to_root(ex, w, std::move(bricks), brick_level, found.parents);
  const update_words done = device::read(ex, words.data());
  step("parents written");

  parts.root = done.root;
  for (int p = 0; p < pool_count; ++p) {
    parts.used[static_cast<std::size_t>(p)] = done.used[p];
    parts.retired[static_cast<std::size_t>(p)].add(done.retired[p]);
  }
  return parts;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
