"""The table that scripts/bench_table makes: figures, ratios, rounding, marks in README, and its plots."""
import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "bench_table"


def load():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("bench_table", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_table", loader))
    loader.exec_module(module)
    return module


bench_table = load()


def row(name, **values):
    return {"name": name, "real_time": 2.0, "time_unit": "ms", **values}


RESULTS = {"context": {"compiler": "g++ 12.2.0", "gpu": "none", "date": "2026-01-02T03:04", "commit": "abc"},
           "benchmarks": [row("cpu/a/manual_time", items_per_second=1.0),
                          row("cpu/a/manual_time_median", items_per_second=50e6, part=0.084),
                          row("cpu/b", items_per_second=8e6, **{"cells/s": 3e6})]}
DEMO = {"steps": 200, "seconds": {"total": 37.4, "world.step": 27.1}, "budget": {"residual": "0"}, "device": "cpu"}


class BenchTable(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.root = pathlib.Path(kept.name)
        (self.root / "bench").mkdir()
        self.write("results.json", RESULTS)
        self.write("demo.json", DEMO)
        self.write("bench/goals.json", [])

    def write(self, name, content):
        (self.root / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def run_on(self, rows, *arguments):
        self.write("bench/table.json", [{"results": "results.json", "demo": "demo.json", "on": "a machine", "rows": rows}])
        return subprocess.run([sys.executable, SCRIPT, "--root", self.root, *arguments], capture_output=True, text=True)

    def figure(self, text, under=""):
        done = self.run_on([{"what": "w", "command": "c", "figure": text, "under": under}])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()[-1].removeprefix("| w | c | ").removesuffix(" |")

    def test_figures(self):
        self.assertEqual(self.figure("{cpu/a M} M/s"), "50 M/s")  # the median, not a repetition
        self.assertEqual(self.figure("{a M}; {b M}", "cpu/"), "50; 8")
        self.assertEqual(self.figure("{a / b}x", "cpu/"), "6.2x")
        self.assertEqual(self.figure("{a.part %} %", "cpu/"), "8.4 %")
        self.assertEqual(self.figure("{b.cells/s M}", "cpu/"), "3")
        self.assertEqual(self.figure("{b.real_time_s ms} ms", "cpu/"), "2 ms")
        self.assertEqual(self.figure("{demo:seconds/total} s, {demo:budget/residual}"), "37 s, 0")
        self.assertEqual(self.figure("{demo:seconds/world.step / demo:steps}"), "0.14")

    def test_says_what_it_was_measured_on(self):
        first = self.run_on([]).stdout.splitlines()[0]
        for words in ("a machine", "12.2.0", "2026-01-02", "abc", "results.json"):
            self.assertIn(words, first)

    def test_rounding(self):
        for number, text in ((0, "0"), (0.0842, "0.084"), (0.135, "0.14"), (0.999, "1.0"), (1.04, "1.0"), (2.0, "2"), (5.554, "5.6"),
                             (9.96, "10"), (50.8, "51"), (99.4, "99"), (99.6, "100"), (283.7, "284"), (1264.0, "1,260")):
            self.assertEqual(bench_table.shown(number), text, number)

    def test_leaves_out_what_was_not_measured(self):
        rows = [{"what": "gone", "command": "c", "figure": "{cpu/gone M}"}, {"what": "text", "command": "c", "figure": "{demo:device}"},
                {"what": "there", "command": "c", "figure": "{cpu/a M}"}]
        done = self.run_on(rows)
        self.assertEqual(done.returncode, 0)
        self.assertEqual([line for line in done.stdout.splitlines() if "| c |" in line], ["| there | c | 50 |"])
        self.assertEqual(done.stderr, "bench_table: left out 'gone': no cpu/gone in results.json\n"
                                      "bench_table: left out 'text': no demo:device in results.json\n")

    def test_writes_between_the_marks_only(self):
        rows = [{"what": "w", "command": "c", "figure": "{cpu/a M}"}]
        around = "before\n" + bench_table.BEGIN + "{}" + bench_table.END + "after\n"
        self.write("README.md", around.format("old\n"))
        self.assertEqual(self.run_on(rows, "--check").returncode, 1)
        self.assertEqual(self.run_on(rows, "--write").returncode, 0)
        self.assertEqual(self.run_on(rows, "--check").returncode, 0)
        text = (self.root / "README.md").read_text()
        self.assertIn("\n| w | c | 50 |\n", text)
        self.assertEqual((text.split(bench_table.BEGIN)[0], text.split(bench_table.END)[1]), ("before\n", "after\n"))
        self.assertEqual(self.run_on([], "--check").returncode, 1)

    def test_bad_input_is_one_line(self):
        good = {"what": "w", "command": "c", "figure": "{cpu/a M}"}
        for rows in ([{**good, "figure": "{cpu/a miles}"}], [{**good, "figure": "{cpu/a /}"}], [{"what": "w"}], [3],
                     [{**good, "figure": "{cpu/a M M}"}], 3):
            done = self.run_on(rows)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
        self.write("README.md", "no marks\n")
        self.assertEqual(self.run_on([good], "--check").returncode, 2)
        (self.root / "results.json").unlink()
        self.assertEqual(self.run_on([good]).returncode, 2)

    def test_plots(self):
        for path in ("table.json", "goals.json", "results"):
            source = ROOT / "bench" / path
            (shutil.copytree if source.is_dir() else shutil.copy)(source, self.root / "bench" / path)
        done = subprocess.run([sys.executable, SCRIPT, "--root", self.root, "--plots", self.root / "plots"],
                              capture_output=True, text=True)
        if done.returncode == 2 and "plots need matplotlib" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("goals", "growth", "overlay"):
            png = (self.root / "plots" / (name + ".png")).read_bytes()
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
            self.assertEqual(struct.unpack(">I", png[16:20]), (598,))
            self.assertLess(len(png), 60000)


if __name__ == "__main__":
    unittest.main()
