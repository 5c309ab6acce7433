"""Rivers of the slow oracle: routing over flats and carved depressions, and stream power."""

import heapq
import math

from oracle_inputs import NOT_HELD, ONE, SEDIMENT
from powers_reference import power


class Rivers:
    """The part of `World` that routes water and cuts its beds."""

    def around(self, cell):
        """Neighbours inside, by rising number: (cell, diagonal)."""
        x, y = cell % self.nx, cell // self.nx
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if (dx or dy) and 0 <= x + dx < self.nx and 0 <= y + dy < self.ny:
                    other = cell + dy * self.nx + dx
                    if not self.columns[other].outside:
                        yield other, dx != 0 and dy != 0

    def receivers(self, height):
        """What every cell drains to; itself where water leaves, None outside."""
        to = [None] * len(height)
        undecided = []
        for cell, c in enumerate(self.columns):
            if c.outside:
                continue
            if c.target != NOT_HELD:
                to[cell] = cell
                continue
            steepest = 0
            for other, diagonal in self.around(cell):
                drop = height[cell] - height[other]
                slope = drop * drop * (1 if diagonal else 2) if drop > 0 else 0  # squared, twice
                if slope > steepest:
                    steepest, to[cell] = slope, other
            if steepest == 0:
                undecided.append(cell)
        self.drain_flats(height, to, undecided)
        self.carve(height, to)
        return to

    def drain_flats(self, height, to, undecided):
        """Breadth first from the lower edge; where a flat has none, from its lowest number, a pit."""
        open_cells = set(undecided)
        level = {}

        def even(cell):
            return [other for other, _ in self.around(cell) if height[other] == height[cell]]

        def spread(wave):
            while wave:
                following = []
                for cell in wave:
                    for other in even(cell):
                        if other in open_cells and other not in level:
                            level[other] = level[cell] + 1
                            following.append(other)
                wave = following

        edge = [cell for cell in undecided if any(other not in open_cells for other in even(cell))]
        for cell in edge:
            level[cell] = 1
        spread(edge)
        for cell in undecided:
            if cell not in level:
                level[cell] = 0
                spread([cell])
        for cell in undecided:
            nearer = [n for n in even(cell) if level.get(n, 0) == level[cell] - 1]
            to[cell] = min(nearer) if level[cell] > 0 else cell

    def carve(self, height, to):
        """Prim from the outside: the lowest pass, and the way from it to its pit turned round."""
        root = [None] * len(to)
        for cell in range(len(to)):
            at, way = cell, []
            while to[cell] is not None and root[at] is None and to[at] != at:
                way.append(at)
                at = to[at]
            if to[cell] is not None:
                end = root[at]
                if end is None:
                    end = -1 if self.columns[at].target != NOT_HELD else at
                for passed in [*way, at]:
                    root[passed] = end
        members = {}
        for cell, end in enumerate(root):
            if end is not None:
                members.setdefault(end, []).append(cell)
        joined, heap = set(), []

        def join(end):
            joined.add(end)
            for a in members.get(end, []):
                for b, _ in self.around(a):
                    if root[b] not in joined:
                        high, low = max(height[a], height[b]), min(height[a], height[b])
                        key = (high, low, min(a, b), max(a, b))
                        heapq.heappush(heap, (key, a, b))

        # Parts that no way leads out of keep their lowest pit.
        for start in [-1, *sorted((e for e in members if e >= 0), key=lambda e: (height[e], e))]:
            if start in joined:
                continue
            join(start)
            while heap:
                _, inner, cell = heapq.heappop(heap)
                if root[cell] in joined:
                    continue
                came, at = inner, cell
                while True:
                    following, to[at] = to[at], came
                    if following == at:
                        break
                    came, at = at, following
                join(root[cell])

    def layers(self, c):
        """From above: (material, height of its base, quanta)."""
        loose = c.n_loose * self.s + c.ledger
        if loose > 0:
            yield SEDIMENT, self.height_of_rock(c), loose
        z, rock, quanta = c.rock_top, c.rock, c.residual
        while z >= 0:
            while z > 0 and c.voxels[z - 1] == rock:
                z -= 1
                quanta += self.solid[rock]
            yield rock, z * ONE, quanta
            z -= 1
            rock, quanta = c.voxels[z], self.solid[c.voxels[z]]
        raise AssertionError("a river has cut through the world")

    def cut_rivers(self, k, m):
        height = self.heights()
        to = self.receivers(height)
        donors = [[] for _ in to]
        outlets = []
        for cell, r in enumerate(to):
            if r == cell:
                outlets.append(cell)
            elif r is not None:
                donors[r].append(cell)
        downstream_first = list(outlets)
        for cell in downstream_first:
            downstream_first.extend(donors[cell])
        area = [1] * len(to)
        for cell in reversed(downstream_first):
            if to[cell] != cell:
                area[to[cell]] += area[cell]
        after, outlet = {}, {}
        straight = k * self.dt / self.cell_m
        for cell in downstream_first:
            c, r = self.columns[cell], to[cell]
            z = float(height[cell])
            if r == cell:
                after[cell], outlet[cell] = z, c
                continue
            outlet[cell] = outlet[r]
            low = after[r]
            step_x = abs(cell % self.nx - r % self.nx)
            distance = straight / math.sqrt(2.0) if step_x == 1 and abs(cell - r) != 1 else straight
            left = distance * power(float(area[cell]) * (self.cell_m * self.cell_m), m)
            lost = 0.0  # quanta, not whole ones
            for material, base, have in self.layers(c):
                if not low < z or left == 0.0:
                    break
                f = min(left * self.materials.of[material]["erodibility"], 2.0**60)
                end = max((z + f * low) / (1.0 + f), low)
                solid = self.solid[material]
                if end >= base:
                    lost += min((z - end) * solid / ONE, float(have))
                    z = end
                    break
                share = (z - base) / ((base - low) * f)
                left = left * (1.0 - share) if share < 1.0 else 0.0
                lost += have
                z = float(base)
            after[cell] = z
            # Whole quanta leave, the rest waits in units of 2^-31.
            lost += c.river_rest / 2**31
            whole = int(lost)
            c.river_rest = int((lost - whole) * 2**31)
            c.ledger -= whole
            outlet[cell].left_here += whole
            self.exported += whole

    # --- Talus: cuda/passes/talus.cu, its docstring ---
