#!/usr/bin/env python3
"""Checks who includes whom.

The tables below are the rules; each finding names the file, the line and the rule. CMake enforces the part
about folders a second time (a folder's target sees only what it may include), this script finds the rest:
third-party headers in the wrong folder, device code in public headers, includes that bypass include roots, and
standard functions that do nothing in a kernel.

usage: scripts/check_includes.py [--root DIR]      example: scripts/check_includes.py
Exits 0 when all rules hold, 1 when one does not.
"""
import argparse
import pathlib
import re
import subprocess
import sys

# Folder -> the names under lithify/ that it may include. Longest match wins.
FOLDERS = {
    "host/base": {"base"},
    "cuda": {"base", "device"},
    "octree": {"base", "device", "octree"},
    "deltas": {"base", "device", "octree", "deltas"},
    "cuda/passes": {"base", "device", "octree", "deltas", "passes"},
    "io": {"base", "octree", "deltas", "io"},
    "host": None,  # None: everything
    "tests": None,
    "bench": None,
}

# Tests that may include what lies under detail/: the library's device headers among it.
SEE_INTERNALS = ["tests/unit", "tests/property", "tests/support"]

# From these folders only plain headers of the named ones: *.hpp, nothing under detail/.
PUBLIC_ONLY = {"io": {"octree", "deltas"}}

# Third-party headers -> where they may be included: folders, or single files.
VERBS = {"cuda/include/lithify/device/verbs.cuh", "cuda/include/lithify/device/detail", "cuda/device"}
THIRD_PARTY = [
    (r"(thrust|cub)/", VERBS | {"bench", "tests/unit"}),
    (r"(tbb|oneapi)/", {"cuda", "host", "bench", "tests"}),
    (r"cuda/|cuda.*\.h$|cooperative_groups|nv(tx3)?/", {"cuda", "bench", "tests"}),
    (r"H5.*\.h$|hdf5.*\.h$", {"bench", "io", "tests/unit", "tests/integration"}),
    (r"(gdal|ogr|cpl)_?[a-z_]*\.h$", {"io", "tests/unit", "tests/integration"}),
    (r"png\.h$", {"io", "tests"}),
    (r"(zlib|libdeflate)\.h$|isa-l", {"io", "deltas", "tests"}),
    (r"xxhash\.h$", {"host", "io", "deltas", "bench", "tests"}),
    (r"CLI/|fmt/|spdlog/|nlohmann/", {"host", "bench", "tests"}),
    (r"toml\+\+/", {"host", "io", "bench", "tests"}),
    (r"openvdb/|nanovdb/", {"bench"}),
    (r"gtest/|gmock/", {"tests"}),
    (r"benchmark/", {"bench"}),
]
NOT_IN_BASE = "host/base may include the standard library and itself"
POSIX = re.compile(
    r"(sys/(mman|stat|types|resource|wait|time|ioctl|file|sysinfo|uio|statvfs|utsname|socket|random|syscall|prctl)"
    r"|unistd|fcntl|malloc|dlfcn|pthread|signal|csignal|errno|time|limits|termios|poll|dirent|spawn|sched"
    r"|linux/[a-z_]+|[a-z]*mmintrin|x86intrin|cpuid|stdlib|string|stdio|stdint|stddef|stdbool|inttypes|math"
    r"|assert)\.h$")
STANDARD = re.compile(r"[a-z_0-9]+$")

# What marks device code; not in public plain headers.
DEVICE_WORDS = re.compile(r"\b(__CUDACC__|__CUDA_ARCH__|LITHIFY_BACKEND|LITHIFY_ON_CUDA|LITHIFY_DEVICE|__global__|"
                          r"__device__|__host__)\b")
# What nvcc 13.0 with g++ 12 makes a constant of in kernels, without a word; lithify/device/bits.cuh has the like.
DROPPED = re.compile(r"\bstd::(popcount|count[lr]_(zero|one)|bit_width|bit_ceil|has_single_bit)\b")
ON_THE_HOST = {"cuda/device", "octree/pool.cuh", "deltas/collect.cuh"}  # constants, and the host's own work

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".hpp", ".cpp", ".cu", ".cuh", ".h", ".c"}


def within(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def folder_of(path):
    matches = [folder for folder in FOLDERS if within(path, [folder])]
    return max(matches, key=len) if matches else None


def sources(root):
    """Tracked files, and untracked ones that are not ignored; every file where there is no git."""
    top = [folder for folder in ("host", "cuda", "octree", "deltas", "io", "tests", "bench") if (root / folder).exists()]
    try:
        listing = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "--", *top],
                                 check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listing = [str(path.relative_to(root)) for folder in top for path in (root / folder).rglob("*")]
    return sorted(path for path in set(listing) if pathlib.Path(path).suffix in SUFFIXES and (root / path).is_file())


def owner(included, roots):
    """The folder whose include root holds `included`, or None."""
    return next((folder for folder, root in roots if (root / included).is_file()), None)


def check_own(root, path, folder, included, roots):
    """Rules for an include of lithify/..."""
    if included == "lithify.h":
        return
    names = FOLDERS[folder]
    name = included.split("/")[1] if included.count("/") >= 2 else "lithify"
    if names is not None and name not in names:
        yield f"{folder} may not include lithify/{name}/"
    if name in PUBLIC_ONLY.get(folder, ()) and (not included.endswith(".hpp") or "/detail/" in included):
        yield f"{folder} may include only the public plain headers of {name}"
    if owner(included, roots) is None:
        yield "no include root holds this header"
    if path.endswith(".hpp") and "/include/lithify/" in path and included.endswith(".cuh"):
        yield "a public plain header may not include device code"
    if folder == "tests" and not within(path, SEE_INTERNALS) and "/detail/" in included:
        yield "only " + ", ".join(SEE_INTERNALS) + " may see internals"


def check_third_party(path, folder, included):
    if folder == "host/base" and not STANDARD.match(included):
        yield NOT_IN_BASE
        return
    if STANDARD.match(included) or POSIX.match(included):
        return
    for pattern, places in THIRD_PARTY:
        if re.match(pattern, included):
            if not within(path, places):
                yield f"only {', '.join(sorted(places))} may include this"
            if "/include/lithify/" in path and path.endswith(".hpp"):
                yield "a public plain header may include the standard library and lithify/ only"
            return
    yield "unknown third-party header; if it is wanted, add it to the table in scripts/check_includes.py"


def check_file(root, path, roots):
    folder = folder_of(path)
    if folder is None:
        return
    public_plain = path.endswith(".hpp") and "/include/lithify/" in path
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    if path.endswith((".hpp", ".cuh", ".h")) and "#pragma once" not in text and not re.search(r"#ifndef \w+_H\b", text):
        yield 1, "", "no #pragma once"
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.split("//")[0]
        if public_plain and (word := DEVICE_WORDS.search(code)):
            yield number, word.group(), "device code in a public plain header"
        if path.endswith((".cu", ".cuh")) and not path.endswith("_cpu.cuh") and not within(path, ON_THE_HOST):
            if word := DROPPED.search(code):
                yield number, word.group(), "nvcc drops it from kernels without a word; see lithify/device/bits.cuh"
        match = INCLUDE.match(line)
        if match is None:
            continue
        quote, included = match.groups()
        if included.startswith("lithify/") or included == "lithify.h":
            problems = check_own(root, path, folder, included, roots)
        elif quote == "<":
            problems = check_third_party(path, folder, included)
        else:
            problems = check_beside(root, path, folder, included)
        for problem in problems:
            yield number, included, problem


def check_beside(root, path, folder, included):
    """Rules for "x.cuh": a file beside its source, or an internal header that a test or benchmark names."""
    beside = (root / path).parent / included
    if beside.is_file():
        target = beside.resolve()
        if ".." in included.split("/") and folder_of(str(target.relative_to(root.resolve()))) != folder:
            yield "climbs out of its folder"
        return
    sources = [*FOLDERS, "host/engine", "host/cli"]  # where internal headers lie
    in_folder = [f for f in sources if (root / f / included).is_file()]
    if folder in in_folder:
        return
    if in_folder and within(path, [*SEE_INTERNALS, "bench"]):
        return
    if within(path, ["tests", "bench"]) and (root / folder / "support" / included).is_file():
        return
    yield "neither beside this file nor in its folder; lithify/... headers are included by that name"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root
    roots = [(folder, root / folder / "include") for folder in FOLDERS]
    roots += [(f"host/{path.parent.name}", path) for path in sorted((root / "host").glob("*/include"))]
    files = sources(root)
    if not files:
        print(f"check_includes: no sources under {root}", file=sys.stderr)
        return 1
    findings = 0
    for path in files:
        for number, included, problem in check_file(root, path, roots):
            print(f"{path}:{number}: {included}: {problem}".replace(": :", ":"))
            findings += 1
    print(f"check_includes: {len(files)} files, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
