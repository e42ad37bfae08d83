"""Studies by name: a study is a folder of the store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from makeweight.errors import InvalidValue

MAX_NAME = 80
_DIGITS = 8  # of the digest that ends a name that would be longer
MAX_PATH = 4_096  # PATH_MAX of Linux; the system refuses to look at a longer one
_NAME = re.compile(rf"\w[\w.+-]{{0,{MAX_NAME - 1}}}")


def name_of(parts: Iterable[str]) -> str:
    """Join what was asked for to the name of a folder; a long one ends with a digest, so that others differ.

    >>> name_of(["tune", "fcn", "10K"]), len(name_of(["x" * 100]))
    ('tune-fcn-10K', 80)
    """
    whole = "-".join(parts)
    name = re.sub(r"[^\w.+-]", "-", whole)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - _DIGITS - 1]}-{hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS]}"


def study_folder(store: Path, name: str) -> Path:
    """Return the folder of a study by its name.

    Raises
    ------
    InvalidValue
        If the name would not be a plain folder name.
    """
    return store / checked_name(name, "study")


def checked_name(name: str, kind: str) -> str:
    """Return a name that is a plain folder name.

    Raises
    ------
    InvalidValue
        If it isn't.
    """
    if _NAME.fullmatch(name) is None:
        shown = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
        raise InvalidValue(
            f"{kind} name {shown!r} is not possible: use letters, digits, '.', '_', '+' and '-', {MAX_NAME} at most."
        )
    return name


def is_study(store: Path, name: str) -> bool:
    """Say whether there is a study of that name."""
    return _NAME.fullmatch(name) is not None and (store / name / "study.db").is_file()


def find_study(store: Path, name: str | None) -> Path:
    """Find a study by name or by the path of its folder; without a name, take the one changed last and say so.

    Raises
    ------
    InvalidValue
        If there is none.
    """
    if name is None:
        return last_changed(store, "study.db", "study", "makeweight study")
    if len(name) <= MAX_PATH and (Path(name) / "study.db").is_file():
        return Path(name)
    folder = study_folder(store, name)
    if not (folder / "study.db").is_file():
        known = ", ".join(sorted(folder.name for folder in studies(store))) or "none yet"
        raise InvalidValue(f"there is no study {name!r} in {store}. There are: {known}.")
    return folder


def studies(store: Path) -> list[Path]:
    """List the folders of all studies, the one changed last first."""
    return _holding(store, "study.db")


def last_changed(store: Path, file: str, kind: str, command: str) -> Path:
    """Take the study whose file of that name changed last, and print its name and data set.

    Raises
    ------
    InvalidValue
        If no study has such a file.
    """
    from makeweight.face.console import remark
    from makeweight.store.glance import Glance

    folders = _holding(store, file)
    if not folders:
        raise InvalidValue(f"there is no {kind} in {store}. Run one with: {command}")
    with Glance(folders[0]) as glance:
        study = glance.study()
    others = f", the last changed of {len(folders)}; name another to choose it" if len(folders) > 1 else ""
    remark(f"{kind} {folders[0].name}, data set {study.dataset if study else 'not chosen yet'}{others}")
    return folders[0]


def _holding(store: Path, file: str) -> list[Path]:
    paths = sorted(store.glob(f"*/{file}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.parent for path in paths]
