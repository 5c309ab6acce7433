#!/usr/bin/env python3
"""Merges the results of the benchmark programs, and holds them against bench/goals.json.

A goal names a benchmark of ours and either a peer measured in the same run or a fixed limit:

  {"what": "overlay find, all hits", "ours": "cpu/overlay_find/hits:100", "measure": "items_per_second",
   "peer": "cpu/openvdb_find/hits:100", "ratio": 5}                      met when ours / peer >= 5
  {"what": "consolidation of 1 M deltas", "ours": "...", "measure": "real_time_s", "limit": 0.012}
                                                                         met when ours <= 0.012

  {"what": "the demo's step", "ours": "...", "measure": "of_floor"}      a figure without a goal: reported
  {"what": "hydraulic erosion", "not_yet": true}                         nothing to measure is built

`measure` is items_per_second, bytes_per_second, real_time_s or the name of a counter. More is better, except for
real_time_s, for which a ratio is peer / ours and a limit an upper bound; "better": "less" says so of a counter.
"""
import argparse
import json
import pathlib
import subprocess
import sys

from bench_results import BadResults, find, read, short


def output_of(*command):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cache_entry(build, name):
    cache = build / "CMakeCache.txt"
    lines = cache.read_text().splitlines() if cache.exists() else []
    return next((line.split("=", 1)[1] for line in lines if line.startswith(name + ":")), "")


def origin(root, build):
    """What the programs were made from, and with."""
    compiler = cache_entry(build, "CMAKE_CXX_COMPILER") or "c++"
    cuda_compiler = cache_entry(build, "CMAKE_CUDA_COMPILER")
    return {
        "compiler": (output_of(compiler, "--version").splitlines() or [""])[0],
        "cuda_compiler": (output_of(cuda_compiler, "--version").splitlines() or [""])[-1] if cuda_compiler else "none",
        "commit": output_of("git", "-C", str(root), "describe", "--always", "--dirty") or "unknown",
    }


def machine(root):
    """What the figures were measured on. A bundle brings its origin along; elsewhere build/ is it."""
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    gpu = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").splitlines()
    brought = root / "build" / "origin.json"
    return {"cpu": model, "gpu": gpu[0] if gpu else "none",
            **(json.loads(brought.read_text()) if brought.exists() else origin(root, root / "build"))}


def merge(folder, root):
    merged = {"context": machine(root), "benchmarks": []}
    for path in sorted(folder.glob("*.json")):
        text = path.read_text()
        if not text.strip():
            continue  # a program none of whose benchmarks the filter chose
        results = json.loads(text)
        for key in ("date", "num_cpus", "mhz_per_cpu", "load_avg", "library_build_type"):
            if key in results["context"]:
                merged["context"].setdefault(key, results["context"][key])
        merged["benchmarks"] += [{"program": path.stem, **row} for row in results["benchmarks"]]
    return merged


def less_is_better(goal):
    return goal["measure"] == "real_time_s" or goal.get("better") == "less"


def reached(goal, results):
    """How many times as good ours is as the goal's peer or limit; None where there is no such ratio."""
    if not {"limit", "ratio"} & goal.keys():
        return None
    ours = find(results, goal["ours"], goal["measure"])
    against = goal["limit"] if "limit" in goal else find(results, goal["peer"], goal["measure"])
    if not ours or not against or ours < 0 or against < 0:
        return None
    return against / ours if less_is_better(goal) else ours / against


def judge(goal, results):
    """(ours, peer or limit, ratio, goal, verdict) as text."""
    if goal.get("not_yet"):
        return "-", "-", "-", "-", "not yet"
    less = less_is_better(goal)
    ours = find(results, goal["ours"], goal["measure"])
    if "limit" not in goal and "ratio" not in goal:  # a figure without a goal
        against = find(results, goal["peer"], goal["measure"]) if "peer" in goal else None
        ratio = f"{ours / against:.2f}x" if ours and against else "-"
        return ("-" if ours is None else short(ours), "-" if against is None else short(against), ratio, "-",
                f"not measured ({goal['ours']})" if ours is None else "reported")
    if "limit" in goal:
        against, wanted = goal["limit"], 1.0
        text = f"{'<=' if less else '>='} {short(against)}"
    else:
        against, wanted = find(results, goal["peer"], goal["measure"]), goal["ratio"]
        text = f">= {wanted:g}x"
    if ours is None or against is None:
        missing = goal["ours"] if ours is None else goal["peer"]
        return ("-" if ours is None else short(ours), "-" if against is None else short(against), "-", text,
                f"not measured ({missing})")
    if ours <= 0 or against <= 0:
        return (short(ours), short(against), "-", text, "not a figure")
    ratio = reached(goal, results)
    return short(ours), short(against), f"{ratio:.2f}x", text, "met" if ratio >= wanted else "short"


def print_goals(results, goals):
    rows = [("what", "ours", "peer or limit", "ratio", "goal", "")]
    rows += [(goal["what"], *judge(goal, results)) for goal in goals]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    verdicts = [row[-1] for row in rows[1:]]
    print(f"{verdicts.count('met')} met, {verdicts.count('short')} short, "
          f"{verdicts.count('not yet')} not yet, "
          f"{sum(verdict.startswith(('not measured', 'not a')) for verdict in verdicts)} not measured")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--merge", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--origin", type=pathlib.Path, metavar="BUILD")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--goals", type=pathlib.Path, metavar="RESULTS")
    arguments = parser.parse_args()
    if arguments.merge:
        arguments.output.write_text(json.dumps(merge(arguments.merge, arguments.root), indent=1) + "\n")
    if arguments.origin:
        arguments.output.write_text(json.dumps(origin(arguments.root, arguments.origin), indent=1) + "\n")
    if arguments.goals:
        goals = json.loads((arguments.root / "bench" / "goals.json").read_text())
        try:
            results = read(arguments.goals)
        except BadResults as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        print_goals(results, goals)
    return 0


if __name__ == "__main__":
    sys.exit(main())
