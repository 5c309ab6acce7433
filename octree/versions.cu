// Life and death of versions, and of the slots that they pinned.
#include "versions.cuh"

#include <algorithm>
#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

void index_version::registry::add(std::uint64_t number) {
  const std::lock_guard lock(mutex);
  versions[number] = entry{};
}

void index_version::registry::drop(std::uint64_t number) {
  const std::lock_guard lock(mutex);
  versions[number].held = false;
}

void index_version::registry::note_read(std::uint64_t number, device::stream_ref s) {
  device::event read = device::event::record(s);
  const std::lock_guard lock(mutex);
  std::vector<device::event>& reads = versions[number].reads;
  constexpr std::size_t many = 32;  // chosen: a version read every frame must not collect events
  if (reads.size() >= many) {
    std::erase_if(reads, [](const device::event& e) { return e.complete(); });
  }
  reads.push_back(std::move(read));
}

std::vector<std::uint64_t> index_version::registry::finished() {
  const std::lock_guard lock(mutex);
  std::vector<std::uint64_t> found;
  for (auto& [number, e] : versions) {
    if (!e.held) {
      std::erase_if(e.reads, [](const device::event& read) { return read.complete(); });
      if (e.reads.empty()) {
        found.push_back(number);
      }
    }
  }
  return found;
}

std::optional<std::uint64_t> index_version::registry::older(
    std::uint64_t number, const std::vector<std::uint64_t>& finished) {
  const std::lock_guard lock(mutex);
  for (auto at = versions.lower_bound(number); at != versions.begin();) {
    --at;
    if (!std::binary_search(finished.begin(), finished.end(), at->first)) {
      return at->first;
    }
  }
  return std::nullopt;
}

void index_version::registry::forget(const std::vector<std::uint64_t>& finished) {
  const std::lock_guard lock(mutex);
  for (const std::uint64_t number : finished) {
    versions.erase(number);
  }
}

index_version::index_version(index_view view, std::uint64_t number, std::shared_ptr<registry> live)
    : view_(view), number_(number), registry_(std::move(live)) {
  registry_->add(number_);
}

index_version::~index_version() { registry_->drop(number_); }

void index_version::used_by(device::stream_ref s) const { registry_->note_read(number_, s); }

namespace {

/// One list of a finished version, on its way to an older one and to the free list.
struct sorting {
  slot_list* from = nullptr;
  slot_list* kept = nullptr;  ///< nothing where no older version is left
  slot_list* freed = nullptr;
  slab_view<std::uint64_t> born;
  std::uint64_t older = 0;
};

/// Appends to one of the lists; `filled` counts what earlier lists added to the same one.
void append_where(
    device::exec ex, const sorting& s, bool keep, slot_list& to, std::int64_t* filled) {
  const std::uint64_t* const from = s.from->data();
  std::uint64_t* const end = to.end();
  const slab_view<std::uint64_t> born = s.born;
  const std::uint64_t older = s.older;
  device::buffer<std::int64_t> totals(ex, 1);
  std::int64_t* const total = totals.data();
  device::select_if(
      ex, s.from->count(),
      [=] LITHIFY_HD(std::int64_t i) -> bool { return (*born[from[i]] <= older) == keep; },
      [=] LITHIFY_HD(std::int64_t i, std::int64_t at) { end[*filled + at] = from[i]; }, total);
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) { *filled += *total; });
}

template <class T>
sorting sort_of(slot_list& from, pool<T>& p) {
  return {&from, nullptr, &p.free_slots(), p.born(), 0};
}

/// Lists of the finished versions that hold anything, with room made where they go.
std::vector<sorting> plan(device::exec ex,
                          tree& t,
                          waiting_lists& waiting,
                          const std::vector<std::uint64_t>& finished,
                          const std::vector<std::optional<std::uint64_t>>& older) {
  std::vector<sorting> work;
  std::map<slot_list*, std::int64_t> room;
  for (std::size_t v = 0; v < finished.size(); ++v) {
    const auto lists = waiting.find(finished[v]);
    if (lists == waiting.end()) {
      continue;
    }
    slot_lists& from = lists->second;
    sorting all[pool_count] = {
        sort_of(from[page_pool], t.pages), sort_of(from[block_pool], t.blocks),
        sort_of(from[dense_pool], t.dense), sort_of(from[sparse_pool], t.sparse)};
    for (std::size_t p = 0; p < pool_count; ++p) {
      if (from[p].count() == 0) {
        continue;
      }
      if (older[v]) {
        all[p].kept = &waiting[*older[v]][p];
        all[p].older = *older[v];
        room[all[p].kept] += from[p].count();
      }
      room[all[p].freed] += from[p].count();
      work.push_back(all[p]);
    }
  }
  for (const auto& [list, slots] : room) {
    list->reserve(ex, t.home, slots);
  }
  return work;
}

}  // namespace

void settle_finished(device::exec ex,
                     tree& t,
                     waiting_lists& waiting,
                     const std::vector<std::uint64_t>& finished,
                     const std::vector<std::optional<std::uint64_t>>& older) {
  const std::vector<sorting> work = plan(ex, t, waiting, finished, older);
  if (work.empty()) {
    return;
  }
  std::vector<slot_list*> target;  // every list that grows, once
  for (const sorting& s : work) {
    for (slot_list* list : {s.kept, s.freed}) {
      if (list != nullptr && std::find(target.begin(), target.end(), list) == target.end()) {
        target.push_back(list);
      }
    }
  }
  const auto n = static_cast<std::int64_t>(target.size());
  const auto place_of = [&](const slot_list& list) {
    return static_cast<std::size_t>(std::find(target.begin(), target.end(), &list) -
                                    target.begin());
  };
  // What no older version can need goes first, whole: then its number is known.
  std::vector<std::int64_t> grown(target.size());
  bool sorted = false;
  for (const sorting& s : work) {
    sorted = sorted || s.kept != nullptr;
    if (s.kept == nullptr) {
      std::int64_t& slots = grown[place_of(*s.freed)];
      device::copy(ex, s.freed->end() + slots, s.from->data(), s.from->count());
      slots += s.from->count();
    }
  }
  device::buffer<std::int64_t> filled(ex, sorted ? n : 0);
  device::copy_to_device(ex, filled.data(), grown.data(), filled.size());
  for (const sorting& s : work) {
    if (s.kept != nullptr) {
      append_where(ex, s, true, *s.kept, filled.data() + place_of(*s.kept));
      append_where(ex, s, false, *s.freed, filled.data() + place_of(*s.freed));
    }
  }
  if (sorted) {
    device::copy_to_host(ex, grown.data(), filled.data(), n);
  } else {
    ex.stream.synchronize();  // the lists go back on another stream than they were read on
  }
  for (std::size_t i = 0; i < target.size(); ++i) {
    target[i]->add(grown[i]);
  }
  for (const std::uint64_t number : finished) {
    waiting.erase(number);
  }
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
