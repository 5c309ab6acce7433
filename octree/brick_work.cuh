/// Work on one brick by one lane group: expand it, find its canonical form and its LOD material.
///
/// Canonical: uniform where all voxels inside the region are one material; sparse where at most 15
/// differ from the most frequent one (the lowest id wins a tie); else dense. Voxels outside the
/// region do not count; a dense brick stores air there.
#pragma once

#include "lithify/device/group.cuh"
#include "lithify/octree/detail/index_view.cuh"
#include "lithify/octree/lod.hpp"

#include <bit>
#include <cstdint>

namespace lithify::octree::inline LITHIFY_BACKEND {

/// The part of a brick that lies inside the region: [0, x) x [0, y) x [0, z).
struct brick_extent {
  int x, y, z;

  LITHIFY_HD brick_extent(morton_key brick, region_size size) {
    const voxel low = brick_voxel(brick, 0);
    const auto part = [](std::int32_t left) { return left < brick_edge ? left : brick_edge; };
    x = part(size.x - low.x);
    y = part(size.y - low.y);
    z = part(size.z - low.z);
  }
  LITHIFY_HD bool whole() const { return x == brick_edge && y == brick_edge && z == brick_edge; }
  LITHIFY_HD int voxels() const { return x * y * z; }
  LITHIFY_HD bool holds(int position) const {
    return (position & 7) < x && ((position >> 3) & 7) < y && (position >> 6) < z;
  }
  /// Bit b set where sub-cube b, of edge `half`, of the cube at (i, j, k) is inside.
  LITHIFY_HD std::uint32_t mask(int i, int j, int k, int half) const {
    std::uint32_t bits = 0;
    for (int b = 0; b < 8; ++b) {
      const bool in =
          i + (b & 1) * half < x && j + ((b >> 1) & 1) * half < y && k + (b >> 2) * half < z;
      bits |= (in ? 1U : 0U) << b;
    }
    return bits;
  }
};

/// What a brick will be.
struct brick_form {
  node value;                 ///< kind and LOD material, no slot yet
  material_id majority = 0;   ///< most frequent material; of a dense brick: nothing
  std::uint16_t changed = 0;  ///< voxels that the update changes
};

struct brick_scratch {
  material_id voxel[brick_voxels];  ///< x fastest
  material_id pair[64];             ///< LOD 1, Morton order
  material_id quad[8];              ///< LOD 2
  std::uint32_t differs[16];        ///< bit i of word w: voxel 32 w + i differs from the majority
  sparse_brick few;
  brick_form form;
};

/// Four voxels, moved at once.
struct alignas(8) voxel_quad {
  material_id m[4];
};

/// Four materials in a row as the 16-bit lanes of a word, so that they are compared at once.
/// Requires: aligned to 8 bytes.
LITHIFY_HD inline std::uint64_t lanes_at(const material_id* m) {
  return std::bit_cast<std::uint64_t>(*reinterpret_cast<const voxel_quad*>(m));
}

/// The lowest bit of each lane.
inline constexpr std::uint64_t lane_ones = 0x0001000100010001ULL;

/// 1 in each 16-bit lane in which two words agree.
LITHIFY_HD inline std::uint64_t equal_lanes(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t top = lane_ones << 15;
  const std::uint64_t differ = a ^ b;
  return (~(((differ & ~top) + ~top) | differ) & top) >> 15;
}

/// `lod_vote` of sub-cubes 0..3 in the lanes of `low`, 4..7 in those of `high`. First its commonest
/// case, as one of two diagonally opposite sub-cubes shows it: five of eight agree.
LITHIFY_HD inline material_id quick_vote(std::uint64_t low,
                                         std::uint64_t high,
                                         std::uint32_t mask) {
  if (mask == 255U) {
    const auto most_are = [=](std::uint64_t m) -> bool {
      const std::uint64_t agree =
          equal_lanes(low, m * lane_ones) + equal_lanes(high, m * lane_ones);
      return (agree * lane_ones) >> 48 > 4;
    };
    if (most_are(low & 0xffffU)) {
      return static_cast<material_id>(low);
    }
    if (most_are(high >> 48)) {
      return static_cast<material_id>(high >> 48);
    }
  }
  material_id sub[8];
  for (int i = 0; i < 4; ++i) {
    sub[i] = static_cast<material_id>(low >> (16 * i));
    sub[i + 4] = static_cast<material_id>(high >> (16 * i));
  }
  return lod_vote(sub, mask);
}

/// The same for 8 materials in Morton order.
LITHIFY_HD inline material_id quick_vote(const material_id* sub, std::uint32_t mask) {
  return quick_vote(lanes_at(sub), lanes_at(sub + 4), mask);
}

/// The votes of two neighbours along x: the cubes of 2 voxels a side in four rows of 4 voxels, in
/// order y, z. `mask`: of each.
LITHIFY_HD inline void vote_two(const std::uint64_t (&row)[4],
                                std::uint32_t mask_0,
                                std::uint32_t mask_1,
                                material_id* to) {
  if ((mask_0 & mask_1) == 255U) {
    // In both at once: how many agree with what two of three voxels are, bit by bit.
    const std::uint64_t a = row[0];
    const std::uint64_t b = row[1] >> 16;
    const std::uint64_t c = row[2] >> 16;
    const std::uint64_t likely = (((a & b) | (a & c) | (b & c)) & 0x0000ffff0000ffffULL) * 0x10001U;
    std::uint64_t agree = 0;
    for (const std::uint64_t r : row) {
      agree += equal_lanes(r, likely);
    }
    agree += agree >> 16;  // lanes 0 and 2: of the whole cube, at most 8
    if ((agree & 15U) > 4 && (agree >> 32 & 15U) > 4) {
      to[0] = static_cast<material_id>(likely);
      to[1] = static_cast<material_id>(likely >> 32);
      return;
    }
  }
  constexpr std::uint64_t half = 0xffffffffU;
  to[0] = quick_vote((row[0] & half) | row[1] << 32, (row[2] & half) | row[3] << 32, mask_0);
  to[1] = quick_vote(row[0] >> 32 | (row[1] & ~half), row[2] >> 32 | (row[3] & ~half), mask_1);
}

/// Writes the 512 voxels of a brick-level or uniform node to `to` (8-byte aligned).
LITHIFY_DEVICE inline void expand_brick(const device::lane_group& g,
                                        const index_view& index,
                                        node n,
                                        material_id* to) {
  auto* const quad = reinterpret_cast<voxel_quad*>(to);
  if (n.kind() == node_kind::dense) {
    const auto* const from = reinterpret_cast<const voxel_quad*>(index.dense[n.slot()]->voxel);
    g.each(brick_voxels / 4, [=](int i) { quad[i] = from[i]; });
    return;
  }
  const sparse_brick* const few = n.kind() == node_kind::sparse ? index.sparse[n.slot()] : nullptr;
  const material_id m = few != nullptr ? few->majority : n.lod();
  g.each(brick_voxels / 4, [=](int i) { quad[i] = {{m, m, m, m}}; });
  if (few != nullptr) {
    g.each(few->count, [=](int i) { to[few->position[i]] = few->other[i]; });
  }
}

/// Most frequent material of a few voxels, the lowest id of those that tie.
LITHIFY_HD inline material_id most_frequent(const material_id* m, int n) {
  material_id best = air;
  int best_count = 0;
  for (int i = 0; i < n; ++i) {
    int count = 0;
    for (int j = 0; j < n; ++j) {
      count += m[j] == m[i] ? 1 : 0;
    }
    if (count > best_count || (count == best_count && m[i] < best)) {
      best = m[i];
      best_count = count;
    }
  }
  return best;
}

/// The only material that at most 15 voxels inside the region can differ from, if there is one.
///
/// Up to 31 voxels are counted out. Of more, at most 15 of the first 31 may differ: the material
/// is a strict majority of those, which one pass of pairwise cancelling finds (Boyer, Moore 1981).
/// Mostly the very first voxel is of it: then 17 of 32 are.
LITHIFY_HD inline material_id majority_candidate(const material_id* voxel, brick_extent extent) {
  constexpr int sample = 2 * sparse_brick::capacity + 1;
  if (extent.whole()) {
    std::uint64_t agree = 0;
    for (int p = 0; p < sample; p += 4) {
      agree += equal_lanes(lanes_at(voxel + p), voxel[0] * lane_ones);
    }
    if ((agree * lane_ones) >> 48 > sparse_brick::capacity + 1) {
      return voxel[0];
    }
  }
  material_id seen[sample];
  int n = 0;
  const bool whole = extent.whole();
  for (int p = 0; p < brick_voxels && n < sample; ++p) {
    if (whole || extent.holds(p)) {
      seen[n++] = voxel[p];
    }
  }
  if (extent.voxels() <= sample) {
    return most_frequent(seen, n);
  }
  material_id best = seen[0];
  int lead = 0;
  for (int i = 0; i < n; ++i) {
    best = lead == 0 ? seen[i] : best;
    lead += seen[i] == best ? 1 : -1;
  }
  return best;
}

/// LOD 3 of the brick in `s.voxel`. Every lane gets it after the barrier, from `s.form`.
LITHIFY_DEVICE inline void brick_lod(const device::lane_group& g,
                                     brick_scratch& s,
                                     brick_extent extent,
                                     node_kind kind) {
  brick_scratch* const at = &s;
  const bool whole = extent.whole();
  g.each(32, [=](int i) {
    // Cubes 2 i and 2 i + 1 in Morton order.
    const int x = i & 4;
    const int y = 2 * ((i & 1) | ((i >> 2) & 2));
    const int z = 2 * (((i >> 1) & 1) | ((i >> 3) & 2));
    const material_id* const v = at->voxel + x + 8 * (y + 8 * z);
    vote_two({lanes_at(v), lanes_at(v + 8), lanes_at(v + 64), lanes_at(v + 72)},
             whole ? 255U : extent.mask(x, y, z, 1), whole ? 255U : extent.mask(x + 2, y, z, 1),
             at->pair + 2 * i);
  });
  g.each(8, [=](int i) {
    const std::uint32_t mask =
        whole ? 255U : extent.mask(4 * (i & 1), 4 * ((i >> 1) & 1), 4 * (i >> 2), 2);
    at->quad[i] = quick_vote(at->pair + 8 * i, mask);
  });
  g.once([=] {
    const material_id lod = quick_vote(at->quad, whole ? 255U : extent.mask(0, 0, 0, 4));
    at->form.value = node::make(kind, 0, lod);
  });
}

/// Finds the canonical form of the brick in `s.voxel`, into `s.form` (not its count of changes).
LITHIFY_DEVICE inline void classify_brick(const device::lane_group& g,
                                          brick_scratch& s,
                                          brick_extent extent) {
  brick_scratch* const at = &s;
  g.once([=] { at->form.majority = majority_candidate(at->voxel, extent); });
  const material_id m = s.form.majority;
  if (!extent.whole()) {
    g.each(brick_voxels, [=](int p) {
      if (!extent.holds(p)) {
        at->voxel[p] = m;
      }
    });
  }
  const int differ = g.count(brick_voxels, [=](int p) -> bool { return at->voxel[p] != m; });
  if (differ == 0) {
    g.once([=] { at->form.value = node::uniform(m); });
  } else if (differ <= sparse_brick::capacity && extent.whole()) {
    // A cube's LOD material changes only where four of its sub-cubes' do: 64 voxels at LOD 3.
    g.once([=] { at->form.value = node::make(node_kind::sparse, 0, m); });
  } else {
    brick_lod(g, s, extent,
              differ <= sparse_brick::capacity ? node_kind::sparse : node_kind::dense);
  }
}

/// Writes the brick in `s.voxel` as a sparse brick of `majority`.
LITHIFY_DEVICE inline void store_sparse(const device::lane_group& g,
                                        brick_scratch& s,
                                        brick_extent extent,
                                        material_id majority,
                                        sparse_brick* to) {
  brick_scratch* const at = &s;
  g.each(16, [=](int w) {
    std::uint32_t bits = 0;
    for (int i = 0; i < 32; ++i) {
      const int p = 32 * w + i;
      bits |= (extent.holds(p) && at->voxel[p] != majority ? 1U : 0U) << i;
    }
    at->differs[w] = bits;
  });
  g.once([=] {
    sparse_brick made;
    made.majority = majority;
    for (int p = 0; p < brick_voxels && made.count < sparse_brick::capacity; ++p) {
      if (at->differs[p >> 5] == 0) {
        p |= 31;  // none of these 32
      } else if (((at->differs[p >> 5] >> (p & 31)) & 1U) != 0) {
        made.position[made.count] = static_cast<std::uint16_t>(p);
        made.other[made.count] = at->voxel[p];
        ++made.count;
      }
    }
    *to = made;
  });
}

/// Puts air where a dense brick reaches out of the region.
LITHIFY_DEVICE inline void clear_outside(const device::lane_group& g,
                                         brick_extent extent,
                                         dense_brick* brick) {
  if (!extent.whole()) {
    g.each(brick_voxels, [=](int p) {
      if (!extent.holds(p)) {
        brick->voxel[p] = air;
      }
    });
  }
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
