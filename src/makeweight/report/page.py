"""The HTML report: one file that needs no network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import makeweight
from makeweight.files import write_whole
from makeweight.report import figures, tables
from makeweight.report.summary import StudySummary

REPORT = "report.html"


def write_report(summary: StudySummary, folder: Path) -> Path:
    """Write ``report.html`` into the study's folder and return its path.

    Raises
    ------
    StoreError
        If it cannot be written; an earlier report stays as it was.
    """
    path = folder / REPORT
    write_whole(path, render(summary).encode())
    return path


def render(summary: StudySummary) -> str:
    """Return the page; names from outside are escaped by the template engine."""
    environment = Environment(
        loader=PackageLoader("makeweight.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    drawn = {name: figures.to_svg(figure) for name, figure in figures.all_figures(summary).items()}
    return environment.get_template("report.html").render(
        summary=summary,
        columns=tables.COLUMNS,
        rows=tables.text_rows(summary),
        footnotes=tables.FOOTNOTES,
        version=makeweight.__version__,
        figures=drawn,
        curves=[(network.label, drawn[figures.curves_name(network)]) for network in summary.networks],
    )
