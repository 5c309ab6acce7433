"""What scripts/setup prints where something is missing: one command that works on a bare machine."""
import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "setup"


class Setup(unittest.TestCase):
    def check(self, status):
        """scripts/setup --check on a machine where every package has this status."""
        with tempfile.TemporaryDirectory() as folder:
            query = pathlib.Path(folder, "dpkg-query")
            query.write_text(f"#!/bin/sh\necho {status}\n")
            query.chmod(0o755)
            environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
            return subprocess.run([SCRIPT, "--check"], capture_output=True, text=True, env=environment)

    def test_the_command_brings_the_package_lists_up_to_date(self):
        done = self.check("not-installed")
        self.assertEqual((done.returncode, done.stdout), (4, ""), done.stderr)
        said, command = done.stderr.splitlines()
        self.assertIn("missing: build-essential", said)
        self.assertRegex(command, "^  (sudo )?apt-get update && (sudo )?apt-get install -y --no-install-recommends "
                                  "build-essential cmake ")

    def test_nothing_is_missing(self):
        done = self.check("installed")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    unittest.main()
