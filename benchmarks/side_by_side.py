"""Part ``peers``: makeweight and its peers train the same network on the same images, taking turns in one run.

For each round and each peer there is one leg of makeweight and one of the peer, straight after each other, so that a
slow minute of the machine meets both; each pair gives a ratio. Single contestants get all processors. ``makeweight
×2`` is what ``makeweight study`` does on two processors: a training in each of as many processes, one thread each.
Start-up, compilation and the preparation of arrays are outside the clock for everybody.
"""

from __future__ import annotations

import contextlib
import statistics
from typing import Any

from benchmarks import figures
from benchmarks.contestants import Contestant, ContestantFailedError, Leg
from benchmarks.machine import processors
from benchmarks.output import progress, save, table
from benchmarks.peak import Peaks, measure_peaks, operations_per_image
from benchmarks.peers import OURS, PEERS
from benchmarks.settings import Settings
from benchmarks.workloads import WORKLOADS, Workload

SIDE_BY_SIDE = "makeweight-side-by-side"  # our processes of one thread each


def run(settings: Settings) -> None:
    """Run all workloads, print tables, save numbers and a figure."""
    progress("peak of matrix products")
    peaks = measure_peaks(settings.quick)
    workloads = [workload.quick() if settings.quick else workload for workload in WORKLOADS]
    results = [_workload(workload, settings, peaks) for workload in workloads]
    record = save("peers", settings, {"peak_gflops": peaks, "workloads": results})
    for result in results:
        _print(result, settings.rounds)
    _print_peaks(peaks)
    figures.peers(record, settings.results / "peers.png")


def _workload(workload: Workload, settings: Settings, peaks: Peaks) -> dict[str, Any]:
    design = workload.design()
    result: dict[str, Any] = {
        "workload": workload.name,
        "weights": design.cost.weights,
        "macs": design.cost.macs,
        "operations_per_image": operations_per_image(design.cost),
        "batch_size": workload.batch_size,
        "images_per_leg": workload.leg_images,
        "contestants": {},
        "left_out": {} if workload.plain else _left_out(),
    }
    names = [SIDE_BY_SIDE, *(name for name in PEERS if name != OURS and name not in result["left_out"])]
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(_start(OURS, workload))
        others = {}
        for name in names:
            try:
                others[name] = stack.enter_context(_start(name, workload))
            except ContestantFailedError as error:
                _drop(result, name, error)
        pairs = _rounds(ours, others, settings.rounds, result)
        result["contestants"][OURS] = _summary(ours, [mine for p in pairs.values() for mine, _ in p])
        for name, legs in pairs.items():
            result["contestants"][name] = _summary(others[name], [theirs for _, theirs in legs]) | _ratios(legs)
    _compare_side_by_side(result)
    _add_peak_share(result, peaks)
    return result


def _start(name: str, workload: Workload) -> Contestant:
    progress(f"{workload.name}: {name} builds and warms up")
    contestant = (
        Contestant(OURS, workload, 1, processes=processors())
        if name == SIDE_BY_SIDE
        else Contestant(name, workload, processors())
    )
    weights = workload.design().cost.weights
    if contestant.weights != weights:
        contestant.close()
        raise ContestantFailedError(f"built {contestant.weights:,} weights and not {weights:,}: not the same network")
    return contestant


def _rounds(
    ours: Contestant, others: dict[str, Contestant], rounds: int, result: dict[str, Any]
) -> dict[str, list[tuple[Leg, Leg]]]:
    """Let everybody take turns; who fails is out, and the others go on."""
    pairs: dict[str, list[tuple[Leg, Leg]]] = {name: [] for name in others}
    for number in range(1, rounds + 1):
        for name in list(pairs):
            mine = ours.leg()
            try:
                theirs = others[name].leg()
            except ContestantFailedError as error:
                _drop(result, name, error)
                del pairs[name]
                continue
            pairs[name].append((mine, theirs))
            progress(
                f"{ours.workload.name}, round {number} of {rounds}: makeweight {mine.images_per_second:,.0f}, "
                f"{name} {theirs.images_per_second:,.0f} images/s"
            )
    return pairs


def _summary(contestant: Contestant, legs: list[Leg]) -> dict[str, Any]:
    rates = [leg.images_per_second for leg in legs]
    return {
        "threads": contestant.threads,
        "processes": contestant.processes,
        "precision": contestant.precision,
        "weights": contestant.weights,
        "images_per_second": _spread(rates),
        "peak_rss_mb": max(leg.peak_rss_mb for leg in legs),
        "first_loss": contestant.first_loss,
        "last_loss": legs[-1].loss,
        "legs": [{"seconds": leg.seconds, "images_per_second": leg.images_per_second} for leg in legs],
    }


def _ratios(pairs: list[tuple[Leg, Leg]]) -> dict[str, Any]:
    return {"makeweight_is_faster": _spread([a.images_per_second / b.images_per_second for a, b in pairs])}


def _compare_side_by_side(result: dict[str, Any]) -> None:
    """Compare our processes side by side with each peer, round by round: not neighbours in time, but near."""
    contestants = result["contestants"]
    if SIDE_BY_SIDE not in contestants:
        return
    ours = contestants[SIDE_BY_SIDE]["legs"]
    for name, summary in contestants.items():
        if name not in (OURS, SIDE_BY_SIDE):
            ratios = [
                a["images_per_second"] / b["images_per_second"] for a, b in zip(ours, summary["legs"], strict=True)
            ]
            summary["makeweight_side_by_side_is_faster"] = _spread(ratios)


def _add_peak_share(result: dict[str, Any], peaks: Peaks) -> None:
    """Say which share of the matrix-product peak ours reaches, in its precision and on all processors."""
    for name in (OURS, SIDE_BY_SIDE):
        if name in result["contestants"]:
            summary = result["contestants"][name]
            gflops = result["operations_per_image"] * summary["images_per_second"]["median"] / 1e9
            used = str(summary["threads"] * summary["processes"])
            summary["gflops"] = round(gflops, 2)
            summary["share_of_peak"] = gflops / peaks[summary["precision"]][used]


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _left_out() -> dict[str, str]:
    return {name: "cannot express this network" for name, peer in PEERS.items() if peer.plain_only}


def _drop(result: dict[str, Any], name: str, error: Exception) -> None:
    result["left_out"][name] = str(error)
    progress(f"{result['workload']}: {name} is out: {error}")


def label_of(name: str) -> str:
    """Name of a contestant in tables."""
    return f"makeweight ×{processors()}" if name == SIDE_BY_SIDE else PEERS[name].label


def _print(result: dict[str, Any], rounds: int) -> None:
    rows = []
    for name, summary in result["contestants"].items():
        rows.append(
            [
                f"{label_of(name)} ({summary['precision']}, {summary['processes']} × {summary['threads']} threads)",
                f"{summary['images_per_second']['median']:,.0f}",
                _ratio(summary.get("makeweight_is_faster")),
                _ratio(summary.get("makeweight_side_by_side_is_faster")),
                f"{summary['peak_rss_mb']:,.0f}",
                f"{summary['share_of_peak']:.1%}" if "share_of_peak" in summary else "",
                f"{summary['first_loss']:.3f} → {summary['last_loss']:.3f}",
            ]
        )
    title = (
        f"{result['workload']}: {result['weights']:,} weights, {result['macs']:,} MACs, batch {result['batch_size']}, "
        f"{result['images_per_leg']:,} images a leg, {rounds} rounds"
    )
    beside = f"makeweight ×{processors()} is faster"
    header = ["contestant", "images/s", "makeweight is faster", beside, "peak RSS (MiB)", "of peak", "training loss"]
    table(title, header, rows)
    if result["left_out"]:
        table("Left out", ["contestant", "why"], [[label_of(n), why] for n, why in result["left_out"].items()])


def _ratio(spread: dict[str, float] | None) -> str:
    return "" if spread is None else f"{spread['median']:.2f}× ({spread['min']:.2f} to {spread['max']:.2f})"


def _print_peaks(peaks: Peaks) -> None:
    rows = [[f"{p}, threads: {t}", f"{peak:,.0f}"] for p, found in peaks.items() for t, peak in found.items()]
    table("Peak of square matrix products", ["precision", "GFLOP/s"], rows)
