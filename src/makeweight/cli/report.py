"""``makeweight report``: all that a study says, as a page, a text or a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, remark
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.report.contents import Contents

EXAMPLES = (
    "Examples: makeweight report   |   makeweight report report --format pdf   |   "
    "makeweight report report --format latex --output ~/course/makeweight"
)
FORMATS = ("html", "md", "latex", "pdf")


def report(
    study: Annotated[str | None, typer.Argument(help="Name or folder; by default the study changed last.")] = None,
    format_: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")] = "html",
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="the study's own, or one in it")
    ] = None,
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Write a study's report, verdict first, and print its path. Nothing is trained again.

    html: one file that needs no network, with interactive charts and the feature maps. md and latex: a text with its
    tables, and the figures beside it. pdf: one file.
    """
    from makeweight.cli.contents import gather, with_images
    from makeweight.report.figures.style import make_folder

    if format_ not in FORMATS:
        raise InvalidValue(f"format {format_!r} is not possible: give one of {', '.join(FORMATS)}.")
    folder = options.find_study(store, study)
    contents = with_images(gather(folder), folder, remark, data, inside=format_ == "html")
    remark(f"drawing {len(contents.analysis.summary.networks)} networks")
    target = output or _default_folder(folder, format_)
    make_folder(target)
    path = _writer(format_)(contents, target)
    print_json({"report": str(path)}) if as_json else print(path)


def _default_folder(folder: Path, format_: str) -> Path:
    """Texts have their figures beside them, so they get a folder of their own."""
    return folder / f"report-{format_}" if format_ in ("md", "latex") else folder


def _writer(format_: str) -> Callable[[Contents, Path], Path]:
    match format_:
        case "md":
            from makeweight.report.documents.markdown import write_markdown

            return write_markdown
        case "latex":
            from makeweight.report.documents.latex import write_latex

            return write_latex
        case "pdf":
            from makeweight.report.documents.pdf import write_pdf

            return write_pdf
        case _:
            from makeweight.report.page.page import write_report

            return write_report
