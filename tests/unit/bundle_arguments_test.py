"""What scripts/bundle refuses before it builds or tests anything: one line, exit code 2."""
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bundle"


class BundleArguments(unittest.TestCase):
    def refusal(self, *arguments):
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done.stderr)
        self.assertTrue(done.stderr.startswith("bundle: "), done.stderr)
        return done.stderr

    def test_a_tarball_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            for missing in (f"{folder}/none.tar.xz", f"{folder}/none/none.tar.xz", folder, ""):
                self.assertIn(f"--from: '{missing}'", self.refusal("--test", "--from", missing))

    def test_a_build_that_is_none(self):
        with tempfile.TemporaryDirectory() as folder:
            for build in (folder, f"{folder}/none", f"{folder}/none/none"):
                self.assertIn(f"{build} is no build", self.refusal("--build", build))

    def test_arguments(self):
        self.assertIn("--frm", self.refusal("--frm", "x"))
        self.assertIn("--from needs a value", self.refusal("--test", "--from"))
        self.assertIn("--from is for --test", self.refusal("--from", __file__))


if __name__ == "__main__":
    unittest.main()
