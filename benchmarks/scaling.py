"""Part ``scaling``: makeweight's cost against the number of images, of weights, and against workers × threads.

Every point is a fresh process (or as many as there are workers): a leg to warm up, then measured legs of one pass
each. For more images than FashionMNIST has, each row stands in the training data several times: the resident
normalised images are really as many, the mapped file underneath is not.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import figures
from benchmarks.contestants import Contestant, ContestantFailedError
from benchmarks.machine import processors
from benchmarks.output import progress, save, table
from benchmarks.peers import OURS
from benchmarks.settings import Settings
from benchmarks.workloads import PLAIN, TRAINING_IMAGES, Workload
from makeweight.errors import MakeweightError

COPIES = (1, 2, 4, 8)
BUDGETS = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000)
QUICK_BUDGETS = (10_000, 100_000)
MAX_LEGS = 3  # measured at a point; there are many points
BATCHES = {"fcn": 512, "cnn": 256}
SWEPT_IMAGES = {"fcn": TRAINING_IMAGES, "cnn": 4_096}  # of a leg against weights
DIVIDED = (
    Workload("fcn-100k", "fcn", 100_000, 512, TRAINING_IMAGES, options=PLAIN, plain=True),
    Workload("cnn-100k", "cnn", 100_000, 256, 8_192),
    Workload("cnn-10k", "cnn", 10_000, 256, 16_384),
)


def run(settings: Settings) -> None:
    """Measure all three, print, save and draw."""
    results = {
        "legs": _legs(settings),
        "images": _against_images(settings),
        "weights": _against_weights(settings),
        "workers": _against_workers(settings),
    }
    record = save("scaling", settings, results)
    _print(results)
    figures.scaling_images(record, settings.results / "scaling-images.png")
    figures.scaling_weights(record, settings.results / "scaling-weights.png")
    figures.scaling_workers(record, settings.results / "scaling-workers.png")


def _against_images(settings: Settings) -> list[dict[str, Any]]:
    points = []
    for family, budget in (("fcn", 100_000), ("cnn", 10_000)):
        for copies in COPIES:
            name = f"{family}-{budget // 1000}k ×{copies}"
            workload = Workload(name, family, budget, BATCHES[family], TRAINING_IMAGES, copies=copies)
            points += _point(workload, settings, series=f"{family.upper()} {budget // 1000}K")
    return points


def _against_weights(settings: Settings) -> list[dict[str, Any]]:
    points = []
    for family in ("fcn", "cnn"):
        for budget in QUICK_BUDGETS if settings.quick else BUDGETS:
            workload = Workload(f"{family}-{budget}", family, budget, BATCHES[family], SWEPT_IMAGES[family])
            points += _point(workload, settings, series=family.upper())
    return points


def _against_workers(settings: Settings) -> list[dict[str, Any]]:
    all_of_them = processors()
    divisions = sorted({(1, 1), (1, all_of_them), (all_of_them, 1)})
    return [
        point
        for workload in DIVIDED
        for workers, threads in divisions
        for point in _point(workload, settings, series=workload.name, workers=workers, threads=threads)
    ]


def _point(
    workload: Workload, settings: Settings, series: str, workers: int = 1, threads: int | None = None
) -> list[dict[str, Any]]:
    """Measure one point; none where there is no such network or its process fails, with the reason on stderr."""
    workload = workload.quick() if settings.quick else workload
    threads = threads or processors()
    try:
        cost = workload.design().cost
        with Contestant(OURS, workload, threads, workers) as contestant:
            legs = [contestant.leg() for _ in range(_legs(settings))]
            precision = contestant.precision
    except (MakeweightError, ContestantFailedError) as error:
        progress(f"{workload.name} is left out: {error}")
        return []
    rates = [leg.images_per_second for leg in legs]
    progress(f"{workload.name}, {workers} × {threads} threads: {statistics.median(rates):,.0f} images/s")
    return [
        {
            "series": series,
            "network": workload.name,
            "weights": cost.weights,
            "macs": cost.macs,
            "images": workload.leg_images,
            "batch_size": workload.batch_size,
            "workers": workers,
            "threads": threads,
            "precision": precision,
            "seconds_per_epoch": _spread([leg.seconds for leg in legs]),
            "images_per_second": _spread(rates),
            "peak_rss_mb": legs[-1].peak_rss_mb,
        }
    ]


def _legs(settings: Settings) -> int:
    return min(settings.rounds, MAX_LEGS)


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _print(results: dict[str, Any]) -> None:
    titles = {
        "images": "Against the number of images",
        "weights": "Against the number of weights",
        "workers": "Against workers × threads, all workers together",
    }
    header = ["network", "weights", "MACs", "images", "workers × threads", "s/epoch", "images/s", "peak RSS (MiB)"]
    for key, title in titles.items():
        rows = [
            [
                f"{point['network']} ({point['precision']})",
                f"{point['weights']:,}",
                f"{point['macs']:,}",
                f"{point['images']:,}",
                f"{point['workers']} × {point['threads']}",
                f"{point['seconds_per_epoch']['median']:.2f}",
                f"{point['images_per_second']['median']:,.0f}",
                f"{point['peak_rss_mb']:,.0f}",
            ]
            for point in results[key]
        ]
        table(f"{title}; median of {results['legs']} legs", header, rows)
