"""``makeweight report``: the HTML report of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json

EXAMPLES = "Examples: makeweight report   |   makeweight report report --figures docs/figures"
FORMATS = ("svg", "png")


def report(
    study: Annotated[str | None, typer.Argument(help="Name or folder; by default the study changed last.")] = None,
    store: options.StoreFolder = Path("studies"),
    figures: Annotated[Path | None, typer.Option(help="Also write each figure as SVG and PNG to this folder.")] = None,
    as_json: options.Json = False,
) -> None:
    """Write a study's report as one HTML file that needs no network, and print its path."""
    from makeweight.files import writing_to
    from makeweight.report.figures import all_figures, save
    from makeweight.report.page import write_report
    from makeweight.report.summary import summarise

    folder = options.find_study(store, study)
    summary = summarise(folder)
    path = write_report(summary, folder)
    written = []
    if figures is not None:
        with writing_to(figures):
            figures.mkdir(parents=True, exist_ok=True)
            for name, figure in all_figures(summary).items():
                for ending in FORMATS:
                    written.append(figures / f"{name}.{ending}")
                    save(figure, written[-1])
    if as_json:
        print_json({"report": str(path), "figures": [str(file) for file in written]})
    else:
        print(path, *written, sep="\n")
