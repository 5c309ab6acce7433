// The overlay over the index against a plain array: random histories of batches, consolidations,
// failures and snapshots, every query at every step, old snapshots as they were.
#include "lithify/base/error.hpp"
#include "overlay_rig.cuh"
#include "plain_world.hpp"
#include "seeds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#if !LITHIFY_ON_CUDA
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#endif

namespace {

using namespace lithify;
using namespace lithify::deltas;
using test::emission;
using test::in_every_order;
using test::materials;
using test::plain_world;
using test::to_device;
using test::to_host;

constexpr region_size size = {24, 21, 19};

std::vector<voxel> every_voxel() {
  std::vector<voxel> at;
  plain_world::for_each(size.box(), [&](voxel v) { at.push_back(v); });
  return at;
}

struct broken {};

/// What the index alone says.
struct index_material {
  octree::index_view index;
  const voxel* at;
  material_id* out;
  LITHIFY_HD void operator()(std::int64_t i) const {
    out[i] = index.material(morton_encode(at[i]));
  }
};

/// A world under test beside the array that says what it must hold.
class history {
 public:
  history(device::exec ex, std::uint64_t seed)
      : ex_(ex),
        random_(seed),
        index_(ex, size),
        world_(ex, index_),
        model_(size),
        at_(every_voxel()) {}

  void step() {
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
        commit_edits();
        break;
      case 3:
      case 4:
        commit_emissions();
        break;
      case 5:
        world_.consolidate(ex_, strategy());
        break;
      case 6:
        world_.consolidate(ex_, strategy(), [this](const char*) {
          if (below(3) == 0) {
            commit_edits();
          }
          if (below(4) == 0) {
            check(world_.current(), model_, written_);
          }
        });
        break;
      case 7:
        fail_consolidation();
        break;
      default:
        change_kept();
    }
    check(world_.current(), model_, written_);
    for (const kept& k : kept_) {
      check(k.state, k.model, k.written);
    }
  }

  /// Every query against the model.
  void check_all_queries() {
    const snapshot now = world_.current();
    const reading voxels(ex_, now);
    const octree::merged_view merged = voxels.merged(6);
    for (int level = 0; level <= 5; ++level) {
      const voxel_box box = random_box();
      device::buffer<material_id> cells(ex_, box.volume());
      octree::read_box(ex_, merged, box, level, cells.data());
      const std::vector<material_id> expected = model_.box(box, level);
      EXPECT_EQ(to_host(ex_, cells.data(), static_cast<std::int64_t>(expected.size())), expected);
      const std::vector<material_id> cubes = model_.box(size.box(), level);
      const auto along = [level](std::int32_t n) { return ((n - 1) >> level) + 1; };
      std::vector<material_id> lods;
      for (const voxel v : at_) {
        lods.push_back(cubes[static_cast<std::size_t>(
            (v.x >> level) + along(size.x) * ((v.y >> level) + along(size.y) * (v.z >> level)))]);
      }
      EXPECT_EQ(materials(ex_, now, at_, level), lods) << "level " << level;
    }
    const voxel_box box = random_box();
    const column_list columns = octree::read_columns(ex_, merged, box);
    const column_list expected = model_.columns(box);
    EXPECT_EQ(columns.offset, expected.offset);
    EXPECT_EQ(columns.span, expected.span);
    EXPECT_EQ(octree::content_digest(ex_, merged), model_.digest());
  }

  /// The newest overlay version of every voxel, and where it came from.
  [[nodiscard]] std::vector<std::uint64_t> fingerprint() {
    const snapshot now = world_.current();
    const reading voxels(ex_, now);
    const octree::delta_run_view run = voxels.merged().level[0];
    std::vector<std::uint64_t> all = to_host(ex_, run.key, run.size);
    for (const material_id m : to_host(ex_, run.material, run.size)) {
      all.push_back(m);
    }
    for (const auto& origin : world_.origins(ex_, now, at_)) {
      all.push_back(origin ? origin->batch : 0);
    }
    for (const material_id m : materials(ex_, now, at_)) {
      all.push_back(m);
    }
    for (const auto& t : now.tables()) {
      all.push_back(static_cast<std::uint64_t>(t->claimed));
      all.push_back(t->orders);
    }
    return all;
  }

 private:
  using origins = std::map<morton_key, overlay::origin>;  ///< of the last write, ever
  struct kept {
    snapshot state;
    plain_world model;
    origins written;
  };

  std::int32_t below(std::int32_t n) {
    return static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(n));
  }
  consolidation_strategy strategy() {
    return below(2) == 0 ? consolidation_strategy::all : consolidation_strategy::lazy_threshold;
  }
  voxel_box random_box() {
    const voxel a{below(size.x), below(size.y), below(size.z)};
    const voxel b{below(size.x), below(size.y), below(size.z)};
    return {{std::min(a.x, b.x), std::min(a.y, b.y), std::min(a.z, b.z)},
            {std::max(a.x, b.x) + 1, std::max(a.y, b.y) + 1, std::max(a.z, b.z) + 1}};
  }

  /// One voxel, few, many with duplicates, corners and faces, or a whole box of one material.
  std::vector<voxel_edit> random_edits() {
    std::vector<voxel_edit> edits;
    const int kind = below(5);
    if (kind == 4) {
      const voxel_box box = random_box();
      const auto m = static_cast<material_id>(below(3));
      plain_world::for_each(box, [&](voxel v) { edits.push_back({v, m}); });
      return edits;
    }
    const int n = kind == 0 ? below(2) : kind == 1 ? below(20) : below(400);
    for (int i = 0; i < n; ++i) {
      voxel v{below(size.x), below(size.y), below(size.z)};
      if (kind == 2) {  // on the region's edges
        v.x = below(2) == 0 ? 0 : size.x - 1;
        v.z = below(2) == 0 ? v.z : size.z - 1;
      }
      if (kind == 3) {  // few voxels, often
        v = {v.x % 3 + 7, v.y % 3 + 7, v.z % 3 + 7};
      }
      // A revert now and then: what the voxel is just now, or air.
      const material_id m = below(4) == 0 ? model_.at(v) : static_cast<material_id>(below(4));
      edits.push_back({v, m});
    }
    return edits;
  }

  void apply(const std::vector<voxel_edit>& edits, std::uint64_t number, tick when) {
    for (const voxel_edit& e : edits) {
      model_.at(e.at) = e.material;
      written_[morton_encode(e.at)] = {number, when};
    }
  }

  void commit_edits() {
    const std::vector<voxel_edit> edits = random_edits();
    const tick when = below(1000);
    const std::uint64_t number = world_.write(ex_, edits, when);
    EXPECT_EQ(number, ++batches_);
    apply(edits, number, when);
  }

  /// A step of several emissions into a table that may be too small.
  void commit_emissions() {
    std::vector<emission> step(static_cast<std::size_t>(below(4)));
    std::vector<voxel_edit> in_order;
    for (emission& e : step) {
      const std::vector<voxel_edit> edits = random_edits();
      for (std::size_t i = 0; i < edits.size();) {
        const std::size_t n = std::min(edits.size() - i, static_cast<std::size_t>(below(4)));
        e.add_item({edits.begin() + static_cast<std::ptrdiff_t>(i),
                    edits.begin() + static_cast<std::ptrdiff_t>(i + n)});
        i += n;
      }
      in_order.insert(in_order.end(), edits.begin(), edits.end());
    }
    staging batch(ex_, below(2) == 0 ? static_cast<std::int64_t>(in_order.size()) : below(100));
    for (std::size_t e = 0; e < step.size(); ++e) {
      step[e].emit(ex_, batch);
      if (e + 1 < step.size()) {
        continue;
      }
      const int stopped = batch.overflowed(ex_);
      if (stopped >= 0) {
        batch.grow(ex_);
        e = static_cast<std::size_t>(stopped) - 1;
      }
    }
    if (below(5) == 0) {
      return;  // cancelled: nothing happened
    }
    const tick when = below(1000);
    const std::uint64_t number = world_.commit(ex_, std::move(batch), when);
    EXPECT_EQ(number, ++batches_);
    apply(in_order, number, when);
  }

  void fail_consolidation() {
    const int last = below(12);
    int reported = 0;
    try {
      world_.consolidate(ex_, strategy(), [&](const char*) {
        if (below(4) == 0) {
          commit_edits();
        }
        if (reported++ == last) {
          throw broken{};
        }
      });
    } catch (const broken&) {
    }
  }

  void change_kept() {
    if (kept_.size() < 4) {
      kept_.push_back({world_.current(), model_, written_});
    } else {
      kept_.erase(kept_.begin() + below(static_cast<std::int32_t>(kept_.size())));
    }
  }

  void check(const snapshot& s, const plain_world& model, const origins& written) {
    std::vector<material_id> expected;
    for (const voxel v : at_) {
      expected.push_back(model.at(v));
    }
    ASSERT_EQ(materials(ex_, s, at_), expected);
    ASSERT_LE(s.tables().size(), static_cast<std::size_t>(max_tables));

    // What differs from the index is counted by asking the index alone.
    device::buffer<material_id> below_overlay(ex_, static_cast<std::int64_t>(at_.size()));
    const device::buffer<voxel> asked = to_device(ex_, at_);
    const reading voxels(ex_, s);
    read_index(voxels.view().index, asked, below_overlay);
    const std::vector<material_id> old = to_host(ex_, below_overlay.data(), below_overlay.size());
    std::int64_t differ = 0;
    for (std::size_t i = 0; i < at_.size(); ++i) {
      differ += old[i] != expected[i] ? 1 : 0;
    }
    ASSERT_EQ(s.delta_count(ex_), differ);

    const auto found = world_.origins(ex_, s, at_);
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (found[i]) {
        const auto last = written.find(morton_encode(at_[i]));
        ASSERT_NE(last, written.end());
        ASSERT_EQ(*found[i], last->second);
      } else {
        ASSERT_EQ(old[i], expected[i]);
      }
    }
  }

  void read_index(const octree::index_view& index,
                  const device::buffer<voxel>& at,
                  const device::buffer<material_id>& out) const {
    device::for_each_n(ex_, at.size(), index_material{index, at.data(), out.data()});
  }

  device::exec ex_;
  std::mt19937_64 random_;
  octree::index index_;
  overlay world_;
  plain_world model_;
  origins written_;
  std::vector<voxel> at_;
  std::uint64_t batches_ = 0;
  std::vector<kept> kept_;
};

TEST(OverlayProperty, AgreesWithAPlainArrayAtEveryStep) {
  for (const std::uint64_t seed : test::seeds(1, 12)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    in_every_order([&](device::exec ex) {
      history h(ex, seed);
      for (int i = 0; i < 25 && !testing::Test::HasFailure(); ++i) {
        h.step();
        if (i % 6 == 5) {
          h.check_all_queries();
        }
      }
    });
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(OverlayProperty, TheSameHistoryGivesTheSameWorldInAnyOrder) {
  for (const std::uint64_t seed : test::seeds(1, 3)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::vector<std::uint64_t> expected;
    in_every_order([&](device::exec ex) {
      history h(ex, seed);
      for (int i = 0; i < 15; ++i) {
        h.step();
      }
      const std::vector<std::uint64_t> found = h.fingerprint();
      expected = expected.empty() ? found : expected;
      EXPECT_EQ(found, expected);
    });
  }
}

#if !LITHIFY_ON_CUDA
TEST(OverlayProperty, TheSameHistoryGivesTheSameWorldOnAnyNumberOfThreads) {
  for (const std::uint64_t seed : test::seeds(1, 2)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::vector<std::uint64_t> expected;
    for (const int threads : {1, 2, 16}) {
      const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                      static_cast<std::size_t>(threads));
      tbb::task_arena(threads).execute([&] {
        device::memory_pool pool;
        const device::stream s;
        history h({s.ref(), &pool}, seed);
        for (int i = 0; i < 15; ++i) {
          h.step();
        }
        const std::vector<std::uint64_t> found = h.fingerprint();
        expected = expected.empty() ? found : expected;
        EXPECT_EQ(found, expected) << threads << " threads";
      });
    }
  }
}
#endif

TEST(OverlayProperty, AMillionEditsInOneBatch) {
  const region_size large = {2048, 2048, 512};
  std::mt19937_64 random(11);
  std::vector<voxel_edit> edits;
  for (int i = 0; i < 1000000; ++i) {
    edits.push_back(
        {{static_cast<std::int32_t>(random() % 2048), static_cast<std::int32_t>(random() % 2048),
          static_cast<std::int32_t>(random() % 16)},
         static_cast<material_id>(random() % 9 + 1)});
  }
  const std::vector<voxel_edit> again(edits.rbegin(), edits.rbegin() + 5000);
  edits.insert(edits.end(), again.begin(), again.end());
  // The oracle: the last write of every voxel, by a stable sort.
  std::vector<std::pair<morton_key, material_id>> expected;
  for (const voxel_edit& e : edits) {
    expected.emplace_back(morton_encode(e.at), e.material);
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t n = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i + 1 == expected.size() || expected[i + 1].first != expected[i].first) {
      expected[n++] = expected[i];
    }
  }
  expected.resize(n);
  std::vector<voxel> at;
  std::vector<material_id> last;
  for (const auto& [key, m] : expected) {
    at.push_back(morton_decode(key));
    last.push_back(m);
  }

  device::memory_pool pool;
  const device::stream s;
  const device::exec ex{s.ref(), &pool};
  octree::index index(ex, large);
  overlay world(ex, index);
  world.write(ex, edits, 1);
  const snapshot now = world.current();
  EXPECT_EQ(world.claimed(), static_cast<std::int64_t>(n));
  EXPECT_EQ(now.delta_count(ex), static_cast<std::int64_t>(n));
  EXPECT_EQ(materials(ex, now, at), last);
  const consolidation_counts counts = world.consolidate(ex, consolidation_strategy::all);
  EXPECT_EQ(counts.changed, static_cast<std::int64_t>(n));
  EXPECT_EQ(materials(ex, world.current(), at), last);
}

}  // namespace
