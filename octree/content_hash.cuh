/// The three cases of the content digest (README.md, "Content digest").
#pragma once

#include "lithify/base/hash128.hpp"
#include "lithify/device/backend.cuh"
#include "lithify/octree/detail/node.cuh"

namespace lithify::octree::inline LITHIFY_BACKEND {

/// Seeds that keep the three cases apart.
enum class hash_case : std::uint64_t { uniform = 1, brick = 2, node = 3 };

LITHIFY_HD constexpr hasher128 hasher_of(hash_case c) {
  return hasher128(static_cast<std::uint64_t>(c));
}

/// Digest of a cube of one material.
LITHIFY_HD constexpr digest128 uniform_digest(int level, material_id m) {
  hasher128 h = hasher_of(hash_case::uniform);
  h.add(static_cast<std::uint64_t>(level), m);
  return h.finish();
}

/// Digest of a brick of several materials: `material_at(position)` for positions 0..511.
template <class MaterialAt>
LITHIFY_HD digest128 brick_digest(MaterialAt material_at) {
  hasher128 h = hasher_of(hash_case::brick);
  const auto word = [&](int position) -> std::uint64_t {
    std::uint64_t packed = 0;
    for (int i = 0; i < 4; ++i) {
      packed |= static_cast<std::uint64_t>(material_at(position + i)) << (16 * i);
    }
    return packed;
  };
  for (int position = 0; position < brick_voxels; position += 8) {
    h.add(word(position), word(position + 4));
  }
  return h.finish();
}

/// What a cube holds, as its parent needs to know it.
struct cube_digest {
  digest128 digest;
  material_id material = air;
  bool one = false;  ///< all of it is `material`, what lies outside the region counting as air
  std::uint8_t unused[5] = {};  ///< named, so that kernels set it
};

LITHIFY_HD constexpr cube_digest uniform_cube_digest(int level, material_id m) {
  return {uniform_digest(level, m), m, true};
}

/// Digest of a cube at `level` from those of its 8 sub-cubes; `sub(i)` in Morton order.
template <class Sub>
LITHIFY_HD cube_digest parent_digest(int level, Sub sub) {
  hasher128 h = hasher_of(hash_case::node);
  const cube_digest first = sub(0);
  bool one = first.one;
  h.add(first.digest);
  for (int i = 1; i < 8; ++i) {
    const cube_digest next = sub(i);
    one = one && next.one && next.material == first.material;
    h.add(next.digest);
  }
  return one ? uniform_cube_digest(level, first.material) : cube_digest{h.finish(), air, false};
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
