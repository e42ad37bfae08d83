"""Recipe: the frozen hyperparameters of one training, and the defaults of each family."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from makeweight.data.split import DEFAULT_VALIDATION
from makeweight.errors import InvalidValue

OptimizerName = Literal["adamw", "sgd"]
PrecisionName = Literal["auto", "fp32", "bf16"]
OPTIMIZERS = ("adamw", "sgd")
PRECISIONS = ("auto", "fp32", "bf16")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidValue(f"{name} {value} is not possible: give {low:,} to {high:,}.")


def _share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InvalidValue(f"{name} {value} is not possible: give 0 to below 1.")


def _above_zero(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise InvalidValue(f"{name} {value} is not possible: give a number above 0, for example 0.01.")


def _among(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidValue(f"{name} {value!r} is unknown. Choose from: {', '.join(allowed)}.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained.

    The network that is kept is the one after the last epoch, averaged where ``ema`` is set: the learning rate has
    come down by then, and choosing an epoch by its validation accuracy would make that accuracy too good.
    """

    epochs: int = 6
    batch_size: int = 128  # images; the last batch of an epoch is as short as the images leave it
    optimizer: OptimizerName = "adamw"
    learning_rate: float = 0.015  # the peak of the one-cycle schedule
    warmup: float = 0.2  # share of the steps on which the learning rate rises
    final: float = 0.01  # learning rate at the end, as a share of the peak
    momentum: float = 0.9  # AdamW's β1, or Nesterov momentum of SGD
    beta2: float = 0.99  # AdamW's β2
    weight_decay: float = 0.05  # decoupled for AdamW; not applied to biases, shifts, scales and slopes
    label_smoothing: float = 0.1
    skip_easy: float = 0.0  # share of the easy images that an epoch leaves out, the first and the last epoch apart
    ema: float = 0.0  # decay a step of the exponential moving average of the weights; 0 for none
    flip: bool = False  # mirror each image left to right with probability one half
    crop: int = 0  # pixels: pad each side by so many, cut the image out at a random place
    erase: float = 0.0  # probability that a random rectangle of an image is blanked
    validation: float = DEFAULT_VALIDATION  # share of the training images that is held out
    precision: PrecisionName = "auto"

    def __post_init__(self) -> None:
        _within("epochs", self.epochs, 1, 100_000)
        _within("batch_size", self.batch_size, 2, 1_000_000)
        _among("optimizer", self.optimizer, OPTIMIZERS)
        _above_zero("learning_rate", self.learning_rate)
        _share("warmup", self.warmup)
        _within("final", self.final, 0, 1)
        _share("momentum", self.momentum)
        _share("beta2", self.beta2)
        _within("weight_decay", self.weight_decay, 0, 100)
        _share("label_smoothing", self.label_smoothing)
        _share("skip_easy", self.skip_easy)
        _share("ema", self.ema)
        _within("crop", self.crop, 0, 32)
        _within("erase", self.erase, 0, 1)
        _share("validation", self.validation)
        _above_zero("validation", self.validation)
        _among("precision", self.precision, PRECISIONS)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Read what :meth:`to_json` wrote."""
        return Recipe(**json.loads(text))


# Chosen on FashionMNIST by validation accuracy; what was tried is in docs/recipes.md.
_CNN = Recipe(skip_easy=0.5)
_FCN = Recipe(epochs=40, batch_size=1_024, learning_rate=0.03, skip_easy=0.5)
_IMAGES = 54_000  # what these were chosen for

# Skipping is for large sets: a small one is trained in seconds, and was not tried.
_IMAGES_FOR_SKIPPING = 20_000

# Below so many epochs a convolutional network has no time to profit from augmentation.
_EPOCHS_FOR_AUGMENTATION = 20
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 100
_BATCHES_AN_EPOCH = 20  # at least, for a small data set
_SMALLEST_BATCH = 16


def default_recipe(family: str, images: int, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Recipe of a family for a number of training images, with some fields changed.

    Augmentation follows the number of epochs: a short training does better without. A smaller data set gets more
    epochs and a larger one fewer, with the square root of its size and from 3 to 100; a smaller one gets batches small
    enough for 20 steps an epoch, and below 20,000 images none are skipped.

    Raises
    ------
    InvalidValue
        If a field is unknown or its value breaks the rule.
    """
    changes = changes or {}
    known = [field.name for field in dataclasses.fields(Recipe)]
    for name in changes:
        if name not in known:
            raise InvalidValue(f"a recipe has no field {name!r}. It has: {', '.join(known)}.")
    base = _FCN if family == "fcn" else _CNN
    # 1 and 1.0 are the same training, and must give the same key.
    changes = {name: float(v) if isinstance(getattr(base, name), float) else v for name, v in changes.items()}
    base = dataclasses.replace(
        base,
        epochs=min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(base.epochs * (_IMAGES / images) ** 0.5))),
        batch_size=max(_SMALLEST_BATCH, min(base.batch_size, images // _BATCHES_AN_EPOCH)),
    )
    if images < _IMAGES_FOR_SKIPPING:
        base = dataclasses.replace(base, skip_easy=0.0)
    if family != "fcn" and changes.get("epochs", base.epochs) >= _EPOCHS_FOR_AUGMENTATION:
        base = dataclasses.replace(base, crop=1)
    return dataclasses.replace(base, **changes)
