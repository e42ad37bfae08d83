"""Networks side by side: on the same test images, by names that tell them apart, and what they differ in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations

from makeweight.errors import DataMismatch, InvalidValue
from makeweight.jobs.network import Setting, setting_text
from makeweight.report.summary import NetworkSummary


def side_by_side(networks: Sequence[NetworkSummary]) -> tuple[NetworkSummary, ...]:
    """Check that networks can be paired image by image, and label them with their studies where labels coincide.

    Raises
    ------
    InvalidValue
        If two of them have a training in common.
    DataMismatch
        If two of them were tested on different images.
    """
    for a, b in combinations(networks, 2):
        _check(a, b)
    if len({network.label for network in networks}) == len(networks):
        return tuple(networks)
    return tuple(replace(network, label=f"{network.study}/{network.label}") for network in networks)


def _check(a: NetworkSummary, b: NetworkSummary) -> None:
    """Only answers of different trainings on the same images, in the same order, can be paired."""
    names = [f"{network.label} of the study {network.study}" for network in (a, b)]
    if {run.key for run in a.runs} & {run.key for run in b.runs}:
        raise InvalidValue(
            f"{names[0]} and {names[1]} have a training in common, and a network is not compared with itself. "
            "Give two different networks."
        )
    if a.data_digest != b.data_digest:
        raise DataMismatch(
            f"{names[0]} and {names[1]} were tested on different data ({a.data_digest[:12]} and "
            f"{b.data_digest[:12]}), and networks are compared on the same test images. Train both on one data set."
        )


UNSET = "default"  # where one of two was given an option and the other was not


@dataclass(frozen=True, slots=True)
class Differing:
    """One setting that is not the same."""

    name: str
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.name.replace('_', ' ')} {self.a} and {self.b}"


def differences(a: NetworkSummary, b: NetworkSummary) -> tuple[Differing, ...]:
    """List what two networks differ in: family, budget, options, recipe; or the layers, if nothing else explains them.

    Options are known where they were asked for: those that the solver chose show in the layers.
    """
    listed = [
        *_differing("family", a.family.upper(), b.family.upper()),
        *_differing("budget", f"{a.budget:,}", f"{b.budget:,}"),
    ]
    recipes, variants = [asdict(network.recipe) for network in (a, b)], [dict(n.network_id.variant) for n in (a, b)]
    for name in dict.fromkeys(name for variant in variants for name in variant if name not in recipes[0]):
        if a.family != b.family and not all(name in variant for variant in variants):
            continue  # the other family may not even have it
        listed += _differing(name, *(_words(variant.get(name)) for variant in variants))
    if not listed and a.architecture != b.architecture:
        listed += _differing("layers", *(f"{len(n.architecture.layers)} of {n.weights:,} weights" for n in (a, b)))
    for name in recipes[0]:
        listed += _differing(name, *(_words(recipe[name]) for recipe in recipes))
    return tuple(listed)


def in_one_line(a: NetworkSummary, b: NetworkSummary) -> str:
    """Say what differs, in the order of the two."""
    return "; ".join(map(str, differences(a, b))) or "nothing but seeds and machine"


def _differing(name: str, a: str, b: str) -> list[Differing]:
    return [] if a == b else [Differing(name, a, b)]


def _words(value: Setting | None) -> str:
    return UNSET if value is None else setting_text(value)
