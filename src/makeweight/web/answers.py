"""What goes out: pages from templates, JSON without NaN, and refusals that say why; and strict JSON that comes in.

Templates have the report's macros: what a report shows, a page shows in the same way.
"""

from __future__ import annotations

import json
import math
import os
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

import makeweight
from makeweight.glossary import anchor_of
from makeweight.text import shown
from makeweight.web import files
from makeweight.wording import abbreviate, duration, percent

MAX_DEPTH = 16
# From the page that is asked for up to the first one. All links are relative, so a proxy may put any path before ours.
UP: ContextVar[str] = ContextVar("UP", default="/")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("makeweight.web"), PrefixLoader({"report": PackageLoader("makeweight.report.page")})]
        ),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": static, "version": makeweight.__version__, "at": at, "term_link": term_link}
    environment.filters |= {"budget": abbreviate, "duration": duration, "percent": percent}
    return environment


def render(name: str, **values: Any) -> str:
    """Return a page; names from outside are escaped."""
    return _environment().get_template(name).render(**values)


def at(*segments: str) -> str:
    """Return the path of a page, from the one that is asked for."""
    return UP.get() + below(*segments)


def below(*segments: str) -> str:
    """Return the path of a page, from the first one."""
    return "/".join(quote(os.fsencode(segment), safe="+=") for segment in segments)


def static(name: str) -> str:
    """Return the path of a script or a style."""
    return UP.get() + files.url(name)


def term_link(heading: str) -> str:
    """Return where the glossary explains a column head; empty if it doesn't."""
    anchor = anchor_of(heading)
    return f"{at('glossary')}#{anchor}" if anchor else ""


def not_found(what: str) -> HTTPException:
    """Make the error for what is missing."""
    return HTTPException(404, what)


def to_json(record: Any) -> bytes:
    """Write compact JSON; NaN and infinity, which JSON doesn't have, become null."""
    return json.dumps(finite(record), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def finite(value: Any) -> Any:
    """Replace what JSON doesn't have by None, and show what cannot be seen."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return shown(value)


def answer(record: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(to_json(record), status, media_type="application/json")


def page(name: str, status: int = 200, **values: Any) -> Response:
    """Answer with a page."""
    content = render(name, **values).encode(errors="replace")  # a value may hold bytes of a file's name
    return Response(content, status, media_type="text/html")


def refusal(scope: Scope, status: int, words: str) -> Response:
    """Answer a browser with a page and a script with JSON, both with what was wrong."""
    wants_page = "text/html" in Headers(scope=scope).get("accept", "") and scope["method"] == "GET"
    if not wants_page:
        return answer({"error": words}, status)
    return page("refusal.html", status, code=status, words=words)


async def empty(request: Request) -> None:
    """Refuse a request that says more than that it is meant.

    Raises
    ------
    HTTPException
        400 if its body is not an empty object.
    """
    if await strict_json(request) != {}:
        raise HTTPException(400, "the request must be an empty object.")


async def strict_json(request: Request) -> Any:
    """Read a request's body as JSON.

    Raises
    ------
    HTTPException
        415 if it is not announced as JSON, 400 if it is malformed, too deep, says a name twice, or has a NaN.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "the request must be application/json.")
    body = await request.body()
    try:
        value = json.loads(body.decode(), parse_constant=_no_constant, object_pairs_hook=_once)
        _check_depth(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the request is not strict JSON: {error}.") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return record


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError(f"it is more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _check_depth(inner, left - 1)
