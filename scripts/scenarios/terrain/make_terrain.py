#!/usr/bin/env python3
"""Makes the terrains of the example scenarios; the files beside this script are what it wrote.

  noise.asc    128 x 128 cells of 200 m, flat but for 0 to 10 m of noise: where a mountain range begins
  plateau.asc  128 x 96 cells of 100 m: a plateau at 700 m, tilted by 1 m a cell and rough by 2 m, whose first 4
               rows lie at 100 m: a fall of base level, from which a knickpoint climbs
  scarp.asc    96 x 64 cells of 5 m: a valley floor, a wall of 160 m within 25 m, a rough plain above it

Numbers come from a 64-bit mixer of the cell, not from a library: every Python writes the same files.

example: python3 scripts/scenarios/terrain/make_terrain.py out/terrain
"""
import pathlib
import sys

MASK = (1 << 64) - 1


def uniform(seed, x, y):
    """In [0, 1), by the finaliser of MurmurHash3."""
    k = (seed * 0x9E3779B97F4A7C15 + (y << 32) + x) & MASK
    k = (k ^ k >> 33) * 0xFF51AFD7ED558CCD & MASK
    k = (k ^ k >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return ((k ^ k >> 33) >> 11) / (1 << 53)


def noise(x, y):
    return 10.0 * uniform(1, x, y)


def plateau(x, y):
    return 100.0 + uniform(2, x, y) if y < 4 else 700.0 + y + 2.0 * uniform(2, x, y)


def scarp(x, y):
    """The wall's foot winds by some cells, so that the scree under it does too."""
    foot = 36 + int(6 * uniform(3, y // 12, 0)) + int(2 * uniform(4, y // 3, 0))
    height = min(max(x - foot, 0), 5) * 32.0
    return 50.0 + height + (3.0 if height else 0.5) * uniform(5, x, y) + max(x - foot - 5, 0) * 0.8


def write(file, nx, ny, cell, height):
    with file.open("w") as out:
        out.write(f"ncols {nx}\nnrows {ny}\nxllcorner 0\nyllcorner 0\ncellsize {cell}\nNODATA_value -9999\n")
        for y in reversed(range(ny)):
            out.write(" ".join(f"{height(x, y):.2f}" for x in range(nx)) + "\n")


def main():
    if len(sys.argv) > 2 or "-h" in sys.argv or "--help" in sys.argv:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "noise.asc", 128, 128, 200, noise)
    write(folder / "plateau.asc", 128, 96, 100, plateau)
    write(folder / "scarp.asc", 96, 64, 5, scarp)


if __name__ == "__main__":
    main()
