"""The page templates, with the report's macros at hand: what a report shows, a page shows in the same way."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined

import makeweight
from makeweight.design.budget import format_budget
from makeweight.web import files


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("makeweight.web"), PrefixLoader({"report": PackageLoader("makeweight.report.page")})]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": files.url, "version": makeweight.__version__, "at": at}
    environment.filters |= {"budget": format_budget, "duration": duration, "percent": percent}
    return environment


def render(name: str, **values: Any) -> str:
    """Return a page; names from outside are escaped."""
    return _environment().get_template(name).render(**values)


def at(*segments: str) -> str:
    """Return the path of a page."""
    return "/" + "/".join(quote(segment, safe="+") for segment in segments)


def percent(share: float | None) -> str:
    """Write a share of 0 to 1 with two digits."""
    return "–" if share is None else f"{100 * share:.2f} %"


def duration(seconds: float | None) -> str:
    """Write seconds as people say them.

    >>> duration(42), duration(150), duration(8_000), duration(None)
    ('42 s', '2 min 30 s', '2 h 13 min', 'not known yet')
    """
    if seconds is None:
        return "not known yet"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
