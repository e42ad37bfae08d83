"""A study in the words of its live page: what a new page gets, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from makeweight.report.page.charts import Series, lines_of
from makeweight.report.summary import network_label
from makeweight.store.glance import JobGlance, Point
from makeweight.web.progress import NetworkProgress, Progress
from makeweight.web.templates import at, duration, percent

MOST_NETWORKS = 500  # rows of the table
MOST_CURVES = 40  # lines on the chart

STATES = {
    "running": "running",
    "stopped": "stopped",
    "complete": "complete",
    "failed": "ended with failures",
    "empty": "nothing planned yet",
}


def overview(progress: Progress) -> dict[str, Any]:
    """Return all of a study but its curves."""
    return {
        "state": progress.state,
        "words": words(progress),
        "share": progress.done / progress.total if progress.total else 0,
        "left": f"{duration(progress.seconds_left)} left" if progress.seconds_left is not None else "",
        "canStop": progress.state == "running",
        "canResume": progress.state in ("stopped", "failed"),
        "running": [{"key": job.key, "label": run_label(job), "of": job.epochs} for job in progress.running],
        "stateWords": STATES[progress.state],
        "failures": [f"{run_label(j)}: {j.reason}" for j in progress.jobs if j.state == "failed"][:20],
        "networks": [network_row(progress, network) for network in shown_networks(progress)],
    }


def words(progress: Progress) -> str:
    """Say how far a study is."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.done:,} of {progress.total:,} trainings done{failed}"


def shown_networks(progress: Progress) -> tuple[NetworkProgress, ...]:
    """Return the networks of the table: all, or the most accurate of very many."""
    if len(progress.networks) <= MOST_NETWORKS:
        return progress.networks
    return tuple(sorted(progress.networks, key=lambda network: -(network.test_accuracy or 0))[:MOST_NETWORKS])


def network_row(progress: Progress, network: NetworkProgress) -> dict[str, Any]:
    """Return one row of the table, texts and what they sort by."""
    return {
        "label": network.label,
        "name": progress.name_of(network),
        "family": network.family,
        "href": at("studies", progress.name, "networks", network.slug) if network.done else None,
        "weights": network.weights,
        "macs": network.macs,
        "done": network.done,
        "seeds": network.seeds,
        "accuracy": network.test_accuracy,
        "accuracyWords": percent(network.test_accuracy),
        "span": span(network),
        "validation": network.validation_accuracy,
        "validationWords": percent(network.validation_accuracy),
        "seconds": network.train_seconds,
        "state": _state(progress, network),
    }


def span(network: NetworkProgress) -> str:
    """Return the lowest and the highest of the seeds."""
    if network.lowest is None or network.highest is None or network.done < 2:
        return ""
    return f"{100 * network.lowest:.2f}–{100 * network.highest:.2f}"


def _state(progress: Progress, network: NetworkProgress) -> str:
    if network.running and progress.state == "running":
        return "running"
    if network.done == network.seeds:
        return "done"
    return "failed" if network.failed else "waiting"


def run_label(job: JobGlance) -> str:
    """Name a training: FCN 100K seed 0."""
    return f"{network_label(job.family, job.budget)} seed {job.seed}"


def curves_of(progress: Progress) -> list[JobGlance]:
    """Choose the trainings whose curves are shown: what runs, and of very many the most accurate."""
    running = list(progress.running)
    done = [job for job in progress.jobs if job.state == "done"]
    if len(running) + len(done) > MOST_CURVES:
        done.sort(key=lambda job: -(job.test_accuracy or 0))
    begun = [job for job in progress.jobs if job.state == "pending" and job.attempts] if len(done) < MOST_CURVES else []
    return [*running, *done, *begun][:MOST_CURVES]


def series_of(progress: Progress) -> tuple[Series, ...]:
    """Return the lines of the networks, or of very many those whose curves are shown."""
    if len(progress.networks) <= MOST_CURVES:
        return lines_of(progress.networks)
    shown = {network_label(job.family, job.budget) for job in curves_of(progress)}
    return tuple(series for series in lines_of(progress.networks) if series.key in shown)


def curve(job: JobGlance, series: Series, points: Iterable[Point]) -> dict[str, Any]:
    """Return one training's curve."""
    return {
        "key": job.key,
        "label": run_label(job),
        "network": series.key,
        "colour": series.colour,
        "symbol": series.symbol,
        "dash": series.dash,
        "of": job.epochs,
        "points": [point(each) for each in points],
    }


def point(values: Point) -> list[float | int]:
    """Return an epoch as it stands on the chart, rounded to what a screen can show."""
    epoch, *rest = values
    return [epoch, *(float(f"{value:.5g}") for value in rest)]
