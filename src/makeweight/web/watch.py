"""Watching one study, and telling what is new. Readers never block the runner (WAL)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from makeweight.report.page.charts import lines_of
from makeweight.store.glance import Glance
from makeweight.studies.lock import runner_of
from makeweight.web import views
from makeweight.web.progress import Progress, progress_of
from makeweight.web.runs import last_run

MAX_JOBS_AT_ONCE = 500  # up to so many are read whenever something was written: 5 ms
FULL_SECONDS = 5.0  # more are read at most so often, unless one is known to have ended
ALIVE_SECONDS = 1.0  # between two checks whether the runner is alive: a kill writes nothing

Event = tuple[str, Any]  # its name and what it says, for the page


class Watch:
    """What was last seen of a study. To be used from one thread."""

    def __init__(self, folder: Path) -> None:
        self._glance = Glance(folder)
        self._folder = folder
        self._version = self._glance.version()
        self._next_alive = 0.0
        self._overview: dict[str, Any] = {}
        self._curves: dict[str, dict[str, Any]] = {}
        self._read_all()

    def close(self) -> None:
        """Close the store."""
        self._glance.close()

    def whole(self) -> Event:
        """Return all that a page needs that has just been opened, or comes back."""
        return "whole", {**self._overview, "curves": list(self._curves.values())}

    def look(self) -> list[Event]:
        """Return what is new since the last look."""
        events: list[Event] = []
        version = self._glance.version()
        if version != self._version:
            self._version = version
            events += self._new_epochs()
            if self._may_have_changed():
                events += self._changes()
        elif time.monotonic() >= self._next_alive and self._has_turned():
            events += self._changes()
        return events

    def _has_turned(self) -> bool:
        """Say whether the runner, or what this dashboard started, stands otherwise than before."""
        self._next_alive = time.monotonic() + ALIVE_SECONDS
        runs = runner_of(self._folder) is not None
        return runs != (self._progress.state == "running") or last_run(self._folder) != self._progress.run

    def _may_have_changed(self) -> bool:
        running = [job.key for job in self._progress.running]
        if self._progress.total <= MAX_JOBS_AT_ONCE or time.monotonic() >= self._read_at + FULL_SECONDS or not running:
            return True
        return any(state != "running" for state in self._glance.states(running).values())

    def _new_epochs(self) -> list[Event]:
        events: list[Event] = []
        for job in self._progress.running:
            known = self._curves.get(job.key)
            if known is None:
                continue
            for values in self._glance.course(job.key, known["points"][-1][0] if known["points"] else 0):
                known["points"].append(views.point(values))
                events.append(("epoch", {"key": job.key, "point": known["points"][-1]}))
        return events

    def _changes(self) -> list[Event]:
        before, known = self._overview, dict(self._curves)
        self._read_all()
        events: list[Event] = [
            ("curve", curve) for key, curve in self._curves.items() if key not in known or curve != known[key]
        ]
        if gone := [key for key in known if key not in self._curves]:
            events.append(("gone", gone))
        if self._overview != before:
            events.append(("overview", self._overview))
        return events

    def _read_all(self) -> None:
        before = {job.key: job.state for job in self._progress.jobs} if self._overview else {}
        self._progress: Progress = progress_of(self._folder, self._glance)
        self._read_at = time.monotonic()
        self._overview = views.overview(self._progress)
        series = {line.key: line for line in lines_of(self._progress.networks)}
        curves = {}
        for job in views.curves_of(self._progress):
            known = self._curves.get(job.key)
            # A training that starts again forgets its epochs behind the last checkpoint.
            fresh = known is None or before.get(job.key) != job.state
            if known is None or fresh:
                line = series[job.network_id.label]
                known = views.curve(job, line, self._glance.course(job.key))
            curves[job.key] = known
        self._curves = curves
