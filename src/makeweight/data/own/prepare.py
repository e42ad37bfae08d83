"""From a source of a user's own images to a prepared data set in the cache."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from makeweight.data import build, meta
from makeweight.data.catalog import CATALOG
from makeweight.data.dataset import PreparedDataset, cache_root, open_prepared, try_open
from makeweight.data.own.divide import Division, divide
from makeweight.data.own.form import Form
from makeweight.data.own.source import Problem, Progress, Source
from makeweight.data.own.stage import Staged, stage
from makeweight.errors import DataFormatError

#: Changes with the rules of conversion and division, so that nothing prepared by other rules is taken for the same.
RULES = 1
MOST_LISTED = 1_000  # unreadable images named in one error


def prepare_own(
    source: Source,
    form: Form | None = None,
    *,
    cache_dir: Path | None = None,
    say: Progress = lambda what, done, total: None,
    skip_unreadable: bool = False,
    seed: int = 0,
    origin: str = "",
) -> PreparedDataset:
    """Return the data set of a source, prepared now if it was not before.

    Parameters
    ----------
    source : Source
    form : Form, optional
        Size and channels; by default as `makeweight.data.own.form.choose_shape` has it.
    cache_dir : pathlib.Path, optional
        Where prepared data sets live; see `makeweight.data.dataset.cache_root`.
    say : callable, optional
        Called while it works.
    skip_unreadable : bool
        Leave out pictures that cannot be read, in place of refusing the data set.
    seed : int
        Of the division, where the source gives none.
    origin : str
        Where the images are, for people: a path.

    Raises
    ------
    DataFormatError
        If images cannot be read: all of them, with the reason. If classes are too few or too small.
    StoreError
        If the cache cannot be written.
    """
    form, cache, name = form or Form(), cache_root(cache_dir), plain_name(source.name)
    settings = json.dumps([RULES, asdict(form), skip_unreadable, seed])
    final = cache / f"{name}-{hashlib.sha256((source.fingerprint() + settings).encode()).hexdigest()[:12]}"
    ready, _ = try_open(final)
    if ready is not None:
        return ready
    with build.alone(cache, final.name, lambda line: say(line, 0, None)):
        ready, _ = try_open(final)  # perhaps made while we waited
        if ready is not None:
            return ready
        with build.workplace(cache, final.name) as folder:
            staged = stage(source, form, folder, say)
            if staged.problems and not skip_unreadable:
                raise unreadable(staged.problems)
            _divide_and_write(staged, divide(staged, seed), name, origin, folder, say)
            with meta.writing(cache):
                build.promote(folder, final)
    return open_prepared(final)


@contextmanager
def staged_for_a_look(source: Source, form: Form | None, cache_dir: Path | None, say: Progress) -> Iterator[Staged]:
    """Read all of a source, for as long as the block runs. Raises as `prepare_own` does, but for unreadable images."""
    cache = cache_root(cache_dir)
    with build.workplace(cache, "check") as folder:
        yield stage(source, form or Form(), folder, say)


def plain_name(name: str) -> str:
    """Make a name that can be a folder's, and a part of a study's, from whatever a file is called."""
    name = re.sub(r"(\.(npz|csv|tsv|bin|tar|gz))+$", "", name.lower())
    plain = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:40].strip("-")
    # A name of the catalogue stands for the data set that everybody has.
    return f"own-{plain}" if plain in CATALOG else plain or "images"


def _divide_and_write(staged: Staged, division: Division, name: str, origin: str, folder: Path, say: Progress) -> None:
    arrays = _write(staged, division, folder, say)
    notes = _notes(staged, division)
    _warn_of_gaps(staged, division, name)
    with meta.writing(folder.parent):
        staged.path.unlink()
        meta.write(
            folder,
            meta.Meta(name, staged.shape, staged.class_names, arrays, division.validation, origin, notes),
        )


def unreadable(problems: tuple[Problem, ...]) -> DataFormatError:
    """Name all images that cannot be read."""
    listed = "; ".join(f"{problem.name}: {problem.reason}" for problem in problems[:MOST_LISTED])
    more = f"; and {len(problems) - MOST_LISTED} more" if len(problems) > MOST_LISTED else ""
    return DataFormatError(
        f"{len(problems)} images cannot be read ({listed}{more}). Repair or remove them, or leave them out with "
        "--skip-unreadable."
    )


def _write(staged: Staged, division: Division, folder: Path, say: Progress) -> dict[str, meta.ArrayRecord]:
    arrays = {}
    with meta.writing(folder.parent):
        for part, rows in (("train", division.training), ("test", division.test)):
            say(f"writing the {part} part", 0, None)
            arrays[f"{part}_images"] = meta.write_chunks(
                folder / f"{part}_images.npy", (len(rows), *staged.shape), np.dtype(np.uint8), staged.chunks(rows)
            )
            arrays[f"{part}_labels"] = meta.write_array(folder / f"{part}_labels.npy", staged.labels[rows])
        arrays["train_groups"] = meta.write_array(folder / "train_groups.npy", division.groups)
        if division.held_out is not None:
            arrays["train_validation"] = meta.write_array(folder / "train_validation.npy", division.held_out)
    return arrays


def _notes(staged: Staged, division: Division) -> tuple[str, ...]:
    channels, height, width = staged.shape
    form = f"images are {height} × {width} (height × width) in {'gray' if channels == 1 else 'colour'}"
    notes = [form, *staged.notes]
    if staged.problems:
        notes.append(f"{len(staged.problems)} unreadable images are left out")
    copies = len(staged.prints) - len(np.unique(staged.prints))
    held_out = 0 if division.held_out is None else int(division.held_out.sum())
    leaks = [
        f"{shared} of {count} {part} images are also among those for training, as you divided them: accuracy on them "
        "is not honest"
        for part, shared, count in (
            ("validation", division.shared_validation, held_out), ("test", division.shared_test, len(division.test)),
        ) if shared
    ]  # fmt: skip
    if copies and not leaks:
        notes.append(f"{copies} images are copies of others; copies are kept on one side of every division")
    return (*notes, *leaks)


def _warn_of_gaps(staged: Staged, division: Division, name: str) -> None:
    """Say which classes a part lacks that the user's own division left them out of."""
    for part, rows in (("training", division.training), ("test", division.test)):
        counts = np.bincount(staged.labels[rows], minlength=len(staged.class_names))
        absent = [staged.class_names[k] for k in np.flatnonzero(counts == 0)[:10]]
        if absent:
            warnings.warn(
                f"the {part} part of {name} has no image of class {', '.join(absent)}: accuracy says nothing about it. "
                "Add images of it.",
                stacklevel=2,
            )
