"""Where the files of a data set come from: a folder given, the system's packages, or the network.

The order is: the folder given (``--data DIR``, else the variable MAKEWEIGHT_DATA), the prepared cache
(see `makeweight.data.dataset`), the folder of the operating system's package, earlier downloads, mirrors.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from makeweight.data.catalog import CATALOG, CatalogEntry, RemoteFile
from makeweight.data.download import DownloadFailed, download
from makeweight.data.sources.files import open_file
from makeweight.errors import DataNotFound, InvalidValue

#: Called with one line of text now and then; the caller decides where it is shown.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class DataFile:
    """A file on disk, or one member of an archive on disk."""

    path: Path
    member: str | None = None


@dataclass(frozen=True)
class Located:
    """The files of a data set, found."""

    entry: CatalogEntry
    files: Mapping[str, DataFile]  # by role
    key: str  # name of the cache folder: the data set's name, with a digest for files of unknown content


def _first(folder: Path, name: str) -> Path | None:
    """Return `name`, or the same without .gz, whichever is there."""
    candidates = (folder / name, folder / name.removesuffix(".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _find(folder: Path, file: RemoteFile) -> dict[str, DataFile | None]:
    """Look for one published file; an archive may also stand there unpacked."""
    whole = _first(folder, file.name)
    if not file.members:
        return {file.role: DataFile(whole) if whole else None}
    if whole:
        return {role: DataFile(whole, member) for role, member in file.members}
    paths = {role: _first(folder, inner) or _first(folder, Path(inner).name) for role, inner in file.members}
    return {role: DataFile(path) if path else None for role, path in paths.items()}


def _names(entry: CatalogEntry) -> dict[str, str]:
    """Return what to call the file of each role in a message."""
    return {
        role: f"{file.name} or {inner.rpartition('/')[2]}" if inner else file.name
        for file in entry.files
        for role, inner in (file.members or ((file.role, ""),))
    }


def _search(entry: CatalogEntry, folder: Path) -> tuple[dict[str, DataFile], list[str]]:
    """Return the files in `folder`, or in its sub-folder with the data set's name, and those missing."""
    attempts = []
    for place in (folder, folder / entry.name):
        found = {role: file for remote in entry.files for role, file in _find(place, remote).items()}
        names = _names(entry)
        missing = [names[role] for role, file in found.items() if file is None]
        attempts.append(({role: file for role, file in found.items() if file is not None}, missing))
    return min(attempts, key=lambda attempt: len(attempt[1]))


def _has_checksum(path: Path, checksums: tuple[str, ...]) -> bool:
    """Tell whether the file has one of these "algorithm:hexdigest" checksums."""
    for algorithm in {checksum.partition(":")[0] for checksum in checksums}:
        with open_file(path) as stream:
            found = hashlib.file_digest(stream, algorithm).hexdigest()
        if f"{algorithm}:{found}" in checksums:
            return True
    return False


def _is_original(entry: CatalogEntry, files: Mapping[str, DataFile]) -> bool:
    """Tell whether all files are known to hold exactly the published content."""
    known = {remote.role: (remote.checksum, *remote.also) for remote in entry.files if not remote.members}
    for remote in entry.files:
        known.update({role: (remote.checksum,) for role, _ in remote.members})
    paths = {file.path: known[role] for role, file in files.items()}
    return all(_has_checksum(path, checksums) for path, checksums in paths.items())


def _key_of(entry: CatalogEntry, files: Mapping[str, DataFile]) -> str:
    """Name the cache folder, so that files of different content never meet in one."""
    if _is_original(entry, files):
        return entry.name
    digest = hashlib.sha256()
    for role, file in sorted(files.items()):
        with open_file(file.path) as stream:
            digest.update(f"{role} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return f"{entry.name}-{digest.hexdigest()[:12]}"


def _from_folder(entry: CatalogEntry, folder: Path, origin: str) -> Located:
    """Find all files in a folder that the user named."""
    if not folder.is_dir():
        raise DataNotFound(f"{origin}={folder} is not a folder; name the one with the files of {entry.name}.")
    files, missing = _search(entry, folder)
    if missing:
        raise DataNotFound(
            f"{origin}={folder} lacks {', '.join(missing)} of {entry.name} (also looked for without .gz and "
            f"in the sub-folder {entry.name}); put it there, or leave {origin} out to use another source."
        )
    return Located(entry, files, _key_of(entry, files))


def locate_given(entry: CatalogEntry, data_dir: Path | None) -> Located | None:
    """Find the files in the folder the user gave, or return None where none was given.

    MAKEWEIGHT_DATA may serve several data sets, so a folder there that holds no file of this one is
    passed over; one that holds some but not all is an error, as is any gap in `data_dir`.

    Raises
    ------
    DataNotFound
        When the folder or a file in it is missing; names it.
    InvalidValue
        When `data_dir` is given for a data set that is read from no folder.
    """
    if data_dir is not None:
        if not entry.files:
            raise InvalidValue(f"the data set {entry.name} needs no files: leave files={data_dir} out.")
        return _from_folder(entry, Path(data_dir), "files")
    variable = os.environ.get("MAKEWEIGHT_DATA")
    if not variable or not entry.files:
        return None
    folder = Path(variable)
    if folder.is_dir() and not _search(entry, folder)[0]:
        return None
    return _from_folder(entry, folder, "MAKEWEIGHT_DATA")


def published(folder: Path) -> CatalogEntry | None:
    """Recognise a folder that holds exactly the published files of a data set in the catalogue."""
    for entry in CATALOG.values():
        files, missing = _search(entry, folder) if entry.files else ({}, [""])
        if not missing and _is_original(entry, files):
            return entry
    return None


def locate(entry: CatalogEntry, downloads: Path, progress: Progress | None = None) -> Located:
    """Find the files on this machine, or download them into `downloads`.

    Raises
    ------
    DataNotFound
        When no source has them: what was tried, and the ways to put it right, in one line.
    StoreError
        When `downloads` cannot be written.
    """
    if not entry.files:
        return Located(entry, {}, entry.name)
    if entry.system_folder is not None:
        files, missing = _search(entry, Path(entry.system_folder))
        if not missing:
            return Located(entry, files, _key_of(entry, files))
    files, missing = _search(entry, downloads)
    if missing or not _is_original(entry, files):
        _download_all(entry, downloads, progress)
        files, _ = _search(entry, downloads)
    return Located(entry, files, entry.name)


def _download_all(entry: CatalogEntry, downloads: Path, progress: Progress | None) -> None:
    try:
        for file in entry.files:
            download(file, entry.mirrors, downloads, progress)
    except DownloadFailed as failure:
        raise DataNotFound(_advice(entry, downloads, str(failure))) from failure


def _advice(entry: CatalogEntry, downloads: Path, failure: str) -> str:
    """Say what was tried and what would help, in one line."""
    tried = [f"{downloads} lacks its files or holds others", f"download failed: {failure}"]
    if entry.system_folder is not None:
        tried.insert(0, f"{entry.system_folder} lacks its files")
    package = f"or install Debian's package {entry.system_package}; " if entry.system_package else ""
    names = ", ".join(file.name for file in entry.files)
    return (
        f"the data set {entry.name} was not found ({'; '.join(tried)}): give files=DIR or set "
        f"MAKEWEIGHT_DATA to a folder with {names}; {package}or connect to the network, or copy the files "
        f"to {downloads}; or use dataset=digits, which needs no download."
    )
