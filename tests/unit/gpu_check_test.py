"""The verdicts of scripts/gpu_check, on programs and a compute-sanitizer that only play them."""
import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "gpu_check"

PASSES = 'echo "[  PASSED  ] 2 tests."'
HANGS = "trap '' TERM; while :; do sleep 0.1; done"
LITHIFY = """
if [[ $1 == devices ]]; then echo "auto cpu"; exit; fi
if [[ $1 == diff ]]; then echo "they part at step 2"; exit 1; fi
while [[ $1 != --out ]]; do shift; done
mkdir -p "$2"
echo '{"digest": "'"$(cat digest)"'"}' >"$2/summary.json"
"""
SANITIZER = """
echo "$*" >>sanitized
while [[ $1 != build/* ]]; do shift; done
exec "$@"
"""


class GpuCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in ("demo", "small"):
            self.add(f"scripts/scenarios/{name}.toml", "")
        self.program("build/bin/lithify", LITHIFY)
        self.add("digest", "5")
        self.unit_tests(device_event_test_cpu=PASSES, simulation_test_cpu=PASSES, uplift_test=PASSES)

    def add(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def program(self, path, body):
        self.add(path, f"#!/usr/bin/env bash\n{body}\n")

    def unit_tests(self, **programs):
        self.add("build/tests/programs.txt", "".join(f"{name} cpu unit\n" for name in programs))
        for name, body in programs.items():
            self.program(f"build/tests/{name}", body)

    def check(self, part, verdict, code, seconds=60):
        script = SCRIPT.read_text()
        self.assertIn("--kill-after=10", script)
        self.add("scripts/gpu_check", script.replace("--kill-after=10", "--kill-after=1"))
        command = ["scripts/gpu_check", "--rehearse", "--part", str(part), "--seconds", str(seconds)]
        done = subprocess.run(command, cwd=self.root, text=True, env={**os.environ, "PATH": f"{self.root}/tools:/usr/bin:/bin"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        self.assertIn(f": {verdict} after ", done.stdout)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_tests_that_pass(self):
        self.assertIn("6 tests of 3 programs passed", self.check(1, "ok", 0))

    def test_tests_that_fail_or_skip(self):
        first = 'echo "a.cu:7: Failure"; echo first; seq 100'
        self.unit_tests(good_test=PASSES, bad_test=f"{first}; exit 3", lazy_test='echo "[  SKIPPED ] a.b"')
        said = self.check(1, "FAILED (1)", 1)
        self.assertIn("bad_test: exit code 3 (out/gpu_check/tests/bad_test.log)\na.cu:7: Failure\nfirst\n", said)
        self.assertIn("lazy_test: tests were skipped", said)

    def test_tests_that_hang(self):
        self.unit_tests(**{f"hangs_{i}_test": HANGS for i in range(4)}, late_test=PASSES)
        said = self.check(1, "not finished", 1, seconds=15)
        self.assertIn("out of time: hangs_0_test (cut off)\n", said)
        self.assertIn("2 tests of 5 programs passed", said)
        self.unit_tests(**{f"hangs_{i}_test": HANGS for i in range(8)}, late_test=PASSES)
        self.assertIn("out of time: late_test\n", self.check(1, "not finished", 1, seconds=3))
        left = subprocess.run(["pgrep", "--full", "build/tests/hangs_._test"], stdout=subprocess.PIPE, text=True, check=False)
        folders = [os.readlink(f"/proc/{pid}/cwd") for pid in left.stdout.split() if os.path.exists(f"/proc/{pid}/cwd")]
        self.assertNotIn(str(self.root), folders)

    def test_digests(self):
        self.assertIn("demo: cpu 5, cpu 5\nsmall: cpu 5, cpu 5\n", self.check(2, "ok", 0))
        self.program("build/bin/lithify", LITHIFY + "echo 6 >digest")
        self.assertIn("demo: cpu 5, cpu 6\nthey part at step 2\nsmall: cpu 6, cpu 6\n", self.check(2, "FAILED (1)", 1))

    def test_a_run_that_hangs_leaves_time_for_the_others(self):
        self.program("build/bin/lithify", f"if [[ $* == *demo.toml* ]]; then {HANGS}; fi {LITHIFY}")
        said = self.check(2, "not finished", 1, seconds=12)
        self.assertIn("small: cpu 5, cpu 5\n", said)
        self.assertIn("out of time: demo.toml on cpu (cut off)\n", said)

    def test_a_sanitizer_that_is_not_there_or_refused(self):
        self.assertIn("not on this machine", self.check(3, "not available", 0))
        self.program("tools/compute-sanitizer", "echo Device not supported; exit 1")
        self.assertIn("refuses it", self.check(3, "not available", 0))

    def test_the_order_of_sanitizers(self):
        self.program("tools/compute-sanitizer", SANITIZER)
        self.assertIn("16 of 16 runs", self.check(3, "ok", 0))
        lines = (self.root / "sanitized").read_text().splitlines()[1:]  # the first asked whether it is refused
        tools = ["memcheck", "racecheck", "synccheck", "initcheck"]
        self.assertEqual([line.split()[1] for line in lines], 4 * tools)
        for i, name in enumerate(("bin/lithify", "device_event_test_cpu", "uplift_test", "simulation_test_cpu")):
            self.assertTrue(all(f"build/{'' if i == 0 else 'tests/'}{name}" in line for line in lines[4 * i:4 * i + 4]))
        self.assertEqual([line.count("kns=") for line in lines], 4 * [0, 0, 2, 0])

    def test_what_a_sanitizer_reports(self):
        report = "echo '========= Error: Race'; seq 100; exit 9"
        self.program("tools/compute-sanitizer", f"if [[ $* == *racecheck* ]]; then {report}; fi {SANITIZER}")
        said = self.check(3, "FAILED (1)", 1)
        self.assertIn("racecheck of demo: exit code 9 (out/gpu_check/sanitizer/racecheck-demo.log)\n========= Error: Race",
                      said)
        self.assertIn("12 of 16 runs", said)

    def test_a_sanitizer_that_takes_too_long(self):
        self.program("tools/compute-sanitizer", f"if [[ $* == *initcheck* ]]; then {HANGS}; fi {SANITIZER}")
        said = self.check(3, "not finished", 1, seconds=6)
        self.assertIn("out of time: initcheck of demo (cut off)\n", said)
        self.assertIn("out of time: initcheck of simulation_test_cpu\n", said)


if __name__ == "__main__":
    unittest.main()
