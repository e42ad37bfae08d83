"""A worker on a node of a Ray cluster: an actor that runs one assignment after the other, and streams its events."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

import makeweight
from makeweight.data.cache import cache_root
from makeweight.data.dataset import open_prepared
from makeweight.errors import DataMismatch, MakeweightError
from makeweight.files import whole, writing_to
from makeweight.jobs.executors.base import Event, Failed
from makeweight.jobs.executors.worker import events_of
from makeweight.jobs.job import Assignment
from makeweight.jobs.verified import verify_once
from makeweight.training.memory import keep_freed_memory

Files = dict[str, bytes]


@cache
def versions() -> dict[str, str]:
    """Return what must be equal on driver and workers, or a study would mix results of different programs."""
    root = Path(makeweight.__file__).parent
    sources = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        sources.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "torch": torch.__version__.partition("+")[0],
        "makeweight": makeweight.__version__,
        "makeweight's sources": sources.hexdigest()[:12],
    }


def node_data(path: Path, digest: str, fetch: Callable[[], Files] | None) -> Path:
    """Find the prepared data on this node; fetch them from the driver, once for the node, where they are not.

    Parameters
    ----------
    path : pathlib.Path
        Where the driver has them; the same place is looked at first, because the cluster may share a disk.
    digest : str
        Of the data set.
    fetch : callable or None
        Returns the content of the folder's files by name; None where the driver sends none.

    Raises
    ------
    DataMismatch
        If the data are not here and cannot be fetched, or come out different.
    """
    if _is_there(path, digest):
        return path
    root = cache_root()
    folder = root / f"from-driver-{digest[:32]}"
    if _is_there(folder, digest):
        return folder
    if fetch is None:
        raise DataMismatch(f"{path} on {platform.node()} does not hold the data with digest {digest[:12]}.")
    with writing_to(root):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{folder.name}.lock"):
            if not _is_there(folder, digest):  # another worker of the node may have been first
                _write(folder, fetch())
                verify_once(open_prepared(folder))
    return folder


def _is_there(path: Path, digest: str) -> bool:
    try:
        return open_prepared(path).digest == digest
    except MakeweightError:
        return False


def _write(folder: Path, files: Files) -> None:
    """Write all files or none; what is there was not the data."""
    with whole(folder) as unfinished:
        unfinished.mkdir()
        for name, content in files.items():
            (unfinished / name).write_bytes(content)


class RayWorker:
    """The actor. Ray calls :meth:`run` on one thread, and the rest on another meanwhile."""

    def __init__(self) -> None:
        keep_freed_memory()
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        """Say what this worker is made of, and where it runs."""
        return {"versions": versions(), "pid": os.getpid(), "node": platform.node()}

    def ping(self) -> None:
        """Show a sign of life."""

    def cancel(self, turn: int) -> None:
        """Stop a run after its epoch; its number tells it from a later one."""
        with self._lock:
            self._cancelled.add(turn)

    def run(self, assignment: Assignment, turn: int, files: list[Any]) -> Iterator[Event]:
        """Run an assignment, and yield its events; ``files`` holds a reference to the data, or nothing."""
        import ray

        def stopping() -> bool:
            with self._lock:
                return turn in self._cancelled

        def fetch() -> Files:
            content: Files = ray.get(files[0])
            return content

        job = assignment.job
        try:
            path = node_data(assignment.data_path, job.data_digest, fetch if files else None)
        except MakeweightError as error:
            yield Failed(job.key, str(error))
            return
        yield from events_of(dataclasses.replace(assignment, data_path=path), stopping)
