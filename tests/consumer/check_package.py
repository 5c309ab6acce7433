#!/usr/bin/env python3
"""Installs a build and uses it as a stranger would.

Each project beside this file (cpp, and c where the build has the C library) is configured against the
installed package, built and run; the quick start of README.md is compiled and run with the first of them.

usage: check_package.py --build DIR --cmake CMAKE [--generator G] --work DIR
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def run(*command, **options):
    print("+", " ".join(map(str, command)), flush=True)
    subprocess.run(list(map(str, command)), check=True, **options)


def quick_start(language):
    """The first fenced block of `language` in README.md that is a whole program, or None."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return next((block for block in blocks if "main(" in block), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    shutil.rmtree(arguments.work, ignore_errors=True)
    prefix = arguments.work / "prefix"
    run(arguments.cmake, "--install", arguments.build, "--prefix", prefix, stdout=subprocess.DEVNULL)

    program = quick_start("cpp")
    if program is None:
        sys.exit("README.md has no C++ quick start: no fenced cpp block with a main")
    source = arguments.work / "quick_start.cpp"
    source.write_text(program, encoding="utf-8")

    build = arguments.work / "cpp"
    run(arguments.cmake, "-S", HERE / "cpp", "-B", build, "-G", arguments.generator, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DQUICK_START={source}", stdout=subprocess.DEVNULL)
    run(arguments.cmake, "--build", build)
    for name in ("links", "quick_start"):
        run(build / name, cwd=arguments.work)
    installed = prefix / "bin" / "lithify"
    if installed.exists():
        run(installed, "--help", stdout=subprocess.DEVNULL, env={**os.environ, "LD_LIBRARY_PATH": ""})


if __name__ == "__main__":
    main()
