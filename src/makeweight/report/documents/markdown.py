"""The report in Markdown: one file, and its figures beside it."""

from __future__ import annotations

from pathlib import Path

from makeweight.files import write_whole
from makeweight.html import Table
from makeweight.report.contents import Contents
from makeweight.report.documents.document import Block, Bullets, Heading, Paragraph, document
from makeweight.report.figures import style
from makeweight.report.figures.style import Drawing
from makeweight.report.tables import markdown_table
from makeweight.text import markdown_text

FIGURES = "figures"


def write_markdown(contents: Contents, folder: Path) -> Path:
    """Write ``report.md`` and ``figures/*.svg`` into a folder, and return the path of the first.

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    style.make_folder(folder / FIGURES)
    parts = [_block(block, folder) for block in document(contents)]
    path = folder / "report.md"
    write_whole(path, "\n".join(parts).encode())
    return path


def _block(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {markdown_text(text)}\n"
        case Paragraph(text):
            return f"{markdown_text(text)}\n"
        case Bullets(items):
            return "\n".join(f"- {markdown_text(item)}" for item in items) + "\n"
        case Table():
            return f"### {markdown_text(block.title)}\n\n{markdown_table(block)}"
        case Drawing():
            style.save_drawing(block, folder / FIGURES / f"{block.name}.svg")
            title, words = markdown_text(block.title), markdown_text(block.description)
            return f"### {title}\n\n![{words}]({FIGURES}/{block.name}.svg)\n"
