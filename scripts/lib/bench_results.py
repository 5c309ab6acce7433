"""Reads what scripts/bench --json wrote, and prints its figures. Shared by the scripts that report on results.

A benchmark is known by its plain name, without what Google Benchmark adds about its clock and its iterations. A
repeated one has a row for each repetition and further rows with their mean, median and spread.
"""
import argparse
import json
import pathlib
import re
import statistics
import sys

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class BadResults(Exception):
    """A file that does not hold results; says which and why."""


class Arguments(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        print(f"{self.prog}: {message}; see scripts/{self.prog} --help", file=sys.stderr)
        sys.exit(2)


RawDescription = argparse.RawDescriptionHelpFormatter


def read_object(path):
    """The JSON object in a file."""
    try:
        found = json.loads(pathlib.Path(path).read_text())
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BadResults(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadResults(f"{path} holds no object")
    return found


def read(path):
    """The results in a file; BadResults where it holds none."""
    results = read_object(path)
    rows = results.get("benchmarks")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadResults(f"{path} has no list 'benchmarks': results are what scripts/bench --json writes")
    for row in rows:
        timed = isinstance(row.get("real_time"), (int, float)) and row.get("time_unit") in SECONDS
        if not isinstance(row.get("name"), str) or not (timed or row.get("error_occurred")):
            raise BadResults(f"{path}: {row.get('name', 'a benchmark')} has no name, real_time or time_unit")
    if not isinstance(results.setdefault("context", {}), dict):
        raise BadResults(f"{path}: 'context' is not an object")
    return results


def value(row, measure):
    """real_time_s, or a counter by its name; None where the row has no such counter."""
    if measure == "real_time_s":
        return row["real_time"] * SECONDS[row["time_unit"]]
    return row.get(measure)


def plain(name):
    return re.sub(r"/((manual|real|process)_time|iterations:\d+)(?=/|_median$|$)", "", name)


def find(results, name, measure):
    """The value of a benchmark, its median where it was repeated; None when it was not measured."""
    rows = {plain(row["name"]): row for row in results["benchmarks"] if not row.get("error_occurred")}
    row = rows.get(name + "_median", rows.get(name))
    return None if row is None else value(row, measure)


def repetitions(results):
    """{plain name: rows of its repetitions}. Where only the median was kept, it stands for one repetition."""
    runs, medians = {}, {}
    for row in results["benchmarks"]:
        if row.get("error_occurred"):
            continue
        if row.get("run_type", "iteration") == "iteration":
            runs.setdefault(plain(row["name"]), []).append(row)
        elif row.get("aggregate_name") == "median":
            medians[plain(row["name"]).removesuffix("_median")] = [row]
    return {**medians, **runs}


def spread(values):
    """(median, least, greatest)"""
    return statistics.median(values), min(values), max(values)


def short(number):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (0, "n")):
        if abs(number) >= limit:
            scale = limit if limit > 0 else 1e-9
            return f"{number / scale:.3g} {unit}".strip()
    return "0"
