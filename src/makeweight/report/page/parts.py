"""The figures of a page, and what stands in it of each network alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from makeweight.designs.cost import cost
from makeweight.designs.table import layers_table
from makeweight.html import Table
from makeweight.report.analysis import NetworkAnalysis
from makeweight.report.contents import Contents
from makeweight.report.figures.catalogue import drawings, file_name
from makeweight.report.figures.feature_drawings import feature_drawings
from makeweight.report.figures.style import Drawing
from makeweight.report.page import settings, svg
from makeweight.report.page.svg import Element
from makeweight.report.tuning import TuningSummary, trials_table, tuning_sentences, winner_table
from makeweight.wording import percent, points, span


@dataclass(frozen=True)
class Drawn:
    """A figure as it stands in a page."""

    drawing: Drawing
    anchor: str  # its own in the page
    element: Element


@dataclass(frozen=True)
class NetworkPart:
    """One network's part of a page."""

    label: str
    anchor: str
    facts: tuple[tuple[str, str], ...]
    layers: Table
    runs: Table
    inspected: bool  # whether there are feature maps
    first: bool  # to be shown: the most accurate


@dataclass(frozen=True)
class TuningPart:
    """How the network was found."""

    sentences: tuple[str, ...]
    winner: Table | None
    trials: Table

    @classmethod
    def of(cls, tuning: TuningSummary) -> TuningPart:
        """Put together what a page says of a tuning."""
        return cls(tuning_sentences(tuning), winner_table(tuning), trials_table(tuning))


def draw(contents: Contents, of_networks: bool = True) -> tuple[Drawn, ...]:
    """Draw all figures, or those of all networks together."""
    chosen = [d for d in drawings(contents) if d.group != "features" and (of_networks or d.network is None)]
    if of_networks:
        chosen += _inside(contents)
    return tuple(_drawn(drawing) for drawing in chosen)


def _inside(contents: Contents) -> Iterator[Drawing]:
    """Yield filters and what they respond to; maps are in the viewer."""
    for inspection in contents.inspections:
        yield from (d for d in feature_drawings(inspection) if d.name.startswith(("first-filters", "responses")))


def _drawn(drawing: Drawing) -> Drawn:
    name = drawing.name
    if drawing.network is not None and file_name(drawing.network) not in name:
        name = f"{name}-{file_name(drawing.network)}"
    return Drawn(drawing, name, svg.element(drawing, name))


def networks_parts(contents: Contents) -> tuple[NetworkPart, ...]:
    """One part a network, in the study's order."""
    inspected = {inspection.network for inspection in contents.inspections}
    analyses = contents.analysis.networks
    best = max(analyses, key=lambda analysis: analysis.network.test_accuracy.mean)
    return tuple(_part(analysis, inspected, analysis is best) for analysis in analyses)


def _part(analysis: NetworkAnalysis, inspected: set[str], first: bool) -> NetworkPart:
    network = analysis.network
    return NetworkPart(
        label=network.label,
        anchor=file_name(network.label),
        facts=_facts(analysis),
        layers=layers_table(cost(network.architecture), title=f"{network.label}: layers"),
        runs=settings.runs_table(network),
        inspected=network.label in inspected,
        first=first,
    )


def _facts(analysis: NetworkAnalysis) -> tuple[tuple[str, str], ...]:
    network, accuracy, fit = analysis.network, analysis.network.test_accuracy, analysis.fit
    facts = [
        ("test accuracy", percent(accuracy.mean)),
        ("95 % interval", span(accuracy.low, accuracy.high)),
        ("trainable weights", f"{network.weights:,}"),
        ("MACs an image", f"{network.macs:,}"),
        ("training time", f"{network.train_seconds:.1f} s"),
        ("calibration error", f"{points(analysis.calibration.error)} points"),
    ]
    if fit is not None:
        facts.append(
            ("training − test", f"{points(fit.gap.mean, signed=True)} ({span(fit.gap.low, fit.gap.high, points)})")
        )
        facts.append(("fit", fit.verdict))
    return tuple(facts)
