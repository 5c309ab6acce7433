"""What the slow oracle reads: materials, grids, and the columns that they make."""

import math

ONE = 1 << 20  # a voxel height, and the solid in a voxel without pores
NOT_HELD = -(1 << 63)
AIR, SEDIMENT = 0, 16

# cuda/passes/README.md names the table; name, kind (0 empty, 1 consolidated, 2 loose), porosity.
BUILT_IN = [
    ("air", 0, 0.0), ("water", 0, 0.0), ("soil", 1, 0.45), ("sand", 1, 0.40), ("rock", 1, 0.05),
    ("granite", 1, 0.01), ("basalt", 1, 0.10), ("limestone", 1, 0.10), ("sandstone", 1, 0.15),
    ("clay", 1, 0.45), ("gravel", 1, 0.30), ("ice", 0, 0.0), ("snow", 0, 0.0), ("lava", 1, 0.0),
    ("magma", 1, 0.0), ("dirt", 1, 0.45), ("sediment", 2, 0.30),
]
KINDS = ["empty", "consolidated", "loose"]


def nearest(value):
    """The nearest whole number, halves away from zero."""
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


def towards_zero(numerator, denominator):
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


class Materials:
    def __init__(self, scenario):
        self.name = [m[0] for m in BUILT_IN]
        self.kind = [m[1] for m in BUILT_IN]
        porosity = [m[2] for m in BUILT_IN]
        for m in scenario.get("material", []):
            if m["name"] not in self.name:
                self.name.append(m["name"])
                self.kind.append(1)
                porosity.append(0.0)
            i = self.name.index(m["name"])
            self.kind[i] = KINDS.index(m["kind"]) if "kind" in m else self.kind[i]
            porosity[i] = m.get("porosity", porosity[i])
        # geology.md of the design: s(m) = round((1 - porosity) 2^20), none in empty materials.
        self.solid = [nearest((1.0 - p) * ONE) if k else 0 for k, p in zip(self.kind, porosity)]
        # Of what lies at a surface; worlds with rivers or talus say it of every material that they have.
        self.of = {self.name.index(m["name"]): m for m in scenario.get("material", [])}


class Grid:
    """An ESRI ASCII grid, cropped; rows from the south."""

    def __init__(self, file, crop):
        words = file.read_text().split()
        header, at = {}, 0
        while words[at][0].isalpha():
            header[words[at].lower()] = float(words[at + 1])
            at += 2
        nx, ny = int(header["ncols"]), int(header["nrows"])
        rows = [list(map(float, words[at + r * nx : at + (r + 1) * nx])) for r in range(ny)]
        rows.reverse()
        x0, y0, self.nx, self.ny = crop or (0, 0, nx, ny)
        self.cell_m = header["cellsize"]
        nodata = header.get("nodata_value", -9999.0)
        # None: no data, so the column is outside the world.
        self.height_m = [
            None if h == nodata else h for row in rows[y0 : y0 + self.ny] for h in row[x0 : x0 + self.nx]
        ]


class Column:
    """The voxels of a column from the floor up, and the state that is none of theirs."""

    def __init__(self, voxels, rock_top, residual, material):
        self.voxels = voxels
        self.rock_top = rock_top
        self.residual = residual
        self.rock = material
        self.n_loose = 0
        self.ledger = 0
        self.remainder_east = 0
        self.remainder_north = 0
        self.debt = 0
        self.left_here = 0
        self.river_rest = 0
        self.target = NOT_HELD
        self.outside = rock_top < 0
