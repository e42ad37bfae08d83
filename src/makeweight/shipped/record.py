"""A network of the zoo on disk: ``network.json``, and the weights of each seed beside it. Nothing is unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from makeweight.designs.architecture import Architecture
from makeweight.designs.stored import read_architecture
from makeweight.errors import DataFormatError, InvalidValue, StoreError
from makeweight.export.guard import read_capped
from makeweight.files import TEMPORARY
from makeweight.jobs.network import NetworkId, Setting
from makeweight.jobs.result import Environment, Job, Score
from makeweight.store.rows import ResultRow, check, checked, read_object, read_variant
from makeweight.store.weights import check_sha256, tensors_in
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord

if TYPE_CHECKING:
    from makeweight.nets.build import Network as Module

ZOO = Path(__file__).with_name("frontier")  # in a checkout a link to results/frontier; in a wheel the files themselves
FILE = "network.json"
REMEDY = "Get the network's folder again from where it came, or remove it."


@dataclass(frozen=True)
class ShippedRun:
    """One training of a network of the zoo."""

    seed: int
    correct: int  # test images, by the stored weights in float32 on a CPU: what scoring again is compared with
    result: ResultRow
    scores: dict[str, Score]  # by split
    epochs: tuple[EpochRecord, ...]

    @property
    def file(self) -> str:
        """Name of the file with its weights."""
        return f"seed-{self.seed}.safetensors"


@dataclass(frozen=True)
class ShippedNetwork:
    """A network of the zoo: enough to build it, to score it again, and to train it again."""

    folder: Path  # not stored
    name: str  # the folder's
    method: str  # how it was trained: plain, distilled, …
    note: str
    command: str  # makes it again
    family: str
    budget: int
    weights: int
    macs: int  # for one image
    dataset: str
    data_digest: str
    split_seed: int
    class_names: tuple[str, ...]
    border: float  # mean brightness of the outermost pixels of training images, 0 to 255
    variant: dict[str, Setting]
    recipe: Recipe
    architecture: Architecture
    runs: tuple[ShippedRun, ...]  # by seed, at least one

    @property
    def label(self) -> str:
        """Its name in tables and figures: CNN 10K."""
        return NetworkId(self.family, self.budget, tuple(self.variant.items())).label

    @property
    def test_accuracy(self) -> float:
        """Mean over the seeds, 0 to 1."""
        return mean(run.result.test_accuracy for run in self.runs)

    @property
    def validation_accuracy(self) -> float:
        """Mean over the seeds, 0 to 1."""
        return mean(run.result.validation_accuracy for run in self.runs)

    @property
    def test_sd(self) -> float | None:
        """Standard deviation of the test accuracy over the seeds; None of one seed."""
        return stdev(run.result.test_accuracy for run in self.runs) if len(self.runs) > 1 else None

    @property
    def best(self) -> ShippedRun:
        """The training with the best validation accuracy; of equal ones the lowest seed."""
        return max(self.runs, key=lambda run: run.result.validation_accuracy)

    def job(self, run: ShippedRun) -> Job:
        """Return the job that trains it with a seed."""
        what = self.family, self.budget, self.architecture, self.recipe, self.data_digest, self.split_seed
        return Job(*what, run.seed, tuple(self.variant.items()))

    def module(self, run: ShippedRun, folder: Path | None = None) -> Module:
        """Build the network with the weights of a run, in evaluation mode, from its folder or another.

        Raises
        ------
        DataNotFound, DataFormatError, StoreError
            If the file of weights is missing, damaged, or of another architecture.
        """
        from makeweight.nets.load import load_network  # torch, which a list does without

        path = (folder or self.folder) / run.file
        content = read_capped(path, REMEDY)
        check_sha256(content, run.result.weights_sha256, path, REMEDY)
        try:
            return load_network(self.architecture, tensors_in(content, path, REMEDY))
        except StoreError as error:
            raise DataFormatError(f"{path} is refused: {error} {REMEDY}") from error

    def to_record(self) -> dict[str, Any]:
        """Return what is stored, as JSON has it."""
        kept = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "folder"}
        kept |= {"architecture": json.loads(self.architecture.to_json()), "recipe": asdict(self.recipe)}
        return {**kept, "runs": [asdict(run) for run in self.runs]}

    def to_json(self) -> str:
        """Write the record, a field a line."""
        values = self.to_record().items()
        lines = (f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in values)
        return "{\n" + ",\n".join(lines) + "\n}\n"


def names_in(zoo: Path) -> list[str]:
    """List the networks of a zoo, whole or damaged, cnn-10k before cnn-100k."""
    names = [path.name for path in zoo.glob("[!.]*/") if path.is_dir() and path.suffix != TEMPORARY]
    return sorted(names, key=lambda name: [(len(part), part) for part in re.findall(r"\d+|\D+", name)])


def read_network(folder: Path) -> ShippedNetwork:
    """Read a network of the zoo; it may come from anywhere.

    Raises
    ------
    DataNotFound
        If there is none in the folder.
    DataFormatError
        If the record is damaged; names the file and what is wrong.
    """
    path = folder / FILE
    content = read_capped(path, REMEDY)
    try:
        return _network(folder, read_object(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)[:200].rstrip(".")
        raise DataFormatError(f"{path} is damaged: {reason}. {REMEDY}") from error


def _network(folder: Path, values: dict[str, Any]) -> ShippedNetwork:
    architecture, counted = read_architecture(json.dumps(values["architecture"]))
    values |= {
        "architecture": architecture,
        "recipe": checked(Recipe, values["recipe"]),
        "variant": dict(read_variant(json.dumps(values["variant"]))),
        "class_names": tuple(values["class_names"]),
        "runs": tuple(map(_run, values["runs"])),
    }
    check(ShippedNetwork, values)
    network = ShippedNetwork(folder, **values)
    _check_agreement(network, counted.weights, counted.macs)
    return network


def _check_agreement(network: ShippedNetwork, weights: int, macs: int) -> None:
    """Check what no single field's type says."""
    architecture, names = network.architecture, network.class_names
    if network.name != network.folder.resolve().name:
        raise InvalidValue(f"it is of the network {network.name[:80]!r}, which isn't its folder's name")
    if (network.family, network.weights, network.macs) != (architecture.family, weights, macs):
        raise InvalidValue(f"its architecture is of {architecture.family}, {weights:,} weights and {macs:,} MACs")
    if len(names) != architecture.classes or not all(isinstance(name, str) for name in names):
        raise InvalidValue(f"its class names aren't {architecture.classes} texts")
    if not network.runs or not network.border <= 255:
        raise InvalidValue("it has no run, or its border is no brightness from 0 to 255")


def _run(values: Mapping[str, Any]) -> ShippedRun:
    result = {**values["result"], "environment": checked(Environment, values["result"]["environment"])}
    read = {
        **values,
        "result": checked(ResultRow, result),
        "scores": {split: checked(Score, score) for split, score in values["scores"].items()},
        "epochs": tuple(checked(EpochRecord, epoch) for epoch in values["epochs"]),
    }
    run = checked(ShippedRun, read)
    if not run.epochs or run.correct > run.result.test_images:
        raise InvalidValue(f"seed {run.seed} has no epochs, or more correct answers than test images")
    return run
