"""The tables of what the statistics say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from makeweight.html import Column, Table
from makeweight.report.analysis import Analysis, Comparison, NetworkAnalysis
from makeweight.report.side_by_side import differences
from makeweight.stats.intervals import Interval
from makeweight.wording import percentage, points, span

NOT_MEASURED = "not measured"
TEXTS = ("network", "against", "class", "verdict", "what differs")


def all_tables(analysis: Analysis) -> Iterator[Table]:
    """Every table that there is something for."""
    if analysis.comparisons:
        yield comparisons_table(analysis.comparisons)
    if any(network.measurement for network in analysis.summary.networks):
        yield costs_table(analysis)
    if all(network.fit for network in analysis.networks):
        yield fit_table(analysis.networks)
    yield calibration_table(analysis.networks)
    yield classes_table(analysis)


def comparisons_table(comparisons: tuple[Comparison, ...]) -> Table:
    """Every pair with its paired difference."""
    return Table(
        name="comparisons",
        title="Every network against every other",
        columns=(
            Column("network", False),
            Column("against", False),
            Column("points", True),
            Column("95 % interval", True, 1),
            Column("p", True, 5),
            Column("p (Holm)", True, 3),
            Column("detectable", True, 4),
            Column("verdict", False, 2),
            Column("what differs", False, 6),
        ),
        rows=tuple(_comparison(comparison) for comparison in comparisons),
        notes=(
            "Difference of test accuracy, paired over the test images. "
            + "; ".join(dict.fromkeys(f"{c.difference.method}: {c.difference.covers}" for c in comparisons))
            + ". p (Holm): corrected for all pairs (Holm 1979). Detectable: the difference that would be shown four "
            "times out of five, after that correction.",
        ),
    )


def _comparison(comparison: Comparison) -> tuple[str, ...]:
    d = comparison.difference
    better = comparison.a.label if d.mean > 0 else comparison.b.label
    return (
        comparison.a.label,
        comparison.b.label,
        points(d.mean, signed=True),
        span(d.low, d.high),
        f"{d.p_value:.2g}",
        f"{comparison.p_holm:.2g}",
        points(comparison.smallest),
        "one network" if comparison.same else f"{better} is better" if comparison.shown else "no difference shown",
        ", ".join(d.name.replace("_", " ") for d in differences(comparison.a, comparison.b)) or "seeds",
    )


def costs_table(analysis: Analysis) -> Table:
    """Measured cost of use, network by network."""
    measured = [(network, network.measurement) for network in analysis.summary.networks if network.measurement]
    rows = tuple(
        (
            network.label,
            f"{cost.latency_p50_ms:.3f}",
            f"{cost.latency_p95_ms:.3f}",
            f"{1_000 * cost.batch_images / cost.batch_latency_p50_ms:,.0f}",
            NOT_MEASURED if cost.peak_activation_bytes is None else f"{cost.peak_activation_bytes / 1_024:,.1f}",
            f"{cost.file_bytes / 1_024:,.1f}",
            f"{cost.load_ms:.2f}",
            NOT_MEASURED if cost.energy_mj is None else f"{cost.energy_mj:.4f}",
        )
        for network, cost in measured
    )
    where = dict.fromkeys(
        f"{c.environment.precision}, threads: {c.environment.threads}, {c.environment.processor}, torch "
        f"{c.environment.torch}, batches of {c.batch_images}"
        for _, c in measured
    )
    headings = ("image p50 ms", "p95 ms", "images/s", "memory KiB", "file KiB", "load ms", "energy mJ/image")
    return Table(
        name="costs",
        title="Measured cost of use",
        columns=_columns("network", *headings),
        rows=rows,
        notes=(f"Measured by makeweight measure: {'; '.join(where)}.",),
    )


def fit_table(analyses: tuple[NetworkAnalysis, ...]) -> Table:
    """Training, validation and test accuracy and loss, with the verdict on both ways to fail."""
    rows = []
    for analysis in analyses:
        fit = analysis.fit
        if fit is None:
            continue
        parts = (fit.training, fit.validation, fit.test)
        accuracies = (percentage(part.accuracy.mean) for part in parts)
        losses = (f"{part.loss:.3f}" for part in parts)
        gap, sign = (f"{points(i.mean, signed=True)} ({span(i.low, i.high, points)})" for i in (fit.gap, fit.sign))
        rise = f"{fit.rise:.3f} ({fit.noise:.3f})"
        rows.append((analysis.network.label, fit.verdict, *accuracies, *losses, gap, sign, rise))
    headings = ("training %", "validation %", "test %", "training loss", "validation loss", "test loss")
    return Table(
        name="fit",
        title="Overfitting and underfitting",
        columns=_columns("network", "verdict", *headings, "training − test", "validation − test", "loss rise"),
        rows=tuple(rows),
        notes=(
            "All in evaluation mode; training images: a sample as large as the validation split. Differences in points "
            "with 95 % intervals (Newcombe 1998, method 10, with the seeds' variance added). Loss rise: of the "
            "validation loss since its lowest epoch, and in brackets what its images explain. Overfits: more than half "
            "of the test error is not made on training images, by the whole interval of that contrast, or the rise is "
            "more than the images explain. Underfits: more than three quarters of the validation error are made on "
            "training images too, by the whole interval. Validation above test is the sign the course report used.",
        ),
    )


def calibration_table(analyses: tuple[NetworkAnalysis, ...]) -> Table:
    """How sure the networks are."""
    rows = tuple(
        (
            a.network.label,
            points(a.calibration.error),
            points(a.calibration.by_chance),
            points(a.calibration.overconfidence, signed=True),
        )
        for a in analyses
    )
    return Table(
        name="calibration",
        title="How sure the networks are",
        columns=_columns("network", "calibration error", "by chance", "confidence − accuracy"),
        rows=rows,
        notes=(
            "In points. Expected calibration error over 15 bins (Guo et al. 2017), mean over the seeds; by chance: "
            "what a perfectly calibrated network would show on as many images.",
        ),
    )


def classes_table(analysis: Analysis) -> Table:
    """Precision, recall and F1 of each class, for each network."""
    names = analysis.summary.class_names
    rows = [
        (of.network.label, names[s.label], f"{s.images:,}", *(_share(i) for i in (s.precision, s.recall, s.f1)))
        for of in analysis.networks
        for s in of.classes
    ]
    return Table(
        name="classes",
        title="Classes",
        columns=_columns("network", "class", "images", "precision %", "recall %", "F1 %"),
        rows=tuple(rows),
        notes=("With 95 % intervals over training seeds and test images; of one seed over the test images only.",),
    )


def _share(interval: Interval) -> str:
    if math.isnan(interval.mean):
        return "–"
    return f"{percentage(interval.mean, 1)} ({span(interval.low, interval.high, partial(percentage, decimals=1))})"


def _columns(*headings: str) -> tuple[Column, ...]:
    """Texts stand left, numbers right."""
    return tuple(Column(heading, heading not in TEXTS) for heading in headings)
