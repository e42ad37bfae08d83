"""The first page: all studies of the store."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from makeweight.web import dashboard, views
from makeweight.web.answers import page
from makeweight.web.progress import Progress
from makeweight.web.store import ON_A_PAGE, Unreadable

MOST_QUERY = 100


def show(request: Request) -> Response:
    """Show a page of studies, those that changed last first; only these are opened."""
    studies = dashboard.of(request).studies
    query = request.query_params.get("q", "")[:MOST_QUERY].strip()
    listed = [each for each in studies.listed() if query.lower() in each.name.lower()]
    pages = max(1, -(-len(listed) // ON_A_PAGE))
    number = min(_number(request.query_params.get("page", "1")), pages)
    found = [studies.progress(each) for each in listed[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]]
    return page(
        "studies.html",
        studies=[each for each in found if isinstance(each, Progress)],
        unreadable=[each for each in found if isinstance(each, Unreadable)],
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
