"""The data sets of the catalogue as sources: their published files are IDX or CIFAR's, and some lie in an archive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from makeweight.data.catalog import CatalogEntry
from makeweight.data.fetch import DataFile
from makeweight.data.form import Form
from makeweight.data.sources.archive import unpack
from makeweight.data.sources.arrays import Pair, arrays_source
from makeweight.data.sources.cifar import batches_source
from makeweight.data.sources.idx import pairs_source
from makeweight.data.sources.source import Part, Source
from makeweight.data.split import split_indices

#: The digits have no official test part; this constant draws the same fifth of the images for everybody.
TEST_SEED = 1797
TEST_SHARE = 0.2


def published_source(entry: CatalogEntry, files: Mapping[str, DataFile], folder: Path) -> Source:
    """Open the files of a data set, by their roles; what lies in an archive is unpacked into a folder.

    Raises
    ------
    DataFormatError
        When a file is not what its format promises.
    DataNotFound
        When a file cannot be opened.
    """
    form = Form(entry.image_shape[1:], entry.image_shape[0])
    if entry.reader == "digits":
        return arrays_source(digits(), form, name=entry.name, class_names=entry.class_names)
    paths = _unpacked(files, folder)
    if entry.reader == "cifar":
        parts: list[tuple[Part, Path]] = [("train", paths[role]) for role in sorted(paths) if role.startswith("train")]
        return batches_source(entry.name, [*parts, ("test", paths["test"])], form, entry.class_names)
    pairs: dict[Part, tuple[Path, Path]] = {
        "train": (paths["train_images"], paths["train_labels"]),
        "test": (paths["test_images"], paths["test_labels"]),
    }
    return pairs_source(entry.name, Path("/"), pairs, form, entry.class_names)


def _unpacked(files: Mapping[str, DataFile], folder: Path) -> dict[str, Path]:
    members: dict[Path, list[str]] = {}
    for file in files.values():
        if file.member is not None:
            members.setdefault(file.path, []).append(file.member)
    for archive, names in members.items():
        unpack(archive, folder, names)
    return {role: file.path if file.member is None else folder / file.member for role, file in files.items()}


def digits() -> dict[str, Pair]:
    """Give the 1,797 digits of 8 × 8 pixels that come with scikit-learn, with a fixed stratified fifth for test."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # slow, and without stubs

    bunch = load_digits()
    labels = np.asarray(bunch.target, dtype=np.int64)
    images = (np.asarray(bunch.images, dtype=np.int64) * 255 // 16).astype(np.uint8)  # 0..16 grey levels to 0..255
    split = split_indices(labels, TEST_SHARE, TEST_SEED)
    return {
        "train": (images[split.train], labels[split.train]),
        "test": (images[split.validation], labels[split.validation]),
    }
