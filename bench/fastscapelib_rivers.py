#!/usr/bin/env python3
"""fastscapelib on the ground of rivers_bench: routing, stream power and diffusion from noise.

Same noise, same parameters and order of a step as support/bare_ground.cuh and support/sequential_rivers.hpp; diffusion
is fastscapelib's ADI where ours is explicit. Kruskal's passes and one thread were its fastest setting. Takes those
arguments of a Google Benchmark program that scripts/bench passes, and writes results as one does.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import time

import fastscapelib
import numpy

STEPS = 100
DX_M = 100.0
K = 2e-5  # m^0.1 / yr
KAPPA = 0.05  # m^2 / yr
DT_YR = 1000.0
M_EXPONENT = 0.45
UPLIFT_M = 1e-3 * DT_YR  # a step
GROUND_M = 400.0


def mix64(k):
    """lithify::mix64 of an array."""
    shift = numpy.uint64(33)
    k = (k ^ (k >> shift)) * numpy.uint64(0xFF51AFD7ED558CCD)
    k = (k ^ (k >> shift)) * numpy.uint64(0xC4CEB9FE1A85EC53)
    return k ^ (k >> shift)


def noise(n):
    cells = mix64(numpy.arange(n * n, dtype=numpy.uint64)) >> numpy.uint64(44)
    return (GROUND_M + cells.astype(numpy.float64) * 2.0**-20).reshape(n, n)


class Ground:
    """n x n columns; the rim keeps its height."""

    def __init__(self, n):
        self.z = noise(n)
        # The graph does not keep its grid alive.
        self.grid = fastscapelib.RasterGrid([n, n], [DX_M, DX_M], fastscapelib.NodeStatus.FIXED_VALUE)
        resolver = fastscapelib.MSTSinkResolver(fastscapelib.MSTMethod.KRUSKAL, fastscapelib.MSTRouteMethod.CARVE)
        self.graph = fastscapelib.FlowGraph(self.grid, [fastscapelib.SingleFlowRouter(), resolver])
        self.rivers = fastscapelib.SPLEroder(self.graph, K, M_EXPONENT, 1.0)
        self.creep = fastscapelib.DiffusionADIEroder(self.grid, KAPPA)
        self.area = numpy.empty_like(self.z)

    def step(self):
        self.z[1:-1, 1:-1] += UPLIFT_M
        self.graph.update_routes(self.z)
        self.graph.accumulate(self.area, 1.0)
        self.z -= self.rivers.erode(self.z, self.area, DT_YR)
        self.z -= self.creep.erode(self.z, DT_YR)


def measure(n):
    """One repetition; what it made tells whether it solved the same problem as rivers_bench."""
    ground = Ground(n)
    wall, core = time.perf_counter(), time.process_time()
    for _ in range(STEPS):
        ground.step()
    wall, core = time.perf_counter() - wall, time.process_time() - core
    return {"real_time": wall * 1e3, "cpu_time": core * 1e3, "items_per_second": STEPS * n * n / wall,
            "mean_height_m": float(ground.z.mean()), "relief_m": float(numpy.ptp(ground.z))}


def rows(name, n, repetitions):
    """A row for each repetition and, where there are several, one of their medians."""
    common = {"run_name": name, "repetitions": repetitions, "threads": 1, "time_unit": "ms",
              "label": f"fastscapelib {fastscapelib.__version__}"}
    runs = [measure(n) for _ in range(repetitions)]
    found = [{"name": name, "run_type": "iteration", "repetition_index": index, "iterations": 1, **common, **run}
             for index, run in enumerate(runs)]
    if repetitions > 1:
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        found.append({"name": name + "_median", "run_type": "aggregate", "aggregate_name": "median",
                      "aggregate_unit": "time", "iterations": repetitions, **common, **median})
    last = found[-1]
    print(f"{last['name']} {last['real_time']:.4g} ms {last['items_per_second'] / 1e6:.3g} M cell-steps/s", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark_filter", metavar="REGEX", default="", help="only benchmarks whose name matches")
    parser.add_argument("--benchmark_repetitions", metavar="N", type=int, default=1)
    parser.add_argument("--benchmark_out", metavar="FILE", type=pathlib.Path)
    for ignored in ("min_time", "display_aggregates_only", "out_format"):
        parser.add_argument("--benchmark_" + ignored, help="ignored")
    arguments = parser.parse_args()
    context = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
               "num_cpus": os.cpu_count(), "load_avg": os.getloadavg()}
    found = []
    for n in [512, 1024, *([2048] if "LITHIFY_BENCH_LARGE" in os.environ else [])]:
        name = f"cpu/rivers/from_noise_{STEPS}_steps/{n}/fastscapelib"
        if re.search(arguments.benchmark_filter, name):
            size = 64 if "LITHIFY_BENCH_SMALL" in os.environ else n
            found += rows(name, size, arguments.benchmark_repetitions)
    if arguments.benchmark_out:
        arguments.benchmark_out.write_text(json.dumps({"context": context, "benchmarks": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
