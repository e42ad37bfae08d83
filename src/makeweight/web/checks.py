"""What a request says, checked against a record of what may be said."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from makeweight.text import visible
from makeweight.web.controls import in_labels

T = TypeVar("T", bound=BaseModel)


def checked(kind: type[T], values: Any) -> T:
    """Read what was sent, or refuse it with the first reason."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise HTTPException(400, in_labels(_words(error.errors()[0]))) from None


def _words(error: ErrorDetails) -> str:
    """Say which value breaks the rule, where the error is about one."""
    name, value = ".".join(map(str, error["loc"])), error["input"]
    if isinstance(value, str | int | float):
        return f"{name}={visible(str(value))[:60]} is not possible: {error['msg']}."
    return f"{name}: {error['msg']}."
