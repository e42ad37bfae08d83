"""Templates of the files of an export to C."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render(template: str, values: Mapping[str, object]) -> bytes:
    """Return a file of the folder ``templates`` with values in it, in ASCII."""
    return _environment().get_template(template).render(values).encode("ascii")


@cache
def _environment() -> Environment:
    folder = resources.files("makeweight.export.c") / "templates"
    return Environment(
        loader=FunctionLoader(lambda file: (folder / file).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
