"""The report as one PDF file, laid out with fpdf2; it needs no LaTeX."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
from fpdf import FPDF
from fpdf.fonts import FontFace

from makeweight.files import write_whole
from makeweight.html import Table
from makeweight.report.contents import Contents
from makeweight.report.documents.document import Block, Bullets, Heading, Paragraph, document
from makeweight.report.figures import style
from makeweight.report.figures.style import Drawing
from makeweight.text import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = "DejaVu"  # matplotlib brings it, with every sign that the report uses
MARGIN = 18.0  # millimetres
WIDE = 8  # columns from which a table gets a smaller type
LINE = 1.7  # of the type's size, in tables
MILLIMETRES = 25.4 / 72  # of a point
GRAY = (110, 110, 110)
HEAD = FontFace(emphasis="BOLD", fill_color=(240, 240, 240))
TITLE = 12.0  # millimetres of a heading
WORDS = 11.0  # and of what is said of a figure
MANY_ROWS, LEAST_ROWS = 12, 4  # a table of many rows is broken, after some of them
SCALE = 0.68  # of figures that are drawn for a screen: their letters are as large as a note's
TALLEST = 82.0  # millimetres of a figure: two stand on a page with their words
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # the same study gives the same bytes


def write_pdf(contents: Contents, folder: Path) -> Path:
    """Write ``report.pdf`` into a folder, and return its path.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    path = folder / "report.pdf"
    pdf = _empty(contents.analysis.summary.name)
    blocks = document(contents)
    for block, following in zip_longest(blocks, blocks[1:]):
        if isinstance(block, Heading):
            _make_room(pdf, _height(pdf, following) + TITLE)  # a heading stays with what it opens
        _block(pdf, block)
    write_whole(path, bytes(pdf.output()))
    return path


class _Report(FPDF):
    """Pages with their numbers."""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FONT, size=8)
        self.set_text_color(*GRAY)
        self.cell(0, 6, f"{self.page_no()}", align="C")
        self.set_text_color(0)


def _empty(title: str) -> FPDF:
    pdf = _Report(format="A4")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.set_creation_date(EPOCH)
    pdf.set_title(visible(title))
    pdf.set_lang("en")
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(auto=True, margin=MARGIN)
    pdf.add_page()
    return pdf


def _block(pdf: FPDF, block: Block) -> None:
    match block:
        case Heading(text, level):
            _heading(pdf, text, 18 if level == 1 else 13, level)
        case Paragraph(text):
            _text(pdf, text, 10)
        case Bullets(items):
            for item in items:
                _text(pdf, f"•  {item}", 9)
        case Table():
            _table(pdf, block)
        case Drawing():
            _drawing(pdf, block)


def _heading(pdf: FPDF, text: str, size: float, level: int) -> None:
    if level > 1 and pdf.get_y() > pdf.h - 50:
        pdf.add_page()
    pdf.ln(3)
    text = visible(text)
    pdf.start_section(text, level - 1)
    pdf.set_font(FONT, "B", size)
    pdf.multi_cell(0, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1.5)


def _text(pdf: FPDF, text: str, size: float) -> None:
    pdf.set_font(FONT, "", size)
    pdf.multi_cell(0, size * 0.52, visible(text), align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1)


def _make_room(pdf: FPDF, height: float) -> None:
    """Begin a page where this doesn't fit any more."""
    if pdf.get_y() + height > pdf.h - MARGIN and height < pdf.eph:
        pdf.add_page()


def _height(pdf: FPDF, block: Block | None) -> float:
    """Millimetres that a block takes with its title, about; of text and long tables, the first lines."""
    match block:
        case Table():
            rows = min(len(block.rows), LEAST_ROWS) if len(block.rows) > MANY_ROWS else len(block.rows)
            return LINE * _size(block) * MILLIMETRES * (rows + 2) + TITLE
        case Drawing():
            with style.drawing():
                return _extent(pdf, block.draw())[1] + TITLE + WORDS
    return 2 * TITLE


def _size(table: Table) -> float:
    """Points of a table's letters."""
    return 6 if len(table.columns) >= WIDE else 8


def _table(pdf: FPDF, table: Table) -> None:
    _make_room(pdf, _height(pdf, table))
    _heading(pdf, table.title, 11, 3)
    pdf.set_font(FONT, "", _size(table))
    widths = tuple(_width(pdf, table, column) for column in range(len(table.columns)))
    align = tuple("RIGHT" if column.right else "LEFT" for column in table.columns)
    with pdf.table(
        [tuple(column.heading for column in table.columns), *table.rows],
        col_widths=widths,
        text_align=align,
        headings_style=HEAD,
        borders_layout="HORIZONTAL_LINES",
        line_height=LINE * pdf.font_size,
    ):
        pass
    pdf.ln(1)
    for note in table.notes:
        _text(pdf, note, 7.5)


def _width(pdf: FPDF, table: Table, column: int) -> float:
    """Share of the line: as the longest cell needs it; a heading may be broken at its spaces."""
    words = table.columns[column].heading.split()
    return max(pdf.get_string_width(text) for text in (*words, *(row[column] for row in table.rows))) + 3


def _drawing(pdf: FPDF, drawing: Drawing) -> None:
    picture = io.BytesIO()
    with style.drawing():
        figure = drawing.draw()
        wide, tall = _extent(pdf, figure)
        figure.savefig(picture, format="png", dpi=200)
    _make_room(pdf, tall + TITLE + WORDS)
    _heading(pdf, drawing.title, 11, 3)
    pdf.image(picture, w=wide, h=tall, alt_text=drawing.description)
    _text(pdf, drawing.description, 7.5)


def _extent(pdf: FPDF, figure: Figure) -> tuple[float, float]:
    """Millimetres of a figure on paper."""
    wide, tall = (SCALE * 25.4 * inches for inches in figure.get_size_inches())
    fitting = min(1, pdf.epw / wide, TALLEST / tall)
    return wide * fitting, tall * fitting
