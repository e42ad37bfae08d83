"""The source that all formats of rows share: blocks of them become chunks of images in one form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.form import Form, convert
from makeweight.data.sources import pixels
from makeweight.data.sources.axes import Layout, layout_of, settled
from makeweight.data.sources.block import Batch, Block
from makeweight.data.sources.labels import Labels
from makeweight.data.sources.rows import BadRow
from makeweight.data.sources.source import CHUNK_IMAGES, Chunk, Progress, Shape, Survey
from makeweight.errors import DataFormatError

#: Rows that are named in one message beside the first.
MAX_NAMED = 20


class BlockSource:
    """A `Source` over blocks of rows.

    Parameters
    ----------
    name : str
        What to call the data set.
    blocks : sequence of Block
        In the order in which they are read; those of one part follow one another.
    form : Form
        What the user asks for; the size says how flat rows are meant.
    fingerprint : callable
        Gives the digest of the content.
    class_names : sequence of str or None
        Names of the classes 0, 1, …, where the format has them.
    notes : sequence of str
        What finding the blocks has left out or assumed.

    Raises
    ------
    DataFormatError
        When a block's rows can be no images.
    """

    def __init__(
        self, name: str, blocks: Sequence[Block], form: Form, fingerprint: Callable[[], str],
        class_names: Sequence[str] | None = None, notes: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.name = name
        self._blocks, self._fingerprint, self._notes = tuple(blocks), fingerprint, tuple(notes)
        self._labels = Labels(class_names, name)
        self._known_scales: dict[str, pixels.Scale] | None = None
        self._highest, self._highest_deep = -math.inf, 0  # of all values read as 0 to 255, and of those of 16 bits
        self._wanted_scale, self.ordered = form.scale, class_names is not None
        self._first_layouts = [layout_of(block.image_shape, form, block.name) for block in blocks]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by code; those that labels name themselves come as they are read."""
        return self._labels.names

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether values of 16 bits come out nearly black."""
        return pixels.dim_note(self._highest_deep)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Whether the numbers have another scale."""
        doubt = None if self._wanted_scale else pixels.dim_doubt(self._highest, self.name)
        return (doubt,) if doubt else ()

    def fingerprint(self) -> str:
        """Return the digest that differs once the content may have changed."""
        return self._fingerprint()

    def survey(self, say: Progress) -> Survey:
        """Count the images of each shape, and look how far their numbers go where their type leaves that open."""
        shapes: Counter[Shape] = Counter()
        for block, layout, count in zip(self._blocks, self._layouts, self._counts, strict=True):
            if count == 0:
                raise DataFormatError(f"{block.name}: it has no images; give a file with some of each class.")
            shapes[layout.shape] += count
        scales = self._scales(say)
        parts = tuple(dict.fromkeys(block.part for block in self._blocks))
        return Survey(dict(shapes), parts, self._all_notes(scales.values()))

    def read(self, shape: Shape, say: Progress) -> Iterator[Chunk]:
        """Read all images in the shape asked for, block by block."""
        scales, row = self._scales(say), 0
        for block, layout in zip(self._blocks, self._layouts, strict=True):
            for batch in block.batches():
                for piece in _cut(batch):
                    try:
                        chunk = self._chunk(block, piece, layout, scales[group_of(block.dtype)], shape, row)
                    except BadRow as bad:
                        raise self._refusal(row + bad.row, bad.reason, say) from bad
                    row += len(chunk.rows)
                    yield chunk
                    say(f"reading {block.name}", row, sum(self._counts))

    def describe(self, row: int) -> str:
        """Say which image that is, in the words of its format."""
        block, first = self._block_of(row)
        return block.describe(row - first)

    @cached_property
    def _counts(self) -> list[int]:
        return [block.count for block in self._blocks]

    @cached_property
    def _layouts(self) -> list[Layout]:
        """The layouts, once the doubtful ones are settled by a look at the first images."""
        pairs = zip(self._blocks, self._first_layouts, strict=True)
        return [
            settled(layout, next(block.batches()).images) if layout.doubtful and block.count else layout
            for block, layout in pairs
        ]

    def _block_of(self, row: int) -> tuple[Block, int]:
        first = 0
        for block, count in zip(self._blocks, self._counts, strict=True):
            if first <= row < first + count:
                return block, first
            first += count
        raise IndexError(f"row {row} of {first}")

    def _scales(self, say: Progress) -> dict[str, pixels.Scale]:
        """Find the scale of each group of types, over all its blocks, once."""
        if self._known_scales is None:
            groups: dict[str, list[int]] = {}
            for place, block in enumerate(self._blocks):
                groups.setdefault(group_of(block.dtype), []).append(place)
            self._known_scales = {group: self._scale(places, say) for group, places in groups.items()}
        return self._known_scales

    def _scale(self, places: Sequence[int], say: Progress) -> pixels.Scale:
        dtype = self._blocks[places[0]].dtype
        if self._wanted_scale is not None:
            return pixels.asked_for(self._wanted_scale, self._planes(places, say))
        limit, highest = pixels.limit_of(dtype), -math.inf
        for planes in self._planes(places, say) if limit is not None else ():
            highest = max(highest, _most(planes))
            if limit is not None and highest > limit:
                break  # which settles the matter
        return pixels.scale_of(dtype, highest)

    def _planes(self, places: Sequence[int], say: Progress) -> Iterator[NDArray[Any]]:
        """Read the numbers of some blocks as (n, c, h, w)."""
        seen = 0
        for place in places:
            block, layout = self._blocks[place], self._layouts[place]
            for batch in block.batches():
                yield layout.planes(batch.images)
                seen += len(batch.images)
                say(f"looking at the values of {block.name}", seen, None)

    def _all_notes(self, scales: Iterable[pixels.Scale]) -> tuple[str, ...]:
        notes = [*self._notes, *(layout.note for layout in self._layouts), *(scale.note for scale in scales)]
        if any(layout.channels in (2, 4) for layout in self._layouts):
            notes.append("transparency is laid on black")
        return tuple(dict.fromkeys(note for note in notes if note))

    def _chunk(self, block: Block, batch: Batch, layout: Layout, scale: pixels.Scale, shape: Shape, row: int) -> Chunk:
        codes = self._labels.codes(batch.labels)
        images = pixels.without_alpha(pixels.to_bytes(layout.planes(batch.images), scale))
        if scale.note is None:
            self._highest = max(self._highest, _most(batch.images))
        elif batch.images.dtype == np.uint16:
            self._highest_deep = max(self._highest_deep, int(batch.images.max()))
        rows = np.arange(row, row + len(codes), dtype=np.int64)
        return Chunk(block.part, np.ascontiguousarray(convert(images, shape)), codes, rows)

    def _refusal(self, first: int, reason: str, say: Progress) -> DataFormatError:
        """Name all rows that cannot be used, up to a limit, so that they can be mended at once."""
        others = list[str]()
        with suppress(DataFormatError):  # a malformed line further on: it's reported once these are mended
            for row in islice((row for row in self._bad_rows(say) if row != first), MAX_NAMED + 1):
                others.append(self.describe(row))
        more = " and more" if len(others) > MAX_NAMED else ""
        also = f" Nor can be used: {', '.join(others[:MAX_NAMED])}{more}." if others else ""
        return DataFormatError(f"{self.describe(first)}: {reason}{also}")

    def _bad_rows(self, say: Progress) -> Iterator[int]:
        """Find all rows that cannot be used; in one batch not many more than are named."""
        scales, row = self._scales(say), 0
        for block, layout in zip(self._blocks, self._layouts, strict=True):
            to_bytes = partial(pixels.to_bytes, scale=scales[group_of(block.dtype)])
            for batch in block.batches():
                planes = layout.planes(batch.images)
                bad = {*_bad_places(self._labels.codes, batch.labels), *_bad_places(to_bytes, planes)}
                yield from (row + place for place in sorted(bad))
                row += len(batch.images)
                say("looking for more rows that cannot be used", row, sum(self._counts))


def group_of(dtype: np.dtype[Any]) -> str:
    """Name the group of a type: its numbers are scaled alike, whatever part they are of."""
    return dtype.kind if dtype.kind in "bf" else f"{dtype.kind}{dtype.itemsize}"


def _most(values: NDArray[Any]) -> float:
    return float(np.fmax.reduce(values, axis=None)) if values.size else -math.inf  # fmax passes over NaN


def _bad_places(check: Callable[[NDArray[Any]], object], values: NDArray[Any]) -> list[int]:
    """Find the first rows of a batch that a check refuses."""
    found = list[int]()
    while len(found) < MAX_NAMED + 2:
        start = found[-1] + 1 if found else 0
        try:
            check(values[start:])
            break
        except BadRow as bad:
            found.append(start + bad.row)
    return found


def _cut(batch: Batch) -> Iterator[Batch]:
    for start in range(0, len(batch.images), CHUNK_IMAGES):
        yield Batch(batch.images[start : start + CHUNK_IMAGES], batch.labels[start : start + CHUNK_IMAGES])
