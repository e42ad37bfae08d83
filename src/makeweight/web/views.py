"""A study as its live page shows it: what a new page gets, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from makeweight.report.page.charts import Series, lines_of
from makeweight.store.glance import JobGlance, Point
from makeweight.web.answers import below
from makeweight.web.controls import in_labels
from makeweight.web.progress import NetworkProgress, Progress
from makeweight.wording import duration, percent

MAX_NETWORKS = 500  # rows of the table
MAX_CURVES = 40  # lines on the chart

STATES = {
    "running": "running",
    "stopped": "stopped",
    "complete": "complete",
    "failed": "failed",
    "empty": "nothing planned yet",
}


def overview(progress: Progress) -> dict[str, Any]:
    """Return all of a study except its curves."""
    return {
        "state": progress.state,
        "done": progress.done,
        "words": words(progress),
        "share": progress.done / progress.total if progress.total else 0,
        "left": f"{duration(progress.seconds_left)} left" if progress.seconds_left is not None else "",
        "canStop": progress.state == "running",
        "canResume": progress.state in ("stopped", "failed"),
        "running": [{"key": job.key, "label": job.label, "of": job.epochs} for job in progress.running],
        "stateWords": STATES[progress.state],
        "failures": [f"{j.label}: {j.reason}" for j in progress.jobs if j.state == "failed"][:20],
        "problem": in_labels(problem(progress)),
        "networks": [network_row(progress, network) for network in shown_networks(progress)],
    }


def problem(progress: Progress) -> str:
    """Say why the last run that was started here failed, and the command for it; "" if it didn't."""
    run = progress.run
    return f"{run.message} In a terminal: {run.what}" if run and run.state == "failed" else ""


def words(progress: Progress) -> str:
    """Say how far a study has come."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.done:,} of {progress.total:,} trainings done{failed}"


def shown_networks(progress: Progress) -> tuple[NetworkProgress, ...]:
    """Return the networks of the table: all, or the most accurate of very many."""
    if len(progress.networks) <= MAX_NETWORKS:
        return progress.networks
    return tuple(sorted(progress.networks, key=lambda network: -network.accuracy)[:MAX_NETWORKS])


def network_row(progress: Progress, network: NetworkProgress) -> dict[str, Any]:
    """Return one row of the table: what its first and last cell need, and the texts between."""
    return {
        "label": network.label,
        "name": progress.name_of(network),
        # From the study's page: what changes is sent to all its readers alike.
        "href": below(progress.name, "networks", network.slug) if network.done else None,
        "cells": [
            f"{network.weights:,}",
            f"{network.macs:,}",
            f"{network.done} of {network.seeds}",
            percent(network.test_accuracy),
            span(network),
            percent(network.validation_accuracy),
            "–" if network.train_seconds is None else f"{network.train_seconds:.1f}",
            _state(progress, network),
        ],
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


def curves_of(progress: Progress) -> list[JobGlance]:
    """Choose the trainings whose curves are shown: those that run, and the most accurate of very many."""
    running = list(progress.running)
    done = [job for job in progress.jobs if job.state == "done"]
    if len(running) + len(done) > MAX_CURVES:
        done.sort(key=lambda job: -(job.test_accuracy or 0))
    begun = [job for job in progress.jobs if job.state == "pending" and job.attempts] if len(done) < MAX_CURVES else []
    return [*running, *done, *begun][:MAX_CURVES]


def series_of(progress: Progress) -> tuple[Series, ...]:
    """Return the lines of the networks, of very many only those whose curves are shown."""
    if len(progress.networks) <= MAX_CURVES:
        return lines_of(progress.networks)
    shown = {job.network_id.label for job in curves_of(progress)}
    return tuple(series for series in lines_of(progress.networks) if series.key in shown)


def curve(job: JobGlance, series: Series, points: Iterable[Point]) -> dict[str, Any]:
    """Return one training's curve."""
    return {
        "key": job.key,
        "label": job.label,
        "network": series.key,
        "colour": series.colour,
        "dash": series.dash,
        "of": job.epochs,
        "points": [point(values) for values in points],
    }


def point(values: Point) -> list[float | int]:
    """Return an epoch for the chart, rounded to what a screen can show."""
    epoch, *rest = values
    return [epoch, *(float(f"{value:.5g}") for value in rest)]
