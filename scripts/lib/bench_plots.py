"""Draws results as PNGs, 598 pixels wide: the goals, how passes grow with the region, the overlay beside OpenVDB.

Needs matplotlib. A plot whose benchmarks were not measured is not drawn.
"""
import io

import matplotlib
import PIL.Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from bench_report import reached  # noqa: E402
from bench_results import find  # noqa: E402

DOTS_PER_INCH = 100
WIDTH = 598 / DOTS_PER_INCH
INK, PALE, GRID = "#24292f", "#6e7781", "#d8dee4"
CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # behind words that cross a line
# Colours that stay apart for every kind of sight (Okabe & Ito 2008).
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#e69f00", "#009e73", "#9aa4ae"

plt.rcParams.update({
    "font.size": 8.5, "font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": PALE,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.axisbelow": True,
    "grid.color": GRID, "grid.linewidth": 0.8, "legend.frameon": False,
})


def save(figure, path):
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DOTS_PER_INCH)
    plt.close(figure)
    # A quarter of the bytes; no date and no version inside.
    PIL.Image.open(drawn).convert("RGB").quantize(64, dither=PIL.Image.Dither.NONE).save(path, optimize=True)
    return path


def shown(number):
    return f"{number:#.2g}" if number < 9.95 else f"{number:.0f}"


def fulfilment(goal, results):
    """(ours over what the goal asks for, words for the end of its bar); None where either was not measured."""
    ratio = reached(goal, results)
    if ratio is None:
        return None
    if "limit" in goal:
        return ratio, shown(ratio)
    return ratio / goal["ratio"], f"{shown(ratio)}x, goal {goal['ratio']:g}x"


def plot_goals(results, goals, path):
    """A bar a goal from 1, where it is met, to the right or to the left."""
    rows = [(goal["what"], *found) for goal in goals if (found := fulfilment(goal, results))]
    if not rows:
        return None
    rows.sort(key=lambda row: -row[1])
    pitch, head, foot = 0.35, 0.62, 0.48
    height = head + foot + pitch * len(rows)
    figure = plt.figure(figsize=(WIDTH, height))
    axes = figure.add_axes([0.04, foot / height, 0.92, 1 - (head + foot) / height])
    least = min(row[1] for row in rows) / 2.5
    most = max(row[1] for row in rows)
    for i, (what, part, words) in enumerate(rows):
        met = part >= 1
        axes.barh(i + 0.17, part - 1, left=1, height=0.36, color=BLUE if met else ORANGE)
        axes.text(least, i - 0.24, what, va="center", ha="left", fontsize=7.6, bbox=CLEAR)
        axes.text(part * 1.06 if met else part / 1.06, i + 0.17, words, va="center", color=PALE, fontsize=7.2,
                  ha="left" if met else "right")
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(least, most * 4)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    ticks = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if least <= t <= most * 1.5]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.grid(axis="x")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("what was reached over what the goal asks for (1: met)")
    met = sum(row[1] >= 1 for row in rows)
    figure.text(0.04, 1 - 0.22 / height, "Goals", weight="bold", fontsize=10, va="center")
    figure.text(0.04, 1 - 0.44 / height, color=PALE, va="center",
                s=f"{met} of {len(rows)} that were measured are met (blue); the others fall short (orange)")
    return save(figure, path)


def plot_growth(results, path):
    """Cells a second, and the part of a copy's bytes a second, over the side of the region."""
    sides = [side for side in (512, 1024, 2048, 4096, 8192, 16384)
             if find(results, f"cpu/growth/{side}", "rivers_cells/s")]
    if len(sides) < 2:
        return None
    figure, (speed, part) = plt.subplots(1, 2, figsize=(WIDTH, 2.75), layout="constrained")
    for name, colour, marker in (("rivers", BLUE, "o"), ("creep", GREEN, "s"), ("scree", ORANGE, "^")):
        for axes, measure, scale in ((speed, "cells/s", 1e6), (part, "of_copy", 1e-2)):
            values = [find(results, f"cpu/growth/{side}", f"{name}_{measure}") / scale for side in sides]
            axes.plot(sides, values, color=colour, marker=marker, markersize=4.5, linewidth=1.6, label=name)
        # At the line's end instead of in a legend.
        speed.annotate(name, (sides[-1], find(results, f"cpu/growth/{sides[-1]}", f"{name}_cells/s") / 1e6), color=colour,
                       xytext=(6, 0), textcoords="offset points", va="center", weight="bold")
    speed.set_yscale("log")
    speed.set_ylim(bottom=10)
    speed.set_yticks([10, 20, 50, 100, 200, 500], ["10", "20", "50", "100", "200", "500"])
    speed.set_title("Million cells a second")
    part.set_ylim(0, 100)
    part.set_title("Percent of a copy's bytes")
    for axes in (speed, part):
        axes.set_xscale("log")
        axes.set_xticks(sides, [str(side) for side in sides])
        axes.minorticks_off()
        axes.grid(axis="y")
        axes.set_xlabel("columns along a side")
    speed.set_xlim(right=sides[-1] * 2.3)
    return save(figure, path)


def plot_overlay(results, path):
    """Edits to published and points afterwards, ours beside OpenVDB's two forms."""
    orders = ("scattered", "spread", "clustered", "coherent")
    accessor, in_parallel = ("openvdb", "OpenVDB, accessor", ORANGE), ("openvdb_sorted", "OpenVDB, sorted, parallel", GREY)
    groups = [("Edits, published", "cpu/overlay/published/{}/5000000", (accessor, in_parallel)),
              ("Points, random", "cpu/overlay/points/{}/random", (accessor,)),
              ("Points, in order", "cpu/overlay/points/{}/in_order", (accessor,))]
    if any(find(results, form.format(order) + tail, "items_per_second") is None
           for _, form, peers in groups for order in orders for tail in ("", *("/" + peer for peer, _, _ in peers))):
        return None
    figure, all_axes = plt.subplots(1, 3, figsize=(WIDTH, 3.4), sharey=True, width_ratios=[1.2, 1, 1])
    figure.subplots_adjust(left=0.125, right=0.965, top=0.91, bottom=0.215, wspace=0.16)
    for axes, (title, form, peers) in zip(all_axes, groups):
        bars = (("", "Lithify", BLUE), *(("/" + peer, label, colour) for peer, label, colour in peers))
        width = 0.8 / len(bars)
        for i, (tail, label, colour) in enumerate(bars):
            values = [find(results, form.format(order) + tail, "items_per_second") / 1e6 for order in orders]
            places = [at + (i - (len(bars) - 1) / 2) * width for at in range(len(orders))]
            axes.barh(places, values, width * 0.9, color=colour, label=label or None)
            for at, number in zip(places, values):
                axes.annotate(shown(number), (number, at), xytext=(3, 0), textcoords="offset points", va="center",
                              fontsize=7.4, color=PALE)
        axes.set_title(title)
        axes.set_yticks(range(len(orders)), orders)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.17)
        axes.grid(axis="x")
        axes.locator_params(axis="x", nbins=5)
    all_axes[0].invert_yaxis()
    all_axes[1].set_xlabel("million a second")
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="lower center", ncol=3, handlelength=1)
    return save(figure, path)


def plot_all(results, goals, folder):
    """Paths of the plots that could be drawn."""
    drawn = (plot_goals(results, goals, folder / "goals.png"), plot_growth(results, folder / "growth.png"),
             plot_overlay(results, folder / "overlay.png"))
    return [path for path in drawn if path]
