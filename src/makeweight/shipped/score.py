"""Score the weights of the zoo again on the real test images, and take a network out into a study."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.errors import DataMismatch, InvalidValue, MakeweightError
from makeweight.files import whole, writing_to
from makeweight.jobs.result import Result
from makeweight.jobs.verified import verify_once
from makeweight.nets.build import Network as Module
from makeweight.shipped.record import FILE, ShippedNetwork, ShippedRun, read_network
from makeweight.store.rows import StudyRow
from makeweight.store.store import DATABASE, Store
from makeweight.training.evaluate import logits_of
from makeweight.training.images import Images
from makeweight.wording import plural

# The same weights in float32 elsewhere: sums in another order move a logit. Of CNN 10K and 100K and FCN 100K on
# FashionMNIST, other kernels (torch without oneDNN) and float64 move one by 1e-5 at most and change the class of no
# test image. One in a thousand leaves room for processors that weren't tried, and is a sixth of half the width of a
# 95 % interval of 10,000 images at 90 %: no claim of accuracy hides in it.
ONE_IN = 1_000
RULE = f"A network holds if no more than one test image in {ONE_IN:,} more or fewer is right than when it was added."


@dataclass(frozen=True)
class Verified:
    """What became of a network's weights, or of a network that can't be read."""

    network: str
    seed: int | None = None
    images: int = 0  # test images
    stored: int = 0  # of them correct when the network was added
    now: int = 0
    problem: str = ""  # why it couldn't be scored

    @property
    def holds(self) -> bool:
        """Whether the weights do what the zoo says."""
        return not self.problem and abs(self.now - self.stored) <= ceil(self.images / ONE_IN)

    @property
    def shares(self) -> tuple[float | None, float | None]:
        """Accuracy that is stored and accuracy now, 0 to 1; None if it couldn't be scored."""
        return (None, None) if self.problem else (self.stored / self.images, self.now / self.images)

    @property
    def verdict(self) -> str:
        """Say it in words."""
        if self.problem:
            return "not scored"
        apart = plural(abs(self.now - self.stored), "image")
        return "equal" if self.now == self.stored else f"{'holds' if self.holds else 'differs'}, {apart} apart"


def verify_networks(folders: Sequence[Path], say: Callable[[str], None] = lambda line: None) -> Iterator[Verified]:
    """Score every run of some networks; what is damaged or missing is a problem of its own, and the others go on."""
    for folder in folders:
        try:
            network = read_network(folder)
            data = data_of(network, say)
        except MakeweightError as error:
            yield Verified(folder.name, problem=str(error))
            continue
        for run in network.runs:
            try:
                now, images = correct(network.module(run), data), run.result.test_images
                yield Verified(network.name, run.seed, images, run.correct, now)
            except MakeweightError as error:
                yield Verified(network.name, run.seed, problem=str(error))


def data_of(network: ShippedNetwork, say: Callable[[str], None] = lambda line: None) -> PreparedDataset:
    """Return the data set of a network, prepared and hashed.

    Raises
    ------
    DataMismatch
        If the data here are others, or damaged.
    DataNotFound, InvalidValue
        If there are none of that name.
    """
    data = prepare(network.dataset, progress=say)
    verify_once(data)
    images = len(data.test_images().labels)
    others = [run.seed for run in network.runs if run.result.test_images != images]
    if data.digest != network.data_digest or others:
        raise DataMismatch(
            f"{network.folder / FILE} was made with {network.dataset} of digest {network.data_digest[:12]}, and the "
            f"data here have {data.digest[:12]} and {images:,} test images. Give the published files, with "
            f"MAKEWEIGHT_DATA, or get the network's folder again."
        )
    return data


def answers_on_test(module: Module, data: PreparedDataset) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(n, k) logits on all test images, in float32 on the processor, and their (n,) labels."""
    test = data.test_images()
    images = Images(module, test.images, test.labels, np.arange(len(test.labels)), "cpu", torch.float32)
    return logits_of(module, images).numpy(), np.asarray(test.labels)


def correct(module: Module, data: PreparedDataset) -> int:
    """Count the test images that are classified correctly."""
    logits, labels = answers_on_test(module, data)
    return int((logits.argmax(axis=1) == labels).sum())


def copy_to_study(network: ShippedNetwork, folder: Path, say: Callable[[str], None] = lambda line: None) -> None:
    """Make a finished study of a network, scored again on the test images; one that is there already stays.

    Raises
    ------
    InvalidValue
        If the folder holds something else.
    DataMismatch, DataNotFound, DataFormatError, StoreError
        If the data aren't those of the network, or its weights are damaged.
    """
    jobs = [network.job(run) for run in network.runs]
    if folder.exists():
        if {job.key for job in jobs} != _done(folder):
            raise InvalidValue(f"{folder} exists and isn't this network. Give another name, with name=NAME.")
        return
    data = data_of(network, say)
    with writing_to(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    spec, row = json.dumps({"zoo": network.name}), (data.name, data.digest, data.class_names, str(data.path))
    with whole(folder) as aside, Store.create(aside) as store:
        store.plan(StudyRow(folder.name, spec, *row), jobs)
        for job, run in zip(jobs, network.runs, strict=True):
            store.finish(job.key, _result(network.module(run), run, data))


def _done(folder: Path) -> set[str]:
    if not (folder / DATABASE).is_file():
        return set()
    with Store.open(folder) as store:
        return {row.job.key for row in store.jobs() if row.result is not None}


def _result(module: Module, run: ShippedRun, data: PreparedDataset) -> Result:
    logits, labels = answers_on_test(module, data)
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    return Result(run.epochs, weights, logits, labels, run.scores, run.result.environment)
