"""A report as a sequence of blocks, for Markdown, LaTeX and PDF: the same words, tables and figures in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import makeweight
from makeweight.html import Table
from makeweight.report import statistics_tables, tables
from makeweight.report.contents import Contents
from makeweight.report.figures.catalogue import drawings
from makeweight.report.figures.style import Drawing
from makeweight.report.tuning import tuning_sentences, winner_table


@dataclass(frozen=True)
class Heading:
    """Opens a section."""

    text: str
    level: int = 2  # 1 for the title


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


Block = Heading | Paragraph | Bullets | Table | Drawing
LEFT_OUT = "features"  # feature maps are looked at on a screen: in the HTML report, or with makeweight features


def document(contents: Contents) -> tuple[Block, ...]:
    """Lay out a report: verdict first, then tables, then figures."""
    return tuple(_blocks(contents))


def _blocks(contents: Contents) -> Iterator[Block]:
    summary = contents.analysis.summary
    yield Heading(f"{summary.name}: {summary.dataset}", 1)
    yield Paragraph(contents.verdict.headline)
    for topic in contents.verdict.topics:
        yield Heading(topic.title)
        yield Bullets(topic.sentences)
    problems = (*(f"Failed: {line}" for line in summary.failures), *summary.problems, *contents.missing)
    if problems:
        yield Heading("Notes")
        yield Bullets(problems)
    if contents.tuning is not None:
        yield Heading("Tuning")
        yield Bullets(tuning_sentences(contents.tuning))
        winner = winner_table(contents.tuning)
        if winner is not None:
            yield winner
    if summary.networks:
        yield Heading("Tables")
        yield tables.networks_table(summary)
        yield from statistics_tables.all_tables(contents.analysis)
        yield Heading("Figures")
        yield from (drawing for drawing in drawings(contents) if drawing.group != LEFT_OUT)
    yield Paragraph(
        f"{summary.jobs_done} of {summary.jobs_total} trainings, {summary.wall_seconds:.0f} s in all. "
        f"{summary.environment}. Written by makeweight {makeweight.__version__}."
    )
