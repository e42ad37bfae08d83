"""Recipe: the frozen hyperparameters of one training, the defaults of each family, and the learning rate's schedule."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from makeweight.data.split import DEFAULT_VALIDATION
from makeweight.designs.families import family_named
from makeweight.errors import InvalidValue

OptimizerName = Literal["adamw", "sgd"]
PrecisionName = Literal["auto", "fp32", "bf16"]
ClassWeightName = Literal["none", "balanced"]
OPTIMIZERS = ("adamw", "sgd")
PRECISIONS = ("auto", "fp32", "bf16")
FIRST = 0.02  # share of the peak at the first step; a rate of 0 would waste it
CLASS_WEIGHTS = ("none", "balanced")


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

    The network after the last epoch is kept, averaged if ``ema`` is set: the learning rate is low by then, and choosing
    an epoch by validation accuracy would make that accuracy too good.
    """

    epochs: int = 6  # passes over the training images
    batch_size: int = 128  # images; the last batch of an epoch may be short
    optimizer: OptimizerName = "adamw"  # or sgd, with Nesterov momentum
    learning_rate: float = 0.015  # the peak of the one-cycle schedule
    warmup: float = 0.2  # share of the steps on which the learning rate rises
    final: float = 0.01  # learning rate at the end, as a share of the peak
    momentum: float = 0.9  # AdamW's β1, or Nesterov momentum of SGD
    beta2: float = 0.99  # AdamW's β2
    weight_decay: float = 0.05  # decoupled for AdamW; not applied to biases, shifts, scales and slopes
    label_smoothing: float = 0.1  # share of the target spread over all classes
    class_weight: ClassWeightName = "none"  # balanced: an image counts by how rare its class is
    skip_easy: float = 0.0  # share of the easy images skipped in all epochs but the first and the last
    ema: float = 0.0  # decay per step of the exponential moving average of the weights; 0 for none
    flip: bool = False  # mirror each image left to right with probability one half
    crop: int = 0  # pixels: pad each side, then crop at a random position
    erase: float = 0.0  # probability that a random rectangle of an image is blanked
    validation: float = DEFAULT_VALIDATION  # share of the training images that is held out
    precision: PrecisionName = "auto"  # bf16 where the processor is measured to be fast at it, else fp32

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
        _among("class_weight", self.class_weight, CLASS_WEIGHTS)
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


_IMAGES = 54_000  # what the families' recipes were chosen for

# Skipping is for large sets: small ones train in seconds, and weren't tried.
_SKIPPED = 0.5
_IMAGES_FOR_SKIPPING = 20_000

LONG = 20  # epochs from which a family's recipe for long trainings applies: shorter ones have no time for augmentation
_MIN_EPOCHS, _MAX_EPOCHS = 3, 100
_BATCHES_AN_EPOCH = 20  # at least, on small data sets
_MIN_BATCH = 16


def default_recipe(family: str, images: int, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Recipe of a family for a number of training images, with some fields changed.

    The family's additions for long trainings depend on the number of epochs. Smaller data sets get more epochs and
    larger ones fewer, by the square root of their size, from 3 to 100; smaller ones get batches small enough for 20
    steps an epoch, and below 20,000 images none are skipped.

    Raises
    ------
    InvalidValue
        If the family or a field is unknown, or a value breaks the rule.

    >>> default_recipe("fcn", 54_000).epochs, default_recipe("fcn", 54_000, {"epochs": 5}).epochs
    (40, 5)
    """
    changes, kind = changes or {}, family_named(family)
    known = [field.name for field in dataclasses.fields(Recipe)]
    for name in changes:
        if name not in known:
            raise InvalidValue(f"a recipe has no field {name!r}. It has: {', '.join(known)}.")
    base = Recipe(**{"skip_easy": _SKIPPED if images >= _IMAGES_FOR_SKIPPING else 0.0, **kind.recipe})
    # 1 and 1.0 are the same training, and must give the same key.
    changes = {name: float(v) if isinstance(getattr(base, name), float) else v for name, v in changes.items()}
    base = dataclasses.replace(
        base,
        epochs=min(_MAX_EPOCHS, max(_MIN_EPOCHS, round(base.epochs * (_IMAGES / images) ** 0.5))),
        batch_size=max(_MIN_BATCH, min(base.batch_size, images // _BATCHES_AN_EPOCH)),
    )
    longer = kind.long_recipe if changes.get("epochs", base.epochs) >= LONG else {}
    return dataclasses.replace(base, **{**longer, **changes})


def one_cycle(progress: float, warmup: float, final: float) -> float:
    """Share of the peak learning rate at a point of the training.

    Parameters
    ----------
    progress : float
        Share of the steps done, 0 to 1.
    warmup : float
        Share of the steps on the way up, 0 to below 1.
    final : float
        Share of the peak at the end.

    Notes
    -----
    Smith 2018, "A disciplined approach to neural network hyper-parameters", section 4; linear both ways.
    """
    if progress < warmup:
        return max(progress / warmup, FIRST)
    return final + (1 - final) * (1 - progress) / (1 - warmup)
