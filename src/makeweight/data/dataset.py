"""Prepare a data set once into memory-mapped arrays, and open it in milliseconds ever after.

A prepared data set is a folder of four ``.npy`` files and ``meta.json``::

    <cache>/<key>/train_images.npy   uint8 (n, c, h, w)      official training part
                  train_labels.npy   int64 (n,)
                  test_images.npy    uint8 (n, c, h, w)
                  test_labels.npy    int64 (n,)
                  meta.json          shapes, class names, sizes, SHA-256 of each array, digest of all

A user's own data may have two more, ``train_groups.npy`` and ``train_validation.npy`` (see `makeweight.data.meta`).

The key is the data set's name, with a digest behind it when the files are not the published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data import cache, fetch, meta
from makeweight.data.cache import cache_root
from makeweight.data.catalog import CatalogEntry, find
from makeweight.data.split import DEFAULT_VALIDATION, Split, split_indices
from makeweight.errors import DataMismatch, DataNotFound
from makeweight.html import lines_html


@dataclass(frozen=True)
class LabelledImages:
    """One part of a prepared data set, memory-mapped and read-only."""

    images: NDArray[np.uint8]  # (n, c, h, w)
    labels: NDArray[np.int64]  # (n,)


PARTS = ("train", "training"), ("test", "test")


@dataclass(frozen=True, repr=False)
class PreparedDataset:
    """A data set in the cache; holds no images until they are asked for."""

    name: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    classes: int
    class_names: tuple[str, ...]
    digest: str  # SHA-256 over shapes, number of classes and the content of all arrays
    path: Path
    validation: float = DEFAULT_VALIDATION  # share of the training part that is usually held out
    origin: str = ""  # where a user's own images were read from
    notes: tuple[str, ...] = ()  # what was done to a user's own images

    def __repr__(self) -> str:
        c, h, w = self.image_shape
        return (
            f"{self.name}: {h}×{w} pixels in {'colour' if c == 3 else 'gray'}, {self.classes} classes; in {self.path}"
        )

    def _repr_html_(self) -> str:
        counts = (f"{len(self._load(f'{part}_labels')):,} {words}" for part, words in PARTS)
        return lines_html([repr(self), f"{' and '.join(counts)} images", ", ".join(self.class_names), *self.notes])

    def training_images(self) -> LabelledImages:
        """Map the official training part, of which the validation images are a part."""
        return LabelledImages(self._load("train_images"), self._load("train_labels"))

    def test_images(self) -> LabelledImages:
        """Map the test part; only the scoring of a finished job may ask for it."""
        return LabelledImages(self._load("test_images"), self._load("test_labels"))

    def split(self, validation: float | None = None, seed: int = 0) -> Split:
        """Divide the training part into training and validation rows.

        Copies of one image stay on one side. Where the user's own data say which images are for validation, those are
        taken for the usual share, whatever the seed; another share is drawn from all.

        Raises
        ------
        InvalidValue
            As `makeweight.data.split.split_indices` does.
        """
        share = self.validation if validation is None else validation
        names = meta.read(self.path).arrays
        if "train_validation" in names and share == self.validation:
            held_out = np.asarray(self._load("train_validation"), dtype=bool)
            return Split(np.flatnonzero(~held_out).astype(np.int64), np.flatnonzero(held_out).astype(np.int64))
        groups = self._load("train_groups") if "train_groups" in names else None
        return split_indices(self._load("train_labels"), share, seed, groups)

    def verify(self, parts: Sequence[str] = ("train", "test")) -> None:
        """Compute all checksums of these parts again.

        Raises
        ------
        DataMismatch
            When an array is not the one that was prepared; names it.
        """
        record = meta.read(self.path)
        if record.digest != self.digest:
            raise meta.damaged(self.path, "another data set was prepared there since this one was opened")
        for name, array in record.arrays.items():
            if name.partition("_")[0] not in parts:
                continue
            content = self._load(name)
            written = (content.shape, content.dtype.str) == (array.shape, array.dtype)
            if not written or meta.sha256_of(content) != array.sha256:
                raise meta.damaged(self.path, f"the content of {name}.npy is not what was written")

    def _load(self, name: str) -> NDArray[Any]:
        path = self.path / f"{name}.npy"
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise meta.damaged(self.path, f"{path.name} cannot be mapped") from error
        return array


def open_prepared(path: Path) -> PreparedDataset:
    """Open a prepared data set by its folder; checks sizes, not content (see `PreparedDataset.verify`).

    Raises
    ------
    DataNotFound
        When there is no such folder.
    DataMismatch
        When its files are not those that were prepared.
    """
    path = Path(path)
    record = meta.read(path)
    meta.check_sizes(path, record)
    names = record.class_names
    return PreparedDataset(
        record.name,
        record.image_shape,
        len(names),
        names,
        record.digest,
        path,
        record.validation,
        record.origin,
        record.notes,
    )


def prepare(
    name: str,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    progress: fetch.Progress | None = None,
) -> PreparedDataset:
    """Return the data set, prepared now if it never was.

    Parameters
    ----------
    name : str
        A name of the catalogue.
    data_dir : pathlib.Path, optional
        A folder with the original files; nothing else is tried then.
    cache_dir : pathlib.Path, optional
        Where prepared data sets live; see `cache_root`.
    progress : callable, optional
        Called with a line of text while downloading and preparing.

    Raises
    ------
    InvalidValue
        An unknown name, or a folder for a data set that needs none.
    DataNotFound
        No source has the files.
    DataFormatError
        A file is not what its format promises.
    StoreError
        The cache cannot be written.
    """
    entry, root = find(name), cache_root(cache_dir)
    given = fetch.locate_given(entry, data_dir)
    folder = root / (given.key if given else entry.name)
    ready, damage = try_open(folder)
    if ready is not None:
        return ready
    from makeweight.data.prepare import build_published  # slow, and most data sets are prepared already

    with cache.alone(root, entry.name, progress):
        ready, _ = try_open(folder)  # perhaps made while we waited
        if ready is not None:
            return ready
        files = given or _locate(entry, root, damage, progress)
        ready, _ = try_open(root / files.key)
        return ready or open_prepared(build_published(files, root, progress))


def find_prepared(digest: str) -> PreparedDataset | None:
    """Look in the cache for the data set with this digest, whatever its name."""
    return next((ready for ready in _all_prepared() if ready.digest == digest), None)


def own_prepared() -> tuple[PreparedDataset, ...]:
    """List the user's own data sets in the cache."""
    return tuple(ready for ready in _all_prepared() if ready.origin)


def _all_prepared() -> Iterator[PreparedDataset]:
    for path in sorted(cache_root().glob("*/meta.json")):
        ready, _ = try_open(path.parent)
        if ready is not None:
            yield ready


def is_prepared(name: str) -> bool:
    """Say whether a catalogue data set is in the cache, from its original source."""
    ready, _ = try_open(cache_root() / find(name).name)
    return ready is not None


def try_open(path: Path) -> tuple[PreparedDataset | None, DataMismatch | None]:
    """Return the data set if it is whole, and what is wrong if it is there but damaged."""
    try:
        return open_prepared(path), None
    except DataNotFound:
        return None, None
    except DataMismatch as error:
        return None, error


def _locate(
    entry: CatalogEntry, root: Path, damage: DataMismatch | None, progress: fetch.Progress | None
) -> fetch.Located:
    """Find the files; where that fails and a damaged copy was the reason to look, say both."""
    try:
        return fetch.locate(entry, root / "downloads" / entry.name, progress)
    except DataNotFound as error:
        if damage is None:
            raise
        raise DataNotFound(f"{damage} To prepare it again: {error}") from error
