#!/usr/bin/env python3
"""Which file clang-tidy has to read to see a changed source.

usage: .ci/tidy_sources.py <CHANGED-FILES    (one a line; needs build/, made by Ninja)

Prints a line "changed<TAB>file to read" for each changed file that the C++ compiler reads. A device source is read
through its wrapper, a public header through the file that checks that it stands alone, any other header through a
source that includes it, as the last build noted. A header that no source includes is named on stderr.
"""
import json
import os
import shlex
import subprocess
import sys

BUILD = "build"
ROOT = os.path.realpath(".") + os.sep
HEADERS = (".hpp", ".cuh", ".h")


def sources():
    """By object: the file that it is compiled from. Those of nvcc are not clang-tidy's."""
    found = {}
    for entry in json.load(open(os.path.join(BUILD, "compile_commands.json"))):
        words = shlex.split(entry["command"])
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(ROOT) and path.endswith(".cpp"):
            found[words[words.index("-o") + 1]] = path
    return found


def by_name(paths):
    """By changed file: the file to read, where there is one of its own."""
    found = {}
    for path in paths:
        if path.endswith((".cu.cpp", ".hpp.cpp", ".cuh.cpp")):
            included = open(path).readline().split()[1].strip('"<>')
            own = path.endswith(".cu.cpp")
            found[os.path.relpath(included, ROOT) if own else "include:" + included] = path
        else:
            found[os.path.relpath(path, ROOT)] = path
    return found


def includers(headers, objects):
    """By header: the first source, by name, that includes it."""
    found = {}
    names = {os.path.basename(h) for h in headers}
    deps = subprocess.run(["ninja", "-C", BUILD, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    path = None
    for line in deps.splitlines():
        if not line.startswith(" "):
            path = objects.get(line.split(":")[0])
            continue
        if path is None or os.path.basename(line) not in names:
            continue
        header = os.path.relpath(os.path.realpath(os.path.join(BUILD, line.strip())), ROOT)
        if header in headers:
            found[header] = min(path, found.get(header, path))
    return found


def main():
    if len(sys.argv) > 1:
        print(__doc__)
        return
    objects = sources()
    own = by_name(objects.values())
    changed = [line.strip() for line in sys.stdin]
    keys = {c: "include:" + c.split("/include/", 1)[1] if "/include/" in c else c for c in changed}
    alone = [c for c in changed if keys[c] not in own and c.endswith(HEADERS)]
    through = includers(set(alone), objects) if alone else {}
    for c in changed:
        path = own.get(keys[c]) or through.get(c)
        if path:
            print(f"{c}\t{path}")
        elif c in alone:
            print(f"tidy: no source that was built includes {c}", file=sys.stderr)


main()
