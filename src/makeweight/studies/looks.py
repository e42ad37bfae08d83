"""The record of looks at the test images, which every study keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from makeweight.errors import StoreError
from makeweight.store.store import Store


def record_look(folder: Path, keys: Sequence[str], say: Callable[[str], None], purpose: str | None = None) -> None:
    """Record that test images were opened for some jobs; the default purpose is feature maps.

    This one row needs no lock: it touches nothing of the runner's, who may be at work, and SQLite puts it between two
    of its transactions. Looking changes no result, so if the study can't be written it continues and says so.
    """
    from makeweight.inspection.activations import PURPOSE

    try:
        with Store.create(folder) as store:
            store.record_test_access(keys, purpose or PURPOSE)
    except StoreError as error:
        say(f"This look at the test images isn't recorded: {error}")
