/// What the overlay's tests share: arrays to and from the device, edits at random places, batches
/// with orders of one's own, and every way in which work can run.
#pragma once

#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/deltas/detail/points.cuh"
#include "lithify/device/verbs.cuh"
#include "lithify/device/work_order.cuh"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

template <class T>
device::buffer<T> to_device(device::exec ex, const std::vector<T>& values) {
  device::buffer<T> made(ex, static_cast<std::int64_t>(values.size()));
  device::copy_to_device(ex, made.data(), values.data(), made.size());
  return made;
}

template <class T>
std::vector<T> to_host(device::exec ex, const T* from, std::int64_t n) {
  std::vector<T> values(static_cast<std::size_t>(n));
  device::copy_to_host(ex, values.data(), from, n);
  return values;
}

/// Runs test(exec) in work orders 0 (index order) to 3, at once and late; all memory must come
/// back. One order on CUDA.
template <class Test>
void in_every_order(Test test) {
  for (std::uint64_t order = 0; order <= (LITHIFY_ON_CUDA ? 0 : 3); ++order) {
    for (const bool late : {false, true}) {
      SCOPED_TRACE("work order " + std::to_string(order) + (late ? ", delaying" : ""));
      device::work_order::set_seed(order);
      device::memory_pool pool;
      const device::stream s = late ? device::stream::delaying(order + 1) : device::stream();
      test(device::exec{s.ref(), &pool});
      s.ref().synchronize();
      device::work_order::set_seed(0);
      EXPECT_EQ(pool.bytes_in_use(), 0U);
      if (testing::Test::HasFatalFailure()) {
        return;
      }
    }
  }
}

/// `n` edits of a few materials at random places.
inline std::vector<voxel_edit> random_edits(std::mt19937_64& random, int n, region_size size) {
  std::vector<voxel_edit> edits;
  for (int i = 0; i < n; ++i) {
    edits.push_back({{static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.x)),
                      static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.y)),
                      static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(size.z))},
                     static_cast<material_id>(random() % 5)});
  }
  return edits;
}

inline std::vector<voxel> every_voxel(region_size size) {
  std::vector<voxel> at;
  for (std::int32_t z = 0; z < size.z; ++z) {
    for (std::int32_t y = 0; y < size.y; ++y) {
      for (std::int32_t x = 0; x < size.x; ++x) {
        at.push_back({x, y, z});
      }
    }
  }
  return at;
}

/// Item i writes the edits [first[i], first[i + 1]).
struct count_edits {
  const std::int64_t* first;
  LITHIFY_HD std::int64_t operator()(std::int64_t i) const { return first[i + 1] - first[i]; }
};
struct write_edits {
  const std::int64_t* first;
  const voxel_edit* edit;
  LITHIFY_HD void operator()(std::int64_t i, deltas::delta_writer& to) const {
    for (std::int64_t e = first[i]; e < first[i + 1]; ++e) {
      to.write(edit[e].at, edit[e].material);
    }
  }
};

/// One emission of a batch: items with their edits.
struct emission {
  std::vector<std::int64_t> first = {0};
  std::vector<voxel_edit> edit;

  void add_item(const std::vector<voxel_edit>& edits) {
    edit.insert(edit.end(), edits.begin(), edits.end());
    first.push_back(static_cast<std::int64_t>(edit.size()));
  }
  int emit(device::exec ex, deltas::staging& to) const {
    const device::buffer<std::int64_t> offsets = to_device(ex, first);
    const device::buffer<voxel_edit> edits = to_device(ex, edit);
    return to.emit(ex, static_cast<std::int64_t>(first.size()) - 1, count_edits{offsets.data()},
                   write_edits{offsets.data(), edits.data()});
  }
};

/// Materials of voxels in a snapshot.
inline std::vector<material_id> materials(device::exec ex,
                                          const deltas::snapshot& s,
                                          const std::vector<voxel>& at,
                                          int level = 0) {
  const device::buffer<voxel> asked = to_device(ex, at);
  device::buffer<material_id> out(ex, asked.size());
  deltas::read_points(ex, s, asked.data(), asked.size(), level, out.data());
  return to_host(ex, out.data(), out.size());
}

inline material_id material(device::exec ex, const deltas::snapshot& s, voxel at) {
  return materials(ex, s, {at}).front();
}

inline bool has_delta(device::exec ex, const deltas::snapshot& s, voxel at) {
  const device::buffer<voxel> asked = to_device(ex, std::vector<voxel>{at});
  device::buffer<std::uint8_t> out(ex, 1);
  deltas::read_has_delta(ex, s, asked.data(), 1, out.data());
  return device::read(ex, out.data()) != 0;
}

}  // namespace lithify::test::inline LITHIFY_BACKEND
