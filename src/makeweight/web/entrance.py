"""The way in, and the files that every page needs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from makeweight.web import dashboard, files
from makeweight.web.answers import not_found, page
from makeweight.web.keys import COOKIE_SECONDS
from makeweight.web.templates import at


async def enter(request: Request) -> Response:
    """Exchange the one-time token of the printed URL for the cookie."""
    door = dashboard.of(request).door
    cookie = door.keys.exchange(request.query_params.get("token", ""))
    if cookie is None:
        if door.keys.knows(request.cookies.get(door.cookie, "")):
            return RedirectResponse(_first_page(request), 303)
        words = "this token has been used, or is another server's. The terminal shows the next URL after each use."
        return page("refusal.html", 401, code=401, words=words)
    answer = RedirectResponse(_first_page(request), 303)
    answer.set_cookie(door.cookie, cookie, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", path="/")
    return answer


def _first_page(request: Request) -> str:
    """Return the study that the address names, or the list of all."""
    name = request.query_params.get("study", "")
    known = {each.name for each in dashboard.of(request).studies.listed()} if name else set()
    return at("studies", name) if name in known else "/"


def static(request: Request) -> Response:
    """Answer with a script or a style."""
    name = request.path_params["name"]
    found = files.find(name)
    if found is None:
        raise not_found("there is no such file.")
    tag = f'"{found.tag}"'
    kept = f"private, max-age={files.YEAR}, immutable" if request.query_params.get("v") == found.tag else "no-cache"
    headers = {"Cache-Control": kept, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", "") and dashboard.of(request).door.remote:
        headers["Content-Encoding"] = "gzip"
        return Response(files.packed(name), media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
