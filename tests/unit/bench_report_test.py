"""The goals' verdicts: more is better, less is better, peers, limits, and what was not measured."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib" / "bench_report.py"


def benchmark(name, milliseconds, **counters):
    return {"name": name, "real_time": milliseconds, "time_unit": "ms", **counters}


RESULTS = {
    "ours": benchmark("cpu/find", 2.0, items_per_second=50e6),
    "peer": benchmark("cpu/openvdb_find", 8.0, items_per_second=10e6),
    "timed": benchmark("cpu/merge/real_time", 10.0, bytes=16),
    "repeated": benchmark("cpu/repeated", 9.0),
    "median": benchmark("cpu/repeated/iterations:20/manual_time_median", 3.0),
    "broken": {**benchmark("cpu/broken", 0.0), "error_occurred": True},
}


class Script(unittest.TestCase):
    def refused(self, *words):
        done = subprocess.run([SCRIPT.parents[1] / "bench", *words], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
        self.assertTrue(done.stderr.startswith("bench: "), done.stderr)
        return done.stderr

    def test_refuses_results_that_are_none(self):
        with tempfile.TemporaryDirectory() as folder:
            none = folder + "/none.json"
            for goals in ([], ["--goals"], ["--json", folder + "/copy.json"]):
                self.assertIn(none, self.refused("--from", none, *goals))
                self.assertIn(folder, self.refused("--from", folder, *goals))
            words = pathlib.Path(folder) / "words.json"
            for text in ("no results", "[]", "{}", '{"benchmarks": 3}'):
                words.write_text(text)
                self.assertIn(str(words), self.refused("--from", words, "--goals"))
            self.assertIn("--goals", self.refused("--from", words))


class BenchReport(unittest.TestCase):
    def verdict(self, **goal):
        """The last row of the table for one goal, split into its columns."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "bench").mkdir()
            (root / "bench" / "goals.json").write_text(json.dumps([{"what": "w", **goal}]))
            (root / "results.json").write_text(json.dumps({"context": {}, "benchmarks": list(RESULTS.values())}))
            table = subprocess.run([sys.executable, SCRIPT, "--root", root, "--goals", root / "results.json"],
                                   check=True, capture_output=True, text=True).stdout.splitlines()
        return table[1]

    def assert_verdict(self, verdict, **goal):
        self.assertTrue(self.verdict(**goal).endswith("  " + verdict), self.verdict(**goal))

    def test_against_a_peer(self):
        peer = {"ours": "cpu/find", "peer": "cpu/openvdb_find"}
        self.assert_verdict("met", measure="items_per_second", ratio=5, **peer)
        self.assert_verdict("short", measure="items_per_second", ratio=5.1, **peer)
        self.assert_verdict("met", measure="real_time_s", ratio=4, **peer)
        self.assert_verdict("short", measure="real_time_s", ratio=4.1, **peer)

    def test_against_a_limit(self):
        self.assert_verdict("met", ours="cpu/find", measure="items_per_second", limit=50e6)
        self.assert_verdict("short", ours="cpu/find", measure="items_per_second", limit=51e6)
        self.assert_verdict("met", ours="cpu/merge", measure="real_time_s", limit=0.010)
        self.assert_verdict("short", ours="cpu/merge", measure="real_time_s", limit=0.009)
        self.assert_verdict("met", ours="cpu/merge", measure="bytes", limit=28, better="less")
        self.assert_verdict("short", ours="cpu/merge", measure="bytes", limit=15, better="less")

    def test_takes_the_median_of_repetitions(self):
        self.assert_verdict("met", ours="cpu/repeated", measure="real_time_s", limit=0.003)

    def test_reports_what_has_no_goal(self):
        self.assert_verdict("reported", ours="cpu/merge", measure="bytes")
        self.assert_verdict("reported", ours="cpu/find", peer="cpu/openvdb_find", measure="items_per_second")
        self.assert_verdict("not measured (cpu/gone)", ours="cpu/gone", measure="bytes")

    def test_says_what_is_not_built(self):
        self.assert_verdict("not yet", not_yet=True)

    def test_says_what_was_not_measured(self):
        self.assert_verdict("not measured (cpu/gone)", ours="cpu/gone", measure="real_time_s", limit=1)
        self.assert_verdict("not measured (cpu/gone)", ours="cpu/find", peer="cpu/gone", measure="real_time_s", ratio=1)
        self.assert_verdict("not measured (cpu/broken)", ours="cpu/broken", measure="real_time_s", limit=1)


if __name__ == "__main__":
    unittest.main()
