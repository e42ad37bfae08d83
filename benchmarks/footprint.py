"""Memory of ``makeweight train`` and of a study's workers."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from typing import Any

from benchmarks.command import Line, makeweight
from benchmarks.memory import Sampler, rss, workers
from benchmarks.output import progress, table

NETWORKS = (("fcn", "100K"), ("cnn", "100K"))
QUICK = ("--dataset", "digits", "--set", "epochs=3")
SHARING_EPOCHS = {"fcn": 10, "cnn": 1}  # long enough for all workers to train at the same time


def trainings(quick: bool) -> list[dict[str, Any]]:
    """Train each network with its default recipe, and look at its memory throughout."""
    return [_training(family, budget, quick) for family, budget in NETWORKS]


def _training(family: str, budget: str, quick: bool) -> dict[str, Any]:
    after_epochs: list[float] = []

    def look(pid: int, line: Line) -> None:
        if line.text.startswith("epoch "):
            after_epochs.append(sum(map(rss, workers(pid))))

    memory = Sampler()
    arguments = ["train", "--family", family, "--budget", budget, *(QUICK if quick else ())]
    with tempfile.TemporaryDirectory() as folder:
        makeweight([*arguments, "--store", folder], look, memory)
    progress(f"{family} {budget}: peak RSS {sum(memory.worker_peaks_mb.values()):.0f} MiB in the worker")
    return {
        "network": f"{family.upper()} {budget}",
        "worker_peak_rss_mb": sum(memory.worker_peaks_mb.values()),
        "command_peak_rss_mb": memory.main_peak_mb,  # the process that the user started, which stores and shows
        "worker_rss_mb_after_epochs": after_epochs,
    }


def sharing(quick: bool) -> list[dict[str, Any]]:
    """Compare one worker with two, each training a network on the same data.

    In the proportional set size (PSS) a page that n processes share counts 1/n in each, so the sum says what is really
    held, apart from libraries that the command's own process shares. The prepared images are one file that all workers
    map. What a worker makes of them, the normalised images of its training, is its own and in its anonymous memory.
    """
    return [_side_by_side(family, budget, count, quick) for family, budget in NETWORKS for count in (1, 2)]


def _side_by_side(family: str, budget: str, count: int, quick: bool) -> dict[str, Any]:
    memory = Sampler(with_pss=True)
    small = ["--set", f"epochs={SHARING_EPOCHS[family]}"] if not quick else QUICK
    arguments = ["--families", family, "--budgets", budget, "--seeds", "2", "--workers", str(count), "--threads", "1"]
    with tempfile.TemporaryDirectory() as folder:
        makeweight(["study", *arguments, *small, "--store", folder], memory=memory)
    progress(f"{family} {budget}, {count} workers: PSS {memory.fullest.pss_mb:.0f} MiB")
    images = {"images_rss_mb": memory.images.rss_mb, "images_pss_mb": memory.images.pss_mb}
    return {"network": f"{family.upper()} {budget}", **asdict(memory.fullest), **images}


def show(memory: list[dict[str, Any]], shared: list[dict[str, Any]]) -> None:
    """Print both."""
    rows = [
        [
            run["network"],
            f"{run['worker_peak_rss_mb']:.0f}",
            f"{run['command_peak_rss_mb']:.0f}",
            f"{run['worker_rss_mb_after_epochs'][0]:.0f} → {run['worker_rss_mb_after_epochs'][-1]:.0f}",
            f"{max(run['worker_rss_mb_after_epochs']):.0f}",
        ]
        for run in memory
    ]
    header = ["makeweight train", "worker's peak", "command's peak", "after first → last epoch", "most after an epoch"]
    table("Resident memory (MiB)", header, rows)
    rows = [
        [
            f"{found['network']}, {found['workers']} workers",
            *(f"{found[key]:.0f}" for key in ("rss_mb", "pss_mb", "anonymous_mb", "images_rss_mb", "images_pss_mb")),
        ]
        for found in shared
    ]
    header = ["network", "RSS", "PSS", "anonymous", "mapped images, RSS", "mapped images, PSS"]
    table("Memory of all workers together (MiB), at their fullest", header, rows)
