"""The first page, with all studies of the store; and the page of one study, live, with what can be done with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from makeweight.store.glance import Glance
from makeweight.web import dashboard, views
from makeweight.web.analyses import charts_of
from makeweight.web.answers import answer, empty, not_found, page
from makeweight.web.progress import Progress, read_progress
from makeweight.web.shelf import ON_A_PAGE, Unreadable
from makeweight.web.work import Resumption

MAX_QUERY = 100


def index(request: Request) -> Response:
    """Show a page of studies, those that changed last first; only these are opened."""
    studies = dashboard.of(request).studies
    query = request.query_params.get("q", "")[:MAX_QUERY].strip()
    listed = [study for study in studies.listed() if query.lower() in study.name.lower()]
    pages = max(1, -(-len(listed) // ON_A_PAGE))
    number = min(_number(request.query_params.get("page", "1")), pages)
    shown = [studies.progress(study) for study in listed[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]]
    begun = [study for study in shown if isinstance(study, Progress)]
    unfinished = [study for study in begun if study.state in ("running", "stopped")]
    return page(
        "studies.html",
        latest=next(iter([*unfinished, *begun]), None),
        drawable=next((study.best[-1] for study in begun if study.best), None),
        studies=begun,
        unreadable=[study for study in shown if isinstance(study, Unreadable)],
        count=len(listed),
        query=query,
        number=number,
        pages=pages,
        store=str(studies.store),
        states=views.STATES,
        words=views.words,
    )


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) <= 6 else 1


def show(request: Request) -> Response:
    """Show a study as it stands; its script then listens to what happens."""
    progress = read_progress(dashboard.study_of(request))
    return page("study.html", study=progress, overview=views.overview(progress), series=views.series_of(progress))


async def events(request: Request) -> Response:
    """Stream what happens in a study, the whole of it first."""
    folder = dashboard.study_of(request)
    await run_in_threadpool(lambda: Glance(folder).close())  # while an error can still be an answer
    stream: AsyncIterator[bytes] = dashboard.of(request).hub.listen(folder)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def charts(request: Request) -> Response:
    """Answer with what needs all test answers of the finished networks: intervals, frontier, verdict."""
    progress = read_progress(dashboard.study_of(request))
    if not progress.done:
        raise not_found("no training is done yet.")
    return Response(charts_of(progress), media_type="application/json")


async def stop(request: Request) -> Response:
    """Ask a study to save and stop."""
    await empty(request)
    folder = dashboard.study_of(request)
    if not await run_in_threadpool(dashboard.of(request).runs.stop, folder):
        raise HTTPException(409, f"the study {folder.name} is not running.")
    return answer({"asked": True}, 202)


async def resume(request: Request) -> Response:
    """Go on with a study."""
    await empty(request)
    folder = dashboard.study_of(request)
    await run_in_threadpool(dashboard.of(request).runs.start, Resumption(folder), folder)
    return answer({"started": True}, 202)
