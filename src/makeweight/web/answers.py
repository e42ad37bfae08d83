"""What goes out: pages, JSON that knows no NaN, and refusals that say why; and strict JSON that comes in."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from makeweight.web import templates

MOST_DEPTH = 16


def not_found(what: str) -> HTTPException:
    """Make the error for something that is not there."""
    return HTTPException(404, what)


def to_json(record: Any) -> bytes:
    """Write compact JSON; NaN and infinity, which JSON does not know, become null."""
    return json.dumps(finite(record), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def finite(value: Any) -> Any:
    """Replace what JSON does not know by None."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def answer(record: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(to_json(record), status, media_type="application/json")


def page(name: str, status: int = 200, **values: Any) -> Response:
    """Answer with a page."""
    return Response(templates.render(name, **values), status, media_type="text/html")


def refusal(scope: Scope, status: int, words: str) -> Response:
    """Answer a browser with a page and a script with JSON, both with what was wrong."""
    wants_page = "text/html" in Headers(scope=scope).get("accept", "") and scope["method"] == "GET"
    if not wants_page:
        return answer({"error": words}, status)
    return page("refusal.html", status, code=status, words=words)


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
        _check_depth(value, MOST_DEPTH)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the request is no strict JSON: {error}.") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError(f"it is more than {MOST_DEPTH} deep")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _check_depth(inner, left - 1)
