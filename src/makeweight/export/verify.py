"""Score exported files on the whole test set, beside PyTorch and beside each other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray

from makeweight.data.dataset import LabelledImages
from makeweight.export.deployment import Deployment
from makeweight.export.facts import Answer, Pixels, Probabilities
from makeweight.export.records import Artefact, Verification
from makeweight.measuring.forward import pinned
from makeweight.measuring.latency import Effort, Timing, interleaved
from makeweight.stats.compare import Difference, compare_trained
from makeweight.stats.intervals import accuracy_interval

CHUNK_VALUES = 400_000  # pixels that are answered at once: 510 images of 28 × 28, 2 of 3 × 224 × 224
OnScored = Callable[[str, int, int], None]  # what is scored, how many images are done, and how many there are
EFFORT = Effort(0.5, 400, 4_000)  # for each file


@dataclass(frozen=True)
class Checked:
    """Verifications, and the probabilities that they were made from."""

    pytorch: Verification
    files: tuple[Verification, ...]
    reference: Probabilities  # of PyTorch
    answers: tuple[Probabilities, ...]  # of the files


def verify(
    deployment: Deployment,
    artefacts: Sequence[Artefact],
    test: LabelledImages,
    progress: OnScored = lambda what, done, total: None,
) -> Checked:
    """Score PyTorch in float32 on the processor, and each file, on all test images; time them side by side."""
    reference = answers(deployment.answer, test.images, partial(progress, "scoring PyTorch"))
    verifications = tuple(
        answers(artefact.answer, test.images, partial(progress, f"scoring {artefact.files[0].name}"))
        for artefact in artefacts
    )
    itself, *timings = _timings(deployment, artefacts)
    judge = partial(_verification, reference=reference, labels=np.asarray(test.labels))
    engine = f"PyTorch {torch.__version__}"
    return Checked(
        judge(Artefact((), "float32", engine, deployment.answer), reference, itself),
        tuple(judge(*parts) for parts in zip(artefacts, verifications, timings, strict=True)),
        reference,
        verifications,
    )


def answers(
    answer: Answer, images: Pixels, progress: Callable[[int, int], None] = lambda done, total: None
) -> Probabilities:
    """(n, k) probabilities of many images, some at a time, so that memory stays flat."""
    step, parts = max(1, CHUNK_VALUES // prod(images.shape[1:])), []
    for start in range(0, len(images), step):
        parts.append(answer(np.array(images[start : start + step])))
        progress(min(start + step, len(images)), len(images))
    return np.concatenate(parts)


def accuracy_change(after: Probabilities, before: Probabilities, labels: NDArray[np.int64]) -> Difference:
    """Accuracy of the first minus that of the second, paired over the test images."""
    return compare_trained(*(probabilities.argmax(1) == labels for probabilities in (after, before)))


def _verification(
    artefact: Artefact,
    probabilities: Probabilities,
    latency: Timing | None,
    *,
    reference: Probabilities,
    labels: NDArray[np.int64],
) -> Verification:
    files = artefact.files
    return Verification(
        name=files[0].name if files else "PyTorch",
        precision=artefact.precision,
        engine=artefact.engine,
        size_bytes=sum(path.stat().st_size for path in files) if files else None,
        sha256=hashlib.sha256(files[0].read_bytes()).hexdigest() if files else None,
        accuracy=accuracy_interval((probabilities.argmax(1) == labels)[None]),
        change=accuracy_change(probabilities, reference, labels),
        same_class=float((probabilities.argmax(1) == reference.argmax(1)).mean()),
        largest_difference=float(np.abs(probabilities - reference).max()),
        latency=latency,
        beside=tuple(path.name for path in files[1:]),
        memory=artefact.memory,
        quantisation=artefact.quantisation,
    )


def _timings(deployment: Deployment, artefacts: Sequence[Artefact]) -> list[Timing | None]:
    """Time PyTorch and each file that can be timed; random pixels do, no layer's work depends on them."""
    shape = (1, *deployment.facts.image_shape)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    timed = [deployment.answer, *(artefact.answer for artefact in artefacts if artefact.timed)]
    calls: list[Callable[[], object]] = [partial(answer, image) for answer in timed]
    with pinned(1):
        timings = iter(interleaved(calls, EFFORT))
    return [next(timings), *(next(timings) if artefact.timed else None for artefact in artefacts)]
