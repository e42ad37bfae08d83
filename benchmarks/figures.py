"""Figures of the benchmark, from the records that are saved.

Colours are those of Okabe and Ito 2008, "Color Universal Design", which stay apart for colour-blind readers; markers
or labels differ as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.machine import one_line
from benchmarks.peers import OURS, PEERS
from benchmarks.tuning import curves
from benchmarks.tuning.arms import ARMS
from benchmarks.tuning.summary import Run

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676"
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
}
DPI = 150
# Of a search: colour and dashes. Dashed lines are an arm's second form.
SEARCHES = {
    "makeweight": (BLUE, "-"), "cold": (BLUE, "--"), "random": (GREY, "-"), "optuna": (ORANGE, "-"),
    "optuna-narrow": (ORANGE, "--"), "keras": (GREEN, "-"), "keras-narrow": (GREEN, "--"),
}  # fmt: skip


def peers(record: dict[str, Any], path: Path) -> None:
    """Draw images a second of every contestant: the median, and a line from the slowest to the fastest leg."""

    def draw(figure: Figure) -> None:
        for axes, result in zip(_panels(figure, len(record["workloads"])), record["workloads"], strict=True):
            _bars_of_contestants(axes, result)
        figure.suptitle(_title(f"Training, images per second; {record['rounds']} rounds", record))

    _draw(path, (11, 7), draw)


def softmax(record: dict[str, Any], path: Path) -> None:
    """Draw loss and validation accuracy of each network with the fault (dashed) and without."""
    colours = dict(zip((10_000, 20_000, 50_000, 100_000), (BLUE, ORANGE, GREEN, PURPLE), strict=True))

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for network in record["networks"]:
            name = f"CNN {network['budget'] // 1000}K{', softmax before the loss' if network['softmax'] else ''}"
            for training in network["trainings"]:
                line: Any = {"color": colours[network["budget"]], "linestyle": "--" if network["softmax"] else "-"}
                line |= {"label": name if not training["seed"] else None, "linewidth": 1.2}
                epochs = range(1, len(training["training_loss"]) + 1)
                left.plot(epochs, training["training_loss"], **line)
                right.plot(epochs, [100 * a for a in training["validation_accuracy"]], **line)
        left.axhline(1.461, color=GREY, linewidth=0.8)
        left.annotate(
            "least possible loss with the softmax: ln(1 + 9/e)", (12, 1.45), ha="right", va="top", color=GREY, size=8
        )
        left.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
        right.set(xlabel="epoch", ylabel="validation accuracy, %")
        left.legend(fontsize=7, loc="upper right", bbox_to_anchor=(1.0, 0.62))
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.suptitle(_title("The same CNNs with and without a softmax before the cross-entropy", record))

    _draw(path, (11, 4.5), draw)


def study(record: dict[str, Any], path: Path) -> None:
    """Draw the seconds of the whole study, and until its first complete table."""
    bars = [
        ("makeweight study, whole\n(measured)", "makeweight_seconds", BLUE),
        ("makeweight study, first table\n(measured)", "makeweight_first_table_seconds", BLUE),
        ("torch script, same epochs\n(extrapolated)", "script_seconds_same_epochs_extrapolated", GREY),
        ("torch script, same images\n(extrapolated)", "script_seconds_same_images_extrapolated", GREY),
        ("torch script, first table,\nsame epochs (extrapolated)", "script_first_table_seconds_extrapolated", GREY),
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        labels, keys, colours = zip(*bars[::-1], strict=True)
        seconds = [record[key] for key in keys]
        axes.bar_label(axes.barh(labels, seconds, color=colours), fmt=" {:,.1f} s")
        axes.set_xlim(0, 1.15 * max(seconds))
        axes.set_xlabel("seconds")
        axes.grid(axis="y", visible=False)
        networks, seeds = len(record["script"]), record["seeds"]
        figure.suptitle(_title(f"Networks: {networks}, seeds: {seeds}; of the script, training steps only", record))

    _draw(path, (10, 3.8), draw)


def targets(record: dict[str, Any], path: Path) -> None:
    """Draw the memory of a training after each epoch, and what a second worker adds."""

    def draw(figure: Figure) -> None:
        left, right = _panels(figure, 2)
        for run, colour, marker in zip(record["memory"], (BLUE, ORANGE), "os", strict=True):
            held = run["worker_rss_mb_after_epochs"]
            style = {"color": colour, "marker": marker, "markersize": 3, "label": run["network"]}
            left.plot(range(1, len(held) + 1), held, **style)
        left.set_ylim(0, 1.1 * max(max(run["worker_rss_mb_after_epochs"]) for run in record["memory"]))
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.set_xlabel("epoch")
        left.set_ylabel("RSS of the worker (MiB)")
        left.legend(frameon=False)
        labels = [f"{run['network']}\n{run['workers']} worker{'s' * (run['workers'] > 1)}" for run in record["sharing"]]
        right.bar_label(right.bar(labels, [run["pss_mb"] for run in record["sharing"]], color=BLUE), fmt="%.0f")
        right.set_ylabel("PSS of all workers together (MiB)")
        right.grid(axis="x", visible=False)
        figure.suptitle(_title("Memory of training", record))

    _draw(path, (10, 3.6), draw)


def tuning(record: dict[str, Any], runs: Sequence[Run], path: Path) -> None:
    """Draw the best validation accuracy so far against seconds and trainings: the mean, and each repeat thin."""
    arms, seconds = list(record["arms"]), record["seconds"]

    def draw(figure: Figure) -> None:
        left, right = _panels(figure, 2)
        for arm in arms:
            found = [run for run in runs if run.arm == arm]
            _stairs(left, arm, [curves.against_seconds(run, seconds) for run in found], seconds)
            _stairs(right, arm, [curves.against_trainings(run) for run in found], float("inf"))
        for axes in (left, right):
            axes.set_ylim(*_range_of_best(runs, seconds))
            axes.set_ylabel("best validation accuracy so far (%)")
        left.set_xlabel("CPU seconds")
        right.set_xlabel("networks trained")
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
        what = f"Searches for an FCN of at most 100K weights on FashionMNIST; repeats: {record['rounds']}"
        figure.suptitle(_title(what, record))

    _draw(path, (11, 5), draw)


def _stairs(axes: Axes, arm: str, found: list[curves.Curve], to: float) -> None:
    colour, dashes = SEARCHES[arm]
    style: Any = {"color": colour, "linestyle": dashes, "where": "post"}
    for where, best in found:
        axes.step(where, best, **style, linewidth=0.6, alpha=0.35)
    axes.step(*curves.mean(found, to), **style, linewidth=2, label=ARMS[arm].label)


def _range_of_best(runs: Sequence[Run], seconds: float) -> tuple[float, float]:
    """From a little below the search that ends lowest, where the steps of all can be told apart."""
    ends = [100 * best for run in runs if (best := run.at_seconds(seconds)) is not None]
    return (min(ends) - 0.5, max(ends) + 0.1) if ends else (0.0, 100.0)


def scaling_images(record: dict[str, Any], path: Path) -> None:
    """Draw seconds an epoch and peak memory against the number of images."""
    panels = (("seconds an epoch", lambda p: p["seconds_per_epoch"]["median"]), MEMORY_PANEL)
    _curves(path, record, "Cost against training images", record["images"], "images", "training images", panels)


def scaling_weights(record: dict[str, Any], path: Path) -> None:
    """Draw images a second and peak memory against the number of weights."""
    panels = (("images/s", lambda p: p["images_per_second"]["median"]), MEMORY_PANEL)
    _curves(path, record, "Cost against weights", record["weights"], "weights", "trainable weights", panels)


def scaling_workers(record: dict[str, Any], path: Path) -> None:
    """Draw images a second and peak memory of all workers, for each division of the processors."""

    def draw(figure: Figure) -> None:
        names = list(dict.fromkeys(point["network"] for point in record["workers"]))
        for row, name in zip(figure.subplots(len(names), 2, squeeze=False), names, strict=True):
            points = [point for point in record["workers"] if point["network"] == name][::-1]
            labels = [f"{point['workers']} × {point['threads']}" for point in points]
            rates = [point["images_per_second"]["median"] for point in points]
            peaks = [point["peak_rss_mb"] for point in points]
            for axes, values, what in (
                (row[0], rates, "images/s together"),
                (row[1], peaks, "peak RSS together (MiB)"),
            ):
                axes.bar_label(axes.barh(labels, values, color=BLUE), fmt=" {:,.0f}")
                axes.set_xlim(0, 1.2 * max(values))
                axes.xaxis.set_major_formatter(FuncFormatter(_number))
                axes.set_title(f"{name}: {what}", fontsize=9)
                axes.grid(axis="y", visible=False)
        figure.supylabel("workers × threads of each")
        figure.suptitle(_title("Dividing the processors", record))

    _draw(path, (10, 6), draw)


Panel = tuple[str, Callable[[dict[str, Any]], float]]
MEMORY_PANEL: Panel = ("peak RSS (MiB)", lambda point: point["peak_rss_mb"])


def _curves(
    path: Path,
    record: dict[str, Any],
    title: str,
    points: list[dict[str, Any]],
    key: str,
    label: str,
    panels: tuple[Panel, Panel],
) -> None:
    """Draw two quantities against another, a curve for each series; memory from zero, the others logarithmic."""

    def draw(figure: Figure) -> None:
        names = list(dict.fromkeys(point["series"] for point in points))
        for axes, (what, value) in zip(_panels(figure, 2), panels, strict=True):
            for name, colour, marker in zip(names, (BLUE, ORANGE), "os", strict=True):
                chosen = [point for point in points if point["series"] == name]
                axes.plot([p[key] for p in chosen], [value(p) for p in chosen], color=colour, marker=marker, label=name)
            axes.set_xlabel(label)
            axes.set_ylabel(what)
            axes.set_xscale("log")
            if what == MEMORY_PANEL[0]:
                axes.set_ylim(bottom=0)
            else:
                axes.set_yscale("log")
            for axis, written in ((axes.xaxis, _short), (axes.yaxis, _number)):
                axis.set_major_formatter(FuncFormatter(written))
                axis.set_minor_formatter(lambda value, _, w=written: w(value) if f"{value:e}"[0] in "25" else "")
            axes.legend(frameon=False)
        figure.suptitle(_title(title, record))

    _draw(path, (10, 4), draw)


def _bars_of_contestants(axes: Axes, result: dict[str, Any]) -> None:
    found = list(result["contestants"].items())[::-1]  # the first at the top
    rates = [summary["images_per_second"] for _, summary in found]
    medians = [rate["median"] for rate in rates]
    below, above = [r["median"] - r["min"] for r in rates], [r["max"] - r["median"] for r in rates]
    labels = [_contestant(name, summary) for name, summary in found]
    colours = [BLUE if name.startswith(OURS) else GREY for name, _ in found]
    axes.barh(labels, medians, xerr=(below, above), color=colours, error_kw={"linewidth": 1, "capsize": 2})
    for i, rate in enumerate(rates):
        axes.annotate(f"{rate['median']:,.0f}", (rate["max"], i), (4, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, 1.22 * max(rate["max"] for rate in rates))
    axes.set_title(f"{result['workload']}: {result['weights']:,} weights, batch {result['batch_size']}", fontsize=9)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(_number))


def _contestant(name: str, summary: dict[str, Any]) -> str:
    label = PEERS[name].label if name in PEERS else f"makeweight ×{summary['processes']}"
    return f"{label}, {summary['precision']}"


def _number(value: float, _: int | None = None) -> str:
    """Write a tick's number out, without powers of ten."""
    return f"{value:,.6g}" if value < 1 else f"{value:,.0f}"


def _short(value: float, _: int | None = None) -> str:
    """Write a tick's number with K or M, where many stand side by side."""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}K" if value >= 1e3 else f"{value:g}"


def _panels(figure: Figure, count: int) -> list[Axes]:
    """Two panels a row."""
    rows = -(-count // 2)
    panels = list(figure.subplots(rows, min(2, count), squeeze=False).flat)
    for left in panels[count:]:
        left.remove()
    return panels[:count]


def _title(what: str, record: dict[str, Any]) -> str:
    warning = "QUICK TEST RUN, THE NUMBERS MEAN NOTHING. " if record["quick"] else ""
    return f"{warning}{what}\n{one_line(record['machine'])}"


def _draw(path: Path, size: tuple[float, float], draw: Callable[[Figure], None]) -> None:
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(path, dpi=DPI)
