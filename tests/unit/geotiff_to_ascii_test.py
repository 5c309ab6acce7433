"""scripts/lib/geotiff_to_ascii.py: a made-up GeoTIFF in tiles, and what it refuses."""
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib" / "geotiff_to_ascii.py"


def geotiff(rows, cell=(30.0, 30.0), compression=1, tile=16):
    """Bytes of a GeoTIFF with `rows` of heights, in tiles of 16 x 16, its north-west corner at (1000.5, 5000)."""
    height, width = len(rows), len(rows[0])
    across, down = -(-width // tile), -(-height // tile)
    data = b"II*\0" + b"\0" * 4
    tiles = []
    for ty in range(down):
        for tx in range(across):
            tiles.append(len(data))
            for y in range(ty * tile, (ty + 1) * tile):
                for x in range(tx * tile, (tx + 1) * tile):
                    data += struct.pack("<h", rows[y][x] if y < height and x < width else -7)

    def far(layout, *values):
        nonlocal data
        at = len(data)
        data += struct.pack("<" + layout, *values)
        return at

    offsets = far(f"{len(tiles)}I", *tiles) if len(tiles) > 1 else tiles[0]
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 16), (259, 3, 1, compression), (277, 3, 1, 1),
               (322, 3, 1, tile), (323, 3, 1, tile), (324, 4, len(tiles), offsets), (339, 3, 1, 2),
               (33550, 12, 3, far("3d", *cell, 0.0)), (33922, 12, 6, far("6d", 0, 0, 0, 1000.5, 5000.0, 0)),
               (42113, 2, 6, far("6s", b"-9999\0"))]
    start = len(data)
    data += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return data[:4] + struct.pack("<I", start) + data[8:]


class GeotiffToAscii(unittest.TestCase):
    def convert(self, data):
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder) / "in.tif", pathlib.Path(folder) / "out.asc"
            source.write_bytes(data)
            done = subprocess.run([sys.executable, SCRIPT, source, target], capture_output=True, text=True)
            return done, target.read_text() if target.exists() else None

    def test_heights_stay_where_they_are(self):
        for width, height in ((1, 1), (16, 16), (17, 5), (40, 33)):
            rows = [[100 * y - 3 * x - 50 for x in range(width)] for y in range(height)]
            done, text = self.convert(geotiff(rows))
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = text.splitlines()
            self.assertEqual(lines[:6], [f"ncols {width}", f"nrows {height}", "xllcorner 1000.5",
                                         f"yllcorner {5000.0 - 30.0 * height}", "cellsize 30.0", "NODATA_value -9999"])
            self.assertEqual([[int(word) for word in line.split()] for line in lines[6:]], rows)

    def test_refuses_what_it_cannot_read(self):
        rows = [[1, 2], [3, 4]]
        for data in (b"", b"no tiff at all", geotiff(rows)[:600], geotiff(rows, compression=8),
                     geotiff(rows, cell=(30.0, 20.0))):
            done, text = self.convert(data)
            self.assertEqual((done.returncode, len(done.stderr.splitlines()), text), (2, 1, None), done.stderr)


if __name__ == "__main__":
    unittest.main()
