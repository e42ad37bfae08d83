"""What a network costs, in the units of a report: each is an axis of a figure and a frontier of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from makeweight.report.summary import NetworkSummary, StudySummary


@dataclass(frozen=True, slots=True)
class CostAxis:
    """One kind of cost; less is better."""

    name: str  # in file names and JSON
    title: str  # with its unit
    short: str  # as it stands in a sentence
    of: Callable[[NetworkSummary], float | None]  # None where it was not measured


def _latency(network: NetworkSummary) -> float | None:
    return network.measurement.latency_p50_ms if network.measurement else None


def _memory(network: NetworkSummary) -> float | None:
    peak = network.measurement.peak_activation_bytes if network.measurement else None
    return None if peak is None else peak / 1_024


def _file(network: NetworkSummary) -> float | None:
    return network.measurement.file_bytes / 1_024 if network.measurement else None


def _energy(network: NetworkSummary) -> float | None:
    return network.measurement.energy_mj if network.measurement else None


COSTS = (
    CostAxis("weights", "trainable weights", "weights", lambda network: network.weights),
    CostAxis("macs", "multiply–accumulate operations an image (MACs)", "MACs", lambda network: network.macs),
    CostAxis("time", "training time (s)", "training time", lambda network: network.train_seconds),
    CostAxis("latency", "time for one image, median (ms)", "latency", _latency),
    CostAxis("memory", "peak activation memory for one image (KiB)", "memory", _memory),
    CostAxis("size", "size on disk (KiB)", "size on disk", _file),
    CostAxis("energy", "energy for one image (mJ)", "energy", _energy),
)


def known(summary: StudySummary, axis: CostAxis) -> list[tuple[NetworkSummary, float]]:
    """Networks whose cost on this axis is known, with it."""
    costs = ((network, axis.of(network)) for network in summary.networks)
    return [(network, cost) for network, cost in costs if cost]
