"""Where prepared data sets live, and how a folder gets there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from makeweight.data import meta
from makeweight.files import make_folder, sync_folder

if os.name == "posix":
    import fcntl


def cache_root(cache_dir: Path | None = None) -> Path:
    """Return the cache folder: the one given, else MAKEWEIGHT_CACHE, else the user's."""
    if cache_dir is not None:
        return Path(cache_dir).absolute()
    variable = os.environ.get("MAKEWEIGHT_CACHE")
    if variable:
        return Path(variable).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("makeweight"))


@contextlib.contextmanager
def alone(cache: Path, name: str, progress: Callable[[str], None] | None = None) -> Iterator[None]:
    """Let one process at a time prepare `name`, and sweep what killed ones left behind.

    The lock dies with its process, so whatever lies about while we hold it is nobody's. Where the
    system has no such locks, the rename in `promote` still lets only one folder win.

    Raises
    ------
    StoreError
        When `cache` cannot be written.
    """
    with meta.writing(cache):
        make_folder(cache)
        lock = (cache / f".lock-{name}").open("ab")  # closed below, after a wait
    with lock:
        if os.name == "posix":
            with contextlib.suppress(OSError):  # a network file system without locks
                _wait(lock.fileno(), f"another process is preparing {name}; waiting for it", progress)
                for debris in cache.glob(f".preparing-{name}.*"):
                    shutil.rmtree(debris, ignore_errors=True)
        yield


def _wait(descriptor: int, notice: str, progress: Callable[[str], None] | None) -> None:
    """Take the lock, saying so when that takes time."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if progress is not None:
            progress(notice)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def workplace(cache: Path, name: str) -> Iterator[Path]:
    """Make a folder in the cache that is gone after the block, unless it was renamed.

    Raises
    ------
    StoreError
        When `cache` cannot be written.
    """
    temporary = cache / f".preparing-{name}.{secrets.token_hex(8)}"
    try:
        with meta.writing(cache):
            make_folder(cache)
            temporary.mkdir()
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def promote(temporary: Path, final: Path) -> None:
    """Rename the finished folder; where another process was first, keep its folder."""
    try:
        temporary.rename(final)
    except OSError:
        if not final.exists():
            raise
        if meta.is_whole(final):
            return
        # What stands there is damaged. Processes that map it keep their pages.
        aside = temporary.with_name(f"{temporary.name}.damaged")
        final.rename(aside)
        temporary.rename(final)
        shutil.rmtree(aside, ignore_errors=True)
    sync_folder(final.parent)
