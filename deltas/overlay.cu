#include "lithify/base/error.hpp"
#include "lithify/deltas/detail/overlay.cuh"
#include "overlay_impl.cuh"
#include "table_ops.cuh"

#include <algorithm>
#include <string>
#include <utility>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

void require_inside(region_size size, voxel v) {
  if (!size.contains(v)) {
    throw error(errc::outside_region, "voxel " + to_string(v) + " lies outside the region " +
                                          to_string(voxel{size.x, size.y, size.z}));
  }
}

merge_source source_of(const table& t) {
  return {view_of(t), t.claimed, t.orders, t.bounds, t.batches};
}

/// Emits the edits, in order.
struct one_each {
  LITHIFY_HD std::int64_t operator()(std::int64_t) const { return 1; }
};
struct write_edit {
  const voxel_edit* edit;
  LITHIFY_HD void operator()(std::int64_t i, delta_writer& to) const {
    to.write(edit[i].at, edit[i].material);
  }
};

/// The overlay's answer for one voxel: its value and the table that gave it.
struct answer {
  std::uint64_t value;
  std::int64_t table;
};
struct find_answer {
  snapshot_view view;
  const morton_key* key;
  answer* out;
  LITHIFY_HD void operator()(std::int64_t i) const {
    out[i] = {0, 0};
    for (int t = 0; t < view.tables && out[i].value == 0; ++t) {
      out[i] = {view.table[t].find(key[i]), t};
    }
  }
};

/// Edits of the host as a batch.
staging stage(device::exec ex, region_size size, std::span<const voxel_edit> edits) {
  for (const voxel_edit& e : edits) {
    require_inside(size, e.at);
  }
  const auto n = static_cast<std::int64_t>(edits.size());
  device::buffer<voxel_edit> uploaded(ex, n);
  device::copy_to_device(ex, uploaded.data(), edits.data(), n);
  staging batch(ex, n);
  batch.emit(ex, n, one_each{}, write_edit{uploaded.data()});
  return batch;
}

std::vector<std::int64_t> sizes_of(const table_list& tables) {
  std::vector<std::int64_t> sizes;
  for (const auto& t : tables) {
    sizes.push_back(t->claimed);
  }
  return sizes;
}

/// `made` in place of the `replaced` newest ones.
table_list with_front(std::shared_ptr<const table> made,
                      const table_list& tables,
                      std::size_t replaced) {
  table_list listed = {std::move(made)};
  listed.insert(listed.end(), tables.begin() + static_cast<std::ptrdiff_t>(replaced), tables.end());
  return listed;
}

}  // namespace

table_list overlay::impl::standing(const snapshot_state& in) const {
  // What a consolidation holds are the oldest tables: the end of the list.
  table_list free = in.tables;
  std::erase_if(
      free, [this](const auto& t) { return std::find(held.begin(), held.end(), t) != held.end(); });
  return free;
}

void overlay::impl::publish(device::exec ex,
                            octree::index_update&& update,
                            table_list tables,
                            std::uint64_t number,
                            tick when) {
  // Made first: nothing may fail once the index has switched.
  const auto next =
      std::make_shared<snapshot_state>(home, current()->index, std::move(tables), number, when);
  next->index = index->publish(ex, std::move(update));
  next->view.index = next->index->view();
  publish(next);
}

void overlay::impl::make_room(device::exec ex) {
  const auto base = current();
  const reading guard(ex, snapshot(base));
  const std::size_t listed = base->tables.size();
  if (listed <= static_cast<std::size_t>(standing_tables)) {
    return;
  }
  const std::size_t merged = listed - static_cast<std::size_t>(standing_tables) + 1;
  std::vector<merge_source> sources;
  for (std::size_t t = 0; t < merged; ++t) {
    sources.push_back(source_of(*base->tables[t]));
  }
  auto made = std::make_shared<table>(merge_tables(ex, sources));
  made->buckets.hand_over(home->home());
  publish(make_state(base->index, with_front(std::move(made), base->tables, merged), base->number,
                     base->when));
}

overlay::overlay(device::exec, octree::index& index) : impl_(std::make_unique<impl>(index)) {
  impl_->publish(impl_->make_state(index.current(), {}, 0, 0));
}

overlay::~overlay() = default;

snapshot overlay::current() const { return snapshot(impl_->current()); }

std::uint64_t overlay::commit(device::exec ex, staging&& batch, tick when) {
  const std::lock_guard lock(impl_->writing);
  impl_->home->sweep();
  const staging_words words = batch.read_fitting(ex);
  const auto base = impl_->current();
  const reading guard(ex, snapshot(base));
  const std::uint64_t number = base->number + 1;
  if (words.emitted == 0) {
    impl_->publish(impl_->make_state(base->index, base->tables, number, when));
    return number;
  }
  const table_summary summary = summarize(ex, batch.table());
  std::vector<table::batch> batches = {{1, number, when}};
  table_list merged = impl_->standing(*base);
  merged.resize(
      static_cast<std::size_t>(merge_depth(summary.claimed, sizes_of(merged), standing_tables)));
  // A table that came at a generous bound would cost its size for as long as it is listed.
  const bool loose = batch.buckets_.size() > 4 * buckets_for(summary.claimed);
  const bool copies = loose || !merged.empty();

  auto made = std::make_shared<table>();
  if (copies) {
    std::vector<merge_source> sources = {
        {batch.table(), summary.claimed, words.emitted, summary.bounds, batches}};
    for (const auto& t : merged) {
      sources.push_back(source_of(*t));
    }
    *made = merge_tables(ex, sources);
  } else {
    *made = {std::move(batch.buckets_), summary.claimed, words.emitted, summary.bounds,
             std::move(batches)};  // nothing here may fail: the buckets are on their way
  }
  impl::state_pointer next;
  try {
    next =
        impl_->make_state(base->index, with_front(made, base->tables, merged.size()), number, when);
  } catch (...) {
    if (!copies) {
      batch.buckets_ = std::move(made->buckets);
    }
    throw;
  }
  // Now that nothing can fail: buckets that went back to the batch are still of its stream.
  made->buckets.hand_over(impl_->home->home());
  impl_->publish(std::move(next));
  return number;
}

std::uint64_t overlay::write(device::exec ex, std::span<const voxel_edit> edits, tick when) {
  return commit(ex, stage(ex, impl_->current()->view.index.size, edits), when);
}

void overlay::reset(device::exec ex,
                    octree::index_update&& update,
                    std::uint64_t batch_number,
                    tick when,
                    std::span<const voxel_edit> pending) {
  const std::lock_guard lock(impl_->writing);
  impl_->home->sweep();
  require(!impl_->consolidating, errc::invalid_argument,
          "the index cannot be replaced while a consolidation runs");
  table_list tables;
  if (!pending.empty()) {
    staging batch = stage(ex, impl_->current()->view.index.size, pending);
    const staging_words words = batch.read_fitting(ex);
    const table_summary summary = summarize(ex, batch.table());
    auto made = std::make_shared<table>();
    *made = {std::move(batch.buckets_),
             summary.claimed,
             words.emitted,
             summary.bounds,
             {{1, batch_number, when}}};
    made->buckets.hand_over(impl_->home->home());
    tables.push_back(std::move(made));
  }
  impl_->publish(ex, std::move(update), std::move(tables), batch_number, when);
}

std::int64_t overlay::claimed() const {
  std::int64_t sum = 0;
  for (const auto& t : impl_->current()->tables) {
    sum += t->claimed;
  }
  return sum;
}

std::vector<std::optional<overlay::origin>> overlay::origins(device::exec ex,
                                                             const snapshot& s,
                                                             std::span<const voxel> at) const {
  const region_size size = s.size();
  std::vector<morton_key> keys;
  keys.reserve(at.size());
  for (const voxel v : at) {
    require_inside(size, v);
    keys.push_back(morton_encode(v));
  }
  const auto n = static_cast<std::int64_t>(keys.size());
  device::buffer<morton_key> asked(ex, n);
  device::buffer<answer> answers(ex, n);
  device::copy_to_device(ex, asked.data(), keys.data(), n);
  const reading world(ex, s);
  device::for_each_n(ex, n, find_answer{world.view(), asked.data(), answers.data()});
  std::vector<answer> found(keys.size());
  device::copy_to_host(ex, found.data(), answers.data(), n);

  std::vector<std::optional<origin>> result(keys.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].value == 0) {
      continue;
    }
    const auto& batches = s.tables()[static_cast<std::size_t>(found[i].table)]->batches;
    const auto after = std::upper_bound(
        batches.begin(), batches.end(), value_order(found[i].value),
        [](std::uint64_t order, const table::batch& b) { return order < b.first_order; });
    result[i] = origin{std::prev(after)->number, std::prev(after)->when};
  }
  return result;
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
