"""Networks side by side: on the same test images, by names that tell them apart, and what they differ in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations

from makeweight.errors import DataMismatch, InvalidValue
from makeweight.jobs.network import Setting, setting_text
from makeweight.report.summary import NetworkSummary
from makeweight.wording import join_words


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


UNSET = "default"  # where some were given an option and others were not
ABSENT = "–"  # where the others are of another family, which may not even have it


@dataclass(frozen=True, slots=True)
class Differing:
    """One setting that is not the same."""

    name: str
    values: tuple[str, ...]  # of the networks, in their order

    def __str__(self) -> str:
        return f"{self.name.replace('_', ' ')} {join_words(self.values)}"


def differences(*networks: NetworkSummary) -> tuple[Differing, ...]:
    """List what networks differ in: family, budget, options, recipe; or the layers, if nothing else explains them.

    Options are known where they were asked for: those that the solver chose show in the layers.
    """
    recipes, variants = [asdict(n.recipe) for n in networks], [dict(n.network_id.variant) for n in networks]
    listed = [
        *_differing("family", [n.family.upper() for n in networks]),
        *_differing("budget", [f"{n.budget:,}" for n in networks]),
    ]
    for name in dict.fromkeys(name for variant in variants for name in variant if name not in recipes[0]):
        of_each = [(n.family, variant.get(name)) for n, variant in zip(networks, variants, strict=True)]
        having = {family for family, value in of_each if value is not None}
        values = [_words(value) if family in having else ABSENT for family, value in of_each]
        if len({*values} - {ABSENT}) > 1:
            listed.append(Differing(name, tuple(values)))
    if not listed and any(n.architecture != networks[0].architecture for n in networks):
        listed += _differing("layers", [f"{len(n.architecture.layers)} of {n.weights:,} weights" for n in networks])
    for name in recipes[0]:
        listed += _differing(name, [_words(recipe[name]) for recipe in recipes])
    return tuple(listed)


def in_one_line(*networks: NetworkSummary) -> str:
    """Say what differs, in the order of the networks."""
    return "; ".join(map(str, differences(*networks))) or "nothing but seeds and machine"


def _differing(name: str, values: Sequence[str]) -> list[Differing]:
    return [Differing(name, tuple(values))] if len(set(values)) > 1 else []


def _words(value: Setting | None) -> str:
    return UNSET if value is None else setting_text(value)
