"""A ``.npz`` of NumPy: arrays in a zip, read in pieces and never unpickled.

The names say what the arrays are, in any case: a part and a pair of images and labels as MedMNIST (``train_images``,
``train_labels``, ``val_…``, ``test_…``) and Keras (``x_train``, ``y_train``, ``x_test``, ``y_test``) have them, or one
pair alone (``X``, ``y``). ``class_names`` or ``label_names`` may hold the classes' names.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from makeweight.data.form import Form
from makeweight.data.sources.block import PairBlock
from makeweight.data.sources.block_source import BlockSource
from makeweight.data.sources.files import first_bytes, of_files
from makeweight.data.sources.npy import Member, members_of, open_member, paired
from makeweight.data.sources.parts import PARTS, WORDS, divided
from makeweight.data.sources.source import Format, Part, Source
from makeweight.errors import DataFormatError

#: What images and their labels are called together; the last is np.savez(file, X, y).
PAIRS = (
    ("images", "labels"), ("image", "label"), ("x", "y"), ("data", "target"), ("data", "targets"), ("data", "labels"),
    ("arr_0", "arr_1"),
)  # fmt: skip
NAMES = ("class_names", "label_names")


def recognises(path: Path) -> bool:
    """Say whether a path is a .npz, by its name or its first bytes."""
    if not path.is_file():
        return False
    if path.suffix.lower() == ".npz":
        return True
    head = first_bytes(path, 200)
    return head.startswith(b"PK\3\4") and b".npy" in head


def npz_source(path: Path, form: Form) -> Source:
    """Open a .npz as a source.

    Raises
    ------
    DataFormatError
        If it is damaged, has no known arrays, or they aren't what their names promise.
    DataNotFound
        If it cannot be opened.
    """
    members = members_of(path)
    blocks = [
        PairBlock(part, *paired(open_member(path, images), open_member(path, labels)))
        for part, images, labels in _pairs(members, path)
    ]
    names = next((members[name] for name in NAMES if name in members), None)
    class_names = None if names is None else _class_names(open_member(path, names))
    return BlockSource(path.name, blocks, form, partial(of_files, path.parent, [path]), class_names)


def _pairs(members: dict[str, str], path: Path) -> list[tuple[Part, str, str]]:
    """Find the images and labels of each part, in the order of the parts."""
    found: dict[Part, tuple[str, str]] = {}
    for part, images, labels in _spellings():
        if images not in members or labels not in members:
            continue
        if part in found:
            both = f"{found[part][0].removesuffix('.npy')} and {members[images].removesuffix('.npy')}"
            raise DataFormatError(f"{path}: {both} are both images of one part ({part}); keep one of them.")
        found[part] = members[images], members[labels]
    if not found:
        raise DataFormatError(_unknown(members, path))
    given = [part for part in PARTS if part in found] or ["all"]
    names = divided(given)
    return [(names[part], *found[part]) for part in given]


def _spellings() -> Iterable[tuple[Part, str, str]]:
    """All names that are known; without a word for a part, the pair is the whole set."""
    for images, labels in PAIRS:
        yield "all", images, labels
        for word, part in WORDS.items():
            yield part, f"{word}_{images}", f"{word}_{labels}"
            yield part, f"{images}_{word}", f"{labels}_{word}"


def _unknown(members: dict[str, str], path: Path) -> str:
    shown = ", ".join(name.removesuffix(".npy")[:40] for name in list(members.values())[:10]) or "none"
    return (
        f"{path}: images and labels are looked for as X and y, images and labels, train_images and train_labels, "
        f"or x_train and y_train, but its arrays are {shown}; save them under such names with numpy.savez."
    )


def _class_names(member: Member) -> list[str]:
    """Read the names of the classes: a row of text."""
    if len(member.shape) != 1 or member.dtype.kind != "U" or member.shape[0] > 1 << 16:
        raise DataFormatError(
            f"{member.name}: the names of the classes are one row of text, but it has the shape {member.shape} "
            f"and holds {member.dtype}; save numpy.array([…]) of strings."
        )
    return [str(name) for piece in member.pieces(1_000) for name in piece]


FORMAT = Format(
    ".npz",
    "`.npz`",
    "MedMNIST's layout (`train_images`, `train_labels`, …), Keras' (`x_train`, …), or plain `X` and `y`; streamed, "
    "never unpickled",
    recognises,
    npz_source,
)
