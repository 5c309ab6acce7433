"""The slow oracle of the golden digests: a world in plain Python, from the definitions alone.

Reads a scenario and works out what `lithify run` must end with: import, strata, uplift, rivers,
diffusion, talus, settling, held sides, the content digest and the state digest. Nothing of the library
is used or called; every rule is written again from the documents named beside it, over one list of
materials a column, Python's integers of any length and its IEEE doubles. What differs between this and
the program is a mistake in one of them.

    oracle.py SCENARIO.toml              prints the digests as JSON
    oracle.py SCENARIO.toml --check FILE compares with a golden file; exits 1 where they differ

Covers ESRI ASCII grids, nodata = "clip", open sides, columns without caves.
"""

import argparse
import json
import math
import struct
import sys
import tomllib
from pathlib import Path

from oracle_hashes import MASK, bits, bytes_digest, digits, field_digest, murmur
from oracle_inputs import AIR, NOT_HELD, ONE, SEDIMENT, Column, Grid, Materials, nearest, towards_zero
from oracle_rivers import Rivers


class World(Rivers):
    def __init__(self, file):
        scenario = tomllib.loads(file.read_text())
        self.materials = Materials(scenario)
        self.solid = self.materials.solid
        self.s = self.solid[SEDIMENT]
        source = scenario["world"]
        grid = Grid(file.parent / source["dem"], source.get("crop"))
        self.nx, self.ny, self.cell_m = grid.nx, grid.ny, grid.cell_m
        self.voxel_m = source["voxel_height_m"]
        self.dt = scenario["run"]["step_yr"]
        self.steps = scenario["run"]["steps"]
        self.seed = scenario["run"].get("seed", 0)  # the random key; nothing draws yet: counter 0
        self.passes = [(name, scenario["passes"][name]) for name in scenario["passes"]["order"]]
        self.step_number, self.time, self.frame, self.frame_rest = 0, 0.0, 0, 0
        self.added, self.exported = 0, 0
        self.build(grid, source)
        self.place_boundary()

    # --- Import: io/column_model.hpp, io/strata.hpp ---

    def build(self, grid, source):
        known = [h for h in grid.height_m if h is not None]
        datum = math.floor((min(known) - source["basement_m"]) / self.voxel_m) * self.voxel_m
        self.nz = math.ceil((max(known) + source["headroom_m"] - datum) / self.voxel_m)
        self.columns = []
        for cell, surface in enumerate(grid.height_m):
            if surface is None:
                self.columns.append(Column([AIR] * self.nz, -1, 0, AIR))
                continue
            bases = self.bases(source["layer"], surface, cell % self.nx, cell // self.nx)
            height = math.floor((surface - datum) / self.voxel_m * ONE)  # 2^-20 voxels
            top = (height - 1) // ONE
            ids = [self.materials.name.index(layer["material"]) for layer in source["layer"]]
            # A voxel takes the first layer whose base lies at or below its centre, the topmost voxel
            # the first whose base lies under the surface.
            voxels = [AIR] * self.nz
            for z in range(top):
                centre = datum + (z + 0.5) * self.voxel_m
                voxels[z] = next(m for m, base in zip(ids, bases) if centre >= base)
            rock = next(m for m, base in zip(ids, bases) if base < surface)
            voxels[top] = rock
            # The least solid whose height reaches the surface.
            part = height - top * ONE
            residual = -(-part * self.solid[rock] // ONE)
            self.columns.append(Column(voxels, top, residual, rock))

    def bases(self, layers, surface, x, y):
        """The base of each layer at a cell, none above that of the layer over it."""
        bases, above, lowest = [], surface, surface
        for layer in layers:
            if "thickness_m" in layer:
                above = above - layer["thickness_m"]
            elif "base_depth_m" in layer:
                above = surface - layer["base_depth_m"]
            elif "base_elevation_m" in layer:
                # A plane through the grid's centre that sinks towards an azimuth.
                fall = math.tan(math.radians(layer["dip_deg"]))
                azimuth = math.radians(layer["dip_direction_deg"])
                east = (x + 0.5 - self.nx / 2) * self.cell_m
                north = (y + 0.5 - self.ny / 2) * self.cell_m
                along = east * math.sin(azimuth) + north * math.cos(azimuth)
                above = layer["base_elevation_m"] - fall * along
            else:
                above = -math.inf
            lowest = min(lowest, above)
            bases.append(lowest)
        return bases

    # --- Held sides: cuda/passes/README.md, "Boundary" ---

    def neighbours(self, cell):
        x, y = cell % self.nx, cell // self.nx
        if x + 1 < self.nx:
            yield cell + 1
        if x > 0:
            yield cell - 1
        if y + 1 < self.ny:
            yield cell + self.nx
        if y > 0:
            yield cell - self.nx

    def place_boundary(self):
        for cell, column in enumerate(self.columns):
            x, y = cell % self.nx, cell // self.nx
            on_side = (self.nx > 1 and x in (0, self.nx - 1)) or (self.ny > 1 and y in (0, self.ny - 1))
            beside = any(self.columns[n].outside for n in self.neighbours(cell))
            if not column.outside and (on_side or beside):
                column.target = self.height(column)

    @staticmethod
    def free(c):
        return not c.outside and c.target == NOT_HELD

    def heights(self):
        return [
            0 if c.outside else c.target - self.frame if c.target != NOT_HELD else self.height(c)
            for c in self.columns
        ]

    def height(self, c):
        """Surface height in 2^-20 voxels; loose matter that is owed counts as taken from the rock."""
        loose = c.n_loose * self.s + c.ledger
        if loose >= 0:
            return c.rock_top * ONE + c.residual * ONE // self.solid[c.rock] + loose * ONE // self.s
        return c.rock_top * ONE + (c.residual + loose) * ONE // self.solid[c.rock]

    # --- A step ---

    def step(self):
        for name, parameters in self.passes:
            if name == "uplift":
                voxels = parameters["rate_m_per_yr"] * self.dt / self.voxel_m
                total = (self.frame << 32) + self.frame_rest + nearest(voxels * 2.0**52)
                self.frame, self.frame_rest = total >> 32, total & 0xFFFFFFFF
                continue
            if name == "stream_power":
                self.cut_rivers(parameters["k"], parameters["m"])
            elif name == "diffusion":
                self.diffuse(parameters["diffusivity_m2_per_yr"])
            else:
                self.slide(parameters["max_sweeps"])
            for c in self.columns:
                if self.free(c):
                    self.settle(c)
        for c in self.columns:
            if c.target != NOT_HELD:
                self.hold(c)
                self.settle(c)
        self.step_number += 1
        self.time += self.dt

    def diffuse(self, diffusivity):
        """cuda/passes/diffusion.cu, its docstring."""
        own = {m: of.get("diffusivity_m2_per_yr", diffusivity) for m, of in self.materials.of.items()}
        area = self.cell_m * self.cell_m
        total = max([diffusivity, *own.values()]) * self.dt / area
        substeps = max(1, math.ceil(total / 0.2))
        # By the material at the surface: sediment from half a metre on.
        coefficient = []
        for c in self.columns:
            deep = c.n_loose * self.s + c.ledger >= nearest(0.5 / self.voxel_m * self.s)
            kappa = own.get(SEDIMENT if deep else c.rock, diffusivity)
            coefficient.append(nearest(kappa * self.dt / area / substeps * 2.0**60))
        faces = []  # (from, to, name of the remainder)
        for cell, c in enumerate(self.columns):
            x, y = cell % self.nx, cell // self.nx
            for inside, other, rest in (
                (x + 1 < self.nx, cell + 1, "remainder_east"),
                (y + 1 < self.ny, cell + self.nx, "remainder_north"),
            ):
                if inside and not c.outside and not self.columns[other].outside:
                    if c.target == NOT_HELD or self.columns[other].target == NOT_HELD:
                        faces.append((cell, other, rest))
        for _ in range(substeps):
            heights = self.heights()
            for here, there, rest in faces:
                drop = heights[here] - heights[there]
                # The flux in 2^-52 quanta, rounded once towards zero, and what waited.
                kappa = coefficient[here if drop >= 0 else there]
                exact = towards_zero(kappa * drop * self.s, 1 << (60 + 20 - 52))
                exact += getattr(self.columns[here], rest)
                whole = towards_zero(exact, 1 << 52)
                setattr(self.columns[here], rest, exact - (whole << 52))
                self.columns[here].ledger -= whole
                self.columns[there].ledger += whole
            # A donor gives at most what stands above the floor. This world never asks for more.
            assert all(h > 100 * ONE // self.s for h, c in zip(heights, self.columns) if not c.outside)

    # --- Rivers: cuda/passes/routing.cuh and stream_power.cu, their docstrings ---

    def slide(self, max_sweeps):
        stands = {}
        for material, of in self.materials.of.items():
            drop = math.tan(math.radians(of["repose_deg"])) * self.cell_m / self.voxel_m * ONE
            stands[material] = (int(drop), int(drop * math.sqrt(2.0)))
        for _ in range(max_sweeps):
            if not self.sweep(stands):
                return

    def bare(self, c):
        """Height of the rock, what it owes being gone."""
        return c.rock_top * ONE + (c.residual - c.debt) * ONE // self.solid[c.rock]

    def sweep(self, stands):
        """One Jacobi sweep. Whether anything moved."""
        height = []
        for c in self.columns:
            if self.free(c):
                height.append(self.bare(c) + (c.n_loose * self.s + c.ledger) * ONE // self.s)
            else:
                height.append(0 if c.outside else c.target - self.frame)
        came = [0] * len(height)
        moved = False
        for cell, c in enumerate(self.columns):
            if not self.free(c):
                continue
            loose = c.n_loose * self.s + c.ledger
            gives = 0
            if loose > 0:
                excess, wants = self.too_steep(cell, height[cell], SEDIMENT, height, stands)
                gives = min(wants, loose)
                came[cell] -= gives
                self.hand_out(gives, excess, came)
                moved |= gives > 0
            if gives == loose:
                rock = self.bare(c) if loose > 0 else height[cell]
                excess, wants = self.too_steep(cell, rock, c.rock, height, stands)
                c.debt += wants
                self.hand_out(wants, excess, came)
                moved |= wants > 0
        for c, quanta in zip(self.columns, came):
            c.ledger += quanta
        return moved

    def too_steep(self, cell, top, material, height, stands):
        """Excesses by neighbour, rising, and the quanta that a sweep moves: half the largest."""
        excess = {}
        for other, diagonal in self.around(cell):
            over = top - height[other] - stands[material][diagonal]
            if over > 0:
                excess[other] = over
        largest = max(excess.values(), default=0)
        own = self.solid[material]
        if largest * own // ONE < 1:
            return {}, 0
        return excess, max(largest * own * self.s // ((own + self.s) * ONE), 1)

    @staticmethod
    def hand_out(quanta, excess, came):
        """In proportion to the excesses, by largest remainder, ties in the order of neighbours."""
        whole = sum(excess.values())
        if quanta == 0:
            return
        for other, e in excess.items():
            came[other] += quanta * e // whole
        left = quanta - sum(quanta * e // whole for e in excess.values())
        by_rest = sorted(excess, key=lambda n: -(quanta * excess[n] % whole))
        for other in by_rest[:left]:
            came[other] += 1

    def settle(self, c):
        """Rock that is owed, then ledgers to voxels: lay one on top at 1.5 s, take one back below 0,
        then rock."""
        while c.debt >= c.residual:
            # Sediment on rock that goes falls to what is below.
            for z in range(c.rock_top, c.rock_top + c.n_loose + 1):
                c.voxels[z] = AIR
            c.ledger += c.n_loose * self.s
            c.n_loose = 0
            c.debt -= c.residual
            c.rock_top -= 1
            c.rock = c.voxels[c.rock_top]
            c.residual = self.solid[c.rock]
        c.residual -= c.debt
        c.debt = 0
        while 2 * c.ledger >= 3 * self.s:
            c.n_loose += 1
            c.voxels[c.rock_top + c.n_loose] = SEDIMENT
            c.ledger -= self.s
        while c.ledger < 0:
            if c.n_loose > 0:
                c.voxels[c.rock_top + c.n_loose] = AIR
                c.n_loose -= 1
                c.ledger += self.s
                continue
            if c.residual + c.ledger > 0:
                c.residual += c.ledger
                c.ledger = 0
                continue
            c.ledger += c.residual
            c.voxels[c.rock_top] = AIR
            c.rock_top -= 1
            c.rock = c.voxels[c.rock_top]
            c.residual = self.solid[c.rock]

    def hold(self, c):
        """What a held column must gain or lose to stand at its target: cuda/passes/boundary.cu."""
        target = c.target - self.frame
        before = c.ledger
        if target >= self.height_of_rock(c):
            # Sediment fills what is missing, or the loose cover gives: the most that does not pass it.
            c.ledger = (target - self.height_of_rock(c)) * self.s // ONE - c.n_loose * self.s
        else:
            # All loose matter goes, and rock from the top, each voxel with its own solid.
            gone = c.n_loose * self.s + c.ledger
            z, left = c.rock_top, c.residual
            while True:
                kept = max((target - z * ONE) * self.solid[c.voxels[z]] // ONE, 0)
                if 0 < kept <= left:
                    gone += left - kept
                    break
                gone += left
                z -= 1
                left = self.solid[c.voxels[z]]
            c.ledger = before - gone
        moved = c.ledger - before
        self.added += max(moved, 0)
        self.exported += max(-moved, 0)
        c.left_here += max(-moved, 0)

    def height_of_rock(self, c):
        return c.rock_top * ONE + c.residual * ONE // self.solid[c.rock]

    def stored(self):
        total = 0
        for c in self.columns:
            if not c.outside:
                total += sum(self.solid[m] for m in c.voxels)
                total += c.ledger - (self.solid[c.rock] - c.residual)
        return total

    # --- Digests: octree/README.md, "Content digest"; host/engine/README.md, "The state digest" ---

    def content_digest(self):
        level = 3
        while 1 << level < max(self.nx, self.ny, self.nz):
            level += 1
        form = self.cube(0, 0, 0, level)
        return murmur(1, [level, form[1]]) if form[0] == "uniform" else form[1]

    def cube(self, x, y, z, level):
        """("uniform", material) or ("digest", (low, high)) of an aligned cube."""
        if x >= self.nx or y >= self.ny or z >= self.nz:
            return "uniform", AIR
        if level == 3:
            return self.brick(x, y, z)
        half = 1 << (level - 1)
        subs = [
            self.cube(x + (i & 1) * half, y + (i >> 1 & 1) * half, z + (i >> 2) * half, level - 1)
            for i in range(8)
        ]
        if subs[0][0] == "uniform" and all(sub == subs[0] for sub in subs):
            return subs[0]
        words = []
        for kind, value in subs:
            words.extend(murmur(1, [level - 1, value]) if kind == "uniform" else value)
        return "digest", murmur(3, words)

    def brick(self, x0, y0, z0):
        materials = []
        for z in range(z0, z0 + 8):
            for y in range(y0, y0 + 8):
                for x in range(x0, x0 + 8):
                    inside = x < self.nx and y < self.ny and z < self.nz
                    materials.append(self.columns[y * self.nx + x].voxels[z] if inside else AIR)
        if all(m == materials[0] for m in materials):
            return "uniform", materials[0]
        words = [
            materials[i] | materials[i + 1] << 16 | materials[i + 2] << 32 | materials[i + 3] << 48
            for i in range(0, 512, 4)
        ]
        return "digest", murmur(2, words)

    def fields(self):
        """(name, type, values) in the order of cuda/passes/README.md."""
        names = [
            ("rock_top", 1, "i", "rock_top"), ("n_loose", 1, "i", "n_loose"),
            ("residual", 1, "i", "residual"), ("rock_material", 0, "H", "rock"),
            ("sediment", 2, "q", "ledger"), ("remainder_east", 2, "q", "remainder_east"),
            ("remainder_north", 2, "q", "remainder_north"), ("boundary_height", 2, "q", "target"),
        ]
        if any(name == "stream_power" for name, _ in self.passes):
            names += [("exported", 2, "q", "left_here"), ("remainder_river", 1, "i", "river_rest")]
        for name, kind, code, attribute in names:
            values = [getattr(c, attribute) for c in self.columns]
            yield name, kind, struct.pack(f"<{len(values)}{code}", *values)

    def state(self):
        """Digests of the state as it is now."""
        found = {name: field_digest(name, kind, data) for name, kind, data in self.fields()}
        content = self.content_digest()
        words = [2, self.nx, self.ny, self.nz, bits(self.cell_m), bits(self.voxel_m)]
        words += [self.frame & MASK, self.frame_rest, self.step_number]
        words += [bits(self.time), self.seed, 0, len(self.solid), len(found)]
        for name, solid, kind in zip(self.materials.name, self.solid, self.materials.kind):
            words += [*bytes_digest(name.encode()), solid, kind]
        for digest in found.values():
            words += digest
        words += content
        named = {name: digits(d) for name, d in found.items()} | {"voxels": digits(content)}
        return {"state": digits(murmur(0, words)), "fields": named}


def work_out(scenario):
    world = World(scenario)
    at_start = world.stored()
    result = {"steps": {"0": world.state()}}
    for _ in range(world.steps):
        world.step()
        if world.step_number % 5 == 0:
            result["steps"][str(world.step_number)] = world.state()
    stored = world.stored()
    assert world.added - world.exported == stored - at_start, "the oracle loses matter"
    result["budget"] = {
        "in": str(world.added),
        "exported": str(world.exported),
        "stored_at_start": str(at_start),
        "stored_at_end": str(stored),
    }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--check", type=Path, metavar="FILE", help="a golden file to compare with")
    arguments = parser.parse_args()
    found = work_out(arguments.scenario)
    if arguments.check is None:
        print(json.dumps(found, indent=2))
        return 0
    golden = json.loads(arguments.check.read_text())
    for step in found["steps"]:
        for name, digest in found["steps"][step]["fields"].items():
            if golden["steps"][step]["fields"][name] != digest:
                print(f"step {step}: {name}: the golden file has another digest than {digest}")
    if found != golden:
        print(f"{arguments.check} differs from what the oracle works out")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
