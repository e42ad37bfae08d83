"""The table of a study, as rows of text and as records for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from makeweight.designs.demand import on_device
from makeweight.html import Column, Table
from makeweight.text import csv_text, markdown_text
from makeweight.wording import compact, percentage, plural, signed_points, span

if TYPE_CHECKING:
    from makeweight.designs.limits import Limits
    from makeweight.report.summary import NetworkSummary, StudySummary


COLUMNS = (
    Column("network", False),
    Column("weights", True, 1),
    Column("MACs", True, 4),
    Column("seeds", True, 3),
    Column("test accuracy %", True),
    Column("95 % interval", True, 2),
    Column("batch sd", True, 9),
    Column("train s", True, 5),
    Column("course report %", True, 6),
    Column("gain", True, 7),
    Column("course report's time", True, 8),
)
# Where the course report has one of the networks.
OF_COURSE_REPORT = ("batch sd", "course report %", "gain", "course report's time")

ABOUT_ACCURACY = (
    "Test accuracy: mean over the seeds, with its 95 % interval over training seeds and test images; with one or "
    "two seeds, a spread of the seeds is assumed."
)
ABOUT_CHIP = (
    "RAM, flash and ms: bytes and milliseconds per image of the int8 program on {chip}. RAM is exact; flash and time "
    "are estimates (docs/microcontrollers.md), not measured on a device."
)
ABOUT_BALANCED = (
    "Balanced accuracy: the mean of the classes' recalls (the share of a class's test images that get its label), "
    "in which rare classes count as much as others."
)
ABOUT_BATCH_SD = (
    "Batch sd: the spread over test batches of 256 that the course report gave as its ±. It depends on the size of the "
    "batch."
)


def networks_table(summary: StudySummary) -> Table:
    """Accuracy and cost of each network, beside the course report's and on a chip where there are these."""
    title, notes = "Accuracy and cost", [ABOUT_ACCURACY]
    kept = list(range(len(COLUMNS)))
    if summary.has_reference:
        title, notes = f"{title}, against the course report", [*notes, ABOUT_BATCH_SD]
    else:
        kept = [i for i in kept if COLUMNS[i].heading not in OF_COURSE_REPORT]
    columns = [COLUMNS[i] for i in kept]
    rows = [[row[i] for i in kept] for row in map(_text_row, summary.networks)]
    if summary.is_imbalanced:
        columns += [Column("balanced accuracy %", True), Column("lowest recall %", True, 3)]
        rows = [[*row, *_of_classes(network)] for row, network in zip(rows, summary.networks, strict=True)]
        notes.append(ABOUT_BALANCED)
    if summary.limits.chip is not None:
        columns += [Column("RAM", True), Column("flash", True), Column("ms", True)]
        taken = [on_device(network.architecture, summary.limits) for network in summary.networks]
        rows = [[*row, *device.cells] for row, device in zip(rows, taken, strict=True)]
        notes.append(ABOUT_CHIP.format(chip=summary.limits.chip))
    return Table("networks", title, tuple(columns), tuple(map(tuple, rows)), tuple(notes))


def _of_classes(network: NetworkSummary) -> tuple[str, str]:
    return percentage(network.balanced_accuracy), percentage(float(np.nanmin(network.recalls)))


def _text_row(network: NetworkSummary) -> tuple[str, ...]:
    """One row of text, in the order of ``COLUMNS``."""
    accuracy, reference = network.test_accuracy, network.reference
    return (
        network.label,
        f"{network.weights:,}",
        compact(network.macs),
        str(len(network.runs)),
        percentage(accuracy.mean),
        span(accuracy.low, accuracy.high),
        percentage(network.batch_sd),
        f"{network.train_seconds:.1f}",
        percentage(reference.accuracy) if reference else "–",
        signed_points(accuracy.mean - reference.accuracy) if reference else "–",
        reference.minutes if reference else "–",
    )


def to_record(summary: StudySummary) -> dict[str, Any]:
    """Return the study as a JSON object."""
    return {
        "study": summary.name,
        "dataset": summary.dataset,
        "networks": [{**_record(n), **_device(n, summary.limits)} for n in summary.networks],
        "jobs_total": summary.jobs_total,
        "jobs_done": summary.jobs_done,
        "jobs_failed": len(summary.failures),
        "failures": list(summary.failures),
        "problems": list(summary.problems),
        "looks": [asdict(look) for look in summary.looks.made],
        "wall_seconds": round(summary.wall_seconds, 3),
        "environment": summary.environment,
    }


def _record(network: NetworkSummary) -> dict[str, Any]:
    accuracy = network.test_accuracy
    return {
        "network": network.label,
        "family": network.family,
        "budget": network.budget,
        "variant": dict(network.network_id.variant),
        "weights": network.weights,
        "macs": network.macs,
        "seeds": len(network.runs),
        "test_accuracy_mean": accuracy.mean,
        "test_accuracy_ci95": [accuracy.low, accuracy.high],
        "test_batch_sd": network.batch_sd,
        "test_balanced_accuracy_mean": network.balanced_accuracy,
        "validation_accuracy_mean": network.validation_accuracy,
        "train_seconds_mean": round(network.train_seconds, 3),
        "course_report_accuracy": network.reference.accuracy if network.reference else None,
        "course_report_time": network.reference.minutes if network.reference else None,
    }


def _device(network: NetworkSummary, limits: Limits) -> dict[str, Any]:
    return {} if limits.chip is None else asdict(on_device(network.architecture, limits))


def to_csv(summary: StudySummary) -> str:
    """Return the table with full precision, one line for each network."""
    records = []
    for network in summary.networks:
        record = {**_record(network), **_device(network, summary.limits)}
        del record["variant"]  # the network's name has it
        record["test_accuracy_low"], record["test_accuracy_high"] = record.pop("test_accuracy_ci95")
        records.append({key: csv_text(value) if isinstance(value, str) else value for key, value in record.items()})
    text = io.StringIO()
    if records:
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return text.getvalue()


def to_markdown(summary: StudySummary) -> str:
    """Return the table in Markdown, with its footnotes."""
    done = f"{plural(summary.jobs_done, 'training')}, {summary.wall_seconds:.0f} s in all. {summary.environment}."
    table = networks_table(summary)
    return markdown_table(replace(table, notes=(done, *table.notes)))


def markdown_table(table: Table) -> str:
    """Return a table in Markdown with its notes; nothing in a cell is more than text."""
    lines = [
        _markdown_row(column.heading for column in table.columns),
        "|" + "|".join("---:" if column.right else "---" for column in table.columns) + "|",
        *map(_markdown_row, table.rows),
    ]
    return "\n".join([*lines, "", "\n\n".join(map(markdown_text, table.notes)), ""])


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(markdown_text, cells)) + " |"
