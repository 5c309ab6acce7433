/// Emission: ledgers become voxels, and voxels ledgers (column_walk.cuh), as deltas of the step's
/// batch.
///
/// A column is left alone while its ledger lies in [0, 1.5 s) and it owes no rock. One whose debt
/// its top rock voxel can pay writes no voxel and is settled without the emission.
#include "step.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// Counts what a walk would write.
struct counter {
  std::int64_t deltas = 0;
  LITHIFY_HD void write(voxel, material_id) { ++deltas; }
};

/// The columns of one emission: all free ones, or the list of held ones.
struct settled_range {
  step_view step;
  const std::int64_t* list;  ///< nullptr: item i is cell i, if it is free
  int stage;

  /// The cell of item i if its ledger asks for anything, else -1.
  LITHIFY_HD std::int64_t unsettled(std::int64_t i) const {
    const std::int64_t c = list != nullptr ? list[i] : i;
    if (list == nullptr && (step.faces[c] & (face::inside | face::held)) != face::inside) {
      return -1;
    }
    const std::int64_t ledger = step.columns.sediment[c];
    return ledger < 0 || 2 * ledger >= 3 * std::int64_t{step.sediment_solid} || step.debt(c) > 0
               ? c
               : -1;
  }
};

struct count_deltas {
  settled_range range;
  /// Asks for the voxel that a walk from item i will read first. A template, for on CUDA nobody
  /// calls it, of which nvcc would warn.
  template <class Item>
  LITHIFY_HD void come_nearer(Item i) const {
    const std::int64_t cell = range.unsettled(i);
    if (cell < 0) {
      return;
    }
    const column c = range.step.load(cell);
    if (c.debt >= c.residual || (c.ledger < 0 && c.n_loose == 0 && c.residual + c.ledger <= 0)) {
      range.step.ground.come_nearer({c.x, c.y, c.rock_top > 0 ? c.rock_top - 1 : 0});
    }
  }
  LITHIFY_HD std::int64_t operator()(std::int64_t i) const {
    const std::int64_t cell = range.step.halted() ? -1 : range.unsettled(i);
    if (cell < 0) {
      return 0;
    }
    column c = range.step.load(cell);
    counter sink;
    if (!settle(range.step.ground, c, sink)) {
      range.step.words->leave_range(range.stage, cell);
    }
    return sink.deltas;
  }
};

struct write_deltas {
  settled_range range;
  LITHIFY_HD void operator()(std::int64_t i, deltas::delta_writer& sink) const {
    const std::int64_t cell = range.unsettled(i);
    if (cell < 0) {
      return;
    }
    column c = range.step.load(cell);
    settle(range.step.ground, c, sink);  // count_deltas has flagged what left the range
    range.step.store(cell, c);
  }
};

/// Debts that the top rock voxel pays without vanishing: no delta, so no item of an emission.
void pay_from_residual(device::exec ex, const settled_range& range, std::int64_t n) {
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) {
    if (range.step.halted()) {
      return;
    }
    const std::int64_t c = range.unsettled(i);
    if (c < 0) {
      return;
    }
    const column_view& columns = range.step.columns;
    if (const std::int64_t debt = range.step.debt(c); debt > 0 && debt < columns.residual[c]) {
      columns.residual[c] -= static_cast<std::int32_t>(debt);
      range.step.clear_debt(c);
    }
    const std::int64_t left = columns.residual[c] + columns.sediment[c];
    if (columns.sediment[c] < 0 && columns.n_loose[c] == 0 && left > 0 && range.step.debt(c) == 0) {
      columns.residual[c] = static_cast<std::int32_t>(left);
      columns.sediment[c] = 0;
    }
  });
}

/// Notes how many deltas the batch has when a stage is done.
void note_emitted(device::exec ex, const step_view& step, int stage) {
  device::for_each_n(ex, 1, [=] LITHIFY_HD(std::int64_t) {
    if (!step.halted()) {
      step.words->stage[stage].emitted = step.batch->emitted;
    }
  });
}

}  // namespace

int emit_settled(device::exec ex,
                 const step_view& step,
                 int stage,
                 settled_columns which,
                 deltas::staging& batch) {
  const bool free = which == settled_columns::free;
  const settled_range range{step, free ? nullptr : step.held, stage};
  const std::int64_t n = free ? step.cells : step.held_count;
  pay_from_residual(ex, range, n);
  const int number = batch.emit(ex, n, count_deltas{range}, write_deltas{range});
  note_emitted(ex, step, stage);
  return number;
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
