"""The verdicts of scripts/bench_compare on made-up results, what it says of differences, and its exit codes."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench_compare"
CONTEXT = {"cpu": "a processor", "num_cpus": 2, "gpu": "none", "compiler": "c++ 12", "cuda_compiler": "none",
           "commit": "abc", "date": "2026-01-02T03:04:05+00:00"}


def timed(name, *milliseconds):
    return [{"name": name + "/manual_time", "run_type": "iteration", "real_time": t, "time_unit": "ms"}
            for t in milliseconds]


def counted(name, *per_second):
    return [{"name": name, "run_type": "iteration", "real_time": 1.0, "time_unit": "ms", "items_per_second": v}
            for v in per_second]


class BenchCompare(unittest.TestCase):
    def run_on(self, old, new, *arguments):
        """The finished process; OLD and NEW are lists of rows, whole results, or the text of a file."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, side in (("old.json", old), ("new.json", new)):
                if isinstance(side, list):
                    side = {"context": CONTEXT, "benchmarks": side}
                path = pathlib.Path(folder) / name
                path.write_text(side if isinstance(side, str) else json.dumps(side))
                paths.append(path)
            return subprocess.run([sys.executable, SCRIPT, *paths, *arguments], capture_output=True, text=True)

    def assert_verdict(self, verdict, ratio, old, new, *arguments):
        done = self.run_on(old, new, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        row = next(line for line in done.stdout.splitlines() if line.startswith("cpu/"))
        self.assertEqual(row.split()[-2:], [ratio, verdict], done.stdout)

    def test_times(self):
        old = timed("cpu/a", 10, 11, 9)
        self.assert_verdict("faster", "2.00x", old, timed("cpu/a", 5, 6, 4))
        self.assert_verdict("slower", "0.50x", old, timed("cpu/a", 20, 22, 18))
        self.assert_verdict("same", "0.96x", old, timed("cpu/a", 10.4, 10.5, 10.3))
        self.assert_verdict("unclear", "0.83x", old, timed("cpu/a", 12, 10.5, 13))

    def test_items_a_second(self):
        old = counted("cpu/a", 100e6, 110e6, 90e6)
        self.assert_verdict("faster", "2.00x", old, counted("cpu/a", 200e6, 220e6, 180e6))
        self.assert_verdict("slower", "0.50x", old, counted("cpu/a", 50e6, 55e6, 45e6))
        self.assert_verdict("unclear", "1.20x", old, counted("cpu/a", 120e6, 105e6, 130e6))

    def test_ranges_that_touch_are_unclear(self):
        old = timed("cpu/a", 10, 12, 8)
        self.assert_verdict("unclear", "0.71x", old, timed("cpu/a", 14, 12, 15))
        self.assert_verdict("slower", "0.71x", old, timed("cpu/a", 14, 12.1, 15))

    def test_the_tolerance_decides_what_is_the_same(self):
        old, new = timed("cpu/a", 10, 10, 10), timed("cpu/a", 10.8, 10.8, 10.8)
        self.assert_verdict("slower", "0.93x", old, new)
        self.assert_verdict("same", "0.93x", old, new, "--tolerance", "10")

    def test_two_repetitions_are_unclear(self):
        self.assert_verdict("unclear", "2.00x", timed("cpu/a", 10, 10, 10), timed("cpu/a", 5, 5))
        self.assert_verdict("unclear", "2.00x", timed("cpu/a", 10, 10), timed("cpu/a", 5, 5, 5))

    def test_medians_alone_are_unclear(self):
        median = {"name": "cpu/a/manual_time_median", "run_type": "aggregate", "aggregate_name": "median",
                  "real_time": 5.0, "time_unit": "ms"}
        self.assert_verdict("unclear", "2.00x", timed("cpu/a", 10, 10, 10), [median])

    def test_aggregates_are_no_repetitions(self):
        mean = {"name": "cpu/a/manual_time_mean", "run_type": "aggregate", "aggregate_name": "mean", "real_time": 99.0,
                "time_unit": "ms"}
        self.assert_verdict("faster", "2.00x", timed("cpu/a", 10, 10, 10) + [mean], timed("cpu/a", 5, 5, 5))

    def test_missing_and_failed_rows_are_listed(self):
        broken = {"name": "cpu/broken", "error_occurred": True, "error_message": "no memory"}
        done = self.run_on(timed("cpu/a", 1) + timed("cpu/gone", 1), timed("cpu/a", 1) + timed("cpu/fresh", 1) + [broken])
        self.assertEqual(done.returncode, 0)
        for line in ("only in OLD: cpu/gone", "only in NEW: cpu/fresh", "not measured in NEW: cpu/broken: no memory"):
            self.assertIn(line, done.stdout.splitlines())

    def test_other_machines_are_named_in_one_line(self):
        other = {"context": {**CONTEXT, "gpu": "H200", "cpu": "another"}, "benchmarks": timed("cpu/a", 1)}
        said = [line for line in self.run_on(timed("cpu/a", 1), other).stdout.splitlines()
                if line.startswith("not measured alike")]
        self.assertEqual(said, ["not measured alike: processor (a processor x 2 | another x 2), GPU (none | H200)"])
        self.assertNotIn("not measured alike", self.run_on(timed("cpu/a", 1), timed("cpu/a", 1)).stdout)

    def test_peers_tell_of_the_machine(self):
        old, new = timed("cpu/a", 10, 10, 10), timed("cpu/a", 10, 10, 10)
        for peer in ("cpu/a/openvdb", "cpu/a/1024/fastscapelib"):
            done = self.run_on(old + timed(peer, 10, 10, 10), new + timed(peer, 20, 20, 20), "--fail-on", "slower")
            self.assertIn("peers, which are not our code: median ratio 0.50x", done.stdout)
            self.assertEqual(done.returncode, 0)

    def test_exit_codes(self):
        fast, slow = timed("cpu/a", 5, 5, 5), timed("cpu/a", 9, 9, 9)
        self.assertEqual(self.run_on(fast, slow).returncode, 0)
        self.assertEqual(self.run_on(fast, slow, "--fail-on", "slower").returncode, 1)
        self.assertEqual(self.run_on(slow, fast, "--fail-on", "slower").returncode, 0)

    def test_bad_input_is_one_line(self):
        good = timed("cpu/a", 1)
        for bad in ("no json", "[]", "{}", {"benchmarks": 3}, {"benchmarks": [3]}, {"benchmarks": [{"name": "cpu/a"}]},
                    {"benchmarks": good, "context": 3}, [{**good[0], "time_unit": "y"}], [], timed("cpu/other", 1)):
            for done in (self.run_on(bad, good), self.run_on(good, bad)):
                self.assertEqual(done.returncode, 2, bad)
                self.assertEqual((done.stdout.count("only in"), len(done.stderr.splitlines())), (0, 1), done.stderr)
        for arguments in (["--filter", "("], ["--tolerance", "-1"], ["--tolerance", "nan"], ["--fail-on", "x"]):
            done = self.run_on(good, good, *arguments)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)


if __name__ == "__main__":
    unittest.main()
