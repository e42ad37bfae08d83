"""From a source of images to a prepared data set in the cache."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from makeweight.data import cache, meta
from makeweight.data.cache import cache_root
from makeweight.data.catalog import CATALOG
from makeweight.data.dataset import PreparedDataset, open_prepared, try_open
from makeweight.data.divide import Division, divide
from makeweight.data.fetch import Located
from makeweight.data.form import Form
from makeweight.data.sources.catalogue import published_source
from makeweight.data.sources.source import Problem, Progress, Source
from makeweight.data.split import DEFAULT_VALIDATION
from makeweight.data.stage import Staged, stage
from makeweight.errors import DataFormatError, DataWarning
from makeweight.wording import plural

#: Changes with the rules of conversion and division, so that nothing prepared by other rules is taken for the same.
RULES = 2
MAX_LISTED = 1_000  # unreadable images named in one error
SAY_IT = "(makeweight data prepare takes all of these, and prints a folder that every command takes.)"


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
        Size and channels; by default as `makeweight.data.form.choose_shape` has it.
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
    form, root, name = form or Form(), cache_root(cache_dir), plain_name(source.name)
    settings = json.dumps([RULES, asdict(replace(form, workers=None)), skip_unreadable, seed])
    final = root / f"{name}-{hashlib.sha256((source.fingerprint() + settings).encode()).hexdigest()[:12]}"
    ready, _ = try_open(final)
    if ready is not None:
        return ready
    with cache.alone(root, final.name, lambda line: say(line, 0, None)):
        ready, _ = try_open(final)  # perhaps made while we waited
        if ready is not None:
            return ready
        with cache.workplace(root, final.name) as folder:
            staged = stage(source, form, folder, say)
            if staged.problems and not skip_unreadable:
                raise unreadable(staged.problems)
            if staged.doubts:
                raise DataFormatError(f"{' '.join(staged.doubts)} {SAY_IT}")
            _divide_and_write(staged, divide(staged, seed), name, origin, folder, say)
            with meta.writing(root):
                cache.promote(folder, final)
    return open_prepared(final)


def build_published(files: Located, root: Path, progress: Callable[[str], None] | None = None) -> Path:
    """Prepare the files of a data set of the catalogue, in its published division; return the folder.

    Raises
    ------
    DataFormatError
        When a file is not what its format or its data set promises.
    StoreError
        When `root` cannot be written.
    """
    entry, final, say = files.entry, root / files.key, progress or (lambda line: None)
    with cache.workplace(root, entry.name) as folder:
        say(f"preparing {entry.name}")
        source = published_source(entry, files.files, folder / "unpacked")
        _check_shapes(files, source)
        channels, *size = entry.image_shape
        staged = stage(source, Form((size[0], size[1]), channels), folder, lambda what, done, total: None)
        shutil.rmtree(folder / "unpacked", ignore_errors=True)
        train, test = (np.arange(len(staged.labels))[staged.parts[part]] for part in ("train", "test"))
        division = Division(train, test, DEFAULT_VALIDATION, None, None, 0, 0)
        _divide_and_write(staged, division, entry.name, "", folder, lambda what, done, total: None)
        with meta.writing(root):
            cache.promote(folder, final)
    return final


def _check_shapes(files: Located, source: Source) -> None:
    entry, shapes = files.entry, source.survey(lambda what, done, total: None).shapes
    other = next((shape for shape in shapes if shape != entry.image_shape), None)
    if other:
        place = next((str(file.path.parent) for file in files.files.values()), entry.name)
        raise DataFormatError(
            f"{place}: the images are {other} (channels, height, width), but {entry.name} has {entry.image_shape}; "
            "choose the data set that these files belong to."
        )


@contextmanager
def staged_for_a_look(source: Source, form: Form | None, cache_dir: Path | None, say: Progress) -> Iterator[Staged]:
    """Read all of a source, for as long as the block runs. Raises as `prepare_own` does, but for unreadable images."""
    with cache.workplace(cache_root(cache_dir), "check") as folder:
        yield stage(source, form or Form(), folder, say)


def plain_name(name: str) -> str:
    """Make a name that can be a folder's, and a part of a study's, from whatever a file is called."""
    name = re.sub(r"(\.(npz|csv|tsv|bin|tar|gz))+$", "", name.lower())
    plain = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:40].strip("-")
    # A name of the catalogue stands for the data set that everybody has.
    return f"own-{plain}" if plain in CATALOG else plain or "images"


def _divide_and_write(staged: Staged, division: Division, name: str, origin: str, folder: Path, say: Progress) -> None:
    arrays = _write(staged, division, folder, say)
    notes = () if division.groups is None else _notes(staged, division)
    _warn_of_gaps(staged, division, name)
    with meta.writing(folder.parent):
        staged.path.unlink()
        meta.write(
            folder,
            meta.Meta(name, staged.shape, staged.class_names, arrays, division.validation, origin, notes),
        )


def unreadable(problems: tuple[Problem, ...]) -> DataFormatError:
    """Name all images that cannot be read."""
    listed = "; ".join(f"{problem.name}: {problem.reason}" for problem in problems[:MAX_LISTED])
    more = f"; and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
    return DataFormatError(
        f"{plural(len(problems), 'image')} cannot be used ({listed}{more}). Repair or remove them, or leave them out "
        "with skip_unreadable=True."
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
        if division.groups is not None:
            arrays["train_groups"] = meta.write_array(folder / "train_groups.npy", division.groups)
        if division.held_out is not None:
            arrays["train_validation"] = meta.write_array(folder / "train_validation.npy", division.held_out)
    return arrays


def _notes(staged: Staged, division: Division) -> tuple[str, ...]:
    channels, height, width = staged.shape
    form = f"images are {height} × {width} (height × width) in {'gray' if channels == 1 else 'colour'}"
    notes = [form, *staged.notes]
    if staged.problems:
        listed = ", ".join(problem.name for problem in staged.problems[:10])
        notes.append(f"left out: {plural(len(staged.problems), 'entry')} that cannot be used ({listed})")
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
                DataWarning,
                stacklevel=2,
            )
