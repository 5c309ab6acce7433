#!/usr/bin/env python3
"""Writes a GeoTIFF DEM as an ESRI ASCII grid, which a build without GDAL reads.

It takes the kind of GeoTIFF that our data are, and refuses others: little-endian, uncompressed, tiled, one band of
16-bit integers, square cells, north up. Projection and units are not looked at.
"""
import pathlib
import struct
import sys

FORMATS = {2: "s", 3: "H", 4: "I", 12: "d"}
WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES = 256, 257, 258, 259, 277
TILE_WIDTH, TILE_HEIGHT, TILES, SAMPLE_FORMAT = 322, 323, 324, 339
CELL, TIE, NODATA = 33550, 33922, 42113


def tags_of(data):
    if data[:4] != b"II*\0":
        raise ValueError("not a little-endian TIFF")
    start, = struct.unpack_from("<I", data, 4)
    tags = {}
    for i in range(struct.unpack_from("<H", data, start)[0]):
        place = start + 2 + 12 * i
        tag, kind, count = struct.unpack_from("<HHI", data, place)
        if kind not in FORMATS:
            continue
        size = struct.calcsize(FORMATS[kind]) * count
        at = place + 8 if size <= 4 else struct.unpack_from("<I", data, place + 8)[0]
        layout = f"<{count}{FORMATS[kind]}"
        tags[tag] = struct.unpack_from(layout, data, at)
    return tags


def rows_of(data, tags):
    """Rows of heights, the northernmost first."""
    width, height = tags[WIDTH][0], tags[HEIGHT][0]
    tile_width, tile_height = tags[TILE_WIDTH][0], tags[TILE_HEIGHT][0]
    across = -(-width // tile_width)
    for y in range(height):
        row = []
        for x in range(across):
            tile = tags[TILES][y // tile_height * across + x]
            at = tile + y % tile_height * tile_width * 2
            row += struct.unpack_from(f"<{tile_width}h", data, at)
        yield row[:width]


def convert(data):
    tags = tags_of(data)
    alike = {BITS: 16, COMPRESSION: 1, SAMPLES: 1, SAMPLE_FORMAT: 2}
    for tag, wanted in alike.items():
        if tags.get(tag, (None,))[0] != wanted:
            raise ValueError(f"tag {tag} is {tags.get(tag)}, not {wanted}")
    if not {TILES, CELL, TIE} <= tags.keys() or tags[CELL][0] != tags[CELL][1] or tags[TIE][:3] != (0, 0, 0):
        raise ValueError("not tiled, or not placed by a corner and square cells")
    cell, west, north = tags[CELL][0], tags[TIE][3], tags[TIE][4]
    lines = [f"ncols {tags[WIDTH][0]}", f"nrows {tags[HEIGHT][0]}", f"xllcorner {west!r}",
             f"yllcorner {north - cell * tags[HEIGHT][0]!r}", f"cellsize {cell!r}"]
    if NODATA in tags:
        lines.append("NODATA_value " + tags[NODATA][0].rstrip(b"\0 ").decode("ascii"))
    lines += (" ".join(map(str, row)) for row in rows_of(data, tags))
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__ + "\nusage: geotiff_to_ascii.py IN.tif OUT.asc", file=sys.stderr)
        return 2
    try:
        pathlib.Path(sys.argv[2]).write_text(convert(pathlib.Path(sys.argv[1]).read_bytes()))
    except (OSError, ValueError, KeyError, struct.error) as error:
        print(f"geotiff_to_ascii: {sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
