"""What a study's page offers to take home: the report, the same as a PDF, its figures, and the table as CSV."""

from __future__ import annotations

import io
import threading
import zipfile

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from makeweight.errors import RunFailed
from makeweight.files import write_whole
from makeweight.report.summary import summarise
from makeweight.report.tables import to_csv
from makeweight.web import dashboard, work
from makeweight.web.answers import answer, empty, not_found
from makeweight.web.progress import read_progress

SECONDS = 600.0  # to wait for one that is being written
RECORD = "paper-{}.json"  # in the study's folder
PAPERS: tuple[work.Paper, ...] = ("html", "pdf", "figures")
MEDIA = {"html": "text/html", "pdf": "application/pdf", "figures": "application/zip"}
_STARTING = threading.Lock()


def csv(request: Request) -> Response:
    """Answer with the table."""
    folder = dashboard.study_of(request)
    return Response(to_csv(summarise(folder)), media_type="text/csv", headers=_as_file(f"{folder.name}.csv"))


async def make(request: Request) -> Response:
    """Write one of the others as the study stands now, and answer when it is there."""
    await empty(request)
    task = _asked(request)
    await run_in_threadpool(_make, task)
    return answer({"made": True})


def _make(task: work.Writing) -> None:
    path = task.folder / RECORD.format(task.what)
    if not read_progress(task.folder).done:
        raise HTTPException(409, "no training is done yet.")
    with _STARTING:
        if not work.is_at_work(path):
            work.begin(task, path)
    record = work.wait_for(path, lambda _: False, SECONDS)
    if record is None or record.state != "done":
        going_on = "it is still being written. Try again later."
        raise RunFailed(record.message if record and record.has_ended else going_on)


def take(request: Request) -> Response:
    """Answer with a file that was written. A report has scripts of its own: it is saved, and not opened here."""
    task = _asked(request)
    if not task.file.is_file():
        raise not_found("it has not been written yet.")
    name = f"{task.folder.name}-{task.file.name}"
    return FileResponse(task.file, media_type=MEDIA[task.what], headers=_as_file(name))


def _as_file(name: str) -> dict[str, str]:
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-._+") else "_" for letter in name)
    return {"Content-Disposition": f'attachment; filename="{plain}"'}


def _asked(request: Request) -> work.Writing:
    what = next((paper for paper in PAPERS if paper == request.path_params["what"]), None)
    if what is None:
        raise not_found("there is no such file.")
    return work.Writing(dashboard.study_of(request), what)


def write_paper(task: work.Writing) -> None:
    """Write it; called in a program of its own, because drawing takes a while."""
    from makeweight.face.gather import gather, with_images
    from makeweight.report.documents.pdf import write_pdf
    from makeweight.report.figures.catalogue import drawings
    from makeweight.report.page.page import write_report
    from makeweight.web.pictures import drawn

    contents = with_images(gather(task.folder), task.folder, print, inside=task.what == "html")
    if task.what == "html":
        write_report(contents, task.folder)
    elif task.what == "pdf":
        write_pdf(contents, task.folder)
    else:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for drawing in drawings(contents):
                packed.writestr(f"{drawing.name}.svg", drawn(drawing.draw, "light"))
        write_whole(task.file, archive.getvalue())
