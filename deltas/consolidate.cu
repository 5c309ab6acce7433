#include "collect.cuh"
#include "lithify/base/error.hpp"
#include "lithify/device/stage_timer.cuh"
#include "overlay_impl.cuh"

#include <algorithm>
#include <optional>
#include <utility>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

/// Calls the user's hook, from here and from inside the index.
struct reporter {
  const std::function<void(const char* step)>& hook;
  void operator()(const char* step) const {
    if (hook) {
      hook(step);
    }
  }
  static void pass_on(void* context, const char* step) {
    (*static_cast<const reporter*>(context))(step);
  }
};

/// Number of the oldest tables of `tables` (newest first) that a strategy takes.
std::size_t tables_taken(consolidation_strategy strategy, const table_list& tables) {
  if (strategy == consolidation_strategy::all) {
    return tables.size();
  }
  std::int64_t live = 0;
  for (const auto& t : tables) {
    live += t->claimed;
  }
  std::size_t taken = 0;
  for (std::int64_t in = 0; 2 * in < live; ++taken) {
    in += tables[tables.size() - 1 - taken]->claimed;
  }
  return taken;
}

/// Up to as many bricks, a merge takes the memory of all that there may be, and nobody waits. Where
/// there may be more the host reads how many there are: chosen, for 150 MB of scratch at most,
/// beside which a round trip is nothing in the time of a consolidation of that size.
constexpr std::int64_t most_unread = std::int64_t{1} << 20;

/// Deltas in brick order, as the index wants them.
struct brick_list {
  std::int64_t most = 0;               ///< bricks that there are at most
  device::buffer<std::int64_t> total;  ///< how many there are
  device::buffer<morton_key> brick;
  device::buffer<std::int64_t> offset;
};

/// Bricks that a box touches.
std::int64_t bricks_in(const voxel_box& box) {
  const auto across = [](std::int32_t min, std::int32_t max) -> std::int64_t {
    return ((max - 1) >> brick_level) - (min >> brick_level) + 1;
  };
  return across(box.min.x, box.max.x) * across(box.min.y, box.max.y) * across(box.min.z, box.max.z);
}

/// Brick of the delta at a place of the sorted array.
struct brick_of {
  const std::uint64_t* word;
  morton_key prefix;
  int shift;  ///< of the brick's bits in a word
  LITHIFY_HD morton_key operator()(std::int64_t i) const {
    return (prefix >> (3 * brick_level)) | (word[i] >> shift);
  }
};

/// Finds the runs of equal bricks.
brick_list find_bricks(device::exec ex, const collected& deltas) {
  // A packed word has 16 bits of material below the key's.
  const brick_of at{deltas.word.data(), deltas.frame.prefix,
                    3 * brick_level + (deltas.frame.packs() ? 16 : 0)};
  const device::extent n = deltas.count;
  const std::int64_t most = std::min(n.bound(), bricks_in(deltas.box));
  device::buffer<std::int64_t> total(ex, 1);
  device::buffer<morton_key> brick(ex, most);
  device::buffer<std::int64_t> offset(ex, most + 1);
  morton_key* const bricks = brick.data();
  std::int64_t* const offsets = offset.data();
  const std::int64_t* const count = total.data();
  device::select_if(
      ex, n, [=] LITHIFY_HD(std::int64_t i) -> bool { return i == 0 || at(i) != at(i - 1); },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t to) {
        bricks[to] = at(i);
        offsets[to] = i;
      },
      total.data());
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) { offsets[*count] = n.now(); });
  const std::int64_t known = most <= most_unread ? most : device::read(ex, count);
  return {known, std::move(total), std::move(brick), std::move(offset)};
}

/// Words of 9 key bits and 16 material bits, where keys and materials lie apart.
void join_words(device::exec ex, collected& deltas) {
  if (!deltas.frame.packs()) {
    std::uint64_t* const word = deltas.word.data();
    const std::uint64_t* const material = deltas.value.data();
    device::for_each_n(ex, deltas.count, [=] LITHIFY_HD(std::int64_t i) {
      word[i] = ((word[i] & (brick_voxels - 1)) << 16) | material[i];
    });
  }
}

}  // namespace

/// What a consolidation holds while it runs; gives it back however that ends.
class overlay::impl::taken {
 public:
  taken(impl& in, device::exec ex, consolidation_strategy strategy) : in_(in), ex_(ex) {
    const std::lock_guard lock(in_.writing);
    require(!in_.consolidating, errc::invalid_argument, "a consolidation is running already");
    in_.home->sweep();
    in_.index->reclaim(ex);  // an update that found no room may find it now
    in_.make_room(ex);
    const snapshot base(in_.current());
    base_.emplace(ex, base);
    const table_list& listed = base.tables();
    tables_ = table_list(listed.end() - static_cast<std::ptrdiff_t>(tables_taken(strategy, listed)),
                         listed.end());
    in_.held = tables_;
    in_.consolidating = true;
  }
  ~taken() {
    const std::lock_guard lock(in_.writing);
    in_.held.clear();
    in_.consolidating = false;
  }
  taken(const taken&) = delete;
  taken& operator=(const taken&) = delete;

  [[nodiscard]] const table_list& tables() const { return tables_; }

  /// Makes the update and what stands beside the taken tables current, in one switch.
  void publish(octree::index_update&& update) {
    const std::lock_guard lock(in_.writing);
    const auto now = in_.current();
    in_.publish(ex_, std::move(update), in_.standing(*now), now->number, now->when);
  }

 private:
  impl& in_;
  device::exec ex_;
  std::optional<reading> base_;
  table_list tables_;
};

consolidation_counts overlay::consolidate(device::exec ex,
                                          consolidation_strategy strategy,
                                          const std::function<void(const char* step)>& hook) {
  impl::taken taken(*impl_, ex, strategy);
  if (taken.tables().empty()) {
    return {};
  }
  reporter report{hook};
  // From here to the end of the merge nothing comes back to the host, but how many bricks there are
  // if they may be many: every count stays where it is made, and memory follows bounds.
  collected deltas =
      device::timed(ex, "consolidate.select", [&] { return collect_newest(ex, taken.tables()); });
  report("select");
  device::timed(ex, "consolidate.sort", [&] { sort_collected(ex, deltas, 3 * brick_level); });
  report("sort");
  const brick_list found = device::timed(ex, "consolidate.bricks", [&] {
    brick_list bricks = find_bricks(ex, deltas);
    join_words(ex, deltas);
    return bricks;
  });
  report("bricks");
  octree::index_update update = device::timed(ex, "consolidate.merge", [&] {
    return impl_->index->merge(ex,
                               {{found.most, found.total.data()},
                                found.brick.data(),
                                found.offset.data(),
                                deltas.word.data()},
                               &reporter::pass_on, &report);
  });
  report("merge");
  const consolidation_counts counts{static_cast<std::int64_t>(taken.tables().size()),
                                    update.edits(), update.bricks(), update.changed_voxels()};
  report("publish");
  device::timed(ex, "consolidate.publish", [&] { taken.publish(std::move(update)); });
  return counts;
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
