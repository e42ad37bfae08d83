"""The page of one study, live, and what can be done with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from makeweight.store.glance import Glance
from makeweight.web import dashboard, views
from makeweight.web.answers import answer, page, strict_json
from makeweight.web.progress import read_progress


def show(request: Request) -> Response:
    """Show a study as it stands; its script then listens to what happens."""
    folder = dashboard.of(request).studies.folder(request.path_params["study"])
    progress = read_progress(folder)
    overview = views.overview(progress)
    return page("study.html", study=progress, overview=overview, series=views.series_of(progress))


async def events(request: Request) -> Response:
    """Stream what happens in a study, the whole of it first."""
    board = dashboard.of(request)
    folder = board.studies.folder(request.path_params["study"])
    await run_in_threadpool(_check, folder)  # while an error can still be an answer
    stream: AsyncIterator[bytes] = board.hub.listen(folder)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def charts(request: Request) -> Response:
    """Answer with what needs all test answers of the finished networks: intervals, frontier, verdict."""
    board = dashboard.of(request)
    folder = board.studies.folder(request.path_params["study"])
    progress = read_progress(folder)
    if not progress.done:
        raise HTTPException(404, "no training is done yet.")
    return Response(board.analyses.of(progress).charts, media_type="application/json")


async def stop(request: Request) -> Response:
    """Ask a study to save and stop."""
    await _empty(request)
    board = dashboard.of(request)
    folder = board.studies.folder(request.path_params["study"])
    if not await run_in_threadpool(board.runs.stop, folder):
        raise HTTPException(409, f"the study {folder.name} is not running.")
    return answer({"asked": True}, 202)


async def resume(request: Request) -> Response:
    """Go on with a study."""
    await _empty(request)
    board = dashboard.of(request)
    folder = board.studies.folder(request.path_params["study"])
    arguments = ["resume", folder.name, "--store", str(board.studies.store)]
    await run_in_threadpool(board.runs.start, arguments, folder)
    return answer({"started": True}, 202)


def _check(folder: Path) -> None:
    Glance(folder).close()


async def _empty(request: Request) -> None:
    if await strict_json(request) != {}:
        raise HTTPException(400, "the request must be an empty object.")
