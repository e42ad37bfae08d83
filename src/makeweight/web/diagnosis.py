"""The page of a run's diagnosis: why a network underperforms."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from makeweight.errors import RunFailed
from makeweight.web import work
from makeweight.web.answers import answer, empty, page
from makeweight.web.network import finished, requested, seed_of
from makeweight.web.progress import NetworkProgress, Progress

SECONDS, MAX_SECONDS = 60, 300  # of processor time, and by the clock on the wall
RECORD = "diagnosis-{}.json"  # in the study's folder, by the key of the run
_STARTING = threading.Lock()  # one is made at a time: two would take each other's processors


@dataclass(frozen=True)
class Examined:
    """The run that an address names."""

    study: Progress
    network: NetworkProgress
    seed: int
    record: Path  # of its diagnosis, in the study's folder


def show(request: Request) -> Response:
    """Show a run's diagnosis, or how to make it."""
    run = _examined(request)
    return page("diagnosis.html", run=run, record=work.read(run.record), seconds=SECONDS)


async def make(request: Request) -> Response:
    """Diagnose a run, or wait for the diagnosis that is under way; the page is then asked for again."""
    await empty(request)
    await run_in_threadpool(lambda: _make(_examined(request)))
    return answer({"made": True})


def _make(run: Examined) -> None:
    with _STARTING:
        record = work.read(run.record)
        if record is None or record.has_ended:
            if any(map(work.is_at_work, run.study.folder.parent.glob(f"*/{RECORD.format('*')}"))):
                raise RunFailed("another diagnosis is under way. Try again in a minute.")
            task = work.Examination(run.study.folder, run.network.slug, run.seed, SECONDS, MAX_SECONDS)
            work.begin(task, run.record)
    record = work.wait_for(run.record, lambda _: False, 2 * MAX_SECONDS)
    if record is None or record.state != "done":
        raise RunFailed(record.message if record else f"the study {run.study.name} is not there any more.")


def _examined(request: Request) -> Examined:
    study, network = requested(request)
    rows = finished(study.folder, network)
    seed = seed_of(request.query_params.get("seed"), rows)
    key = next(row.job.key for row in rows if row.job.seed == seed)
    return Examined(study, network, seed, study.folder / RECORD.format(key[:12]))
