"""The HTML report: one file that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import makeweight
from makeweight.files import write_whole
from makeweight.glossary import TERMS, anchor_of
from makeweight.report import statistics_tables, tables
from makeweight.report.contents import Contents
from makeweight.report.page import embed, settings, svg, viewer
from makeweight.report.page.charts import Chart
from makeweight.report.page.cost_chart import cost_chart
from makeweight.report.page.curve_chart import curve_chart
from makeweight.report.page.methods import methods
from makeweight.report.page.parts import TuningPart, draw, networks_parts
from makeweight.report.page.reliability_chart import reliability_chart
from makeweight.text import shown
from makeweight.wording import plural

REPORT = "report.html"


def write_report(contents: Contents, folder: Path, interactive: bool = True) -> Path:
    """Write ``report.html`` into the study's folder and return its path.

    Raises
    ------
    StoreError
        If it cannot be written; an earlier report stays as it was.
    """
    path = folder / REPORT
    write_whole(path, render(contents, interactive).encode())
    return path


def render(contents: Contents, interactive: bool = True) -> str:
    """Return the page; names from outside are escaped by the template engine.

    Parameters
    ----------
    contents : Contents
    interactive : bool
        Whether charts can be played with and feature maps looked at. Without, as while a study runs, the page has
        the figures of all networks together, no script, and is drawn in a second.
    """
    summary = contents.analysis.summary
    interactive = interactive and bool(summary.networks)
    shown_charts = charts(contents) if interactive else ()
    looks = contents.inspections if interactive else ()
    drawn = draw(contents, of_networks=interactive)
    environment = Environment(
        loader=PackageLoader("makeweight.report.page"),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plural"] = plural
    environment.globals["term_link"] = _term_link
    return environment.get_template("report.html").render(
        summary=summary,
        verdict=contents.verdict,
        missing=contents.missing,
        drawn=drawn,
        letters=svg.letters_of([figure.element for figure in drawn]),
        charts=shown_charts,
        charts_data=embed.data({chart.name: chart.to_record() for chart in shown_charts}),
        viewer_data=embed.data(viewer.to_record(looks)) if looks else "",
        parts=networks_parts(contents) if interactive else (),
        networks_table=tables.networks_table(summary),
        tables={table.name: table for table in statistics_tables.all_tables(contents.analysis)},
        recipes=settings.recipes_table(summary.networks) if summary.networks else None,
        tuning=TuningPart.of(contents.tuning) if contents.tuning else None,
        environment=list(settings.environment(summary)),
        methods=methods(summary),
        terms=[term for term in TERMS if term.headings],
        version=makeweight.__version__,
        style=_source("page.css"),
        scripts=_scripts() if interactive else None,
    )


def _term_link(heading: str) -> str:
    """Return where the page explains a column head; empty if it doesn't."""
    anchor = anchor_of(heading)
    return f"#term-{anchor}" if anchor else ""


@dataclass(frozen=True)
class Scripts:
    """All that runs in a page, and the policy that lets only this run."""

    head: str
    page: str
    plotly: str  # deflated
    policy: str


def _scripts() -> Scripts:
    head, page = _source("head.js"), "\n".join(map(_source, ("charts.js", "viewer.js", "page.js")))
    plotly, plotly_hash = embed.plotly()
    own = (embed.script_hash(script.encode()) for script in (head, page))
    return Scripts(head, page, plotly, " ".join((*own, plotly_hash)))


def charts(contents: Contents) -> tuple[Chart, ...]:
    """Return the interactive charts of a study."""
    networks = contents.analysis.summary.networks
    return cost_chart(contents.analysis), curve_chart(networks), reliability_chart(contents.analysis.networks)


def _source(name: str) -> str:
    """Return a file of the templates that stands in the page as it is."""
    return resources.files("makeweight.report.page").joinpath("templates", name).read_text("utf-8")
