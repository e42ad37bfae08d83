"""The page of a run's diagnosis: why a network underperforms."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.web import dashboard
from makeweight.web.answers import answer, page, strict_json
from makeweight.web.diagnoses import SECONDS
from makeweight.web.network import find_network, finished, seed_of
from makeweight.web.progress import Progress, read_progress


def show(request: Request) -> Response:
    """Show a run's diagnosis, or how to make it."""
    progress, label, slug, seed, run = _found(request)
    found = dashboard.of(request).diagnoses.known(run)
    return page("diagnosis.html", study=progress, label=label, slug=slug, seed=seed, found=found, seconds=SECONDS)


async def make(request: Request) -> Response:
    """Diagnose a run; the page is then asked for again."""
    if await strict_json(request) != {}:
        raise HTTPException(400, "the request must be an empty object.")

    def made() -> None:
        board = dashboard.of(request)
        *_, run = _found(request)
        board.diagnoses.make(run, board.studies.store)

    await run_in_threadpool(made)
    return answer({"made": True})


def _found(request: Request) -> tuple[Progress, str, str, int, str]:
    progress = read_progress(dashboard.of(request).studies.folder(request.path_params["study"]))
    network = find_network(progress, request.path_params["network"])
    rows = finished(progress.folder, network)
    seed = seed_of(request.query_params.get("seed"), rows)
    return progress, network.label, network.slug, seed, f"{progress.name}/{network.slug}#{seed}"
