"""``makeweight show`` and ``report``: what a study says, as a table or as a page, a text or a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, put, remark, stdout
from makeweight.cli.tables import print_records, print_summary
from makeweight.errors import InvalidValue
from makeweight.face import folders
from makeweight.wording import plural

if TYPE_CHECKING:
    from makeweight.report.contents import Contents

EXAMPLES = examples(
    "makeweight report",
    "makeweight report report --format pdf",
    "makeweight report report --format latex --output ~/course/makeweight",
)
SHOW_EXAMPLES = examples(
    "makeweight show",
    "makeweight show fashion --md",
    "makeweight show fashion --looks",
    "makeweight show --csv > results.csv",
)
FORMATS = ("html", "md", "latex", "pdf")


def show(
    study: options.Study = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    looks: Annotated[bool, typer.Option("--looks", help="How often the test images were opened, and why.")] = False,
) -> None:
    """Print a study's networks with accuracy, interval and cost, even while it runs."""
    from makeweight.report import tables
    from makeweight.report.looks import looks_table
    from makeweight.report.summary import summarise

    if as_json + as_csv + as_markdown > 1:
        raise InvalidValue("--json, --csv and --md exclude each other: give one of them.")
    summary = summarise(folders.find_study(store, study))
    if as_json:
        print_json(tables.to_record(summary))
    elif looks:
        table = looks_table(summary.looks)
        put(tables.markdown_table(table).rstrip("\n")) if as_markdown else print_records(stdout(), table)
    elif as_csv:
        put(tables.to_csv(summary).rstrip("\n"))
    elif as_markdown:
        put(tables.to_markdown(summary).rstrip("\n"))
    else:
        print_summary(stdout(), summary)


def report(
    study: options.Study = None,
    format_: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")] = "html",
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="the study's, or one in it")
    ] = None,
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Write a study's report, verdict first, and print its path. Nothing is trained.

    html: one offline file with interactive charts and feature maps. md, latex: text and tables, with the figures beside
    them. pdf: one file.
    """
    from makeweight.face.gather import gather, with_images
    from makeweight.report.figures.style import make_folder

    if format_ not in FORMATS:
        raise InvalidValue(f"format {format_!r} is not possible: give one of {', '.join(FORMATS)}.")
    folder = folders.find_study(store, study)
    contents = with_images(gather(folder), folder, remark, data, inside=format_ == "html")
    remark(f"drawing {plural(len(contents.analysis.summary.networks), 'network')}")
    target = output or _default_folder(folder, format_)
    make_folder(target)
    path = _writer(format_)(contents, target)
    print_json({"report": str(path)}) if as_json else put(path)


def _default_folder(folder: Path, format_: str) -> Path:
    """Texts have their figures beside them, so they get their own folder."""
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
