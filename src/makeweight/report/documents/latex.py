r"""The report in LaTeX: tables and figures to ``\input`` in a text of one's own, and a document that does so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from makeweight.files import write_whole
from makeweight.html import Table
from makeweight.report.contents import Contents
from makeweight.report.documents.document import Block, Bullets, Heading, Paragraph, document
from makeweight.report.figures import style
from makeweight.report.figures.style import Drawing
from makeweight.text import latex_text

TABLES, FIGURES = "tables", "figures"
PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=22mm]{geometry}
\usepackage{booktabs,graphicx,longtable}
"""
WIDE = 7  # columns from which a table is scaled to the width of the text
LONG = 30  # rows from which it may go over several pages


def write_latex(contents: Contents, folder: Path) -> Path:
    r"""Write ``report.tex``, and ``tables/*.tex`` and ``figures/*.pdf`` that it takes in, and return its path.

    The tables need the packages booktabs and graphicx (and longtable, for that of the classes).

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    for part in (TABLES, FIGURES):
        style.make_folder(folder / part)
    body = "\n".join(_block(block, folder) for block in document(contents))
    path = folder / "report.tex"
    write_whole(path, f"{PREAMBLE}\\begin{{document}}\n{body}\n\\end{{document}}\n".encode())
    return path


def latex_table(table: Table) -> str:
    """Return a table with booktabs rules; a wide one is scaled to the line, a long one may break over pages."""
    columns = "".join("r" if column.right else "l" for column in table.columns)
    head = _row(column.heading for column in table.columns)
    rows = "\n".join(_row(row) for row in table.rows)
    caption = latex_text(" ".join([f"{table.title}.", *table.notes]))
    if len(table.rows) >= LONG:
        return (
            f"\\begin{{longtable}}{{{columns}}}\n\\caption{{{caption}}}\\label{{tab:{table.name}}}\\\\\n\\toprule\n{head}\n"
            f"\\midrule\n\\endhead\n{rows}\n\\bottomrule\n\\end{{longtable}}\n"
        )
    tabular = f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\n\\midrule\n{rows}\n\\bottomrule\n\\end{{tabular}}"
    if len(table.columns) >= WIDE:
        tabular = f"\\resizebox{{\\linewidth}}{{!}}{{%\n{tabular}}}"
    top = f"\\begin{{table}}[htbp]\n\\centering\n\\caption{{{caption}}}\\label{{tab:{table.name}}}\n"
    return f"{top}{tabular}\n\\end{{table}}\n"


def _block(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"\\{'section' if level == 1 else 'subsection'}*{{{latex_text(text)}}}\n"
        case Paragraph(text):
            return f"{latex_text(text)}\n"
        case Bullets(items):
            lines = "\n".join(f"\\item {latex_text(item)}" for item in items)
            return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}\n"
        case Table():
            write_whole(folder / TABLES / f"{block.name}.tex", latex_table(block).encode())
            return f"\\input{{{TABLES}/{block.name}}}\n"
        case Drawing():
            style.save_drawing(block, folder / FIGURES / f"{block.name}.pdf")
            caption = latex_text(f"{block.title}. {block.description}")
            return (
                "\\begin{figure}[!htbp]\n\\centering\n"
                f"\\includegraphics[width=\\linewidth,height=0.85\\textheight,keepaspectratio]{{{FIGURES}/{block.name}}}\n"
                f"\\caption{{{caption}}}\\label{{fig:{block.name}}}\n\\end{{figure}}\n"
            )


def _row(cells: Iterable[str]) -> str:
    return " & ".join(latex_text(cell) for cell in cells) + r" \\"
