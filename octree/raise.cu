// From changed nodes to a new root: parents, level by level.
#include "lithify/device/atomic.cuh"
#include "lithify/device/group.cuh"
#include "lithify/octree/lod.hpp"
#include "tree.cuh"

#include <algorithm>

namespace lithify::octree::inline LITHIFY_BACKEND {

tree_writer make_writer(const tree& t,
                        const index_view& base,
                        std::uint64_t version,
                        update_words* words,
                        const slot_pointers& retired) {
  tree_writer w;
  w.base = base;
  w.version = version;
  w.words = words;
  w.source[page_pool] = t.pages.source();
  w.source[block_pool] = t.blocks.source();
  w.source[dense_pool] = t.dense.source();
  w.source[sparse_pool] = t.sparse.source();
  w.born[page_pool] = t.pages.born();
  w.born[block_pool] = t.blocks.born();
  w.born[dense_pool] = t.dense.born();
  w.born[sparse_pool] = t.sparse.born();
  for (std::size_t p = 0; p < pool_count; ++p) {
    w.retired[p] = retired[p];
  }
  return w;
}

void count_parents(device::exec ex,
                   const morton_key* key,
                   device::extent items,
                   int level,
                   int top,
                   update_words* words) {
  constexpr std::int64_t block = 64;  // keys that a thread sums before it adds atomically
  device::for_each_n(ex, (items.bound() + block - 1) / block, [=] LITHIFY_HD(std::int64_t b) {
    const std::int64_t n = items.now();
    std::int64_t heads[max_steps] = {};
    for (std::int64_t i = b * block; i < n && i < (b + 1) * block; ++i) {
      int step = 0;
      for (int above = level; above < top; ++step) {
        above = parent_level(above);
        const int shift = 3 * (above - level);
        if (i > 0 && key[i] >> shift == key[i - 1] >> shift) {
          break;  // then they share every level above too
        }
        ++heads[step];
      }
    }
    for (int step = 0; step < max_steps; ++step) {
      if (heads[step] != 0) {
        device::atomic_add(&words->parents[step], heads[step]);
      }
    }
  });
}

std::array<std::int64_t, max_steps> most_parents(std::int64_t nodes,
                                                 region_size size,
                                                 int level,
                                                 int top) {
  std::array<std::int64_t, max_steps> most = {};
  for (std::size_t step = 0; level < top; ++step) {
    level = parent_level(level);
    const auto across = [=](std::int32_t n) -> std::int64_t { return ((n - 1) >> level) + 1; };
    nodes = std::min(nodes, across(size.x) * across(size.y) * across(size.z));
    most[step] = nodes;
  }
  return most;
}

namespace {

/// One step: children and their parents, as the kernels see them.
struct step_view {
  tree_writer w;
  int level;  ///< of the parents
  const morton_key* child_key;
  const node* child;
  device::extent children;
  const std::int64_t* first;  ///< first child of each parent
  device::extent parents;
  morton_key* key;
  node* value;
  node* old;
  std::int64_t* place;  ///< slots taken below, slots retired above

  LITHIFY_HD std::int64_t last(std::int64_t j) const {
    return j + 1 < parents.now() ? first[j + 1] : children.now();
  }
  /// Takes a slot for parent `j` and retires what it replaces; call once.
  LITHIFY_HD std::uint64_t settle(std::int64_t j, pool_number p) const {
    constexpr std::int64_t unit = std::int64_t{1} << 32;
    if (old[j].kind() == node_kind::children) {
      w.retire(p, place[j] / unit, old[j].slot());
    }
    return value[j].is_uniform() ? 0 : w.take(p, place[j] % unit);
  }
};

/// Finds the parents: positions where a new one begins.
void find_parents(device::exec ex,
                  const morton_key* key,
                  device::extent n,
                  int shift,
                  std::int64_t* first,
                  std::int64_t* total) {
  device::select_if(
      ex, n,
      [=] LITHIFY_HD(std::int64_t i) -> bool {
        return i == 0 || key[i] >> shift != key[i - 1] >> shift;
      },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) { first[at] = i; }, total);
}

/// Children of the old node of a block, with the changed ones put in; gives which are inside.
LITHIFY_HD std::uint32_t gather_block(const step_view& s, std::int64_t j, node (&child)[8]) {
  const morton_key key = s.key[j];
  const std::uint32_t inside = inside_mask(cube_box(key, s.level).min, s.level, s.w.base.size);
  const node old = s.old[j];
  for (int i = 0; i < block_nodes; ++i) {
    child[i] = old.is_uniform() ? old : s.w.base.blocks[old.slot()]->child[i];
  }
  const std::int64_t last = s.last(j);
  for (std::int64_t c = s.first[j]; c < last; ++c) {
    child[s.child_key[c] & 7U] = s.child[c];
  }
  for (int i = 0; i < block_nodes; ++i) {
    child[i] = ((inside >> i) & 1U) != 0 ? child[i] : node::uniform(air);
  }
  return inside;
}

void decide_blocks(device::exec ex, const step_view& s) {
  device::for_each_n(ex, s.parents, [=] LITHIFY_HD(std::int64_t j) {
    const morton_key key = s.child_key[s.first[j]] >> 3;
    s.key[j] = key;
    s.old[j] = s.w.base.descend(low_key(key, s.level), s.level).value;
    node child[8];
    const std::uint32_t inside = gather_block(s, j, child);
    material_id lod[8];
    bool same = true;
    for (int i = 0; i < block_nodes; ++i) {
      lod[i] = child[i].lod();
      // Sub-cube 0 is inside if any is.
      same = same && (((inside >> i) & 1U) == 0 || (child[i].is_uniform() && child[i] == child[0]));
    }
    s.value[j] = same ? child[0] : node::make(node_kind::children, 0, lod_vote(lod, inside));
  });
}

void write_blocks(device::exec ex, const step_view& s) {
  device::for_each_n(ex, s.parents, [=] LITHIFY_HD(std::int64_t j) {
    const std::uint64_t slot = s.settle(j, block_pool);
    if (!s.value[j].is_uniform()) {
      node child[8];
      gather_block(s, j, child);
      node_block& to = *s.w.base.blocks[slot];
      for (int i = 0; i < block_nodes; ++i) {
        to.child[i] = child[i];
      }
      s.value[j] = node::make(node_kind::children, slot, s.value[j].lod());
    }
  });
}

struct page_scratch {
  node child[page_nodes];
  material_id pair[64];  ///< LOD materials one level up
  material_id quad[8];   ///< two levels up
  std::uint64_t slot;
};

/// Low corner of child `i` of a page.
LITHIFY_HD voxel page_child(voxel low, int level, int i) {
  const voxel c = morton_decode(static_cast<morton_key>(i));
  const int below = child_level(level);
  return {low.x + (c.x << below), low.y + (c.y << below), low.z + (c.z << below)};
}

/// Low corner of a page's cube; the root's level may pass the coordinates' bits.
LITHIFY_HD voxel page_low(morton_key key, int level) {
  return level > coordinate_bits ? voxel{} : cube_box(key, level).min;
}

/// The 512 children of parent `j`, changed ones put in.
LITHIFY_DEVICE void gather_page(const device::lane_group& g,
                                const step_view& s,
                                std::int64_t j,
                                page_scratch& scratch) {
  page_scratch* const at = &scratch;
  const voxel low = page_low(s.key[j], s.level);
  const node old = s.old[j];
  g.each(page_nodes, [=](int i) {
    const bool inside = s.w.base.size.contains(page_child(low, s.level, i));
    at->child[i] = !inside            ? node::uniform(air)
                   : old.is_uniform() ? old
                                      : s.w.base.pages[old.slot()]->child[i];
  });
  const std::int64_t first = s.first[j];
  g.each(static_cast<int>(s.last(j) - first), [=](int c) {
    const std::uint64_t i = s.child_key[first + c] & (page_nodes - 1U);
    if (s.w.base.size.contains(page_child(low, s.level, static_cast<int>(i)))) {
      at->child[i] = s.child[first + c];
    }
  });
}

/// LOD material of the page in `scratch`, voting through the two levels inside it.
LITHIFY_DEVICE void page_lod(const device::lane_group& g,
                             const step_view& s,
                             voxel low,
                             page_scratch& scratch) {
  page_scratch* const at = &scratch;
  const int below = child_level(s.level);
  const region_size size = s.w.base.size;
  g.each(64, [=](int i) {
    material_id sub[8];
    for (int b = 0; b < 8; ++b) {
      sub[b] = at->child[8 * i + b].lod();
    }
    const voxel corner = page_child(low, below + page_levels, 8 * i);
    at->pair[i] = lod_vote(sub, inside_mask(corner, below + 1, size));
  });
  g.each(8, [=](int i) {
    const auto& sub = *reinterpret_cast<const material_id(*)[8]>(at->pair + 8 * i);
    const voxel corner = page_child(low, below + page_levels, 64 * i);
    at->quad[i] = lod_vote(sub, inside_mask(corner, below + 2, size));
  });
}

void decide_pages(device::exec ex, const step_view& s) {
  device::for_each_group<sizeof(page_scratch)>(
      ex, s.parents,
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t j, std::byte* bytes) {
        auto& scratch = *reinterpret_cast<page_scratch*>(bytes);
        g.once([=] {
          const morton_key key = s.child_key[s.first[j]] >> page_bits;
          s.key[j] = key;
          s.old[j] = s.w.base.descend(low_key(key, s.level), s.level).value;
        });
        gather_page(g, s, j, scratch);
        page_scratch* const at = &scratch;
        const voxel low = page_low(s.key[j], s.level);
        const int differ = g.count(page_nodes, [=](int i) -> bool {
          return s.w.base.size.contains(page_child(low, s.level, i)) &&
                 (!at->child[i].is_uniform() || at->child[i] != at->child[0]);
        });
        if (differ == 0) {
          g.once([=] { s.value[j] = at->child[0]; });
          return;
        }
        page_lod(g, s, low, scratch);
        g.once([=] {
          const material_id lod = lod_vote(at->quad, inside_mask(low, s.level, s.w.base.size));
          s.value[j] = node::make(node_kind::children, 0, lod);
        });
      });
}

void write_pages(device::exec ex, const step_view& s) {
  device::for_each_group<sizeof(page_scratch)>(
      ex, s.parents,
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t j, std::byte* bytes) {
        auto& scratch = *reinterpret_cast<page_scratch*>(bytes);
        page_scratch* const at = &scratch;
        g.once([=] { at->slot = s.settle(j, page_pool); });
        if (s.value[j].is_uniform()) {
          return;
        }
        gather_page(g, s, j, scratch);
        node_page* const to = s.w.base.pages[scratch.slot];
        g.each(page_nodes, [=](int i) { to->child[i] = at->child[i]; });
        g.once([=] { s.value[j] = node::make(node_kind::children, at->slot, s.value[j].lod()); });
      });
}

}  // namespace

node_list raise(device::exec ex,
                const tree_writer& w,
                const node_list& children,
                int level,
                std::int64_t most) {
  const int above = parent_level(level);
  const pool_number p = above > chunk_level ? page_pool : block_pool;
  device::buffer<std::int64_t> firsts(ex, most);
  device::buffer<std::int64_t> places(ex, most + 1);
  device::buffer<node> olds(ex, most);
  node_list made(ex, most);
  made.total = device::buffer<std::int64_t>(ex, 1);
  find_parents(ex, children.key.data(), children.items(), 3 * (above - level), firsts.data(),
               made.total.data());
  const step_view s{w,
                    above,
                    children.key.data(),
                    children.value.data(),
                    children.items(),
                    firsts.data(),
                    made.items(),
                    made.key.data(),
                    made.value.data(),
                    olds.data(),
                    places.data()};
  p == page_pool ? decide_pages(ex, s) : decide_blocks(ex, s);
  constexpr std::int64_t unit = std::int64_t{1} << 32;
  device::exclusive_scan(
      ex, s.parents,
      [=] LITHIFY_HD(std::int64_t j) -> std::int64_t {
        return (s.value[j].is_uniform() ? 0 : 1) +
               (s.old[j].kind() == node_kind::children ? unit : 0);
      },
      s.place);
  p == page_pool ? write_pages(ex, s) : write_blocks(ex, s);
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) {
    const std::int64_t placed = s.place[s.parents.now()];
    s.w.words->used[p] += placed % unit;
    s.w.words->retired[p] += placed / unit;
  });
  return made;
}

void raise_to_root(device::exec ex, const tree_writer& w, node_list nodes, int level) {
  const auto most = most_parents(nodes.count, w.base.size, level, w.base.top_level);
  for (std::size_t step = 0; level < w.base.top_level; ++step) {
    nodes = raise(ex, w, nodes, level, most[step]);
    level = parent_level(level);
  }
  update_words* const words = w.words;
  const node* const root = nodes.value.data();
  device::for_each_n(ex, nodes.items(), [=] LITHIFY_HD(std::int64_t) { words->root = *root; });
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
