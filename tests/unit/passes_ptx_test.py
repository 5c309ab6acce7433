#!/usr/bin/env python3
"""Compiles the passes to PTX with the build's own flags and fails on instructions that cost the same bits.

nvcc contracts a product and a sum to one fma unless told otherwise, and no test on a CPU can see it; ex2, lg2, sin
and cos are approximations of the hardware. (rcp.approx is no finding: nvcc divides 128-bit integers with it, exactly.)

usage: passes_ptx_test.py --commands build/compile_commands.json --folder cuda/passes
Exits 0 when no such instruction is found, 1 when one is, 2 when there was nothing to compile.
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

FORBIDDEN = re.compile(r"^\s*(?:@!?%\w+\s+)?((?:fma\.r|mad\.r|ex2\.|lg2\.|sin\.|cos\.|tanh\.|rsqrt\.approx"
                       r"|sqrt\.approx|div\.approx|div\.full)\S*)", re.MULTILINE)


def to_ptx(command, out):
    """The command that writes PTX instead of an object: one architecture, another output."""
    words, skip, result = command, False, []
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif word.startswith(("--generate-code", "-gencode")) or word in ("-c", "-dc", "-MD", "-MMD", "-rdc=true"):
            continue
        else:
            result.append(word)
    while result and not pathlib.Path(result[0]).name.startswith("nvcc"):
        result.pop(0)  # a compiler launcher
    return result + ["-ptx", "-arch=compute_90", "-o", str(out)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", required=True, type=pathlib.Path)
    parser.add_argument("--folder", required=True)
    arguments = parser.parse_args()

    wanted = f"/{arguments.folder.strip('/')}/"
    found, compiled = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        for entry in json.loads(arguments.commands.read_text()):
            command = entry.get("arguments") or shlex.split(entry["command"])
            source = pathlib.Path(entry["file"])
            if source.suffix != ".cu" or wanted not in str(source) or not any("nvcc" in w for w in command[:2]):
                continue
            out = pathlib.Path(scratch) / (source.stem + ".ptx")
            subprocess.run(to_ptx(command, out), cwd=entry["directory"], check=True)
            compiled += 1
            found += [f"{source}: {match.group(1)}" for match in FORBIDDEN.finditer(out.read_text())]
    if compiled == 0:
        print(f"no CUDA source of {arguments.folder} in {arguments.commands}", file=sys.stderr)
        return 2
    print("\n".join(found) if found else f"{compiled} sources, no instruction that costs the same bits")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
