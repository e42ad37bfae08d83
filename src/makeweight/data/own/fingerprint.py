"""Digests that tell whether a user's data may have changed, without reading files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from makeweight.errors import DataNotFound


def of_files(folder: Path, paths: Iterable[Path]) -> str:
    """SHA-256 over names below `folder`, sizes and times of change (nanoseconds) of these files.

    Raises
    ------
    DataNotFound
        When one is gone.
    """
    lines = []
    for path in sorted(paths):
        try:
            found = path.stat()
        except OSError as error:
            raise DataNotFound(f"{path}: cannot be opened ({error.strerror or error}); check the path.") from error
        lines.append([str(path.relative_to(folder)), found.st_size, found.st_mtime_ns])
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()
