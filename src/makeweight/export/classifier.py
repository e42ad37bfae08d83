"""Answers for pictures: by a finished run, or by an ONNX file, which knows all it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from makeweight.data.picture import Picture, background, border_brightness
from makeweight.errors import InvalidValue, MakeweightError
from makeweight.export.facts import Answer, Shape
from makeweight.export.runtime import OnnxFile
from makeweight.inspection.data import as_planned
from makeweight.store.rows import JobRow, StudyRow
from makeweight.store.store import Store

TOGETHER = 16  # pictures that are read and answered at once; a file may make 64 MB of each, see guard.MAX_VALUES


@dataclass(frozen=True)
class Classifier:
    """What answers."""

    name: str  # "CNN 10K, seed 0"
    image_shape: Shape
    class_names: tuple[str, ...]
    border: float | None  # mean brightness of the outermost pixels of training images; None where nobody can tell
    answer: Answer = field(repr=False)

    def __post_init__(self) -> None:
        if self.image_shape[0] not in (1, 3):
            raise InvalidValue(f"{self.name} takes vectors of {self.image_shape[0]:,} features, and no pictures.")


@dataclass(frozen=True)
class PictureInput:
    """A picture that can be read."""

    name: str  # as the user gave it
    # (shape, whether to invert, brightness to be like; see `read_picture`); raises MakeweightError
    read: Callable[[Shape, bool, float | None], Picture] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Guess:
    """A class with its probability."""

    label: int
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a picture was classified as, or why it couldn't be read."""

    image: str
    guesses: tuple[Guess, ...] = ()  # the most probable first
    unlike: str | None = None  # "dark on bright", where the training images are the other way round
    inverted: bool = False  # whether bright was turned into dark
    error: str | None = None


def from_file(path: Path) -> Classifier:
    """Open an ONNX file that makeweight exported; nothing else is needed.

    Raises
    ------
    DataNotFound, InvalidValue, DataFormatError, MissingExtra
        See :class:`makeweight.export.runtime.OnnxFile`.
    """
    opened = OnnxFile(path)
    facts = opened.facts
    name = f"{facts.network}, seed {facts.seed}" + (", int8" if facts.precision == "int8" else "")
    return Classifier(name, facts.image_shape, facts.class_names, facts.border, opened.answer)


def from_run(store: Store, row: JobRow, study: StudyRow) -> Classifier:
    """Build the network of a finished run again, in float32. The study's data are looked at where they are at hand.

    Raises
    ------
    StoreError
        If the run is not finished, or its file is missing or damaged.
    """
    from makeweight.export.deployment import BORDER_IMAGES, Deployable  # torch, which a file does without
    from makeweight.nets.load import load_network

    job, data = row.job, as_planned(study)
    module = Deployable(load_network(job.architecture, store.weights(row))).eval()
    return Classifier(
        name=f"{job.network_id.label}, seed {job.seed}",
        image_shape=job.architecture.input_shape,
        class_names=study.names(job.architecture.classes),
        border=border_brightness(data.training_images().images[:BORDER_IMAGES]) if data else None,
        answer=module.answer,
    )


def classify(
    classifier: Classifier, sources: Sequence[PictureInput], top: int, invert: bool | None = None
) -> Iterator[Prediction]:
    """Answer for each picture, in order; one that cannot be read gets its reason, and the others their answers.

    Parameters
    ----------
    top : int
        Classes to give of each.
    invert : bool, optional
        Turn bright into dark in each picture, or in none; None: in gray pictures that are dark on bright, where the
        training images are bright on dark.
    """
    like = classifier.border if invert is None else None
    for start in range(0, len(sources), TOGETHER):
        read = [
            _read(source, classifier.image_shape, bool(invert), like) for source in sources[start : start + TOGETHER]
        ]
        pictures = [picture for _, picture in read if isinstance(picture, Picture)]
        answers = iter(classifier.answer(np.stack([picture.pixels for picture in pictures])) if pictures else ())
        for name, picture in read:
            if isinstance(picture, Picture):
                guesses = _guesses(classifier, next(answers), top)
                yield Prediction(name, guesses, _unlike(classifier, picture), picture.inverted)
            else:
                yield Prediction(name, error=str(picture))


def _read(
    source: PictureInput, shape: Shape, invert: bool, like: float | None
) -> tuple[str, Picture | MakeweightError]:
    try:
        return source.name, source.read(shape, invert, like)
    except MakeweightError as error:
        return source.name, error


def _guesses(classifier: Classifier, probabilities: np.ndarray, top: int) -> tuple[Guess, ...]:
    best = np.argsort(-probabilities, kind="stable")[:top]
    return tuple(Guess(int(i), classifier.class_names[i], float(probabilities[i])) for i in best)


def _unlike(classifier: Classifier, picture: Picture) -> str | None:
    """Compare the backgrounds, where both are clear about theirs."""
    here = background(picture.border)
    there = None if classifier.border is None else background(classifier.border)
    if here is None or there is None or here == there:
        return None
    return "dark on bright" if here == "bright" else "bright on dark"
