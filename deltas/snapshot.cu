#include "collect.cuh"
#include "lithify/deltas/detail/overlay.cuh"
#include "snapshot_state.cuh"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lithify::deltas::inline LITHIFY_BACKEND {

namespace {

void drop_complete(std::vector<device::event>& uses) noexcept {
  std::erase_if(uses, [](const device::event& e) {
    try {
      return e.complete();
    } catch (...) {
      return true;  // the device has failed: nothing runs any more
    }
  });
}

/// Brings the number of collected deltas to the host. Sync.
std::int64_t exact_count(device::exec ex, collected& deltas) {
  if (!deltas.count.known()) {
    const std::int64_t* const last = deltas.held.data() + deltas.held.size() - 1;
    deltas.count = device::read(ex, last);
  }
  return deltas.count.bound();
}

/// Level 0 of the run: the tables' deltas in key order. Work on it is done when it returns.
octree::delta_run sorted_run(device::exec ex, const table_list& tables) {
  octree::delta_run run;
  run.levels = 1;
  collected deltas = collect_newest(ex, tables);
  const std::int64_t n = exact_count(ex, deltas);
  if (n == 0) {
    return run;
  }
  // The run stays: it takes what its deltas need, not what the tables could have held.
  device::buffer<morton_key> keys(ex, deltas.word.size() == n ? 0 : n);
  device::buffer<material_id> materials(ex, n);
  sort_collected(ex, deltas, 0);
  const std::uint64_t* const word = deltas.word.data();
  if (keys.size() == 0) {
    keys = std::move(deltas.word);
  }
  morton_key* const key = keys.data();
  material_id* const material = materials.data();
  if (deltas.frame.packs()) {
    const morton_key prefix = deltas.frame.prefix;
    device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
      material[i] = static_cast<material_id>(word[i]);
      key[i] = prefix | (word[i] >> 16);
    });
  } else {
    const std::uint64_t* const value = deltas.value.data();
    device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
      material[i] = static_cast<material_id>(value[i]);
      key[i] = word[i];
    });
  }
  run.key[0] = std::move(keys);
  run.material[0] = std::move(materials);
  return run;
}

/// Whether a delta of the run changes what the index says, as 0 or 1.
struct differs {
  octree::index_view index;
  octree::delta_run_view run;
  LITHIFY_HD std::int64_t operator()(std::int64_t i) const {
    return run.material[i] != index.material(run.key[i]) ? 1 : 0;
  }
};

struct add {
  LITHIFY_HD std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a + b; }
};

/// Waits for the work on a run and gives its memory to the home stream: another stream may read it
/// next, and the run may live longer than the one that built it.
void settle(device::exec ex, const keeper& home, octree::delta_run& run) {
  ex.stream.synchronize();
  for (int k = 0; k < run.levels; ++k) {
    run.key[k].hand_over(home.home());
    run.material[k].hand_over(home.home());
  }
}

/// The run with levels up to `level`. Requires: `state.building` is held.
octree::merged_view build_merged(device::exec ex, const snapshot_state& state, int level) {
  if (state.run.levels == 0) {
    octree::delta_run run = sorted_run(ex, state.tables);
    settle(ex, *state.home, run);
    state.run = std::move(run);
  }
  if (state.run.levels <= level) {
    try {
      octree::build_levels(ex, state.view.index, state.run, level);
    } catch (...) {
      settle(ex, *state.home, state.run);
      throw;
    }
    settle(ex, *state.home, state.run);
  }
  return state.run.view(state.view.index);
}

}  // namespace

namespace {

/// Waits for all of them. Where that fails the device is lost, and nothing reads what they guard.
void wait_for(const std::vector<device::event>& uses) noexcept {
  for (const device::event& e : uses) {
    try {
      e.wait();
    } catch (...) {
    }
  }
}

}  // namespace

keeper::~keeper() {
  for (const remains& r : waiting_) {
    wait_for(r.uses);
  }
}

void keeper::bury(remains&& what) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(what));
  } catch (...) {
    wait_for(what.uses);
  }
}

void keeper::sweep() noexcept {
  std::list<remains> free;  // dropped after the lock
  const std::lock_guard lock(mutex_);
  for (auto r = waiting_.begin(); r != waiting_.end();) {
    const auto next = std::next(r);
    drop_complete(r->uses);
    if (r->uses.empty()) {
      free.splice(free.end(), waiting_, r);
    }
    r = next;
  }
}

snapshot_state::snapshot_state(std::shared_ptr<keeper> home_in,
                               std::shared_ptr<const octree::index_version> index_in,
                               std::vector<std::shared_ptr<const table>> tables_in,
                               std::uint64_t number_in,
                               tick when_in)
    : home(std::move(home_in)),
      index(std::move(index_in)),
      tables(std::move(tables_in)),
      number(number_in),
      when(when_in),
      view{index->view(), {}, static_cast<int>(tables.size())} {
  for (std::size_t t = 0; t < tables.size(); ++t) {
    view.table[t] = view_of(*tables[t]);
  }
}

snapshot_state::~snapshot_state() {
  drop_complete(uses);
  if (!uses.empty()) {
    home->bury({std::move(uses), std::move(tables), std::move(index), std::move(run)});
  }
  home->sweep();
}

void snapshot_state::note_use(device::stream_ref s) const {
  const device::event now = device::event::record(s);
  if (now.complete()) {
    return;
  }
  index->used_by(s);
  const std::lock_guard lock(noting);
  drop_complete(uses);
  uses.push_back(now);
}

region_size snapshot::size() const { return state_->view.index.size; }

std::uint64_t snapshot::batch_number() const { return state_->number; }

tick snapshot::newest_tick() const { return state_->when; }

const std::vector<std::shared_ptr<const table>>& snapshot::tables() const { return state_->tables; }

std::int64_t snapshot::delta_count(device::exec ex) const {
  const reading world(ex, *this);
  const octree::merged_view merged = world.merged();
  const std::lock_guard lock(state_->building);
  if (!state_->deltas) {
    state_->deltas = device::reduce<std::int64_t>(ex, merged.level[0].size, std::int64_t{0}, add{},
                                                  differs{merged.index, merged.level[0]});
  }
  return *state_->deltas;
}

reading::reading(device::exec ex, snapshot of) : ex_(ex), of_(std::move(of)) {}

reading::~reading() {
  try {
    of_.state_->note_use(ex_.stream);
  } catch (...) {
    try {
      ex_.stream.synchronize();
    } catch (...) {
      // The device has failed: nothing runs any more.
    }
  }
}

const snapshot_view& reading::view() const& { return of_.state_->view; }

const octree::index_version& reading::index() const& { return *of_.state_->index; }

octree::merged_view reading::merged(int level) const& {
  const std::lock_guard lock(of_.state_->building);
  return build_merged(ex_, *of_.state_, level);
}

}  // namespace lithify::deltas::inline LITHIFY_BACKEND
