"""Drawings as parts of a page: they share letters, keep their ids apart, and their pictures are packed tighter.

matplotlib writes files that stand alone. Of 27 of them on one page the letters would be a quarter of the bytes.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field
from html import escape

from PIL import Image

from makeweight.report.figures import style
from makeweight.report.figures.style import Drawing

PIXELS = 96  # of CSS an inch
LETTER = re.compile(r'<path id="([^"]+)" d="([^"]*)" transform="scale\(0\.015625\)"\s*/>')
LOOSE = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL)
STEP = re.compile(r'(<use href="#[^"]+") transform="translate\((\d+(?:\.\d)?)\d* 0\)"')  # from letter to letter


@dataclass(frozen=True)
class Element:
    """An SVG element, and the letters that it needs from the page."""

    markup: str = field(repr=False)
    letters: dict[str, str] = field(repr=False)  # outlines by id


def element(drawing: Drawing, anchor: str) -> Element:
    """Draw a figure; its words are those of the element with the id ``anchor-words``."""
    with style.drawing():
        figure = drawing.draw()
        text = style.to_svg(figure)
    text = LOOSE.sub("", text)  # matplotlib's style would hold for the whole page; page.css has it
    letters = dict(LETTER.findall(text))
    text = re.sub(r"<defs>\s*</defs>", "", LETTER.sub("", text))
    text = re.sub(r'data:image/png;base64,([^"]*)', _packed, text)
    text = re.sub(r"\s*\n\s*", " ", _own_ids(text, anchor, letters)).replace("xlink:href", "href")
    text = STEP.sub(r'\1 x="\2"', text)
    labels = f'role="img" aria-label="{escape(drawing.title)}" aria-describedby="{anchor}-words"'
    size = f'style="max-width:{figure.get_figwidth() * PIXELS:.0f}px"'
    text = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
    return Element(text.replace("<svg", f"<svg {labels} {size}", 1), letters)


def letters_of(elements: list[Element]) -> str:
    """Return the element with the letters of all others."""
    letters = {name: outline for element in elements for name, outline in element.letters.items()}
    paths = "".join(f'<path id="{n}" d="{d}" transform="scale(0.015625)"/>' for n, d in sorted(letters.items()))
    return f'<svg class="letters" aria-hidden="true" width="0" height="0"><defs>{paths}</defs></svg>'


def _own_ids(text: str, anchor: str, letters: dict[str, str]) -> str:
    """Keep the ids that the drawing itself refers to, and make them its own; letters are everybody's."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) - letters.keys()
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{anchor}.{m[1]}"' if m[1] in used else "", text)
    return re.sub(r'(url\(#|href="#)([^)"]+)', lambda m: f"{m[1]}{anchor}.{m[2]}" if m[2] in used else m[0], text)


def _packed(png: re.Match[str]) -> str:
    """Write a picture as WebP: the same pixels in half of the bytes."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png[1]))) as image:
        image.save(buffer, "WEBP", lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
