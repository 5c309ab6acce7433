"""The include rules find what they are for, and accept what is allowed."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_includes.py"
GOOD = {
    "host/base/include/lithify/base/types.hpp": "#pragma once\n#include <cstdint>\n",
    "cuda/include/lithify/device/verbs.cuh": "#pragma once\n#include <thrust/sort.h>\n#include \"lithify/base/types.hpp\"\n",
    "octree/include/lithify/octree/morton.hpp": "#pragma once\n#include \"lithify/base/types.hpp\"\n",
    "octree/include/lithify/octree/detail/node.cuh": "#pragma once\n#include \"lithify/device/verbs.cuh\"\n",
    "io/include/lithify/io/file.hpp": "#pragma once\n#include \"lithify/octree/morton.hpp\"\n",
    "io/file.cpp": "#include <hdf5.h>\n#include <unistd.h>\n#include \"lithify/io/file.hpp\"\n",
}


class CheckIncludes(unittest.TestCase):
    def check(self, **changes):
        """Findings for the good tree with `changes` (path: text) on top."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in {**GOOD, **changes}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            result = subprocess.run([sys.executable, SCRIPT, "--root", root], capture_output=True, text=True)
            findings = result.stdout.splitlines()[:-1]
            self.assertEqual(result.returncode, 1 if findings else 0, result.stdout + result.stderr)
            return findings

    def assert_finds(self, path, text, problem):
        findings = self.check(**{path: text})
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(path + ":"), findings)
        self.assertIn(problem, findings[0])

    def test_accepts_what_is_allowed(self):
        self.assertEqual(self.check(), [])

    def test_folder_that_may_not_be_included(self):
        self.assert_finds("octree/a.cu", "#include \"lithify/io/file.hpp\"\n", "octree may not include lithify/io/")
        self.assert_finds("cuda/a.cu", "#include \"lithify/octree/morton.hpp\"\n", "cuda may not include lithify/octree/")
        self.assertEqual(self.check(**{"cuda/passes/a.cu": "#include \"lithify/octree/morton.hpp\"\n"}), [])

    def test_internals_of_another_folder(self):
        self.assert_finds("io/a.cpp", "#include \"lithify/octree/detail/node.cuh\"\n", "only the public plain headers")
        self.assert_finds("tests/golden/a.cpp", "#include \"lithify/octree/detail/node.cuh\"\n", "only tests/unit")

    def test_device_code_in_a_public_header(self):
        path = "octree/include/lithify/octree/a.hpp"
        self.assert_finds(path, "#pragma once\n#include \"lithify/device/verbs.cuh\"\n", "may not include device code")
        self.assert_finds(path, "#pragma once\n#ifdef __CUDACC__\n#endif\n", "device code in a public plain header")
        self.assertEqual(self.check(**{path: "#pragma once\n// not __CUDACC__\n"}), [])

    def test_functions_that_nvcc_drops(self):
        text = "int f(unsigned long x) { return std::popcount(x); }\n"
        self.assert_finds("cuda/passes/a.cu", text, "nvcc drops it")
        self.assert_finds("octree/a.cuh", "#pragma once\n" + text.replace("popcount", "countr_zero"), "nvcc drops it")
        self.assertEqual(self.check(**{"cuda/passes/a_cpu.cuh": "#pragma once\n" + text}), [])
        self.assertEqual(self.check(**{"host/engine/a.cpp": text}), [])

    def test_third_party_in_the_wrong_folder(self):
        self.assert_finds("octree/a.cu", "#include <thrust/sort.h>\n", "may include this")
        self.assert_finds("host/engine/a.cpp", "#include <hdf5.h>\n", "only bench, io")
        self.assert_finds("host/base/a.cpp", "#include <fmt/format.h>\n", "standard library and itself")
        self.assert_finds("io/a.cpp", "#include <who/knows.h>\n", "unknown third-party header")

    def test_missing_header_and_guard(self):
        self.assert_finds("io/a.cpp", "#include \"lithify/io/gone.hpp\"\n", "no include root")
        self.assert_finds("io/a.hpp", "int x;\n", "no #pragma once")

    def test_paths_that_bypass_include_roots(self):
        self.assert_finds("io/a.cpp", "#include \"octree/include/lithify/octree/morton.hpp\"\n", "neither beside")
        self.assert_finds("io/a.cpp", "#include \"../octree/include/lithify/octree/morton.hpp\"\n", "climbs out")

    def test_an_empty_tree_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(subprocess.run([sys.executable, SCRIPT, "--root", folder], capture_output=True).returncode, 1)


if __name__ == "__main__":
    unittest.main()
