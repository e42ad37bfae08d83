"""The table of a study, as rows of text and as records for machines."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from makeweight.report.summary import NetworkSummary, StudySummary


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, whether numbers stand right, and what stands in it."""

    heading: str
    right: bool


@dataclass(frozen=True)
class Table:
    """A table of text."""

    name: str  # of its file, "comparisons"
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


COLUMNS = (
    Column("network", False),
    Column("weights", True),
    Column("MACs", True),
    Column("seeds", True),
    Column("test accuracy %", True),
    Column("95 % interval", True),
    Column("batch sd", True),
    Column("train s", True),
    Column("report %", True),
    Column("gain", True),
    Column("report's time", True),
)
OF_REPORT = ("batch sd", "report %", "gain", "report's time")  # where the original report has one of the networks

ABOUT_ACCURACY = (
    "Test accuracy: mean over the seeds. Interval: Wilson's with as many images as the variance of training seeds and "
    "test images together is worth (crossed random effects; Student's t with Satterthwaite's degrees of freedom); for "
    "one seed it knows the test images' part only."
)
ABOUT_BATCH_SD = (
    "Batch sd: the spread over test batches of 256 (or an eighth of a small test set) that the report gave as its ±. "
    "It measures the size of the batch, not the network."
)


def networks_table(summary: StudySummary) -> Table:
    """Accuracy and cost of each network, beside the original report's where it has one of them."""
    rows = tuple(map(_text_row, summary.networks))
    if summary.has_reference:
        title, notes = "Accuracy and cost, against the original report", (ABOUT_ACCURACY, ABOUT_BATCH_SD)
        return Table("networks", title, COLUMNS, rows, notes)
    kept = [i for i, column in enumerate(COLUMNS) if column.heading not in OF_REPORT]
    columns, rows = tuple(COLUMNS[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows)
    return Table("networks", "Accuracy and cost", columns, rows, (ABOUT_ACCURACY,))


def _text_row(network: NetworkSummary) -> tuple[str, ...]:
    """One row of text, in the order of ``COLUMNS``."""
    accuracy, reference = network.test_accuracy, network.reference
    return (
        network.label,
        f"{network.weights:,}",
        _short(network.macs),
        str(len(network.runs)),
        f"{100 * accuracy.mean:.2f}",
        f"{100 * accuracy.low:.2f}–{100 * accuracy.high:.2f}",
        "–" if math.isnan(network.batch_sd) else f"{100 * network.batch_sd:.2f}",
        f"{network.train_seconds:.1f}",
        f"{100 * reference.test_accuracy:.2f}" if reference else "–",
        f"{100 * (accuracy.mean - reference.test_accuracy):+.2f}" if reference else "–",
        reference.time if reference else "–",
    )


def _short(count: int) -> str:
    """Write a count with three digits: 1.74M, 98.7K."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def to_record(summary: StudySummary) -> dict[str, Any]:
    """Return the study as a JSON object."""
    return {
        "study": summary.name,
        "dataset": summary.dataset,
        "networks": [_record(network) for network in summary.networks],
        "jobs_total": summary.jobs_total,
        "jobs_done": summary.jobs_done,
        "jobs_failed": len(summary.failures),
        "failures": list(summary.failures),
        "problems": list(summary.problems),
        "wall_seconds": round(summary.wall_seconds, 3),
        "environment": summary.environment,
    }


def _record(network: NetworkSummary) -> dict[str, Any]:
    accuracy = network.test_accuracy
    return {
        "family": network.family,
        "budget": network.budget,
        "weights": network.weights,
        "macs": network.macs,
        "seeds": len(network.runs),
        "test_accuracy_mean": accuracy.mean,
        "test_accuracy_ci95": [accuracy.low, accuracy.high],
        "test_batch_sd": network.batch_sd,
        "validation_accuracy_mean": network.validation_accuracy,
        "train_seconds_mean": round(network.train_seconds, 3),
        "report_test_accuracy": network.reference.test_accuracy if network.reference else None,
    }


def to_csv(summary: StudySummary) -> str:
    """Return the table with full precision, one line for each network."""
    records = []
    for network in summary.networks:
        record = _record(network)
        record["test_accuracy_low"], record["test_accuracy_high"] = record.pop("test_accuracy_ci95")
        records.append(record)
    text = io.StringIO()
    if records:
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return text.getvalue()


def to_markdown(summary: StudySummary) -> str:
    """Return the table in Markdown, with its footnotes."""
    done = f"{summary.jobs_done} trainings, {summary.wall_seconds:.0f} s in all. {summary.environment}."
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


def markdown_text(text: str) -> str:
    """Escape what Markdown or the HTML in it would read as more than text."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
