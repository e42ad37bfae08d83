"""What all pages share: the studies and what is at work, the way in, scripts and styles."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from makeweight.glossary import TERMS
from makeweight.web import files
from makeweight.web.answers import at, not_found, page
from makeweight.web.keys import COOKIE_SECONDS
from makeweight.web.live import Hub
from makeweight.web.runs import Runs
from makeweight.web.security import Door
from makeweight.web.shelf import Shelf

log = logging.getLogger("makeweight.web")


@dataclass(frozen=True)
class Dashboard:
    """The studies, who may see them, and what is at work."""

    studies: Shelf
    door: Door
    hub: Hub = field(default_factory=Hub)
    runs: Runs = field(default_factory=Runs)


def of(request: Request) -> Dashboard:
    """Return the dashboard that a request is for."""
    dashboard = request.app.state.dashboard
    assert isinstance(dashboard, Dashboard)
    return dashboard


def study_of(request: Request) -> Path:
    """Return the folder of the study that an address names.

    Raises
    ------
    HTTPException
        404 if there is no such study.
    """
    return of(request).studies.folder(request.path_params["study"])


async def enter(request: Request) -> Response:
    """Exchange the one-time token of the printed URL for the cookie."""
    door = of(request).door
    cookie = door.keys.exchange(request.query_params.get("token", ""))
    if cookie is None:
        if door.keys.knows(request.cookies.get(door.cookie, "")):
            return RedirectResponse(_first_page(request), 303)
        words = "this token is used up, or belongs to another server. The terminal shows a new URL after every use."
        return page("refusal.html", 401, code=401, words=words)
    answer = RedirectResponse(_first_page(request), 303)
    answer.set_cookie(
        door.cookie, cookie, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", path=door.root or "/"
    )
    return answer


def _first_page(request: Request) -> str:
    """Return the study that the address names, or the list of all."""
    name = request.query_params.get("study", "")
    known = {study.name for study in of(request).studies.listed()} if name else set()
    return at("studies", name) if name in known else at("")


def glossary(request: Request) -> Response:
    """Explain the words in column heads."""
    return page("glossary.html", terms=sorted(TERMS, key=lambda term: term.name.lower()))


def static(request: Request) -> Response:
    """Answer with a script or a style."""
    name = request.path_params["name"]
    file = files.find(name)
    if file is None:
        raise not_found("there is no such file.")
    tag = f'"{file.tag}"'
    kept = f"private, max-age={files.YEAR}, immutable" if request.query_params.get("v") == file.tag else "no-cache"
    headers = {"Cache-Control": kept, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", "") and of(request).door.remote:
        headers["Content-Encoding"] = "gzip"
        return Response(files.packed(name), media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
