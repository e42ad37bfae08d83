"""What a request says, checked against a record of what may be said."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from makeweight.web.controls import in_labels

T = TypeVar("T", bound=BaseModel)


def checked(kind: type[T], values: Any) -> T:
    """Read what was sent, or refuse it with the first reason."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise HTTPException(400, in_labels(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")) from None
