"""The model card: ``README.md`` beside the file, in the layout of model hubs (front matter in YAML, then Markdown).

Mitchell et al. 2019, "Model Cards for Model Reporting", for what belongs into one.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence

from makeweight.data.catalog import CATALOG
from makeweight.data.picture import background
from makeweight.designs.families import described
from makeweight.designs.memory import STACK_BYTES
from makeweight.export.facts import Facts
from makeweight.export.records import ExportReport, Verification
from makeweight.export.usage import Usage, usage_of
from makeweight.stats.classes import ClassScores
from makeweight.stats.intervals import Interval
from makeweight.store.rows import JobRow
from makeweight.text import markdown_name, yaml_text
from makeweight.wording import UNKNOWN, confidence, percent, percentage, points, signed_points, span

FEW_POINTS = 0.005  # a mean confidence this close to the accuracy is called right


def model_card(
    report: ExportReport, row: JobRow, usage: Usage | None = None, more: Sequence[tuple[str, str]] = ()
) -> str:
    """Write the card of an export; names of classes and data sets are text in it, whatever they are.

    Parameters
    ----------
    usage : Usage, optional
        How to run the file, if its name doesn't say it.
    more : sequence of (str, str)
        What else is known of how it was made, in Markdown.
    """
    import jinja2

    environment = jinja2.Environment(  # Markdown: what is not ours is escaped by its filter
        loader=jinja2.PackageLoader("makeweight.export"),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "name": markdown_name,
        "yaml": yaml_text,
        "interval": _interval,
        "percentage": percentage,
        "percent": percent,
    }
    environment.globals["confidence"] = confidence
    facts, best = report.facts, report.recommended
    return environment.get_template("card.md").render(
        report=report,
        facts=facts,
        best=best,
        names=facts.class_names,
        title=f"{facts.network} for {facts.dataset}",
        kind=_capitalised(described(report.origin.family).kind),
        form=_form(facts),
        usage=usage or usage_of(facts, best.name),
        rows=[_row(checked) for checked in (report.pytorch, *report.files)],
        timing=_timing(report),
        trained=_trained(report),
        devices=[_device_row(file) for file in report.files if file.memory],
        stack_bytes=STACK_BYTES,
        worst=_worst(report.classes),
        background=_background(facts),
        sureness=_sureness(report.overconfidence),
        data=_data(facts),
        chosen=_chosen(report),
        made=[*more, *_made(report, row)],
    )


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]


def _form(facts: Facts) -> str:
    channels, height, width = facts.image_shape
    kind = "gray" if channels == 1 else "colour" if channels == 3 else f"{channels}-channel"
    return f"{height} × {width} {kind} pixels (uint8)"


def _row(checked: Verification) -> tuple[str, ...]:
    change = checked.change
    itself = checked.size_bytes is None
    return (
        "PyTorch, float32" if itself else f"`{checked.name}`",
        "–" if itself else f"{checked.size_bytes:,}",
        _interval(checked.accuracy),
        "–" if itself else f"{signed_points(change.mean)} ({span(change.low, change.high, signed_points)})",
        "–" if itself else percentage(checked.same_class),
        "–" if itself else f"{checked.largest_difference:.1e}",
        f"{checked.latency.p50_ms:.3f} / {checked.latency.p95_ms:.3f}" if checked.latency else "not measured",
    )


def _device_row(checked: Verification) -> tuple[str, ...]:
    memory = checked.memory
    assert memory is not None
    return (
        f"`{checked.name}`",
        f"{memory.flash_bytes:,}",
        f"{memory.bytes_per_weight:.2f}",
        "not measured" if memory.code_bytes is None else f"{memory.code_bytes:,}",
        f"{memory.ram_bytes:,}",
    )


def _timing(report: ExportReport) -> str:
    checks = (report.pytorch, *report.files)
    engines = dict.fromkeys(check.engine for check in checks)
    repeats = min(check.latency.repeats for check in checks if check.latency)
    untimed = any(check.latency is None for check in checks)
    return (
        f"Times of {repeats:,} calls or more each, in turn, on {report.conditions}; {', '.join(engines)}."
        + untimed * " The time on a device is not measured."
    )


def _trained(report: ExportReport) -> str:
    origin = report.origin
    return (
        f"The run itself was scored in {origin.trained_in} at its end: {percent(origin.accuracy.mean)}; "
        f"float32 gives the same class for {percent(origin.same_class)} of the images."
    )


def _worst(classes: tuple[ClassScores, ...]) -> ClassScores | None:
    known = [scores for scores in classes if not math.isnan(scores.recall.mean)]
    return min(known, key=lambda scores: scores.recall.mean, default=None)


def _background(facts: Facts) -> str:
    """Say what the background must be, where the data set is clear about it."""
    match background(facts.border):
        case "dark":
            return "The training images are bright on a dark background; invert pictures that are dark on bright."
        case "bright":
            return "The training images are dark on a bright background; invert pictures that are bright on dark."
    return ""


def _sureness(overconfidence: float) -> str:
    if abs(overconfidence) < FEW_POINTS:
        return "on average as high as the accuracy"
    return f"too {'high' if overconfidence > 0 else 'low'} by {points(abs(overconfidence))} points on average"


def _data(facts: Facts) -> str:
    entry = CATALOG.get(facts.dataset)
    if entry is None:
        return f"{markdown_name(facts.dataset)}, the user's own data."
    return f"{entry.title}: {entry.source}. Licence of the data: {entry.licence}."


def _chosen(report: ExportReport) -> str:
    if report.origin.seeds == 1:
        return ""
    return f"Of {report.origin.seeds} trainings, it is the one with the best validation accuracy."


def _made(report: ExportReport, row: JobRow) -> Iterator[tuple[str, str]]:
    facts = report.facts
    yield "run", f"`{facts.run}`, seed {facts.seed}, split seed {row.job.split_seed}"
    yield "multiply–accumulates an image", f"{report.origin.macs:,}"
    yield "architecture, SHA-256", f"`{row.job.architecture.digest}`"
    for field in dataclasses.fields(row.job.recipe):
        yield field.name.replace("_", " "), f"`{json.dumps(getattr(row.job.recipe, field.name))}`"


def _interval(accuracy: Interval) -> str:
    mean = percentage(accuracy.mean)
    return mean if mean == UNKNOWN else f"{mean} ({span(accuracy.low, accuracy.high)})"
