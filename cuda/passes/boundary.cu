/// Held sides: the boundary condition of every pass, applied once at the end of each step.
///
/// Equation: z = const on the boundary. Held are the columns on the grid's sides (an axis of one
/// cell has none: a profile is held at its two ends) and those beside one that is outside, among 4
/// neighbours. Target: boundary_height - frame offset, so that a column keeps its elevation while
/// the frame rises.
/// Conserved: what stands above the target is `exported`, loose material first, then rock, each
/// voxel with its own solid, and added to the column's `exported`; what is missing is added as
/// sediment, `in`.
/// The surface then stands at the target, at most one quantum of sediment or rock below it.
#include "step.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

void hold_boundary(device::exec ex, const step_view& step, int stage, std::int64_t frame_offset) {
  device::for_each_n(ex, step.held_count, [=] LITHIFY_HD(std::int64_t i) {
    if (step.halted()) {
      return;
    }
    const std::int64_t cell = step.held[i];
    std::int64_t amount = 0;
    const std::int64_t target = step.columns.boundary_height[cell] - frame_offset;
    if (!solid_to_reach(step.ground, step.load(cell), target, amount)) {
      step.words->leave_range(stage, cell);
      return;
    }
    step.columns.sediment[cell] += amount;
    stage_words& words = step.words->stage[stage];
    if (amount > 0) {
      words.in.add(amount);
    } else if (amount < 0) {
      words.exported.add(-amount);
      if (step.columns.exported != nullptr) {
        step.columns.exported[cell] -= amount;
      }
    }
  });
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
