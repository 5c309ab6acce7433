// Merging edits into the index: bricks first, then their parents up to the root.
//
// Two passes over the bricks: the first decides what each will be, the second writes it, so that
// exactly the slots that are needed are taken. The counts in between stay on the device: the second
// pass finds nothing to do where the pools' slots do not suffice, and runs again once they have
// grown.
#include "brick_work.cuh"
#include "lithify/base/error.hpp"
#include "lithify/device/atomic.cuh"
#include "tree.cuh"

#include <algorithm>
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
                 std::int64_t most,
                 const decision* decided,
                 const std::int64_t* pick,
                 update_words* words) {
  constexpr std::int64_t block = 64;
  device::for_each_n(ex, (most + block - 1) / block, [=] LITHIFY_HD(std::int64_t b) {
    update_words sum;
    const std::int64_t n = words->changed_bricks;
    for (std::int64_t i = b * block; i < n && i < (b + 1) * block; ++i) {
      const decision d = decided[pick[i]];
      const node_kind kind = d.form.value.kind();
      sum.changed_voxels += d.form.changed;
      sum.needed[dense_pool] += kind == node_kind::dense ? 1 : 0;
      sum.needed[sparse_pool] += kind == node_kind::sparse ? 1 : 0;
    }
    if (b * block < n) {
      device::atomic_add(&words->changed_voxels, sum.changed_voxels);
      for (const pool_number p : {dense_pool, sparse_pool}) {
        device::atomic_add(&words->needed[p], sum.needed[p]);
      }
    }
  });
}

/// Begins the second pass: lets it find the changed bricks if every pool has the slots that it
/// takes at most, else none.
struct begin_writing {
  brick_edits edits;
  slot_counts room;
  node root;
  int top_level;
  update_words* words;
  LITHIFY_HD void operator()(std::int64_t) const {
    const std::int64_t bricks = edits.bricks.now();
    const slot_counts parents = parent_slots(words->parents, brick_level, top_level);
    bool fits = true;
    for (int p = 0; p < pool_count; ++p) {
      fits = fits && words->needed[p] + parents[static_cast<std::size_t>(p)] <=
                         room[static_cast<std::size_t>(p)];
      words->used[p] = 0;
      words->retired[p] = 0;
    }
    words->bricks = bricks;
    words->edits = edits.offset[bricks];
    words->written_bricks = fits ? words->changed_bricks : 0;
    words->root = root;
  }
};

/// Second pass: writes the bricks; gives their nodes.
node_list write_bricks(device::exec ex,
                       const tree_writer& w,
                       const brick_edits& edits,
                       const decision* decided,
                       const std::int64_t* pick) {
  // Two counts in one word: dense below, sparse above.
  constexpr std::int64_t sparse_unit = std::int64_t{1} << 32;
  const std::int64_t most = edits.bricks.bound();
  node_list made(ex, most);
  made.total = device::buffer<std::int64_t>(ex, 1);
  device::copy(ex, made.total.data(), &w.words->written_bricks, 1);
  const device::extent n = made.items();
  device::buffer<std::int64_t> takes(ex, most + 1);
  device::buffer<std::int64_t> leaves(ex, most + 1);
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
  update_words* const words = w.words;
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) {
    const std::int64_t taken = take[n.now()];
    const std::int64_t left = leave[n.now()];
    words->used[dense_pool] += taken % sparse_unit;
    words->used[sparse_pool] += taken / sparse_unit;
    words->retired[dense_pool] += left % sparse_unit;
    words->retired[sparse_pool] += left / sparse_unit;
  });
  return made;
}

/// Room to note what an update replaces: bounds, so that it can be had before anything is counted.
class retired_slots {
 public:
  retired_slots(device::exec ex, const tree& t, const index_view& base, std::int64_t bricks) {
    const auto parents = most_parents(bricks, base.size, brick_level, base.top_level);
    slot_counts most = parent_slots(parents, brick_level, base.top_level);
    most[dense_pool] = bricks;
    most[sparse_pool] = bricks;
    const slot_counts live = t.in_use();
    for (std::size_t p = 0; p < pool_count; ++p) {
      slots_[p] = device::buffer<std::uint64_t>(ex, std::min(most[p], live[p]));
    }
  }

  [[nodiscard]] slot_pointers pointers() const {
    slot_pointers at = {};
    for (std::size_t p = 0; p < pool_count; ++p) {
      at[p] = slots_[p].data();
    }
    return at;
  }
  /// Puts what was noted into lists that hold no more than that: versions keep them.
  void list(device::exec ex, device::stream_ref home, const update_words& done, slot_lists& to) {
    for (std::size_t p = 0; p < pool_count; ++p) {
      if (done.retired[p] > 0) {
        to[p].reserve(ex, home, done.retired[p]);
        device::copy(ex, to[p].data(), slots_[p].data(), done.retired[p]);
        to[p].add(done.retired[p]);
      }
    }
  }

 private:
  std::array<device::buffer<std::uint64_t>, pool_count> slots_;
};

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
  const std::int64_t most = edits.bricks.bound();
  if (most == 0) {
    return parts;
  }

  device::buffer<update_words> held(ex, 1);
  device::buffer<decision> decisions(ex, most);
  device::buffer<std::int64_t> picks(ex, most);
  device::buffer<morton_key> keys(ex, most);
  retired_slots retired(ex, t, base, most);
  update_words* const words = held.data();
  device::fill(ex, words, 1, update_words{});
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
      &words->changed_bricks);
  count_needs(ex, most, decided, pick, words);
  count_parents(ex, key, {most, &words->changed_bricks}, brick_level, base.top_level, words);
  step("bricks decided");

  const auto write = [&]() -> update_words {
    device::for_each_n(ex, 1, begin_writing{edits, t.room(), base.root, base.top_level, words});
    const tree_writer w = make_writer(t, base, version, words, retired.pointers());
    node_list bricks = write_bricks(ex, w, edits, decided, pick);
    step("bricks written");
    raise_to_root(ex, w, std::move(bricks), brick_level);
    step("parents written");
    return device::read(ex, words);
  };
  update_words done = write();
  if (done.written_bricks < done.changed_bricks) {
    slot_counts needed = parent_slots(done.parents, brick_level, base.top_level);
    for (const pool_number p : {dense_pool, sparse_pool}) {
      needed[p] += done.needed[p];
    }
    t.reserve(ex, needed);
    done = write();
    require(done.written_bricks == done.changed_bricks, errc::internal,
            "a merge found no room in pools that were enlarged for it");
  }

  parts.root = done.root;
  parts.bricks = done.bricks;
  parts.edits = done.edits;
  parts.changed_voxels = done.changed_voxels;
  std::copy(done.used, done.used + pool_count, parts.used.begin());
  retired.list(ex, t.home, done, parts.retired);
  return parts;
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
