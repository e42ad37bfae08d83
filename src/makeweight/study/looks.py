"""The record of looks at the test images, which every study keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from makeweight.errors import StoreError
from makeweight.store.store import Store
from makeweight.study.lock import study_lock


def record_look(folder: Path, keys: Sequence[str], say: Callable[[str], None], purpose: str | None = None) -> None:
    """Record that test images were opened, where the study can be written and nobody is running it.

    The purpose is that of feature maps where none is given. Only one process may write a study, under its lock. To look
    is not worth waiting for hours, and looking changes no result, so where the lock or the rights are missing it goes
    on and says so.
    """
    from makeweight.inspection.activations import PURPOSE

    try:
        with study_lock(folder), Store.create(folder) as store:
            for key in keys:
                store.record_test_access(key, purpose or PURPOSE)
    except StoreError as error:
        say(f"That the test images were opened is not recorded: {error}")
