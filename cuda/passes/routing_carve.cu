/// Carving: every basin drains over its pass, and the way from there to its pit is turned round.
#include "routing_steps.cuh"

namespace lithify::passes::inline LITHIFY_BACKEND {

void carve(device::exec ex,
           const grid_view& grid,
           const std::int32_t* basin,
           const device::buffer<pass_code>& passes,
           std::uint8_t* direction) {
  const pass_code* const way = passes.data();
  device::for_each_n(ex, passes.size(), [=] LITHIFY_HD(std::int64_t b) {
    const pass_code p = way[b];
    if (p < 0) {
      return;
    }
    std::int64_t cell = p / directions;
    int turned = static_cast<int>(p % directions);
    if (basin[cell] != b) {
      cell = grid.known(cell, turned);
      turned = directions - 1 - turned;
    }
    // Only cells of this basin, the last one its pit.
    for (;;) {
      const int d = direction[cell];
      direction[cell] = static_cast<std::uint8_t>(turned);
      if (d >= directions) {
        return;
      }
      cell = grid.known(cell, d);
      turned = directions - 1 - d;
    }
  });
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
