"""Download one file from the first mirror that has it, with checksum, time-outs and a cap."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from makeweight.data.catalog import RemoteFile
from makeweight.data.meta import not_writable, writing

#: Without a network the user waits this long, whatever the number of mirrors.
CONNECT_SECONDS = 3.0
#: Silence of a server after which the next mirror is tried.
READ_SECONDS = 20.0

_CHUNK_BYTES = 1 << 18
_PROGRESS_BYTES = 4 << 20


class DownloadFailed(Exception):  # never leaves makeweight.data: fetch turns it into DataNotFound
    """No mirror gave the file; the text says why, mirror by mirror."""


class _Metered:
    """A file that reports its growth and refuses to grow beyond the published size."""

    def __init__(self, stream: BinaryIO, file: RemoteFile, progress: Callable[[str], None] | None) -> None:
        self._stream, self._file, self._progress = stream, file, progress
        self._written, self._next = 0, 0

    def write(self, data: bytes) -> None:
        self._written += len(data)
        if self._written > self._file.size_bytes:
            raise ValueError(f"more than the published {self._file.size_bytes} bytes")
        self._stream.write(data)
        if self._progress is not None and self._written >= self._next:
            self._next = self._written + _PROGRESS_BYTES
            done, whole = self._written / 1e6, self._file.size_bytes / 1e6
            self._progress(f"{self._file.name}: {done:.1f} of {whole:.1f} MB")

    def flush(self) -> None:
        """Do nothing: pooch flushes after every chunk, the end of the file is soon enough."""


def _answering(mirrors: Sequence[str]) -> list[str]:
    """Return the mirrors that accept a connection within CONNECT_SECONDS, asking all at once.

    Resolving a name has no time-out of its own and can hang for half a minute on a machine without a
    network, so each mirror is asked in a thread that is abandoned when its time is over.
    """
    if urllib.request.getproxies():
        return list(mirrors)  # only the proxy can be reached directly; its answer decides
    answered: set[str] = set()

    def ask(mirror: str) -> None:
        parts = urlsplit(mirror)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS).close()
        except OSError:
            return
        answered.add(mirror)

    threads = [threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CONNECT_SECONDS)
    return [mirror for mirror in mirrors if mirror in answered]


def _fetch(url: str, file: RemoteFile, folder: Path, progress: Callable[[str], None] | None) -> None:
    """Let pooch download to a temporary name, check, and only then rename."""
    import pooch  # type: ignore[import-untyped]  # slow, and without stubs

    # pooch announces each download by its logger; showing progress is the caller's decision.
    pooch.get_logger().setLevel("ERROR")
    transfer = pooch.HTTPDownloader(
        chunk_size=_CHUNK_BYTES,
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        # Some servers unpack .gz files on the way unless told not to, which breaks the checksum.
        headers={"Accept-Encoding": "identity"},
    )

    def metered(address: str, output_file: str, owner: object) -> None:
        with Path(output_file).open("wb") as stream:
            transfer(address, _Metered(stream, file, progress), owner)

    pooch.retrieve(url, known_hash=file.checksum, fname=file.name, path=folder, downloader=metered)


def _reason(error: Exception) -> str:
    """Put a failure of requests or pooch into a few words."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"status {status}"
    if isinstance(error, ValueError):
        return "wrong checksum, file deleted" if "hash" in str(error) else str(error)
    return type(error).__name__


def download(
    file: RemoteFile, mirrors: Sequence[str], folder: Path, progress: Callable[[str], None] | None = None
) -> Path:
    """Download `file` into `folder` unless it is there already with the right checksum.

    A partial or wrong file never gets the final name; two downloads at once each use a temporary name
    and the last rename wins with the same content.

    Returns
    -------
    pathlib.Path
        The file, checked.

    Raises
    ------
    DownloadFailed
        When every mirror failed; one reason each.
    StoreError
        When `folder` cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    live = _answering(mirrors)
    reasons = [f"{urlsplit(mirror).hostname}: no connection" for mirror in mirrors if mirror not in live]
    for mirror in live:
        try:
            _fetch(mirror + file.name, file, folder, progress)
            return folder / file.name
        except ValueError as error:
            reasons.append(f"{urlsplit(mirror).hostname}: {_reason(error)}")
        except OSError as error:
            # requests wraps its own failures without an error number; the file system gives one.
            if error.errno is not None:
                raise not_writable(folder, error) from error
            reasons.append(f"{urlsplit(mirror).hostname}: {_reason(error)}")
    raise DownloadFailed(f"{file.name}: {', '.join(reasons) or 'no mirror is known'}")
