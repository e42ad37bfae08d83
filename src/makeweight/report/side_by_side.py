"""Networks of one study or several, side by side: on the same test images, and by names that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from makeweight.errors import DataMismatch, InvalidValue
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
